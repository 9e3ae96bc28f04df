"""Killed at every step there is, hand-off loses nothing and tells no withdrawal before its line."""

import asyncio
import csv
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from gateway.config import LEDGER_FILE
from gateway.handoff import target
from gateway.handoff.csv import CsvTarget
from gateway.handoff.pump import LAST_DELAY_S, Pump
from gateway.handoff.reconcile import reconcile
from gateway.handoff.target import Answer, DueEvent, State, Target
from gateway.sql.outbox import OutboxLedger
from gateway.sql.reconcile import ReconcileLedger
from tests.gateway.mortal import Fate, KilledError, ledger
from tests.gateway.town import DAY_MS, Town, local

pytestmark = pytest.mark.sqlite_only("what dies at each statement is a sqlite3 connection")

NOW_MS = local(10, 2)
LATER_MS = round(LAST_DELAY_S * 1000)
NEW_YEAR = local(12, 1) + 32 * DAY_MS
LINES = [f"2026-09-{number:06d}" for number in (1, 2, 3)]
AGAIN = [f"2026-09-{number:06d}-r2" for number in (1, 2, 3)]


class Billing:
    """Remembers what it was given; a step before it hears us, and one before we hear it."""

    name = "erp"

    def __init__(self, fate: Fate, seen: list[str], *, down: Sequence[str] = ()) -> None:
        self._fate = fate
        self._seen = seen
        self.down = {*down}

    async def deliver(self, events: Sequence[DueEvent]) -> list[Answer]:
        self._fate.step()
        heard = [one for one in events if one.event_id not in self.down]
        self._seen += [one.event_id for one in heard]
        self._fate.step()
        return [
            target.ACKNOWLEDGED if one in heard else target.failed("HTTP 503") for one in events
        ]


def reopened(folder: Path) -> Town:
    """Three lines, taken back and closed again, before anybody was told of anything."""
    town = Town(folder, targets=("erp", "files"))
    for number in (1, 2, 3):
        town.install(f"A{number}", town.point(f"P{number}", str(number)))
        town.read(f"A{number}", local(10, 1), 12_000)
    town.send()
    town.close("2026-09", now_ms=NOW_MS)
    town.reopen("2026-09", NOW_MS + 1)
    town.close("2026-09", now_ms=NOW_MS + 2)
    return town


def life(file: Path, fate: Fate, *targets: Target, now_ms: int) -> bool:
    """One round of a program; False if it was killed."""
    try:
        with ledger(file, fate) as database:
            pump = Pump(OutboxLedger(database), targets, Random(1))
            asyncio.run(pump.once(now_ms))
    except KilledError:
        return False
    return True


def in_files(folder: Path) -> Counter[str]:
    """How often each record stands in the files."""
    found: Counter[str] = Counter()
    for path in folder.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                found[row.get("withdrawal_id") or row["line_id"]] += 1
    return found


@pytest.mark.parametrize("deaths", [1, 2])
def test_killed_at_any_step_it_hands_over_everything_in_order(tmp_path: Path, deaths: int) -> None:
    origin = tmp_path / "origin"
    origin.mkdir()
    reopened(origin).store.close()
    everything = {*LINES, *AGAIN, *(f"{one}-withdrawn" for one in LINES)}
    step, survived = 0, False
    while not survived:
        step += 1
        folder = tmp_path / str(step)
        shutil.copytree(origin, folder)
        file = folder / LEDGER_FILE
        seen: list[str] = []
        fates = [*(Fate(step) for _ in range(deaths)), Fate()]
        lives = [
            life(
                file,
                fate,
                Billing(fate, seen),
                CsvTarget("files", folder / "out"),
                now_ms=NOW_MS + 3,
            )
            for fate in fates
        ]
        survived = lives[0]
        assert set(seen) == everything, step
        assert [*dict.fromkeys(seen)] == [*LINES, *(f"{one}-withdrawn" for one in LINES), *AGAIN]
        assert in_files(folder / "out") == dict.fromkeys(everything, 1), step
        with ledger(file, Fate()) as database:
            book = ReconcileLedger(database.connection).book("2026-09", None)
        found = reconcile(book, "2026-09", None)
        assert found.problems == (), step
        assert {one.target: one.shares[State.ACKNOWLEDGED].records for one in found.targets} == {
            "erp": 9,
            "files": 9,
        }
        shutil.rmtree(folder)
    assert step > 30  # a few steps would mean that none was counted


def test_a_withdrawal_waits_for_its_line_and_holds_up_no_other(tmp_path: Path) -> None:
    file = tmp_path / LEDGER_FILE
    reopened(tmp_path).store.close()
    seen: list[str] = []
    billing = Billing(Fate(), seen, down=LINES[:1])
    assert life(file, Fate(), billing, now_ms=NOW_MS + 3)
    assert seen == [*LINES[1:], *(f"{one}-withdrawn" for one in LINES[1:]), *AGAIN]
    billing.down.clear()
    assert life(file, Fate(), billing, now_ms=NOW_MS + 3 + LATER_MS)
    assert seen[-2:] == [LINES[0], f"{LINES[0]}-withdrawn"]


def test_a_correction_waits_for_its_line(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.install("A1", town.point("P1"))
    for month, value in ((10, 11_000), (11, 12_000), (12, 13_000)):
        town.read("A1", local(month, 1), value)
        town.send()
        town.close(now_ms=local(month, 2))
    town.close("2026-12", now_ms=NEW_YEAR)
    town.read("A1", NEW_YEAR + 31 * DAY_MS, 15_000)
    town.send()
    closed = town.close("2027-01", now_ms=NEW_YEAR + 32 * DAY_MS)
    town.store.close()
    (correction,) = closed.corrections
    seen: list[str] = []
    billing = Billing(Fate(), seen, down=[correction.line_id])
    assert life(tmp_path / LEDGER_FILE, Fate(), billing, now_ms=NEW_YEAR + 33 * DAY_MS)
    assert correction.correction_id not in seen
    assert closed.lines[0].line_id in seen
    billing.down.clear()
    assert life(tmp_path / LEDGER_FILE, Fate(), billing, now_ms=NEW_YEAR + 34 * DAY_MS)
    assert seen[-2:] == [correction.line_id, correction.correction_id]


def test_a_period_whose_file_could_not_be_written_is_one_file_later(tmp_path: Path) -> None:
    reopened(tmp_path).store.close()
    out = tmp_path / "out"
    out.write_text("a file where the folder should be")
    file, files = tmp_path / LEDGER_FILE, CsvTarget("files", out)
    for turn in range(3):
        assert life(file, Fate(), files, now_ms=NOW_MS + 3 + turn * LATER_MS)
    out.unlink()
    # Second by second: whatever was due a little earlier would be a file of its own.
    for second in range(40):
        assert life(file, Fate(), files, now_ms=NOW_MS + 3 + 2 * LATER_MS + second * 500)
    assert len([*out.glob("*.csv")]) == 3
    assert set(in_files(out).values()) == {1}


def test_what_was_acknowledged_stays_so_whatever_a_second_program_heard(tmp_path: Path) -> None:
    town = reopened(tmp_path)
    outbox = OutboxLedger(town.store.database)
    first = outbox.due("erp", NOW_MS + 3)
    outbox.record("erp", [target.Attempt(one.event_no, target.ACKNOWLEDGED, 0) for one in first], 0)
    late = target.refused("HTTP 409 I have this one")
    outbox.record("erp", [target.Attempt(one.event_no, late, 0) for one in first], 0)
    assert list(outbox.deliveries(State.REFUSED)) == []
    town.store.close()
