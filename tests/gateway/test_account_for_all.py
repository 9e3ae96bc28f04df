"""Check meters, refusals, residents' norms, interference: the sum is always what was used.

Lines and corrections add up to the register's way whatever was billed on account meanwhile, and
beside them stands exactly what the acts of interference come to, each handed over once.
"""

import tempfile
from decimal import Decimal
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.reading import Resource, Unit
from gateway.acts.entering import Desk, enter
from gateway.closing_records import Closing
from gateway.sql.acts import ActLedger
from gateway.sql.audit import SqlAudit
from tests.gateway.test_acts_closing import COLUMNS, checks
from tests.gateway.test_corrections import WATER, Flat, month_start, norms
from tests.gateway.town import HOUR_MS, HOUSE, Town

MONTHS = 7
FIRST = 9
NO_LIMIT = {(Resource.COLD_WATER, Unit.M3): Decimal(10**9)}
KINDS = ("access-refused", "inspection", "interference")

Acts = list[tuple[str, int, int]]
"""Kind, the month before whose closing it is entered, day of that month."""


def lines_of(acts: Acts, place: int) -> list[str]:
    """The acts entered before the closing of a month, as CSV."""
    found = []
    for number, (kind, month, day) in enumerate(acts):
        if month == place:
            year, before = divmod(FIRST + place - 1, 12)
            made_on = f"{2026 + year}-{before + 1:02d}-{day:02d}"
            about = "P1,8-0:1.0.0,0.25," if kind == "interference" else ",,,"
            found.append(f"{kind},{number},{made_on},Петров,40112,{about}")
    return found


def enter_acts(town: Town, lines: list[str], now_ms: int) -> None:
    sql = town.store.database.connection
    with town.store.transaction():
        desk = Desk(ActLedger(sql), SqlAudit(sql), "Иванова", "test", now_ms)
        enter(desk, "\n".join([COLUMNS, *lines]).encode(), NO_LIMIT)


def lived_through(
    flat: Flat, used: list[int], is_read: list[bool], is_checked: list[bool], acts: Acts
) -> list[Closing]:
    """Months of a flat with a check meter beside, each midnight read or not; the last one is."""
    beside = flat._replace(serial="C1")
    closings, shown = [], 0
    for place in range(MONTHS):
        end = FIRST + 1 + place
        shown += used[place]
        if is_read[place] or place == MONTHS - 1:
            flat.read((end, shown))
        if is_checked[place]:
            beside.read((end, shown))
        now_ms = month_start(end) + HOUR_MS
        enter_acts(flat.town, lines_of(acts, place), now_ms)
        closings.append(flat.town.close(now_ms=now_ms))
    return closings


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    used=st.lists(st.integers(0, 30_000), min_size=MONTHS, max_size=MONTHS),
    is_read=st.lists(st.booleans(), min_size=MONTHS, max_size=MONTHS),
    is_checked=st.lists(st.booleans(), min_size=MONTHS, max_size=MONTHS),
    acts=st.lists(
        st.tuples(st.sampled_from(KINDS), st.integers(0, MONTHS - 1), st.integers(1, 28)),
        max_size=6,
    ),
)
def test_lines_corrections_and_charges_account_for_everything(
    used: list[int], is_read: list[bool], is_checked: list[bool], acts: Acts
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        town = Town(Path(folder))
        town.install("W1", town.point("P1", resource="cold-water"), WATER)
        second = town.point("P1-check", resource="cold-water")
        town.install("C1", second, WATER)
        checks(Flat(town, WATER), second, 1)
        norms(town, f"house,account,register,unit,since,amount\n{HOUSE},,8-0:1.0.0,m3,2026-01,6.5")
        flat = Flat(town, WATER)
        flat.read((FIRST, 0))
        closings = lived_through(flat, used, is_read, is_checked, acts)
        charges = list(ActLedger(town.store.database.connection).charges(None))
        town.store.close()
    lines = [line for closing in closings for line in closing.lines if line.point == "P1"]
    differences = [
        one.difference for closing in closings for one in closing.corrections if one.point == "P1"
    ]
    total = sum((line.consumption for line in lines), Decimal()) + sum(differences, Decimal())
    assert total == Decimal(sum(used)).scaleb(-3)
    handed = [one.charge_id for closing in closings for one in closing.charges]
    assert sorted(handed) == [one.charge_id for one in charges]
    assert len(handed) == sum(kind == "interference" for kind, _, _ in acts)
    assert all(one.amount == 6 * (one.until_on - one.first_on).days for one in charges)
