"""Virtual houses: what hangs where, who lives there, and what happens to it, all from a seed.

A house is the same small block everywhere: on the Modbus line a flat's one-phase meter, another
flat's two-tariff meter and the house meter with a solar roof; on the M-Bus line a flat's cold and
hot water and the house's heat meter, the last two without an address of their own, read by their
numbers. What differs is what happens: which register rolls over, sticks, runs backwards or shows
nonsense, and when a meter is exchanged.

Everything that happens is written down twice: in the truth, and as the *doubts* that the gateway
is expected to raise about it.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

from drivers import profile
from drivers.driver import Address
from drivers.reading import to_ms
from simulators.truth import DAY_MS, GRAINS, HOUR_MS, Meter, Register, Span
from simulators.usage import meter_of, usage_of

# Meters hang for a while before the device that reads them comes.
INSTALLED_DAYS_BEFORE = 3
# Longer than any world runs.
_ENDLESS_DAYS = 10_000
# Litres that flow back: more than a flat draws meanwhile, less than it draws in two days.
_BACK_FLOW = 500


@dataclass(frozen=True)
class Doubt:
    """A rule that must have found something about a meter's readings of a time."""

    rule: str
    serial: str
    obis: str
    span: Span


@dataclass(frozen=True)
class Point:
    """A metering point. `meters` are those that hang there one after another, each in its span."""

    name: str
    kind: str
    dwelling: str
    line: str
    address: Address
    meters: tuple[tuple[Meter, Span], ...]

    @property
    def resource(self) -> str:
        """What is measured."""
        return str(profile.load(self.meters[0][0].profile).resource)

    def meter_at(self, time_ms: int) -> Meter | None:
        """The meter that hangs there."""
        return next((meter for meter, span in self.meters if time_ms in span), None)


@dataclass(frozen=True)
class House:
    """A house with one device."""

    name: str
    timezone: str
    device: str
    installed_on: date
    """The day, by its own clock, at whose beginning its first meters were installed."""
    points: tuple[Point, ...]
    doubts: tuple[Doubt, ...]

    def exchanges(self) -> "list[Exchange]":
        """The exchanges of meters, point by point."""
        return [
            Exchange(self, point, old, new, span.end_ms)
            for point in self.points
            for (old, span), (new, _) in pairwise(point.meters)
        ]


class Exchange(NamedTuple):
    """One meter goes and another one comes."""

    house: House
    point: Point
    old: Meter
    new: Meter
    at_ms: int


class _Place(NamedTuple):
    """Where a meter hangs; its address on the line is its number in the house.

    Nobody has given an address to one that is known `by_number`: it is selected by its serial.
    """

    name: str
    kind: str
    dwelling: str
    line: str
    profile: str
    by_number: bool = False


_BLOCK = (
    _Place("light-1", "dwelling", "1", "modbus", "eastron_sdm120"),
    _Place("light-2", "dwelling", "2", "modbus", "siemens_pac2200"),
    _Place("light-house", "house", "", "modbus", "eastron_sdm630"),
    _Place("cold-1", "dwelling", "1", "mbus", "itron_cyble_cold"),
    _Place("hot-1", "dwelling", "1", "mbus", "itron_cyble_hot", by_number=True),
    _Place("heat-house", "house", "", "mbus", "kamstrup_multical", by_number=True),
)


def build(seed: str, name: str, timezone: str, first_day: date, days: int) -> House:
    """A house of `seed` in which things happen for `days` days from the local `first_day` on."""
    installed_on = first_day - timedelta(days=INSTALLED_DAYS_BEFORE)
    origin_ms = local_midnight(installed_on, timezone)
    random = Random(f"{seed}/{name}")
    start_ms = local_midnight(first_day, timezone)
    builder = _Builder(f"{seed}/{name}", name, random, origin_ms, start_ms, days)
    points = tuple(builder.point(number, place) for number, place in enumerate(_BLOCK, 1))
    device = f"edge-{name}"
    return House(name, timezone, device, installed_on, points, tuple(builder.doubts))


def local_midnight(day: date, timezone: str) -> int:
    """Milliseconds since the epoch of the first instant of a day in `timezone`."""
    return to_ms(datetime.combine(day, time(), ZoneInfo(timezone)))


@dataclass
class _Builder:
    seed: str
    house: str
    random: Random
    origin_ms: int
    start_ms: int
    days: int

    def __post_init__(self) -> None:
        self.doubts: list[Doubt] = []
        self._holidays = range(*sorted(self.random.sample(range(self.days + 1), 2)))

    def point(self, number: int, place: _Place) -> Point:
        """One metering point with all that happens there."""
        forever = Span(self.origin_ms, self.start_ms + _ENDLESS_DAYS * DAY_MS)
        meters = [(self._meter(place.profile, 1), forever)]
        if place.name == "light-1":
            gone_ms = self._moment()
            meters = [
                (meters[0][0], Span(self.origin_ms, gone_ms)),
                (self._meter(place.profile, 2), Span(gone_ms, forever.end_ms)),
            ]
        eventful = tuple((self._with_event(place.name, meter), span) for meter, span in meters)
        name = f"{self.house}-{place.name}"
        address = meters[0][0].serial if place.by_number else number
        return Point(name, place.kind, place.dwelling, place.line, address, eventful)

    def _meter(self, profile_name: str, generation: int) -> Meter:
        serial = str(10_000_000 + self.random.randrange(89_999_999))
        seed = f"{self.seed}/{profile_name}/{generation}"
        return meter_of(profile_name, serial, seed, self.origin_ms, self._holidays)

    def _with_event(self, point: str, meter: Meter) -> Meter:
        """What happens to the first register of a meter; each point has its own kind of trouble."""
        happens = {
            "light-2": self._nonsense,
            "light-house": self._stuck,
            "cold-1": self._back_flow,
            "hot-1": self._leak,
            "heat-house": self._rollover,
        }.get(point)
        if happens is None:
            return meter
        register = happens(meter.serial, meter.registers[0])
        return replace(meter, registers=(register, *meter.registers[1:]))

    def _moment(self) -> int:
        """Some time after the first day and well before the last, so that it has an after, too."""
        return self.start_ms + DAY_MS + self.random.randrange(self.days * DAY_MS * 7 // 10)

    def _nonsense(self, serial: str, register: Register) -> Register:
        start_ms = self._moment()
        span = Span(start_ms, start_ms + 3 * HOUR_MS)
        self.doubts.append(Doubt("V-RATE", serial, register.obis, span))
        by = usage_of("siemens_pac2200", register.obis).rate_max_per_h * 1_000
        return replace(register, nonsense=span, nonsense_by=by)

    def _back_flow(self, serial: str, register: Register) -> Register:
        start_ms = self._moment()
        span = Span(start_ms, start_ms + 6 * HOUR_MS)
        self.doubts.append(Doubt("V-NEG", serial, register.obis, span))
        return replace(register, backwards=span, backwards_by=_BACK_FLOW * GRAINS)

    def _stuck(self, serial: str, register: Register) -> Register:
        stuck_ms = self._moment()
        end_ms = self.start_ms + self.days * DAY_MS
        self.doubts.append(Doubt("V-ZERO", serial, register.obis, Span(stuck_ms, end_ms)))
        return replace(register, stuck_from_ms=stuck_ms)

    def _leak(self, serial: str, register: Register) -> Register:
        """A dripping tap: a fifth of the water flows evenly, at night too. No rule minds yet."""
        del serial
        return replace(register, flows=(replace(register.flows[0], steady=20),))

    def _rollover(self, serial: str, register: Register) -> Register:
        """Starts so that the register passes its end somewhere in the run."""
        del serial
        until = register.flows[0].total(self._moment()) // GRAINS
        return replace(register, initial=10**register.digits - until)
