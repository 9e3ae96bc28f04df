"""The registry book in the ledger: entering lines, ending installations, keys."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from drivers.reading import Resource, Unit
from gateway.model import DeviceKey, GisDevice, Kind
from gateway.registry_csv import SUBJECTS, RegisterLine
from gateway.registry_port import Fact, InstallAct, MeterNow, PointNow
from gateway.sql.engine import Database
from gateway.sql.statements import named

_SQL = named(Path(__file__).with_suffix(".sql"))
# What a query needs beside the subject's key, to tell one installation from another.
_EXTRA_KEYS = {
    "installation": ("installed_on",),
    "initial": ("installed_on",),
    "standing": ("meter", "installed_on"),
}
# In the order in which they refer to each other.
_TABLES = (
    "house", "account", "point", "device", "meter", "register", "dial", "installation", "value",
    "binding",
)  # fmt: skip


class SqlBook:
    """`BookPort` on one connection."""

    def __init__(self, database: Database) -> None:
        self._sql = database.connection

    def said(self, lines: Sequence[RegisterLine]) -> list[Fact]:
        return [fact for subject in SUBJECTS for fact in self._said(subject, lines)]

    def _said(self, subject: str, lines: Sequence[RegisterLine]) -> Iterator[Fact]:
        keys, columns = SUBJECTS[subject]
        asked = keys + _EXTRA_KEYS.get(subject, ())
        wanted = {tuple(getattr(line, name) for name in asked) for line in lines}
        for row in self._sql.execute(_SQL[f"said-{subject}"], (json.dumps(sorted(wanted)),)):
            texts = ["" if value is None else str(value) for value in row]
            key, said = texts[: len(keys)], texts[len(keys) :]
            yield Fact((subject, *key), tuple(zip(columns, said, strict=True)))

    def write(self, lines: Sequence[RegisterLine]) -> dict[str, int]:
        rows = [line._asdict() for line in lines]
        counts = {
            table: self._sql.executemany(_SQL[f"write-{table}"], rows).rowcount for table in _TABLES
        }
        self._raise_revision()
        return counts

    def standing(self, point: str | None = None) -> list[RegisterLine]:
        lines = (RegisterLine(*row) for row in self._sql.execute(_SQL["standing"], (point,)))
        return [
            line._replace(
                kind=Kind(line.kind), resource=Resource(line.resource), unit=Unit(line.unit)
            )
            for line in lines
        ]

    def remove(
        self, point: str, at_ms: int, finals: Mapping[str, int], rolled: Collection[str] = ()
    ) -> None:
        self._sql.executemany(
            _SQL["end-values"],
            [
                {
                    "point": point,
                    "register": register,
                    "mantissa": mantissa,
                    "rolled": register in rolled,
                }
                for register, mantissa in finals.items()
            ],
        )
        for name in ("end-binding", "end-installation"):
            self._sql.execute(_SQL[name], {"point": point, "at_ms": at_ms})
        self._raise_revision()

    def point(self, name: str) -> PointNow | None:
        row = self._sql.execute(_SQL["point"], (name,)).fetchone()
        return None if row is None else PointNow(Resource(row[0]), *row[1:])

    def meter(self, serial: str) -> MeterNow | None:
        row = self._sql.execute(_SQL["meter"], (serial,)).fetchone()
        return None if row is None else MeterNow(*row)

    def is_device(self, name: str) -> bool:
        return self._sql.execute(_SQL["is-device"], (name,)).fetchone() is not None

    def install(self, act: InstallAct) -> None:
        named = act._asdict()
        self._sql.execute(_SQL["install"], named)
        self._sql.executemany(
            _SQL["install-value"],
            [
                {"meter": act.meter, "register": register, "mantissa": mantissa}
                for register, mantissa in act.initials.items()
            ],
        )
        for name in ("unbind", "bind"):
            self._sql.execute(_SQL[name], named)
        self._raise_revision()

    def bind(self, meter: str, device: str, at_ms: int) -> None:
        named = {"meter": meter, "device": device, "at_ms": at_ms}
        for name in ("unbind", "bind"):
            self._sql.execute(_SQL[name], named)
        self._raise_revision()

    def end_order(self, meter: str, at_ms: int) -> None:
        self._sql.execute(_SQL["end-order"], {"meter": meter, "at_ms": at_ms})

    def add_key(self, key: DeviceKey) -> None:
        self._sql.execute(_SQL["add-device"], (key.device,))
        self._sql.execute(_SQL["add-key"], key._asdict())
        self._raise_revision()

    def place_device(self, device: str, house: str) -> bool:
        cursor = self._sql.execute(
            "UPDATE device SET house_no = h.house_no FROM house h "
            "WHERE device.name = ? AND h.name = ?",
            (device, house),
        )
        return cursor.rowcount > 0

    def end_key(self, key_id: bytes, at_ms: int) -> None:
        self._sql.execute(_SQL["end-key"], {"key_id": key_id, "at_ms": at_ms})
        self._raise_revision()

    def touch(self) -> None:
        self._raise_revision()

    def gis_devices(self) -> dict[str, GisDevice]:
        rows = self._sql.execute(_SQL["gis-devices"])
        return {serial: GisDevice(*device) for serial, *device in rows}

    def set_gis_devices(self, devices: Mapping[str, GisDevice]) -> None:
        self._sql.executemany(_SQL["drop-gis-device"], [(serial,) for serial in devices])
        rows = [(*device, serial) for serial, device in devices.items()]
        self._sql.executemany(_SQL["add-gis-device"], rows)

    def _raise_revision(self) -> None:
        self._sql.execute(_SQL["raise-revision"])
