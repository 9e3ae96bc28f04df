"""A meter's whole life: where it stood, what it showed, who verified, sealed and read it."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from drivers.reading import from_ms
from gateway.meter_life.relations import Relation
from gateway.meter_life.seals import Seal
from gateway.meter_life.verification import Verification


class Value(NamedTuple):
    """What a register showed when its meter was put up and taken away (None: it stands)."""

    register: str
    unit: str
    initial: Decimal
    final: Decimal | None
    rolled_over: bool


class Stood(NamedTuple):
    """One installation."""

    point: str
    house: str
    dwelling: str
    resource: str
    installed_at_ms: int
    removed_at_ms: int | None
    factor: str
    values: tuple[Value, ...]


class Ordered(NamedTuple):
    """An order: when it was taken back (fit), or ended by a new installation (until)."""

    cause: str
    from_ms: int
    fit_at_ms: int | None
    until_ms: int | None


class Read(NamedTuple):
    """A device's time of reading the meter."""

    device: str
    from_ms: int
    to_ms: int | None


class Story(NamedTuple):
    """All of it, each part in the order of time."""

    meter: str
    model: str
    installations: tuple[Stood, ...]
    verifications: tuple[Verification, ...]
    seals: tuple[Seal, ...]
    orders: tuple[Ordered, ...]
    devices: tuple[Read, ...]
    relations: tuple[Relation, ...]

    def document(self) -> dict[str, object]:
        """Plain JSON: exact decimals and days as text, times as ISO 8601."""
        return {
            name: _plain(value) if isinstance(value, tuple) else value
            for name, value in self._asdict().items()
        }


def _plain(rows: Iterable[NamedTuple]) -> list[dict[str, object]]:
    return [
        {name.removesuffix("_ms"): _told(name, value) for name, value in row._asdict().items()}
        for row in rows
    ]


def _told(name: str, value: object) -> object:
    if isinstance(value, tuple):
        return _plain(value)
    if name.endswith("_ms") and isinstance(value, int):
        return from_ms(value).isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else value
