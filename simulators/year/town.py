"""A town under a seed: houses with flats, their meters, and what befalls each of them.

The meters of a flat and the house's inlet share their flows, so what the inlet counts is, to the
last grain, what the flats count and what flows in the stairs. Tariffs share the day's amount.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from simulators.house import local_midnight
from simulators.truth import EVEN_DAY, GRAINS, Flow, Meter, Register, Span
from simulators.year.fates import FOREVER_MS, HouseFate, Making, befall, befall_house
from simulators.year.makes import AT_INLETS, IN_FLATS, POWER, Kind
from simulators.year.model import Hanging, House, Place, Reopened
from simulators.year.papers import put_on_paper
from simulators.year.said import let_people_say
from simulators.year.terms import agree

# Clocks that change in spring and autumn, and clocks that never do, from one end to the other.
ZONES = (
    "Europe/Kaliningrad",
    "Europe/Moscow",
    "Europe/Berlin",
    "Asia/Yekaterinburg",
    "Asia/Novosibirsk",
    "Asia/Vladivostok",
)
MONTHS_A_YEAR = 12
_FLATS = (2, 5)
# Flats nobody lives in for some time, of a hundred.
_VACANT = 8
# Stairs and cellar, beside an average flat, in per cent.
_COMMON_PER_CENT = 12
_INITIAL_SPREAD = 1_000_000
_MONTH_DAYS = 30
# Of a hundred months of a house, how many are closed, taken back and closed again. The days on
# which that happens: after the slowest contract's period is closed, before a hasty person's next.
_REOPENED = 5
_REOPENED_DAYS = (8, 24)


def first_day_of(seed: int) -> date:
    """The first of the month in which the year of a seed begins."""
    return date(2026, 1 + Random(f"{seed}/calendar").randrange(MONTHS_A_YEAR), 1)


def month_after(first: date, months: int) -> date:
    """The first of the month so many months later."""
    ahead = first.month - 1 + months
    return date(first.year + ahead // MONTHS_A_YEAR, ahead % MONTHS_A_YEAR + 1, 1)


def build(seed: int, houses: int, months: int) -> list[House]:
    """The town of a seed."""
    first = first_day_of(seed)
    days = (month_after(first, months) - first).days
    return [_Builder(f"{seed}/{number}", number, first, days).house() for number in range(houses)]


class _Builder:
    def __init__(self, seed: str, number: int, first_day: date, days: int) -> None:
        self._seed = seed
        self._random = Random(f"{seed}/house")
        self._number = number
        zone = ZONES[number % len(ZONES)]
        fate = befall_house(Random(f"{seed}/fate"), days)
        self._frame = self._bare(first_day, days, zone, fate)
        self._origin_ms = local_midnight(self._frame.installed_on, zone)
        self._away = {
            flat: self._holidays(days) for flat in range(1, self._random.randrange(*_FLATS) + 1)
        }
        self._flows: dict[tuple[int, str, str], Flow] = {}

    def _bare(self, first_day: date, days: int, zone: str, fate: HouseFate) -> House:
        random, paper = self._random, Random(f"{self._seed}/paper")
        return House(
            number=self._number,
            name=f"h{self._number:03d}",
            timezone=zone,
            first_day=first_day,
            days=days,
            # Some meters hung for a while before the device came; those close a month more.
            installed_on=first_day - timedelta(days=random.choice((0, 0, 0, 10))),
            offset_ms=random.randrange(5_000, 240_000),
            places=(),
            silences=tuple(fate.silences),
            blackouts=tuple(fate.blackouts),
            unset=tuple(fate.unset),
            backdated=tuple(fate.backdated),
            hasty=random.random() < 0.3,
            agreed=agree(paper, days // _MONTH_DAYS),
            reopened=tuple(_reopened(paper, first_day, days)),
        )

    def house(self) -> House:
        """The house with everything in it."""
        places = []
        for flat in self._away:
            kinds = [self._random.choice(POWER)]
            kinds += [kind for kind, share in IN_FLATS if self._random.randrange(100) < share]
            for kind in kinds:
                place = self._place(kind, flat)
                places += [place, *self._in_series(place, flat)]
        inlets = [POWER[self._random.randrange(2)]]
        inlets += [kind for kind, share in AT_INLETS if self._random.randrange(100) < share]
        places += [self._inlet(kind, places) for kind in inlets]
        return replace(self._frame, places=tuple(places))

    def _place(self, kind: Kind, flat: int) -> Place:
        name = f"{self._frame.name}-{flat}-{kind.resource}"
        hanging = self._hanging(self._meter(name, kind, flat, 1))
        place = Place(name, str(flat), kind, (hanging,), fate="")

        def new_meter(at_ms: int, generation: int) -> Meter:
            return self._meter(name, kind, flat, generation, low_at_ms=at_ms)

        making = Making(self._frame, place, Random(f"{self._seed}/{name}/fate"), new_meter)
        paper = making._replace(random=Random(f"{self._seed}/{name}/paper"), place=befall(making))
        said = making._replace(
            random=Random(f"{self._seed}/{name}/said"), place=put_on_paper(paper)
        )
        return let_people_say(said, rates(place))

    def _in_series(self, place: Place, flat: int) -> Iterator[Place]:
        """A second meter on the same pipe, which checks the first one or stands behind it."""
        random = Random(f"{self._seed}/{place.name}/series")
        luck, share = random.randrange(100), _CHECKED if place.silent else _IN_SERIES
        if luck >= share or place.hangings[0].entered_ms:
            return
        checks = bool(luck % 2)
        name = f"{place.name}-{'check' if checks else 'sub'}"
        meter = self._meter(name, place.kind, flat, 1)
        meter = replace(meter, serial=f"{meter.serial}{'CHK' if checks else 'SUB'}")
        second = Place(name, str(flat), place.kind, (self._hanging(meter),), fate="")
        if checks:
            yield replace(second, checks=place.name)
        else:
            yield replace(second, behind=place.name)

    def _inlet(self, kind: Kind, places: list[Place]) -> Place:
        """A meter of the house: what its flats and its stairs draw, meters being what they are."""
        name = f"{self._frame.name}-inlet-{kind.resource}"
        fed = {int(one.dwelling) for one in places if one.kind.resource == kind.resource}
        random = Random(f"{self._seed}/{name}")
        registers = []
        for make in kind.makes:
            flows = [self._flow(flat, kind, make.hours) for flat in sorted(fed)]
            flows.append(self._flow(0, kind, make.hours))
            first = make.first + random.randrange(_INITIAL_SPREAD)
            registers.append(
                Register(make.obis, kind.unit, kind.exponent, kind.digits, tuple(flows), first)
            )
        meter = Meter(
            f"I{self._number:03d}{kind.resource[0:3]}", str(kind.resource), tuple(registers)
        )
        return Place(name, "", kind, (self._hanging(meter),), fate="")

    def _hanging(self, meter: Meter) -> Hanging:
        return Hanging(meter, self._from_the_start(), 0)

    def _from_the_start(self) -> Span:
        return Span(self._origin_ms, FOREVER_MS)

    def _meter(
        self, place: str, kind: Kind, flat: int, generation: int, *, low_at_ms: int | None = None
    ) -> Meter:
        random = Random(f"{self._seed}/{place}/{generation}")
        tariffs = [make.hours for make in kind.makes if make.hours]
        registers = []
        for make in kind.makes:
            counted = [make.hours] if make.hours else tariffs
            flows = tuple(self._flow(flat, kind, hours) for hours in counted)
            first = make.first + random.randrange(_INITIAL_SPREAD)
            if low_at_ms is not None:
                since = sum(flow.total(low_at_ms) for flow in flows) // GRAINS
                first = random.randrange(500) - since
            registers.append(
                Register(make.obis, kind.unit, kind.exponent, kind.digits, flows, first)
            )
        serial = f"{self._number:03d}{flat}{kind.resource[0:3].upper()}{generation}"
        return Meter(serial, str(kind.resource), tuple(registers))

    def _flow(self, flat: int, kind: Kind, hours: frozenset[int]) -> Flow:
        """What flows to a flat (0: the stairs) in some hours of the day; one object for all."""
        key = (flat, str(kind.resource), ",".join(map(str, sorted(hours))))
        if key not in self._flows:
            per_day = kind.per_day * GRAINS * (100 if flat else _COMMON_PER_CENT) // 100
            self._flows[key] = Flow(
                seed=f"{self._seed}/{flat}/{kind.resource}",
                per_day=per_day,
                weights=kind.weights if flat else EVEN_DAY,
                hours=hours,
                holidays=self._away.get(flat, range(0)),
                origin_ms=self._origin_ms,
            )
        return self._flows[key]

    def _holidays(self, days: int) -> range:
        if self._random.randrange(100) >= _VACANT:
            return range(0)
        first = self._random.randrange(days)
        return range(first, first + self._random.randrange(14, 100))


# Of a hundred meters, how many have a second one on the same pipe; of those that fall silent.
_IN_SERIES, _CHECKED = 6, 40


def _reopened(random: Random, first_day: date, days: int) -> Iterator[Reopened]:
    month = month_after(first_day, 1)
    while (begins := (month - first_day).days) + _REOPENED_DAYS[1] + 1 < days:
        if random.randrange(100) < _REOPENED:
            day = begins + random.randrange(*_REOPENED_DAYS)
            yield Reopened(day, random.randrange(day, begins + _REOPENED_DAYS[1] + 1))
        month = month_after(month, 1)


def rates(place: Place) -> Mapping[str, int]:
    """The physical limit of each register of a place, in its last digit an hour."""
    factor = 20 if place.is_house else 1
    return {make.obis: place.kind.rate_max_per_h * factor for make in place.kind.makes}
