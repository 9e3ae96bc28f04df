"""What a dwelling's meters showed, who says so, and what was used month by month.

Values are those of the ledger as they are: the first accepted reading of each month and, for the
last weeks, of each day (from the roll-ups), what people gave, and what each period was closed with.
What was used is what was billed: the lines of closed periods with their corrections, so that a
chart and a bill cannot differ, and a dwelling without a device has its months as well.

Beside it stands what the other dwellings of the house used on the average. It is shown only where
at least `DWELLINGS_MIN` others make it, and one's own is left out of it: with fewer, or with one's
own inside, a neighbour's use could be worked out.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from gateway.billing import Method
from gateway.periods import following, preceding

# With five others nobody's use follows from the average and one's own; with two it does, and with
# three or four two neighbours who talk know the rest.
DWELLINGS_MIN: Final = 5
# A year, so that each month stands beside the same one a year before.
MONTHS: Final = 12
# As many weeks as a dispute about a bill needs day by day.
DAYS_MS: Final = 35 * 86_400_000
# Twenty years of months, and as many claims and closings.
VALUES_MAX: Final = 1000
_READ = (Method.ACTUAL, Method.CHECK, Method.INTERPOLATED)


class Value(NamedTuple):
    """A value of a register: what it showed, when, who says so, and what became of it.

    `source` is ``device``, ``bill`` (what a period was closed with) or a claim's source;
    `standing` is a claim's state or a line's method, ``counts`` for a device. `photo_no` is that
    of the photo it was given with, `act` the number of its electronic act, `subject` what a
    dispute about it names.
    """

    at_ms: int
    meter: str
    value: Decimal
    source: str
    standing: str
    photo_no: int | None = None
    act: str = ""
    subject: str = ""


class Register(NamedTuple):
    """A register of a metering point, whatever meters carried it."""

    point: str
    resource: str
    obis: str
    unit: str


class Billed(NamedTuple):
    """A line of the dwelling, or a correction of one, in the period it is about."""

    register: Register
    period: str
    amount: Decimal
    is_read: bool


class Others(NamedTuple):
    """What was billed to the house's other dwellings, and how many they are."""

    total: Decimal
    dwellings: int


NOBODY: Final = Others(Decimal(), 0)


class Month(NamedTuple):
    """A period's use, that of the same month a year before, and of the house's other dwellings.

    None where there is none; `is_read` False where it is an estimate that no reading has settled.
    """

    period: str
    used: Decimal | None
    before: Decimal | None
    house: Decimal | None
    is_read: bool


class Kept(NamedTuple):
    """A register's values, the newest first, and its months, the oldest first."""

    register: Register
    meter: str
    values: tuple[Value, ...]
    months: tuple[Month, ...]

    @property
    def has_use(self) -> bool:
        """Whether there is anything to draw."""
        return any(one.used is not None or one.before is not None for one in self.months)


class History(NamedTuple):
    """A dwelling's history; `account` is the number of its personal account."""

    account: str
    address: str
    dwelling: str
    timezone: str
    at_ms: int
    registers: tuple[Kept, ...]

    @property
    def zone(self) -> ZoneInfo:
        """The clock on its wall."""
        return ZoneInfo(self.timezone)


def is_read(method: str) -> bool:
    """Whether a line of that method rests on what its meter showed."""
    return method in _READ


def ordered(values: Iterable[Value]) -> tuple[Value, ...]:
    """The newest first, no more than a page can bear."""
    return tuple(sorted(values, key=lambda one: (-one.at_ms, one.source)))[:VALUES_MAX]


def months(
    register: Register, own: Sequence[Billed], others: Mapping[str, Others], last: str
) -> tuple[Month, ...]:
    """The twelve periods up to `last`; `others` are by period."""
    used: dict[str, Decimal] = {}
    read: set[str] = set()
    for one in own:
        if one.register == register:
            used[one.period] = used.get(one.period, Decimal()) + one.amount
            # A correction by a reading makes of an estimate what was read.
            if one.is_read:
                read.add(one.period)
    wanted = [last]
    while len(wanted) < MONTHS:
        wanted.insert(0, preceding(wanted[0]))
    return tuple(
        Month(
            *(period, used.get(period), used.get(_year_before(period))),
            *(average(others.get(period, NOBODY)), period in read),
        )
        for period in wanted
    )


def average(others: Others) -> Decimal | None:
    """What dwellings used on the average, to the digit of the finest; None of too few of them."""
    if others.dwellings < DWELLINGS_MIN:
        return None
    exponent = int(others.total.as_tuple().exponent)
    return (others.total / others.dwellings).quantize(Decimal(1).scaleb(min(0, exponent)))


def since(last: str) -> str:
    """The first period that the months up to `last` need: two years of them."""
    return following(f"{int(last[:4]) - 2:04d}{last[4:]}")


def year_to(last: str) -> str:
    """The first of the twelve periods up to `last`."""
    return following(_year_before(last))


def _year_before(period: str) -> str:
    return f"{int(period[:4]) - 1:04d}{period[4:]}"
