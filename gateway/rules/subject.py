"""What a rule looks at: a candidate reading, its register's dial, and the accepted neighbours."""

from typing import NamedTuple

from drivers.reading import ClockState, Resource, Source, Unit
from gateway.model import Level, went_over
from gateway.rules.parameters import Limits

MS_PER_H = 3_600_000


class Dial(NamedTuple):
    """A registered register as far as rules need it.

    `digits` counts from the last digit of the canonical power of ten: it rolls over at
    10^digits. `rate_max_per_h` is in units of that last digit per hour.
    """

    unit: Unit
    exponent: int
    digits: int
    rate_max_per_h: int
    resource: Resource | None

    @property
    def capacity(self) -> int:
        """The mantissa the register never reaches."""
        return int(10**self.digits)

    def text(self, mantissa: int) -> str:
        """A mantissa as a person reads it."""
        sign, digits = "-" * (mantissa < 0), str(abs(mantissa))
        if self.exponent >= 0:
            return f"{sign}{digits}{'0' * self.exponent} {self.unit}"
        digits = digits.zfill(1 - self.exponent)
        return f"{sign}{digits[: self.exponent]}.{digits[self.exponent :]} {self.unit}"


class Shown(NamedTuple):
    """A register in a meter's answer: what it showed, and what is known of it from before.

    `initial` is the mantissa it was installed with. `before` is the last accepted reading before
    this answer, None also where the answer came late and nobody has looked it up.
    """

    obis: str
    dial: Dial
    mantissa: int
    initial: int | None
    before: Level | None


class Company(NamedTuple):
    """What else stood in the answer that a reading came in.

    `shown` are its other registered registers. `absent` are registered and were not in it;
    `strange` were in it and are not registered, or came in another unit.
    """

    source: Source = Source.INTERVAL
    initial: int | None = None
    shown: tuple[Shown, ...] = ()
    absent: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()


ALONE = Company()


class Candidate(NamedTuple):
    """A reading to be judged: `mantissa` at the dial's exponent, `at_ms` in real time.

    `limits` are the rules' numbers for its resource at that time.
    """

    dial: Dial
    at_ms: int
    mantissa: int
    clock_state: ClockState
    clock_error_s: int
    now_ms: int
    limits: Limits
    obis: str = ""
    company: Company = ALONE


class History(NamedTuple):
    """What is stored around a candidate.

    `copies` are the values stored for the very instant. `before` and `after` are the nearest
    accepted readings. `unchanged_since_ms` is when the value of `before` was first read, None for
    a reading that came out of order. `openings` are the first accepted readings of the last
    periods of use, oldest first (see usage.py), empty for a reading that came out of order.
    """

    copies: tuple[int, ...] = ()
    before: Level | None = None
    after: Level | None = None
    unchanged_since_ms: int | None = None
    openings: tuple[Level, ...] = ()

    def pairs(self, candidate: Candidate) -> list[tuple[Level, Level]]:
        """The candidate with its neighbours, earlier one first."""
        level = Level(candidate.at_ms, candidate.mantissa)
        earlier = [] if self.before is None else [(self.before, level)]
        later = [] if self.after is None else [(level, self.after)]
        return earlier + later


class Advance(NamedTuple):
    """How far a register went from one reading to the next, and whether it rolled over between."""

    delta: int
    rolled: bool


def advance(earlier: int, later: int, dial: Dial) -> Advance:
    """The way between two mantissas; a decrease that is no rollover comes out negative."""
    delta, capacity = later - earlier, dial.capacity
    if went_over(earlier, later, capacity):
        return Advance(delta + capacity, rolled=True)
    return Advance(delta, rolled=False)
