"""The ground truth: what every register of a virtual meter shows at any instant.

Everything here is a pure function of a seed and a time, in exact integers: nothing is advanced,
so a meter may be asked at any instant, in any order, by the driver and by the judge alike.

Consumption is counted in *grains*, ten thousandths of a register's last digit, and integrated in
closed form: a day has its amount (drawn from the seed), the day's hours have their weights, and
inside an hour the flow is even. Rounding down a growing exact fraction keeps it growing.

On top of the flow stand the events of a meter's life: it may start near its last digit and roll
over, stick, run backwards, show nonsense for a while. They change what the register shows, and
what it shows is what must be billed.
"""

import hashlib
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate

from drivers.reading import Unit

GRAINS = 10_000
"""Grains in one unit of a register's last digit."""
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_DAY_PARTS = 24

NIGHT_HOURS = frozenset({23, 0, 1, 2, 3, 4, 5, 6})
"""The cheap tariff, T2: from 23 to 7 by the meter's clock."""
DAY_HOURS = frozenset(range(_DAY_PARTS)) - NIGHT_HOURS

# How people live, per hour from midnight; only the proportions matter.
ELECTRIC_DAY = (3, 2, 2, 2, 2, 3, 6, 9, 8, 6, 5, 5, 6, 6, 5, 6, 8, 12, 15, 16, 14, 11, 8, 5)
WATER_DAY = (1, 0, 0, 0, 0, 2, 9, 12, 8, 4, 3, 4, 5, 4, 3, 3, 5, 8, 10, 9, 8, 6, 4, 2)
HEAT_DAY = (5, 5, 5, 5, 5, 6, 7, 7, 6, 5, 4, 4, 4, 4, 4, 4, 5, 5, 6, 6, 6, 6, 5, 5)
EVEN_DAY = (1,) * _DAY_PARTS

# Away on holiday a dwelling keeps its refrigerator and little else.
_HOLIDAY_PER_CENT = 4


def draw(seed: str, *of: object, below: int) -> int:
    """A number in [0, below) that belongs to `seed` and the names in `of`."""
    text = "/".join((seed, *map(str, of)))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest) % below


@dataclass(frozen=True)
class Flow:
    """What flows through one register: an amount per day, spread over the day's hours.

    `hours` are those this register counts (a tariff); the day's amount is shared by all 24.
    `steady` is the share, in per cent, that flows evenly day and night whatever people do: a
    standby load, or a leak.
    """

    seed: str
    per_day: int
    """Grains of an average day, all hours together."""
    weights: tuple[int, ...] = EVEN_DAY
    hours: frozenset[int] = frozenset(range(_DAY_PARTS))
    steady: int = 0
    holidays: range = range(0)
    """Days since the origin on which nobody was at home."""
    origin_ms: int = 0
    """The midnight, by the meter's clock, from which the flow is counted."""
    _amounts: list[int] = field(default_factory=list, compare=False, repr=False)
    _sums: list[int] = field(default_factory=lambda: [0], compare=False, repr=False)
    """Each day's amount, and what was counted before each day, as far as anybody has asked."""

    def total(self, time_ms: int) -> int:
        """Grains since the origin, which counts as zero for everything before."""
        day, in_day_ms = divmod(max(time_ms - self.origin_ms, 0), DAY_MS)
        while len(self._amounts) <= day:
            self._remember_next_day()
        return self._sums[day] + self._in_day(self._amounts[day], in_day_ms)

    def _remember_next_day(self) -> None:
        amount = self._of_day(len(self._amounts))
        self._amounts.append(amount)
        self._sums.append(self._sums[-1] + self._in_day(amount, DAY_MS))

    def _in_day(self, amount: int, in_day_ms: int) -> int:
        """Grains of a day's first `in_day_ms`, counted hours only."""
        steady = amount * self.steady // 100
        shaped = _part(amount - steady, self.weights, self.hours, in_day_ms)
        return shaped + _part(steady, EVEN_DAY, self.hours, in_day_ms)

    def _of_day(self, day: int) -> int:
        """Between half and one and a half of an average day; next to nothing on a holiday."""
        amount = self.per_day * (50 + draw(self.seed, day, below=101)) // 100
        if day in self.holidays:
            amount = amount * _HOLIDAY_PER_CENT // 100
        return amount


def _part(amount: int, weights: tuple[int, ...], hours: frozenset[int], in_day_ms: int) -> int:
    """The share of `amount` that flows in the counted hours of a day's first `in_day_ms`."""
    if not amount:
        return 0
    hour, in_hour_ms = divmod(in_day_ms, HOUR_MS)
    before, whole = _shares(weights, hours)
    done = before[hour] * HOUR_MS
    if in_hour_ms:
        done += (before[hour + 1] - before[hour]) * in_hour_ms
    return amount * done // (whole * HOUR_MS)


@cache
def _shares(weights: tuple[int, ...], hours: frozenset[int]) -> tuple[tuple[int, ...], int]:
    """What the counted hours before each hour weigh, and what the whole day weighs."""
    counted = (weight if hour in hours else 0 for hour, weight in enumerate(weights))
    return tuple(accumulate(counted, initial=0)), sum(weights)


@dataclass(frozen=True)
class Span:
    """From `start_ms` to before `end_ms`."""

    start_ms: int
    end_ms: int

    def __contains__(self, time_ms: object) -> bool:
        return isinstance(time_ms, int) and self.start_ms <= time_ms < self.end_ms

    def elapsed_ms(self, time_ms: int) -> int:
        """How much of the span is over."""
        return min(max(time_ms - self.start_ms, 0), self.end_ms - self.start_ms)


@dataclass(frozen=True)
class Register:
    """One register of a virtual meter, and the events of its life."""

    obis: str
    unit: Unit
    exponent: int
    digits: int
    flows: tuple[Flow, ...]
    initial: int = 0
    """The mantissa shown at the flows' origin; it may stand close to the last one."""
    stuck_from_ms: int | None = None
    backwards: Span | None = None
    """While it lasts the register loses `backwards_by` grains, evenly."""
    backwards_by: int = 0
    nonsense: Span | None = None
    """While it lasts the register shows `nonsense_by` more than it should."""
    nonsense_by: int = 0

    def grains(self, time_ms: int) -> int:
        """The exact count at an instant, which never wraps; nonsense is not counted."""
        if self.stuck_from_ms is not None:
            time_ms = min(time_ms, self.stuck_from_ms)
        total = self.initial * GRAINS + sum(flow.total(time_ms) for flow in self.flows)
        if self.backwards is not None:
            length_ms = self.backwards.end_ms - self.backwards.start_ms
            total -= self.backwards_by * self.backwards.elapsed_ms(time_ms) // length_ms
        return total

    def counted(self, time_ms: int) -> int:
        """The mantissa as it would stand on a register that never rolls over."""
        return self.grains(time_ms) // GRAINS

    def shown(self, time_ms: int) -> int:
        """The mantissa on the register's face."""
        mantissa = self.counted(time_ms)
        if self.nonsense is not None and time_ms in self.nonsense:
            mantissa += self.nonsense_by
        return int(mantissa % 10**self.digits)


@dataclass(frozen=True)
class Meter:
    """A virtual meter: what is printed on it, and its registers."""

    serial: str
    profile: str
    registers: tuple[Register, ...]

    def register(self, obis: str) -> Register | None:
        """The register of that name."""
        return next((r for r in self.registers if r.obis == obis), None)

    def shown(self, time_ms: int) -> dict[str, int]:
        """The mantissa of every register at an instant."""
        return {register.obis: register.shown(time_ms) for register in self.registers}
