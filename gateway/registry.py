"""Who lives where, what is measured by which meter, and which device reads it.

What a registry line says is a handful of facts ("account 7 pays for flat 3 of house A"). A fact
may be said again, never otherwise: so a file can be imported twice, two lines cannot contradict
each other, and a file cannot contradict the registry. What the world changes (a meter, a key)
is changed by its own act, with its date.

Every change raises the registry's revision, by which a running ingest sees it at once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from cloud_sync.signing import VerifyKey
from gateway.csv_lines import Problem, RegistryError, refuse, repeated
from gateway.meter_life.factor import ONE
from gateway.meter_life.values import check_standing, factor_of, mantissas, shapes_of
from gateway.meter_life.values import rolled_over as went_over
from gateway.model import DeviceKey
from gateway.registry_csv import OPTIONAL, SUBJECTS, RegisterLine, parse_lines
from gateway.registry_port import Fact
from gateway.store import Store

__all__ = [
    "NewMeter",
    "Problem",
    "RegisterLine",
    "RegistryError",
    "add_device_key",
    "end_device_key",
    "exchange_meter",
    "import_csv",
    "import_lines",
    "place_device",
    "point_problems",
]


class NewMeter(NamedTuple):
    """The meter that comes in an exchange.

    `initials` are its registers' first values. A register is like the removed meter's of the same
    OBIS code, unless `registers` describes it; `device` is the one before, unless given. `factor`
    must be given where the one before had another than 1.
    """

    serial: str
    model: str
    initials: Mapping[str, Decimal]
    registers: Mapping[str, RegisterLine] = {}
    device: str = ""
    factor: str = ""


def import_csv(store: Store, data: bytes) -> dict[str, int]:
    """Enter a registry CSV, whole or not at all; how much was new, by table.

    RegistryError names every bad line; a file entered before enters nothing.
    """
    lines, problems = parse_lines(data)
    return import_lines(store, lines, problems)


def import_lines(
    store: Store, lines: Sequence[RegisterLine], problems: Sequence[Problem] = ()
) -> dict[str, int]:
    """Enter lines each of which is sound by itself; `problems` were found in others already."""
    with store.transaction():
        refuse([*problems, *_repeats(lines), *_contradictions(lines, store.book.said(lines))])
        return store.book.write(_with_factors(lines))


def add_device_key(
    store: Store,
    device: str,
    key: VerifyKey,
    valid_from_ms: int,
    valid_to_ms: int | None = None,
) -> None:
    """Let a key sign for a device; again the same changes nothing, another device's is refused."""
    entry = DeviceKey(key.key_id, 0, device, key.public_bytes, valid_from_ms, valid_to_ms)
    with store.transaction():
        known = store.registry.device_keys([key.key_id]).get(key.key_id)
        if known is None:
            store.book.add_key(entry)
        elif known.device != device:
            raise RegistryError(
                f"expected a new key for {device}, got the key {key.fingerprint} of "
                f"{known.device}: every device makes its own"
            )


def place_device(store: Store, device: str, house: str) -> None:
    """Say in which house a device hangs; RegistryError if either is not known."""
    with store.transaction():
        if not store.book.place_device(device, house):
            raise RegistryError(f"expected a house of the registry for {device}, got {house!r}")


def end_device_key(store: Store, key_id: bytes, at_ms: int) -> None:
    """From `at_ms` on the key signs nothing; RegistryError for a key that is not known."""
    with store.transaction():
        if key_id not in store.registry.device_keys([key_id]):
            raise RegistryError(f"no device has the key {key_id.hex()}")
        store.book.end_key(key_id, at_ms)


def exchange_meter(
    store: Store,
    point: str,
    *,
    old: str,
    finals: Mapping[str, Decimal],
    new: NewMeter,
    at_ms: int,
    rolled_over: bool = False,
) -> None:
    """Take the meter `old` off a point and put another there, at one instant.

    `finals` are the last values of all registers of the old one; `rolled_over` says that those
    below the last reading passed the end of the dial since. RegistryError if the point has
    another meter, a value is missing or impossible, or the new one stands elsewhere.
    """
    with store.transaction():
        standing = store.book.standing(point)
        check_standing(standing, point, old, at_ms)
        last = mantissas(shapes_of(standing), finals, f"final value of meter {old}")
        rolled = went_over(store, old, last, at_ms, said=rolled_over)
        lines = _new_lines(standing, new, at_ms)
        store.book.remove(point, at_ms, last, rolled)
        refuse(list(_contradictions(lines, store.book.said(lines))))
        store.book.write(lines)


def _new_lines(standing: Sequence[RegisterLine], new: NewMeter, at_ms: int) -> list[RegisterLine]:
    shapes = {line.register: line for line in standing} | dict(new.registers)
    shapes = {obis: line for obis, line in shapes.items() if obis in new.initials} or shapes
    initials = mantissas(shapes, new.initials, f"first value of meter {new.serial}")
    place = standing[0]
    if place.factor != ONE and not new.factor:
        raise RegistryError(
            f"meter {place.meter} is multiplied by {place.factor}: expected --factor for "
            f"{new.serial}, which may count otherwise"
        )
    return [
        place._replace(
            meter=new.serial,
            model=new.model,
            register=obis,
            unit=line.unit,
            exponent=line.exponent,
            digits=line.digits,
            rate_max_per_h=line.rate_max_per_h,
            installed_on=at_ms,
            initial_value=initials[obis],
            device=new.device or place.device,
            factor=factor_of(new.factor or ONE),
            # Another make may show its digits otherwise: unknown until somebody says.
            dial=line.dial if obis in new.registers else "",
        )
        for obis, line in shapes.items()
    ]


def _with_factors(lines: Sequence[RegisterLine]) -> list[RegisterLine]:
    """What one line of a meter says of its factor holds for all its registers."""
    said = {(one.meter, one.installed_on): one.factor for one in lines if one.factor}
    return [one._replace(factor=said.get((one.meter, one.installed_on), "")) for one in lines]


def point_problems(store: Store, lines: Sequence[RegisterLine]) -> list[Problem]:
    """Where lines that name no meter contradict the registry or each other."""
    found = _contradictions(lines, store.book.said(lines))
    return [one for one in found if one.column != "meter"]


def _repeats(lines: Iterable[RegisterLine]) -> Iterator[Problem]:
    registers = ((line.line, (line.meter, line.register)) for line in lines)
    return repeated(registers, lambda _: "each register of a meter once", "register")


def _contradictions(lines: Iterable[RegisterLine], said: Iterable[Fact]) -> Iterator[Problem]:
    """Where a line says otherwise than the registry or an earlier line."""
    known: dict[tuple[tuple[str, ...], str], tuple[str, str]] = {
        (subject, column): (value, "in the registry")
        for subject, values in said
        for column, value in values
    }
    for line in lines:
        for subject, values in _facts(line):
            for column, value in values:
                here = (value, f"in line {line.line}")
                told, where = known.setdefault((subject, column), here)
                if told != value:
                    about = " ".join(subject)
                    yield Problem(line.line, column, f"{told!r} as {where} of {about}", repr(value))


def _facts(line: RegisterLine) -> Iterator[Fact]:
    for name, (keys, columns) in SUBJECTS.items():
        key = tuple(getattr(line, column) for column in keys)
        if all(key):
            said = tuple(
                (column, str(getattr(line, column)))
                for column in columns
                if getattr(line, column) != "" or column not in OPTIONAL
            )
            yield Fact((name, *key), said)
