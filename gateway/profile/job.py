"""The daily job: every house's local day is checked once, some hours after it is over.

It goes in small steps, so that ingest gets its turn in between: a step looks at a few registers
and remembers how far it came, and a gateway killed in between goes on there. A day is done again
when readings of it come late, or a person decides on one. The batches tell: one that was signed in
a day that was begun brings it up again, with its neighbours, for a gap over midnight belongs to
both. A day older than a month is left as it was found.
"""

from datetime import date, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gateway.model import Finding
from gateway.profile.day import DayProfile, Profiler
from gateway.profile.model import JobStore, Stand
from gateway.profile.slots import HOUR_MS, day_of, local_day

# Half a dozen registers with some hundred readings each: some ten milliseconds between two groups
# of ingest.
REGISTERS_PER_STEP = 6
BATCHES_PER_STEP = 2000
# An edge that was offline over midnight drains its spool first.
SETTLED_MS = 3 * HOUR_MS
# Late readings come within days; what is older was closed with its period.
DAYS_BACK = 31
# A poll round is signed when it ends, some minutes after its first meter answered at the most.
ROUND_MS = HOUR_MS
# A quarter of a year of hints, at most six for a register and day.
DAYS_KEPT = 92
_ONE_DAY = timedelta(days=1)


class Step(NamedTuple):
    """What one step did: a house's day, and whether that is done now."""

    house: str
    day: date
    registers: int
    findings: int
    done: bool


def step(store: JobStore, now_ms: int) -> Step | None:
    """Do a little of what is due; None when nothing is.

    To be called in a transaction.
    """
    for house, timezone in store.houses():
        zone = ZoneInfo(timezone)
        day = _due(store, house, zone, now_ms)
        if day is not None:
            return check(store, house, day, zone, now_ms)
    return None


def check(store: JobStore, house: str, day: date, zone: ZoneInfo, now_ms: int) -> Step:
    """The next registers of a house's day."""
    stand = store.stands(house, day).get(day, Stand(0, done=False))
    if not stand.register_no:
        store.begin(house, day)
        store.forget(house, day_of(now_ms, zone) - timedelta(days=DAYS_KEPT))
    span = local_day(day, zone)
    found: list[tuple[int, Finding]] = []
    registers = store.series.standing(
        house, span.from_ms, span.to_ms, stand.register_no, REGISTERS_PER_STEP
    )
    profiler = Profiler(store.series)
    for register in registers:
        profile = profiler.day(register, day)
        found += [] if profile is None else _of_register(profile)
    done = len(registers) < REGISTERS_PER_STEP
    last = registers[-1].register_no if registers else stand.register_no
    store.keep(house, day, Stand(last, done), found, now_ms)
    return Step(house, day, len(registers), len(found), done)


def bring_up(store: JobStore) -> bool:
    """Bring up again the days whose readings are new or decided on; False if nothing was new."""
    zones = {house: ZoneInfo(timezone) for house, timezone in store.houses()}
    late: set[tuple[str, date]] = set()
    arrived = store.arrivals(BATCHES_PER_STEP)
    for house, first_ms, last_ms in arrived:
        days = {day_of(at_ms, zones[house]) for at_ms in (first_ms - ROUND_MS, last_ms)}
        known = store.stands(house, min(days) - _ONE_DAY)
        for day in days & known.keys():
            late |= {(house, one) for one in (day - _ONE_DAY, day, day + _ONE_DAY) if one in known}
    for house, day in sorted(late):
        store.begin(house, day)
    return bool(arrived)


def _due(store: JobStore, house: str, zone: ZoneInfo, now_ms: int) -> date | None:
    """The newest day of a house that is over and not done."""
    newest = day_of(now_ms - SETTLED_MS, zone) - _ONE_DAY
    days = [newest - timedelta(days=back) for back in range(DAYS_BACK + 1)]
    stands = store.stands(house, days[-1])
    due = next((day for day in days if not stands.get(day, Stand(0, done=False)).done), None)
    # Asked last: it looks at every register of the house, and mostly nothing is due.
    first_ms = None if due is None else store.first_reading_ms(house)
    return None if first_ms is None or due is None or due < day_of(first_ms, zone) else due


def _of_register(profile: DayProfile) -> list[tuple[int, Finding]]:
    return [(profile.register.register_no, one) for one in profile.findings]
