"""What befalls houses and meters in a year, drawn from the seed.

A place has one fate at most, so that the judge can say of every line what it must be. Wrong values
are beyond doubt whatever was lost on the road before them: see `impossible`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import NamedTuple

from simulators.truth import DAY_MS, GRAINS, HOUR_MS, Meter, Register, Span
from simulators.year.model import Barred, Hanging, House, Outage, Place, Trouble, Unset, Wrong

# How long the road may keep a batch of a house without a blackout, and some: what a register can
# have counted in this time, nobody can call impossible.
DOUBT_DAYS = 60
# Nights at both ends of a year in which meters are left in peace, for a before and an after.
QUIET_DAYS = 4
FOREVER_MS = 2**62


def impossible(register: Register, rate_max_per_h: int, at_ms: int, value: int) -> bool:
    """Whether no register can show `value` then, even if nobody had read it for weeks."""
    if not 0 <= value < 10**register.digits:
        return True
    long_ago = register.counted(at_ms - DOUBT_DAYS * DAY_MS)
    return value < long_ago or value > register.counted(at_ms) + rate_max_per_h * 24 * DOUBT_DAYS


class Making(NamedTuple):
    """A place about to be made: its one meter so far, hanging since `since_ms`."""

    house: House
    place: Place
    random: Random
    new_meter: Callable[[int, int], Meter]
    """A meter of the same kind that begins low at an instant; the number tells it apart."""

    @property
    def meter(self) -> Meter:
        """The first meter."""
        return self.place.hangings[0].meter

    def day(self, before: int = 0) -> int:
        """A day well inside the year, `before` days before its end at least."""
        last = max(QUIET_DAYS + 2, self.house.days - QUIET_DAYS - before)
        return self.random.randrange(QUIET_DAYS + 1, last)

    def moment_ms(self, day: int) -> int:
        """Some time of a day when fitters work."""
        return self.house.midnight_ms(day) + self.random.randrange(9 * 60, 18 * 60) * 60_000

    def exchanged(self, at_ms: int, entered_ms: int | None = None) -> tuple[Hanging, ...]:
        """The first meter until an instant and a new one after it."""
        first, new = self.place.hangings[0], self.new_meter(at_ms, 2)
        return (
            first._replace(span=Span(first.span.start_ms, at_ms)),
            Hanging(new, Span(at_ms, FOREVER_MS), at_ms if entered_ms is None else entered_ms),
        )


def _exchange(making: Making) -> Place:
    at_ms = making.moment_ms(making.day())
    return replace(making.place, hangings=making.exchanged(at_ms))


def _exchange_entered_late(making: Making) -> Place:
    """The fitter's act reaches the office weeks later, maybe after the period was closed."""
    late = making.random.randrange(3, 60)
    at_ms = making.moment_ms(making.day(late))
    return replace(making.place, hangings=making.exchanged(at_ms, at_ms + late * DAY_MS))


def _exchange_after_rollover(making: Making) -> Place:
    """The register goes over its end in the hours between its last reading and its removal."""
    day = making.day()
    at_ms = making.house.midnight_ms(day) + 17 * HOUR_MS
    before = replace(making.place, hangings=making.exchanged(at_ms))
    return _rolling(before, at_ms - HOUR_MS)


def _rollover(making: Making) -> Place:
    return _rolling(making.place, making.moment_ms(making.day()))


def _rolling(place: Place, at_ms: int) -> Place:
    """The first register goes over its end at an instant."""
    first = place.hangings[0]
    register = first.meter.registers[0]
    since = sum(flow.total(at_ms) for flow in register.flows) // GRAINS
    rolls = replace(register, initial=10**register.digits - since)
    meter = replace(first.meter, registers=(rolls, *first.meter.registers[1:]))
    return replace(place, hangings=(first._replace(meter=meter), *place.hangings[1:]))


def _stuck(making: Making) -> Place:
    """It stands still until somebody exchanges it; what it shows then is what it counted."""
    day = making.day(90)
    stuck_ms = making.moment_ms(day)
    first, new = making.exchanged(making.moment_ms(day + making.random.randrange(20, 80)))
    registers = tuple(replace(one, stuck_from_ms=stuck_ms) for one in first.meter.registers)
    first = first._replace(meter=replace(first.meter, registers=registers))
    return replace(making.place, hangings=(first, new))


def _dead(making: Making) -> Place:
    """It answers no more, until it is exchanged with what its dial shows."""
    day = making.day(100)
    gone = day + making.random.randrange(5, 95)
    hangings = making.exchanged(making.moment_ms(gone))
    return replace(making.place, hangings=hangings, silent=(Outage(day, gone + 1),))


def _mute(making: Making) -> Place:
    """It answers no more for months, and then again."""
    day = making.day(40)
    back = min(day + making.random.randrange(35, 150), making.house.days - 2)
    return replace(making.place, silent=(Outage(day, back),))


def _failed(making: Making) -> Place:
    """Found out of order, declared so days later, exchanged weeks after that."""
    day = making.day(70)
    from_ms = making.house.midnight_ms(day)
    declared_ms = from_ms + making.random.randrange(1, 20) * DAY_MS
    hangings = making.exchanged(making.moment_ms(day + making.random.randrange(22, 65)))
    barred = Barred(making.meter.serial, "failed", from_ms, declared_ms, None)
    return replace(making.place, hangings=hangings, barred=barred)


def _expired(making: Making) -> Place:
    """Its verification ran out, and weeks later it was found fit after all."""
    day = making.day(110)
    from_ms = making.house.midnight_ms(day)
    declared_ms = from_ms + making.random.randrange(1, 10) * DAY_MS
    fit_ms = declared_ms + making.random.randrange(8, 95) * DAY_MS
    barred = Barred(making.meter.serial, "expired", from_ms, declared_ms, fit_ms)
    return replace(making.place, barred=barred)


def _expired_by_certificate(making: Making) -> Place:
    """Its certificate runs out; a later one finds it fit again, or fit throughout, or never comes.

    Nobody declares anything: that it does not count follows from the calendar.
    """
    random, house = making.random, making.house
    day = making.day(80)
    anew, finding = day + random.randrange(1, 75), random.choice(("fit", "fit-throughout", "never"))
    noted = finding == "fit" and random.random() < 0.6
    barred = Barred(
        *(making.meter.serial, "expired", house.midnight_ms(day), house.midnight_ms(0)),
        house.midnight_ms(anew + 1) + random.randrange(20) * DAY_MS if finding != "never" else None,
        finding,
        house.midnight_ms(anew + noted) if finding == "fit" else None,
        noted=noted,
    )
    return replace(making.place, barred=barred)


def _wrong(making: Making) -> Place:
    """A few nights whose readings are wrong; every second one falls on a month's end."""
    troubles: list[Trouble] = [one for one in Trouble if one is not Trouble.SWAP]
    tariffs = [one for one in making.meter.registers if not one.obis.endswith(".8.0")]
    if len(tariffs) > 1:
        troubles.append(Trouble.SWAP)
    wrongs = {}
    for _ in range(making.random.randrange(1, 4)):
        day = making.day()
        if making.random.random() < 0.5:
            day = _month_end(making.house, day)
        wrong = Wrong(day, making.random.choice(troubles), making.random.random() < 0.5)
        wrongs[day] = wrong
    return replace(making.place, wrongs=wrongs)


def _month_end(house: House, day: int) -> int:
    """The next first of a month."""
    date = house.first_day.toordinal() + day
    ahead = range(31)
    found = next(n for n in ahead if type(house.first_day).fromordinal(date + n).day == 1)
    return day + found if day + found < house.days - QUIET_DAYS else day


def _registered_late(making: Making) -> Place:
    """Read by the device for weeks before anybody entered it, maybe with an earlier day."""
    day = making.day(20)
    first = making.place.hangings[0]
    since_ms = making.house.midnight_ms(max(1, day - making.random.choice((0, 0, 20))))
    span = Span(since_ms, FOREVER_MS)
    entered_ms = making.house.midnight_ms(day) + 12 * HOUR_MS
    return replace(making.place, hangings=(first._replace(span=span, entered_ms=entered_ms),))


_OF_PLACES: dict[str, tuple[int, Callable[[Making], Place]]] = {
    "exchange": (5, _exchange),
    "exchange entered late": (4, _exchange_entered_late),
    "exchange after rollover": (2, _exchange_after_rollover),
    "rollover": (4, _rollover),
    "stuck until exchanged": (2, _stuck),
    "dead until exchanged": (3, _dead),
    "mute": (3, _mute),
    "failed": (2, _failed),
    "expired and fit": (2, _expired),
    "certificate ran out": (4, _expired_by_certificate),
    "wrong readings": (8, _wrong),
    "registered late": (2, _registered_late),
}
"""What may happen at a place, and in how many of a hundred."""
PLACE_FATES = frozenset(_OF_PLACES)


def befall(making: Making) -> Place:
    """The place with its fate."""
    luck = making.random.randrange(100)
    for name, (share, happens) in _OF_PLACES.items():
        luck -= share
        if luck < 0:
            return replace(happens(making), fate=name)
    return making.place


@dataclass
class HouseFate:
    """What befalls a house as a whole."""

    silences: list[Outage] = field(default_factory=list)
    blackouts: list[Outage] = field(default_factory=list)
    unset: list[Unset] = field(default_factory=list)
    backdated: list[Outage] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


class _Lot(NamedTuple):
    share: int
    shortest: int
    longest: int
    into: Callable[[HouseFate, Outage, Random], None]
    to_the_end: bool = False


def _unset(fate: HouseFate, nights: Outage, random: Random) -> None:
    fate.unset.append(Unset(nights, random.random() < 0.7))


_OF_HOUSES = {
    "outage of days": _Lot(20, 1, 10, lambda fate, nights, _: fate.silences.append(nights)),
    "outage of weeks": _Lot(8, 11, 40, lambda fate, nights, _: fate.silences.append(nights)),
    "outage of months": _Lot(6, 65, 160, lambda fate, nights, _: fate.silences.append(nights)),
    "outage to the end": _Lot(
        2, 40, 130, lambda fate, nights, _: fate.silences.append(nights), to_the_end=True
    ),
    "network away for weeks": _Lot(
        10, 5, 40, lambda fate, nights, _: fate.blackouts.append(nights)
    ),
    "network away for months": _Lot(
        4, 45, 130, lambda fate, nights, _: fate.blackouts.append(nights)
    ),
    "clock not set": _Lot(10, 1, 8, _unset),
    "clock set back": _Lot(6, 1, 4, lambda fate, nights, _: fate.backdated.append(nights)),
}
# Shorter worlds have shorter outages: an outage leaves a third of the days in peace.
_OUTAGE_PER_CENT = 66


def befall_house(random: Random, days: int) -> HouseFate:
    """What befalls a house; stretches do not touch each other."""
    fate = HouseFate()
    taken: list[Outage] = []
    for name, lot in _OF_HOUSES.items():
        if random.randrange(100) >= lot.share:
            continue
        length = min(
            random.randrange(lot.shortest, lot.longest + 1), days * _OUTAGE_PER_CENT // 100
        )
        latest = max(QUIET_DAYS + 1, days - QUIET_DAYS - length)
        first = random.randrange(QUIET_DAYS, latest)
        nights = (
            Outage(days - length, days + 1) if lot.to_the_end else Outage(first, first + length)
        )
        if any(nights.first <= one.end + 1 and one.first <= nights.end + 1 for one in taken):
            continue
        taken.append(nights)
        fate.names.append(name)
        lot.into(fate, nights, random)
    return fate
