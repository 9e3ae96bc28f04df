"""History from the command line: months go into files and come back, roll-ups are compared."""

import json
from datetime import UTC, datetime
from pathlib import Path

from drivers.reading import to_ms
from gateway.sql.audit import SqlAudit
from tests.gateway.shell import refusal, run, said
from tests.gateway.town import DAY_MS, Town


def at(year: int, month: int, day: int) -> int:
    """Midnight in Moscow."""
    return to_ms(datetime(year, month, day, tzinfo=UTC)) - 3 * 3_600_000


def an_old_town(folder: Path) -> Town:
    """A meter read every day of three months of 2021, each closed."""
    (folder / "data").mkdir()
    town = Town(folder / "data")
    town.install("A1", town.point("P1"), at_ms=at(2021, 3, 1))
    for turn in range(93):
        town.read("A1", at(2021, 3, 1) + turn * DAY_MS, 10_000 + turn * 100)
    town.send()
    for period in ("2021-03", "2021-04", "2021-05"):
        town.close(period)
    return town


def test_months_go_and_come_back(tmp_path: Path) -> None:
    town = an_old_town(tmp_path)
    data = ("--data", tmp_path / "data")
    files = tmp_path / "files"
    files.mkdir()
    before = said("trace", "2021-04-000001", *data)
    asked = ("--before", "2021-05", "--out", files, *data, "--by", "Орлова", "--json")
    done = json.loads(said("history", "archive", *asked))
    assert [one["file"][:14] for one in done["files"]] == [
        "plomba-2021-02", "plomba-2021-03", "plomba-2021-04"
    ]  # fmt: skip
    assert sum(one["readings"] for one in done["files"]) == 62
    moved = sum(one["moved"] for one in done["files"])
    assert moved >= 55
    assert said("trace", "2021-04-000001", *data) == before
    paths = sorted(files.iterdir())
    verified = json.loads(said("history", "verify", *paths, "--json"))
    assert [one["readings"] for one in verified["files"]] == [1, 31, 30]
    assert "93 days, 4 months compared" in said("history", "check", *data)
    told = said("history", "restore", *paths, *data, "--by", "Орлова", "--json")
    assert sum(one["moved"] for one in json.loads(told)["files"]) == moved
    listed = json.loads(said("history", "list", *data, "--json"))["files"]
    assert all(one["taken_at_ms"] and one["restored_at_ms"] for one in listed)
    assert "93 days, 4 months compared" in said("history", "check", "--rebuild", *data)
    acts = [one.act.act for one in SqlAudit(town.store.database.connection).entries()]
    assert acts[-5:] == ["history-archive", *["history-restore"] * 3, "history-rebuild"]
    town.store.close()


def test_the_last_three_years_stay(tmp_path: Path) -> None:
    town = an_old_town(tmp_path)
    town.store.close()
    told = refusal("history", "archive", "--before", "2099-01", "--out", tmp_path,
                   "--data", tmp_path / "data")  # fmt: skip
    assert "2099-01 is too late: the last 36 months stay (history.keep_months)" in told


def test_a_roll_up_that_differs_fails_the_check(tmp_path: Path) -> None:
    town = an_old_town(tmp_path)
    data = ("--data", tmp_path / "data")
    assert said("history", "check", *data) == "93 days, 4 months compared\n"
    with town.store.transaction() as connection:
        connection.execute("UPDATE rollup_day SET readings = 2 WHERE day = '2021-04-05'")
    result = run("history", "check", *data)
    assert result.exit_code == 1
    assert "A1 1-0:1.8.0 2021-04-05: rolled up 2 from" in result.stdout
    assert result.stderr.startswith("Error: 2 roll-ups differ: history check --rebuild")
    said("history", "check", "--rebuild", *data)
    town.store.close()
