"""Old months go into files whole, and nothing that anybody may still need leaves the ledger."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.explain.assembly import explain
from gateway.history import parquet
from gateway.history.archiving import archive, last_month, restore
from gateway.history.checking import Reading, in_days
from gateway.history.model import HistoryError
from gateway.review.words import Kind
from gateway.sql.archive import ArchiveLedger
from gateway.sql.explain import ExplainLedger
from gateway.sql.rollup import SqlRollupLook
from gateway.sql.store import SqlStore
from tests.gateway.history.test_rollups import follow
from tests.gateway.mirror.following import Follows
from tests.gateway.office import Office
from tests.gateway.town import DAY_MS, HOUR_MS, Town, local

BEFORE = "2026-10"


def clock() -> int:
    return local(11, 20)


def readings(store: SqlStore) -> list[tuple[int, ...]]:
    return store.database.connection.execute(
        "SELECT * FROM reading ORDER BY register_no, captured_at_ms, copy"
    ).fetchall()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A meter read every eight hours for two months, both closed."""
    town = Town(tmp_path / "town")
    town.folder.mkdir(exist_ok=True)
    yield town
    town.store.close()


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path) -> None:
    (tmp_path / "town").mkdir()
    (tmp_path / "out").mkdir()


def read_two_months(town: Town) -> None:
    town.install("A1", town.point("P1"))
    town.install("A2", town.point("P2", "13"))
    for turn in range(61 * 3 + 1):
        at_ms = local(9, 1) + turn * 8 * HOUR_MS
        for meter in ("A1", "A2"):
            town.read(meter, at_ms, 10_000 + turn * 33)
        if turn % 30 == 29:
            town.send()
    town.send()


def archived(town: Town, folder: Path, before: str = BEFORE) -> list[Path]:
    store = ArchiveLedger(town.store.database)
    return [one.file for one in archive(store, folder, before, clock)]


def test_a_month_goes_whole_and_comes_back_whole(town: Town, tmp_path: Path) -> None:
    read_two_months(town)
    town.close("2026-09")
    town.close("2026-10")
    follow(town.store)
    whole = readings(town.store)
    files = archived(town, tmp_path / "out", "2026-10")
    assert [file.name[:21] for file in files] == ["plomba-2026-08-g00000", "plomba-2026-09-g00000"]
    left = readings(town.store)
    gone = [one for one in whole if one not in left]
    # 60 days of September but for its opening, its closing and the meter's first one, of two meters
    assert len(gone) > 160
    assert not list((tmp_path / "out").glob(".*"))
    assert archived(town, tmp_path / "out", "2026-10") == []
    store = ArchiveLedger(town.store.database)
    assert sum(restore(store, file, clock).moved for file in files) == len(gone)
    assert readings(town.store) == whole


def test_rows_are_what_the_ledger_held(town: Town, tmp_path: Path) -> None:
    read_two_months(town)
    town.close("2026-09")
    town.close("2026-10")
    whole = readings(town.store)
    files = archived(town, tmp_path / "out")
    rows = [row for file in files for row in parquet.rows(file)]
    month = [one for one in whole if one[1] < rows[-1].at_ms + 1]
    assert sorted(row[:8] for row in rows) == month
    (one, *_) = rows
    assert one[8:10] == ("lesnaya-5", 1)
    assert len(one.batch_hash or b"") == 32
    assert one[11:] == ("A1", "1-0:1.8.0", "kWh", -2, "Лесная 5", "P1")
    table = pq.read_table(files[-1])
    assert table.column("captured_at").type == pa.timestamp("ms", tz="UTC")


def test_lines_are_explained_as_before(town: Town, tmp_path: Path) -> None:
    read_two_months(town)
    lines = [*town.close("2026-09").lines, *town.close("2026-10").lines]
    store = ExplainLedger(town.store.database.connection)
    before = [explain(store, line.line_id) for line in lines]
    assert archived(town, tmp_path / "out")
    assert [explain(store, line.line_id) for line in lines] == before
    marks = {line.closing_at_ms for line in lines} | {line.opening_at_ms for line in lines}
    assert marks <= {one[1] for one in readings(town.store)} | {local(9, 1)}


def test_what_people_said_and_decided_stays(town: Town, tmp_path: Path) -> None:
    read_two_months(town)
    office = Office(town)
    office.decide(Kind.REJECT, local(9, 10, 8))
    town.close("2026-09")
    town.close("2026-10")
    assert archived(town, tmp_path / "out")
    left = {one[1]: one[4] for one in readings(town.store) if one[0] == 1}
    assert left[local(9, 10, 8)] == 3
    assert local(9, 10, 16) not in left
    assert office.queue.disagreements() == []


def test_a_month_somebody_waits_for_does_not_go(town: Town, tmp_path: Path) -> None:
    read_two_months(town)
    with pytest.raises(HistoryError, match="has not closed 2026-08: close it first"):
        archived(town, tmp_path / "out")
    town.close("2026-09")
    with pytest.raises(HistoryError, match="has not closed 2026-10"):
        archived(town, tmp_path / "out", "2026-11")
    assert not list((tmp_path / "out").glob("plomba-2026-10*"))


def test_a_reading_in_doubt_keeps_its_month(town: Town, tmp_path: Path) -> None:
    read_two_months(town)
    town.read("A1", local(9, 9, 1), 9_000_000)
    town.send()
    town.close("2026-09")
    town.close("2026-10")
    with pytest.raises(HistoryError, match="2026-09: 1 readings wait for a person"):
        archived(town, tmp_path / "out")


def test_the_stream_and_the_roll_ups_do_not_take_it_for_a_change(
    town: Town, tmp_path: Path
) -> None:
    read_two_months(town)
    town.close("2026-09")
    town.close("2026-10")
    follow(town.store)
    follows = Follows(town.store)
    known = dict(follows.all())
    files = archived(town, tmp_path / "out")
    assert follow(town.store) == 0
    assert follows.all() == known
    look = SqlRollupLook(town.store.database.connection)
    rows = [row for file in files for row in parquet.rows(file)]
    mine = [Reading(row.at_ms, row.mantissa, row.flags) for row in rows if row.register_no == 1]
    days = in_days(1, mine, "Europe/Moscow")
    (day,) = look.days_of(1, "2026-09-15", "2026-09-15")
    assert days["2026-09-15"] == day
    # What stayed is followed as before, and the day of a month that is away stays as it was.
    with town.store.transaction() as connection:
        connection.execute("UPDATE reading SET flags = 2 WHERE captured_at_ms = ?", (local(9, 1),))
    before = look.days_of(1, "0", "9")
    assert follows.step()
    assert follow(town.store) == 1
    assert look.days_of(1, "0", "9") == before


class _KilledError(Exception):
    """The program is gone."""


class _Killed(ArchiveLedger):
    """A ledger whose program is killed at the `at`-th of its writes."""

    def __init__(self, town: Town, at: int) -> None:
        super().__init__(town.store.database)
        self.left = at

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise _KilledError

    def note_written(self, header: parquet.Header, file: str, now_ms: int) -> None:
        self._count()
        super().note_written(header, file, now_ms)
        self._count()

    def take_month(self, month: str, files: Sequence[parquet.Header], now_ms: int) -> int | None:
        self._count()
        return super().take_month(month, files, now_ms)

    def take(self, rows: object) -> int:
        self._count()
        return super().take(rows)  # type: ignore[arg-type]  # handed on as it came

    def note_taken(self, digest: str, now_ms: int) -> None:
        self._count()
        super().note_taken(digest, now_ms)


@pytest.mark.parametrize("at", range(10))
def test_killed_at_any_step_it_goes_on_and_nothing_is_lost(
    town: Town, tmp_path: Path, at: int
) -> None:
    read_two_months(town)
    town.close("2026-09")
    town.close("2026-10")
    whole = readings(town.store)
    folder = tmp_path / "out"
    # PostgreSQL lets go of a month at once and has fewer steps to be killed at.
    with suppress(_KilledError):
        for _ in archive(_Killed(town, at), folder, BEFORE, clock):
            pass
    archived(town, folder)
    rows = {row[:8] for file in folder.glob("*.parquet") for row in parquet.rows(file)}
    assert rows | set(readings(town.store)) == set(whole)
    files = ArchiveLedger(town.store.database).files()
    assert all(one.taken_at_ms for one in files)
    assert {one.file for one in files} == {file.name for file in folder.iterdir()}


@pytest.mark.parametrize("at", range(10))
def test_killed_on_its_second_way_a_month_stands_in_the_files_that_are_away(
    town: Town, tmp_path: Path, at: int
) -> None:
    """Its files have the digests they had; who deletes those called brought back loses nothing."""
    read_two_months(town)
    town.close("2026-09")
    town.close("2026-10")
    whole, folder = readings(town.store), tmp_path / "out"
    store = ArchiveLedger(town.store.database)
    for file in archived(town, folder):
        restore(store, file, clock)
    with suppress(_KilledError):
        for _ in archive(_Killed(town, at), folder, BEFORE, clock):
            pass
    archived(town, folder)
    away = [folder / one.file for one in store.files() if one.restored_at_ms is None]
    rows = {row[:8] for file in away for row in parquet.rows(file)}
    assert rows | set(readings(town.store)) == set(whole)


def test_a_day_of_a_month_on_its_way_is_not_made_of_what_is_left(
    town: Town, tmp_path: Path
) -> None:
    """Killed between letting go and noting it; a reading of such a day comes late meanwhile."""
    read_two_months(town)
    town.close("2026-09")
    town.close("2026-10")
    follow(town.store)
    look = SqlRollupLook(town.store.database.connection)
    before = look.days_of(1, "2026-09-15", "2026-09-15")
    store = _Killed(town, 9)
    with suppress(_KilledError):
        for _ in archive(store, tmp_path / "out", BEFORE, clock):
            pass
    town.read("A1", local(9, 15, 9), 10_000 + 43 * 33)
    town.send()
    follow(town.store)
    assert look.days_of(1, "2026-09-15", "2026-09-15") == before


def test_a_changed_file_is_refused(town: Town, tmp_path: Path) -> None:
    read_two_months(town)
    town.close("2026-09")
    town.close("2026-10")
    file = archived(town, tmp_path / "out")[-1]
    store = ArchiveLedger(town.store.database)
    table = pq.read_table(file)
    index = table.schema.get_field_index("mantissa")
    changed = pa.array([one + 1 for one in table.column(index).to_pylist()], pa.int64())
    forged = tmp_path / "forged.parquet"
    told = {
        name: text
        for name, text in (pq.read_metadata(file).metadata or {}).items()
        if name.startswith(b"plomba.")
    }
    table = table.set_column(index, table.schema.field(index), changed)
    pq.write_table(table.replace_schema_metadata(told), forged)
    with pytest.raises(HistoryError, match="take another copy of it"):
        restore(store, forged, clock)
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(HistoryError, match="is no Parquet file"):
        parquet.verify(cut)
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"a": [1]}), other)
    with pytest.raises(HistoryError, match="is no history file of format 1"):
        parquet.verify(other)


def test_a_file_of_another_ledger_is_refused(town: Town, tmp_path: Path) -> None:
    read_two_months(town)
    town.close("2026-09")
    town.close("2026-10")
    file = archived(town, tmp_path / "out")[-1]
    (tmp_path / "elsewhere").mkdir()
    other = Town(tmp_path / "elsewhere")
    with pytest.raises(HistoryError, match=r"is of ledger [0-9a-f]{16}, this is"):
        restore(ArchiveLedger(other.store.database), file, clock)
    other.store.close()


def test_three_years_are_kept_by_themselves() -> None:
    assert last_month(local(11, 22), 36) == "2023-11"
    assert last_month(local(11, 1) - DAY_MS, 13) == "2025-09"
