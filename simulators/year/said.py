"""What people say meters show, drawn from the seed: right, rounded, slipped, swapped, mistaken.

Most is said of meters that are silent, some of meters that are read all the time. A wrong figure
is impossible, whatever was lost on the road: no resident is believed who is wrong by accident of
what the gateway cannot know, and the judge may hold every line to the truth.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from random import Random

from simulators.truth import DAY_MS, HOUR_MS, Meter, Register
from simulators.year.fates import QUIET_DAYS, Making
from simulators.year.model import Place, Said

INSPECTION = "inspection"
SOURCES = (INSPECTION, "photo", "resident", "gis-zhkh")
"""In the order in which they are believed."""
# Who looks at a meter reads every digit; residents often leave off what comes after the comma.
_ROUNDING = frozenset({"resident", "gis-zhkh"})
# Of a hundred places that are read, with figures; of a hundred figures, wrong and rounded ones.
_ABOUT_READ, _WRONG, _ROUNDED = 4, 25, 25
_EVENING = (8, 22)
# A figure reaches the office days after the meter was read, sometimes after the period is closed.
_LATEST_DAYS = 10
# Further than any dial of a town goes in a year at its limit.
_LEAP_HOURS = 400 * 24


def let_people_say(making: Making, rates: Mapping[str, int]) -> Place:
    """The place with what people say of it."""
    random, place, days = making.random, making.place, making.house.days
    if place.fate not in ("", "mute", "dead until exchanged"):
        return place
    if place.silent:
        first, end = place.silent[0].first + 1, min(place.silent[0].end, days - QUIET_DAYS)
        count = random.randrange(1, 6)
    elif random.randrange(100) < _ABOUT_READ:
        first, end, count = QUIET_DAYS, days - QUIET_DAYS, random.randrange(1, 4)
    else:
        return place
    if first >= end:
        return place
    on_days = sorted({random.randrange(first, end) for _ in range(count)})
    return replace(place, said=tuple(_said(making, day, rates) for day in on_days))


def _said(making: Making, day: int, rates: Mapping[str, int]) -> Said:
    random, meter = making.random, making.meter
    at_ms = making.house.midnight_ms(day) + random.randrange(*_EVENING) * HOUR_MS
    at_ms = min(at_ms, making.place.hangings[0].span.end_ms - HOUR_MS)
    source, shown, luck = random.choice(SOURCES), meter.shown(at_ms), random.randrange(100)
    step = 1
    if luck < _WRONG:
        values = dict(_wrong(meter, at_ms, rates, random))
    elif luck < _WRONG + _ROUNDED and source in _ROUNDING:
        step = int(10 ** -meter.registers[0].exponent)
        values = {obis: value // step * step for obis, value in shown.items()}
    else:
        values = shown
    entered_ms = at_ms + random.randrange(_LATEST_DAYS) * DAY_MS
    reference = f"{source}-{meter.serial}-{day}"
    return Said(source, reference, meter.serial, at_ms, entered_ms, luck >= _WRONG, step, values)


def _wrong(
    meter: Meter, at_ms: int, rates: Mapping[str, int], random: Random
) -> Iterator[tuple[str, int]]:
    """The comma in the wrong place, what was used for what is shown, a neighbour, or a leap."""
    shown = meter.shown(at_ms)
    swapped = [*shown.values()][1:] + [*shown.values()][:1]
    kind = random.randrange(4)
    for register, other in zip(meter.registers, swapped, strict=True):
        true = shown[register.obis]
        used = true - register.counted(at_ms - 30 * DAY_MS)
        wanted = (true // 10, used, other, true)[kind]
        leap = true + rates[register.obis] * _LEAP_HOURS
        yield register.obis, wanted if _is_impossible(register, wanted, leap) else leap


def _is_impossible(register: Register, value: int, leap: int) -> bool:
    return value < register.counted(0) - 1 or leap <= value < 10**register.digits
