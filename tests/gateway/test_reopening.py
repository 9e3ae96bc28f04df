"""Reopening a period: everything it wrote is taken back, nothing changed, and it closes anew."""

import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import evidence
from gateway.audit import Entry
from gateway.closing import ClosingError
from gateway.closing_records import Closing
from gateway.config import LEDGER_FILE
from gateway.evidence import trace_document
from gateway.handoff.csv import CsvTarget
from gateway.handoff.event import event_maker
from gateway.handoff.target import DueEvent
from gateway.reopening import Person, Reopened, reopen_period
from gateway.sql.audit import SqlAudit
from gateway.sql.closed import ClosedLedger
from gateway.sql.estimates import EstimateLedger
from gateway.sql.outbox import OutboxLedger
from gateway.sql.trace import TraceLedger
from tests.gateway.test_corrections import WATER, month_start, norms
from tests.gateway.test_windows import CROSSING, SIX, SIX_DRAWN, agree
from tests.gateway.town import DAY_MS, HOUR_MS, HOUSE, Town, local
from tests.servers.ledgers import look

CLERK = Person("Smirnova", "test", "the wrong meter was read")


def flat(folder: Path) -> Town:
    town = Town(folder)
    town.install("W1", town.point("P1", resource="cold-water"), WATER)
    return town


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return flat(tmp_path)


def read(town: Town, *readings: tuple[int, int]) -> None:
    for at_ms, mantissa in readings:
        town.read("W1", at_ms, mantissa, WATER)
        town.send()


def close(town: Town, month: int) -> Closing:
    return town.close(now_ms=month_start(month + 1) + HOUR_MS)


def reopen(town: Town, period: str, now_ms: int | None = None) -> Reopened:
    return reopen_period(
        town.ledger, HOUSE, period, CLERK, town.now_ms if now_ms is None else now_ms,
        targets=town.targets, event_of=event_maker("urn:plomba:gateway:test"),
    )  # fmt: skip


def due(town: Town) -> list[dict[str, object]]:
    """Events in the outbox as they lie there."""
    rows = town.store.database.connection.execute("SELECT payload FROM event ORDER BY event_no")
    return [msgspec.json.decode(payload) for (payload,) in rows]


def september_and_october(town: Town) -> Closing:
    """Nobody read September, which is on account; October's reading corrects it."""
    norms(town, f"house,account,register,unit,since,amount\n{HOUSE},,8-0:1.0.0,m3,2026-01,6.5")
    close(town, 9)
    read(town, (local(11, 1), 20_000))
    return close(town, 10)


@pytest.fixture
def corrected(town: Town) -> Town:
    town.install("W9", town.point("P9", "14", "cold-water"), WATER)
    town.read("W9", local(9, 30), 3000, WATER)
    town.send()
    september_and_october(town)
    return town


def test_everything_a_closing_wrote_is_withdrawn_by_an_event_of_its_own(corrected: Town) -> None:
    before = {str(one["id"]) for one in due(corrected)}
    found = reopen(corrected, "2026-10")
    written = [one.withdraws for one in found.withdrawn]
    assert written == ["2026-10-000001", "2026-10-000002", "2026-09-000001-c1"]
    told = [one for one in due(corrected) if one["id"] not in before]
    assert [one["id"] for one in told] == [f"{one}-withdrawn" for one in written]
    assert {one["type"] for one in told} == {"plomba.billing.line-withdrawn.v1"}
    data = told[0]["data"]
    assert isinstance(data, dict)
    assert (data["withdraws"], data["why"]) == ("2026-10-000001", CLERK.why)
    deliveries = OutboxLedger(corrected.store.database).deliveries()
    assert {one.event_id for one in deliveries} == {str(one["id"]) for one in due(corrected)}


def test_nothing_that_reads_lines_sees_what_was_withdrawn(corrected: Town) -> None:
    connection = corrected.store.database.connection
    written = connection.execute("SELECT * FROM written_line").fetchall()
    reopen(corrected, "2026-10")
    estimates = EstimateLedger(connection)
    assert list(estimates.corrections(None, None)) == []
    assert list(ClosedLedger(corrected.store.database).closed("2026-10", None)) == []
    assert ClosedLedger(corrected.store.database).last_closed() == "2026-09"
    assert {one.period for one in estimates.obligations(None, only_open=False, limit=9)} == {
        "2026-09"
    }
    with look(corrected.folder / LEDGER_FILE) as overview:
        assert [one.period for one in overview.closed_periods(None, 9)] == ["2026-09"]
    of_withdrawn = "SELECT * FROM estimate WHERE line_no NOT IN (SELECT line_no FROM closing_line)"
    assert connection.execute(of_withdrawn).fetchall() == []
    # And nothing was changed.
    assert connection.execute("SELECT * FROM written_line").fetchall() == written


def test_obligations_are_as_before_the_closing(town: Town) -> None:
    norms(town, f"house,account,register,unit,since,amount\n{HOUSE},,8-0:1.0.0,m3,2026-01,6.5")
    read(town, (local(9, 1, 1), 0), (local(10, 1), 4000))
    close(town, 9)
    estimates = EstimateLedger(town.store.database.connection)
    november = (close(town, 10), close(town, 11))[1]
    opened = estimates.obligations(None, only_open=True, limit=9)
    assert [one.period for one in opened] == ["2026-11", "2026-10"]
    read(town, (local(12, 1), 20_000))
    # Closed already, so the reading counts in December, and ends both.
    read(town, (month_start(13), 30_000))
    december = close(town, 12)
    assert len(december.corrections) == 2
    assert estimates.obligations(None, only_open=True, limit=9) == []
    reopen(town, "2026-12")
    assert estimates.obligations(None, only_open=True, limit=9) == opened
    reopen(town, "2026-11")
    still = estimates.obligations(None, only_open=True, limit=9)
    assert [one.period for one in still] == ["2026-10"]
    assert november.lines[0].method == "norm"
    assert close(town, 11).lines[0].method == "actual"


def test_closed_again_the_lines_name_what_they_replace(corrected: Town) -> None:
    reopen(corrected, "2026-10")
    read(corrected, (local(10, 1), 9000))
    again = close(corrected, 10)
    assert [(one.line_id, one.replaces) for one in again.lines] == [
        ("2026-10-000001-r2", "2026-10-000001"),
        ("2026-10-000002-r2", "2026-10-000002"),
    ]
    (correction,) = again.corrections
    assert (correction.correction_id, correction.replaces) == (
        "2026-09-000001-c2", "2026-09-000001-c1",
    )  # fmt: skip
    reopen(corrected, "2026-10")
    third = close(corrected, 10)
    assert third.lines[0].line_id == "2026-10-000001-r3"
    assert third.lines[0].replaces == "2026-10-000001-r2"
    event = next(one for one in due(corrected) if one["id"] == "2026-10-000001-r3")
    assert isinstance(event["data"], dict)
    assert event["data"]["replaces"] == "2026-10-000001-r2"


def test_a_new_meter_takes_a_new_number(corrected: Town) -> None:
    reopen(corrected, "2026-10")
    corrected.install("W0", corrected.point("P0", "11", "cold-water"), WATER)
    lines = {one.point: one.line_id for one in close(corrected, 10).lines}
    assert lines == {
        "P0": "2026-10-000003-r2", "P1": "2026-10-000001-r2", "P9": "2026-10-000002-r2",
    }  # fmt: skip


def test_a_withdrawn_line_stays_traceable(corrected: Town) -> None:
    reopen(corrected, "2026-10")
    store = TraceLedger(corrected.store.database)
    gone = evidence.trace(store, "2026-10-000001")
    assert gone.withdrawal is not None
    assert (gone.withdrawal.by, gone.withdrawal.why) == (CLERK.actor, CLERK.why)
    assert gone.withdrawal.replaced_by is None
    assert (gone.opening_line, gone.line.closing_value) == ("2026-09-000001", Decimal(20))
    assert gone.stored is not None
    close(corrected, 10)
    gone = evidence.trace(store, "2026-10-000001")
    assert gone.withdrawal is not None
    assert gone.withdrawal.replaced_by == "2026-10-000001-r2"
    standing = evidence.trace(store, "2026-10-000001-r2")
    assert (standing.withdrawal, standing.opening_line) == (None, "2026-09-000001")
    told = trace_document(gone)["withdrawn"]
    assert isinstance(told, dict)
    assert told["replaced_by"] == "2026-10-000001-r2"


def test_who_reopened_stands_in_the_audit_log(corrected: Town) -> None:
    reopen(corrected, "2026-10")
    entries: list[Entry] = list(SqlAudit(corrected.store.database.connection).entries())
    act = entries[-1].act
    assert (act.actor, act.act, act.subject) == (CLERK.actor, "reopen-period", f"{HOUSE} 2026-10")
    assert (act.before, act.why) == ("closed, revision 1", CLERK.why)


@pytest.mark.parametrize(
    ("house", "period", "why", "said"),
    [
        (HOUSE, "2026-09", "because", "only the newest .* can be reopened: 2026-10, not 2026-09"),
        (HOUSE, "2026-11", "because", "only the newest"),
        ("nowhere", "2026-10", "because", "no house is called 'nowhere'"),
        (HOUSE, "2026-10", "  ", "expected a reason of 3 to 500 characters"),
        (HOUSE, "2026-10", "two\nlines", "in one line"),
    ],
)
def test_what_cannot_be_reopened_is_refused_in_words(
    corrected: Town, house: str, period: str, why: str, said: str
) -> None:
    with pytest.raises(ClosingError, match=said):
        reopen_period(
            corrected.ledger, house, period, CLERK._replace(why=why), 0,
            targets=(), event_of=event_maker("urn:test"),
        )  # fmt: skip
    assert corrected.store.database.connection.execute("SELECT * FROM withdrawal").fetchall() == []


def test_a_house_never_closed_has_nothing_to_reopen(town: Town) -> None:
    with pytest.raises(ClosingError, match="has no closed period"):
        reopen(town, "2026-10", 0)


async def test_billing_by_files_gets_withdrawals_in_a_file_of_their_own(
    corrected: Town, tmp_path: Path
) -> None:
    reopen(corrected, "2026-10")
    rows = corrected.store.database.connection.execute(
        "SELECT event_no, event_id, closing_no, 0, payload FROM event"
        " WHERE event_id LIKE '%-withdrawn' ORDER BY event_no"
    )
    events = [DueEvent(*row) for row in rows]
    await CsvTarget("erp", tmp_path / "out").deliver(events)
    (file,) = (tmp_path / "out").iterdir()
    assert file.name == "2026-10-withdrawn-2026-10-000001-Лесная-5.csv"
    lines = file.read_text().splitlines()
    assert lines[0].startswith("withdrawal_id,withdraws,line_id,period,house,")
    assert len(lines) == 1 + len(events)


class Story(NamedTuple):
    """Months read at their ends (None: not), after how many closings each reading comes.

    `contract` is a window as the CSV has it, None for whole months.
    """

    used: list[int]
    late: list[int | None]
    inner: list[tuple[int, int]]
    reopened: int
    contract: str | None


MONTHS = 5


@st.composite
def stories(draw: st.DrawFn) -> Story:
    return Story(
        draw(st.lists(st.integers(0, 20_000), min_size=MONTHS, max_size=MONTHS)),
        draw(st.lists(st.none() | st.integers(0, 2), min_size=MONTHS, max_size=MONTHS)),
        draw(st.lists(st.tuples(st.integers(0, 30 * MONTHS - 1), st.integers(0, 3)), max_size=5)),
        draw(st.integers(1, 3)),
        draw(st.sampled_from([None, None, SIX, SIX_DRAWN, CROSSING])),
    )


def arriving(story: Story) -> dict[int, list[tuple[int, int]]]:
    """The readings (instant, mantissa) by the closing before which they come."""
    start = month_start(9)
    shown = {start + HOUR_MS: 0}

    def at(moment_ms: int) -> int:
        total = 0
        for place, amount in enumerate(story.used):
            first, after = month_start(9 + place), month_start(10 + place)
            total += amount * (min(max(moment_ms, first), after) - first) // (after - first)
        return total

    found: dict[int, list[tuple[int, int]]] = {0: [*shown.items()]}
    for place, late in enumerate(story.late):
        if late is not None:
            moment = month_start(10 + place)
            found.setdefault(place + late, []).append((moment, at(moment)))
    for day, late in story.inner:
        moment = start + day * DAY_MS + 7 * HOUR_MS
        place = sum(moment >= month_start(10 + one) for one in range(MONTHS))
        found.setdefault(place + late, []).append((moment, at(moment)))
    return found


def standing(town: Town) -> list[object]:
    """All a ledger says that stands, without ids and without when it was said."""
    sql = town.store.database.connection
    queries = (
        """SELECT period, point_no, obis, opening_at_ms, opening_mantissa, opening_copy,
           closing_at_ms, closing_mantissa, closing_copy, consumption_mantissa,
           consumption_exponent, rollovers, method, reason, source, role
           FROM closing_line JOIN closed_period USING (closing_no) ORDER BY 1, 2, 3""",
        """SELECT was.period, now.period, difference_mantissa, c.method, c.reason,
           c.closing_at_ms, c.closing_mantissa FROM correction AS c
           JOIN closing_line AS l USING (line_no)
           JOIN closed_period AS was ON was.closing_no = l.closing_no
           JOIN closed_period AS now ON now.closing_no = c.closing_no
           ORDER BY 1, 2, 3, 4, 5, 6, 7""",
        """SELECT was.period, settled.period FROM estimate JOIN closing_line USING (line_no)
           JOIN closed_period AS was USING (closing_no)
           LEFT JOIN closed_period AS settled ON settled.closing_no = settled_no
           ORDER BY 1, 2""",
    )
    return [sql.execute(query).fetchall() for query in queries]


def lived(folder: Path, story: Story, *, twice: bool) -> list[object]:
    """A ledger whose last periods are closed only at the end, or closed before and reopened."""
    town = flat(folder)
    norms(town, f"house,account,register,unit,since,amount\n{HOUSE},,8-0:1.0.0,m3,2026-01,6.5")
    if story.contract is not None:
        agree(town, f",2026-09,{story.contract}")
    coming = arriving(story)
    until = MONTHS - story.reopened
    for place in range(MONTHS):
        read(town, *sorted(set(coming.get(place, [])), reverse=True))
        if place < until or twice:
            town.close(now_ms=month_start(10 + place) + 4 * DAY_MS)
    read(
        town, *sorted({one for place in range(MONTHS, MONTHS + 4) for one in coming.get(place, [])})
    )
    if twice:
        for month in range(8 + MONTHS, 8 + until, -1):
            year, number = divmod(month - 1, 12)
            reopen(town, f"{2026 + year}-{number + 1:02d}", month_start(9 + MONTHS) + 5 * DAY_MS)
    for place in range(until, MONTHS):
        town.close(now_ms=month_start(9 + MONTHS) + 6 * DAY_MS + place)
    found = standing(town)
    town.store.close()
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(stories())
def test_closed_reopened_and_closed_again_is_as_if_it_had_been_closed_once(story: Story) -> None:
    ledgers: Sequence[list[object]] = []
    with tempfile.TemporaryDirectory() as once, tempfile.TemporaryDirectory() as again:
        ledgers = [
            lived(Path(once), story, twice=False),
            lived(Path(again), story, twice=True),
        ]
    assert ledgers[0] == ledgers[1]
