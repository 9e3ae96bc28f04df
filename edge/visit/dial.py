"""What a person saw on a dial beside what the meter said: the same, or why it may not be.

Dials are read as they are written: with a comma or a point, with spaces between thousands, with
leading zeros, with fewer digits than the meter sends. Where the two differ, the usual mistakes are
tried, so that the question to the person names one: the number of the meter next to it, a factor
of current transformers, another unit, a point in another place.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from cloud_sync.visit import Level, agrees
from drivers.reading import EXPONENT_MAX, Unit, scaled

# A dial of ten digits with a point, twice as long for spaces in it.
TYPED_MAX = 32
_NUMBER = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,9})?")
# Counters that a dial shows and a bill needs; powers, temperatures and voltages move while one
# looks at them.
COUNTED = frozenset({Unit.KWH, Unit.KVARH, Unit.M3, Unit.GCAL, Unit.GJ, Unit.TONNE, Unit.HCA})
# Usual ratios of transformers (GOST 7746 rows: 5 A secondaries of 50 to 3000 A), and voltage ones.
_FACTORS = (2, 3, 4, 5, 6, 8, 15, 20, 30, 40, 50, 60, 80, 120, 160, 200, 300, 400, 600)
_UNITS = (
    (Decimal("4.1868"), "GJ", "Gcal"),
    (Decimal(1000), "MWh", "kWh"),
    (Decimal("3.6"), "MWh", "GJ"),
    (Decimal("277.7778"), "GJ", "kWh"),
    (Decimal(1163), "Gcal", "kWh"),
)
# A hint is worth saying where the guess comes as close as a look at a dial does.
_CLOSE = Decimal("0.002")


class NotANumber(ValueError):
    """Typed text that is no value of a dial; the text says what was expected."""


class Hint(NamedTuple):
    """What a difference looks like: a code, the register, and what the code's sentence names."""

    code: str
    obis: str
    fields: tuple[str, ...] = ()


class Look(NamedTuple):
    """The dial beside the meter. `agrees` is for all registers that were looked at."""

    agrees: bool
    levels: tuple[Level, ...]
    hints: tuple[Hint, ...]


class Other(NamedTuple):
    """Another meter of the visit, with what it said."""

    serial: str
    levels: Sequence[Level]


def shown(levels: Iterable[Level]) -> tuple[Level, ...]:
    """The levels that a person can compare."""
    return tuple(level for level in levels if level.unit in COUNTED)


def typed(text: str, like: Level) -> Level:
    """The level that a person typed for the register of `like`; NotANumber otherwise."""
    plain = re.sub(r"[\s\u00a0\u202f_']", "", text[: TYPED_MAX + 1]).replace(",", ".")
    if len(text) > TYPED_MAX or not _NUMBER.fullmatch(plain):
        raise NotANumber(f"expected a number like 1234.567 for {like.obis}, got {text[:40]!r}")
    value = Decimal(plain)
    places = len(plain.partition(".")[2])
    if places > EXPONENT_MAX:
        raise NotANumber(f"expected at most {EXPONENT_MAX} places, got {text!r}")
    try:
        return Level(like.obis, scaled(value, -places), -places, like.unit, like.digits)
    except ValueError as error:
        raise NotANumber(str(error)) from error


def look(read: Sequence[Level], seen: Mapping[str, str], others: Iterable[Other] = ()) -> Look:
    """Compare what was typed, by register, with what was read; NotANumber for other text.

    Registers that were not looked at are left out; none at all does not agree.
    """
    known = {level.obis: level for level in read}
    foreign = sorted(seen.keys() - known.keys())
    if foreign:
        raise NotANumber(f"the meter has no register {foreign[0]!r}")
    levels = tuple(typed(text, known[obis]) for obis, text in seen.items() if text.strip())
    around = list(others)
    hints = [
        hint
        for level in levels
        if not agrees(known[level.obis], level)
        for hint in _hints(known[level.obis], level, around)
    ]
    return Look(bool(levels) and not hints, levels, tuple(hints))


def _hints(read: Level, dial: Level, others: Iterable[Other]) -> Iterable[Hint]:
    """What the difference may come from, the likeliest first; always at least that they differ."""
    for other in others:
        if any(one.value and agrees(one, dial) for one in other.levels):
            yield Hint("another-meter", dial.obis, (other.serial,))
    if read.value > 0 and dial.value > 0:
        yield from _by_ratio(read, dial)
    yield Hint("differs", dial.obis, (f"{read.value:f}", f"{dial.value:f}", str(read.unit)))


def _by_ratio(read: Level, dial: Level) -> Iterable[Hint]:
    ratio = max(read.value, dial.value) / min(read.value, dial.value)
    for power in (10, 100, 1000, 10_000, 100_000, 1_000_000):
        if _near(ratio, Decimal(power)):
            yield Hint("decimal-point", dial.obis, (str(power),))
            return
    for size, larger, smaller in _UNITS:
        if _near(ratio, size):
            yield Hint("unit", dial.obis, (larger, smaller))
            return
    for factor in _FACTORS:
        if _near(ratio, Decimal(factor)):
            yield Hint("factor", dial.obis, (str(factor),))
            return


def _near(ratio: Decimal, wanted: Decimal) -> bool:
    return abs(ratio / wanted - 1) <= _CLOSE
