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
from drivers.reading import from_ms, scaled
from gateway.model import DeviceKey
from gateway.registry_csv import (
    SUBJECTS,
    Problem,
    RegisterLine,
    RegistryError,
    parse_lines,
)
from gateway.store import Fact, Store

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
]


class NewMeter(NamedTuple):
    """The meter that comes in an exchange.

    `initials` are its registers' first values. A register is like the removed meter's of the same
    OBIS code, unless `registers` describes it; `device` is the one before, unless given.
    """

    serial: str
    model: str
    initials: Mapping[str, Decimal]
    registers: Mapping[str, RegisterLine] = {}
    device: str = ""


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
        found = [*problems, *_repeats(lines), *_contradictions(lines, store.book.said(lines))]
        if found:
            raise RegistryError(sorted(found))
        return store.book.write(lines)


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
    store: Store, point: str, *, old: str, finals: Mapping[str, Decimal], new: NewMeter, at_ms: int
) -> None:
    """Take the meter `old` off a point and put another there, at one instant.

    `finals` are the last values of all registers of the old one. RegistryError if the point has
    another meter, a value is missing or impossible, or the new one stands elsewhere.
    """
    with store.transaction():
        standing = store.book.standing(point)
        _check_standing(standing, point, old, at_ms)
        last = _mantissas(standing, finals, f"final value of meter {old}")
        _check_not_below(store, old, last, at_ms)
        lines = _new_lines(standing, new, at_ms)
        store.book.remove(point, at_ms, last)
        problems = list(_contradictions(lines, store.book.said(lines)))
        if problems:
            raise RegistryError(sorted(problems))
        store.book.write(lines)


def _check_standing(standing: Sequence[RegisterLine], point: str, old: str, at_ms: int) -> None:
    if not standing:
        raise RegistryError(f"expected a point with a meter, got {point!r}: see registry list")
    if standing[0].meter != old:
        raise RegistryError(f"point {point} has the meter {standing[0].meter}, not {old}")
    if at_ms <= standing[0].installed_on:
        since = from_ms(standing[0].installed_on).isoformat()
        raise RegistryError(f"meter {old} stands only since {since}, give a later time")


def _mantissas(
    registers: Iterable[RegisterLine], values: Mapping[str, Decimal], what: str
) -> dict[str, int]:
    shapes = {line.register: line for line in registers}
    if shapes.keys() != values.keys():
        raise RegistryError(
            f"expected a {what} for {', '.join(sorted(shapes))}, "
            f"got {', '.join(sorted(values)) or 'none'}"
        )
    mantissas = {}
    for obis, value in values.items():
        line = shapes[obis]
        try:
            mantissas[obis] = scaled(value, line.exponent)
        except ValueError as error:
            raise RegistryError(f"{what}, register {obis}: {error}") from error
        if not 0 <= mantissas[obis] < 10**line.digits:
            raise RegistryError(f"{what}, register {obis}: {value} is not on its dial")
    return mantissas


def _check_not_below(store: Store, serial: str, finals: Mapping[str, int], at_ms: int) -> None:
    """A final value below an accepted reading would bill less than nothing."""
    card = store.registry.meters([serial])[serial]
    pasts = store.ledger.pasts({register.register_no: 0 for register in card.registers})
    for register in card.registers:
        past = pasts.get(register.register_no)
        level = past.accepted if past else None
        if level is None or level.at_ms > at_ms or finals[register.obis] >= level.mantissa:
            continue
        raise RegistryError(
            f"final value of meter {serial}, register {register.obis}: expected at least "
            f"{Decimal(level.mantissa).scaleb(register.exponent)}, which was read at "
            f"{from_ms(level.at_ms).isoformat()}, "
            f"got {Decimal(finals[register.obis]).scaleb(register.exponent)}"
        )


def _new_lines(standing: Sequence[RegisterLine], new: NewMeter, at_ms: int) -> list[RegisterLine]:
    shapes = {line.register: line for line in standing} | dict(new.registers)
    shapes = {obis: line for obis, line in shapes.items() if obis in new.initials} or shapes
    initials = _mantissas(shapes.values(), new.initials, f"first value of meter {new.serial}")
    place = standing[0]
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
        )
        for obis, line in shapes.items()
    ]


def _repeats(lines: Iterable[RegisterLine]) -> Iterator[Problem]:
    first: dict[tuple[str, str], int] = {}
    for line in lines:
        before = first.setdefault((line.meter, line.register), line.line)
        if before != line.line:
            got = f"the one of line {before} again"
            yield Problem(line.line, "register", "each register of a meter once", got)


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
            said = tuple((column, str(getattr(line, column))) for column in columns)
            yield Fact((name, *key), said)
