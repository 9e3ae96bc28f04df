"""What the schema gives PostgreSQL so that it speaks the dialect, and how it guards what stands."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from gateway.__main__ import main
from gateway.postgres.place import Server
from gateway.sql.engine import Connection, connect, exists


@pytest.fixture
def sql(server: Server) -> Iterator[Connection]:
    with closing(connect(server, "off")) as database:
        yield database.connection


@pytest.mark.parametrize(
    ("expression", "given", "expected"),
    [
        ("max(CAST(? AS BIGINT), CAST(? AS BIGINT))", (2, 10), 10),
        ("max(CAST(? AS BIGINT), CAST(? AS BIGINT))", (2, None), None),
        ("min(CAST(? AS BIGINT), CAST(? AS BIGINT))", (2, 10), 2),
        ("max(CAST(? AS TEXT), CAST(? AS TEXT))", ("2026-9", "2026-10"), "2026-9"),
        ("hex(?)", (b"\x0a\xff",), "0AFF"),
        ("hex(CAST(? AS BYTEA))", (None,), ""),
        ("instr('heat gas', ?)", ("gas",), 6),
        ("instr('heat gas', ?)", ("x",), 0),
    ],
)
def test_functions_mean_what_they_mean_on_sqlite(
    sql: Connection, expression: str, given: tuple[Any, ...], expected: object
) -> None:
    assert sql.execute(f"SELECT {expression}", given).fetchone() == (expected,)


def test_a_json_array_is_rows_in_its_order(sql: Connection) -> None:
    wanted = json.dumps([7, "Лесная \\ 5", [3, "x"], None])
    rows = sql.execute("SELECT key, atom FROM json_each(?) ORDER BY key", (wanted,))
    assert rows.fetchall() == [(0, "7"), (1, "Лесная \\ 5"), (2, None), (3, None)]
    pairs = "SELECT CAST(w.value ->> 0 AS BIGINT), w.value ->> 1 FROM json_each(?) w ORDER BY w.key"
    assert sql.execute(pairs, ('[[3, "x"], [2, null]]',)).fetchall() == [(3, "x"), (2, None)]
    empty = "SELECT json_group_array(w.atom) FROM json_each(?) w"
    assert json.loads(sql.execute(empty, ("[]",)).fetchone()[0]) == []
    assert json.loads(sql.execute(empty, ('["a", "b"]',)).fetchone()[0]) == ["a", "b"]


def test_texts_are_ordered_by_their_bytes_whatever_the_server_thinks(sql: Connection) -> None:
    for name in ("б", "Я", "a", "B", "а"):
        sql.execute("INSERT INTO house (name, address, timezone) VALUES (?, '', 'UTC')", (name,))
    assert [name for (name,) in sql.execute("SELECT name FROM house ORDER BY name")] == [
        "B", "a", "Я", "а", "б",
    ]  # fmt: skip


def test_a_text_with_a_nul_is_kept_without_it_and_finds_nothing(sql: Connection) -> None:
    sql.execute("INSERT INTO house (name, address, timezone) VALUES (?, '', 'UTC')", ("a\0b",))
    assert sql.execute("SELECT name FROM house").fetchone() == ("a\ufffdb",)
    assert sql.execute("SELECT 1 FROM house WHERE name = ?", ("a\0",)).fetchone() is None


@pytest.mark.parametrize("table", ["audit", "decision", "act"])
def test_what_is_only_added_to_is_not_emptied_either(sql: Connection, table: str) -> None:
    with pytest.raises(psycopg.IntegrityError, match="only added to"):
        sql.execute(f"TRUNCATE {table} CASCADE")


def test_the_newest_closed_period_of_a_house_follows_its_closings(sql: Connection) -> None:
    sql.execute("INSERT INTO house (name, address, timezone) VALUES ('A', '', 'UTC')")
    newest = "SELECT newest_closed FROM house"
    for period in ("2026-10", "2026-09"):
        sql.execute(
            "INSERT INTO written_closing (house_no, period, closed_at_ms) VALUES (1, ?, 0)",
            (period,),
        )
        assert sql.execute(newest).fetchone() == ("2026-10",)
    sql.execute("INSERT INTO withdrawal VALUES (1, 0, 'x', 'y')")
    assert sql.execute(newest).fetchone() == ("2026-09",)


def test_a_command_makes_no_ledger_in_a_database_without_one(
    bare: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLOMBA_GATEWAY_LEDGER__SERVER", bare.conninfo)
    monkeypatch.setenv("PLOMBA_GATEWAY_LEDGER__UNSAFE_WITHOUT_FSYNC", "true")
    told = CliRunner().invoke(main, ["balance", "--data", str(tmp_path)])
    assert (told.exit_code, told.stderr.count("\n")) == (1, 1)
    assert "no ledger in PostgreSQL" in told.stderr
    assert not exists(bare)
