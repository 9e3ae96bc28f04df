"""A SQLite house moves to PostgreSQL: the same rows, the same digest, or nothing at all."""

import itertools
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.postgres import moving
from gateway.postgres.place import Server
from gateway.sql.engine import snapshot
from gateway.sql.moving import digest_of, move
from gateway.sql.store import open_store
from gateway.sql.tables import whole
from gateway.sqlite import catalogue
from gateway.sqlite.connection import connect
from gateway.store import StoreError
from tests.gateway.estate import DAY_MS, GATEWAY_KEY, Ingest
from tests.gateway.shell import refusal, said
from tests.gateway.town import LEDGER_FILE, Town, local


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """A house with readings, a closed period and what stands to be handed over."""
    (tmp_path / "data").mkdir()
    town = Town(tmp_path / "data")
    town.install("M1", town.point("kitchen"))
    for day in range(1, 33):
        at_ms = local(9, 1) + day * DAY_MS
        town.read("M1", at_ms, 10_000 + 10 * day)
    town.send()
    town.close("2026-09")
    return town


def configs(folder: Path, server: Server) -> tuple[Path, Path]:
    here, there = folder / "here.toml", folder / "there.toml"
    here.write_text('data = "data"\n')
    there.write_text(
        f'data = "data"\n[ledger]\nserver = "{server.conninfo}"\nunsafe_without_fsync = true\n'
    )
    return here, there


def test_a_house_moves_whole_and_works_on(town: Town, server: Server, tmp_path: Path) -> None:
    town.store.close()
    here, there = configs(tmp_path, server)
    moved = json.loads(said("database", "move", "--config", here, "--to", there, "--json"))
    before = json.loads(said("database", "digest", "--config", here, "--json"))
    after = json.loads(said("database", "digest", "--config", there, "--json"))
    assert before == moved == after
    assert before["tables"]["reading"]["rows"] == 32
    assert "database move" in said("audit", "list", "--config", there).splitlines()[-1]
    assert "digest " + after["digest"] in said("database", "digest", "--config", there)

    town.store = open_store(server, "off")
    town.ingest = Ingest(town.store, GATEWAY_KEY)
    town.read("M1", local(10, 5), 10_500)
    assert town.send().counts["accepted"] == 1
    # Numbers go on after those that came.
    audit = "SELECT max(batch_no), count(*) FROM batch"
    highest, count = town.store.database.connection.execute(audit).fetchall()[0]
    assert highest == count
    town.store.close()
    assert json.loads(said("database", "digest", "--config", there, "--json")) != after


def test_what_is_not_empty_takes_nothing_in(town: Town, server: Server, tmp_path: Path) -> None:
    town.store.close()
    here, there = configs(tmp_path, server)
    said("database", "move", "--config", here, "--to", there)
    moved = digest_of(server)
    assert "is not empty (audit has rows)" in refusal(
        "database", "move", "--config", here, "--to", there
    )
    assert "on a server already" in refusal("database", "move", "--config", there, "--to", there)
    assert "ledger: missing" in refusal("database", "move", "--config", here, "--to", here)
    assert digest_of(server) == moved


def test_a_move_that_is_interrupted_leaves_nothing(town: Town, server: Server) -> None:
    town.store.close()
    file = town.folder / LEDGER_FILE
    empty = digest_of(server)

    def die(_: int) -> None:
        raise KeyboardInterrupt

    for asked in (1, 20, 60):
        with pytest.raises(KeyboardInterrupt):
            move_watched(file, server, asked, die)
        assert digest_of(server) == empty
    assert whole(move(file, server)) == whole(digest_of(file))


def test_nobody_writes_the_file_while_it_moves(town: Town, server: Server) -> None:
    town.store.close()
    file = town.folder / LEDGER_FILE
    tried = []

    def try_to_write(_: int) -> None:
        with closing(sqlite3.connect(file, timeout=0.01)) as sql:
            try:
                sql.execute("INSERT INTO tally VALUES ('late', 1)")
            except sqlite3.OperationalError as error:
                tried.append(str(error))

    move_watched(file, server, 60, try_to_write)
    assert tried == ["database is locked"]


def move_watched(file: Path, server: Server, number: int, seen: Callable[[int], None]) -> None:
    """Move a ledger; `seen` is called when it is read for the `number`-th time."""
    with closing(connect(file)) as source, source.transaction() as sql:
        assert isinstance(sql, sqlite3.Connection)
        asked = itertools.count(1)

        def rows(statement: str) -> Iterator[tuple[Any, ...]]:
            if next(asked) == number:
                seen(number)
            return catalogue.rows(sql, statement)

        moving.move(moving.Source(catalogue.tables(sql), rows), server)


def test_a_change_of_one_digit_shows_in_the_digest(town: Town) -> None:
    file = town.folder / LEDGER_FILE
    before = digest_of(file)
    with town.store.transaction() as sql:
        sql.execute(
            "UPDATE reading SET mantissa = mantissa + 1 WHERE captured_at_ms = ?",
            (local(9, 1) + DAY_MS,),
        )
    after = digest_of(file)
    town.store.close()
    assert [name for name in before if before[name] != after[name] and "change" not in name] == [
        "reading"
    ]
    assert whole(before) != whole(after)


def test_a_schema_of_another_version_is_refused(town: Town, server: Server) -> None:
    town.store.close()
    file = town.folder / LEDGER_FILE
    with closing(sqlite3.connect(file)) as sql:
        sql.execute("ALTER TABLE house ADD COLUMN colour TEXT")
    with pytest.raises(StoreError, match=r"schemas differ \(house\)"):
        move(file, server)
    with snapshot(server) as look:
        assert look.execute("SELECT count(*) FROM house").fetchall() == [(0,)]
