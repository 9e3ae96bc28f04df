"""The ledger's schema comes from its migrations, whole or not at all."""

import sqlite3
from pathlib import Path

import pytest

from gateway.sql.outbox import OutboxLedger
from gateway.sql.statements import named
from gateway.sqlite import schema
from gateway.sqlite.connection import connect
from gateway.store import StoreError

pytestmark = pytest.mark.sqlite_only("SQLite's migrations; tests/gateway/postgres has the others")

VERSIONS = schema.MIGRATIONS / "versions"
Schema = list[tuple[str, str, str]]


def shape(connection: sqlite3.Connection) -> Schema:
    return connection.execute(
        "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL "
        "AND tbl_name <> 'alembic_version' ORDER BY name"
    ).fetchall()


def written() -> Schema:
    """The schema that the .sql files give by themselves, in the order of their numbers."""
    connection = sqlite3.connect(":memory:")
    for file in sorted(VERSIONS.glob("*.sql")):
        connection.executescript(file.read_text(encoding="utf-8"))
    return shape(connection)


def test_migrating_gives_the_written_schema(tmp_path: Path) -> None:
    database = connect(tmp_path / "ledger.db")
    assert shape(database.connection) == written()
    assert schema.version(database.connection) == schema.head()


def test_every_revision_has_its_sql_beside_it() -> None:
    scripts = {file.stem for file in VERSIONS.glob("[0-9]*.py")}
    assert scripts == {file.stem for file in VERSIONS.glob("*.sql")}
    assert min(scripts).startswith("0001_")


def test_every_table_is_strict(tmp_path: Path) -> None:
    database = connect(tmp_path / "ledger.db")
    tables = database.connection.execute(
        "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
    ).fetchall()
    loose = {name for name, strict in tables if not strict}
    assert loose <= {"alembic_version", "sqlite_schema", "sqlite_sequence", "sqlite_stat1"}


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    first = connect(tmp_path / "ledger.db")
    first.connection.execute("INSERT INTO tally VALUES ('batches', 1)")
    before = shape(first.connection)
    first.close()
    second = connect(tmp_path / "ledger.db")
    assert shape(second.connection) == before
    assert second.connection.execute("SELECT value FROM tally").fetchone() == (1,)


def test_a_ledger_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    database = connect(tmp_path / "ledger.db")
    database.connection.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    with pytest.raises(StoreError, match="has schema 9999, this program knows up to"):
        connect(tmp_path / "ledger.db")


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    connection.execute("CREATE TABLE quarantine_count (in_the_way)")
    with pytest.raises(Exception, match="quarantine_count"):
        schema.migrate(connection, tmp_path / "ledger.db")
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema")}
    assert names == {"quarantine_count"}


def test_statements_are_cut_at_their_ends() -> None:
    script = "-- one; of\nCREATE TABLE a (\n  b TEXT -- c;\n);\nINSERT INTO a VALUES (';');\n"
    assert len(list(schema.statements(script))) == 2


def test_a_statement_name_is_given_once(tmp_path: Path) -> None:
    file = tmp_path / "x.sql"
    file.write_text("-- head\n-- name: one\nSELECT 1;\n-- name: two\n-- why\nSELECT 2;\n")
    assert named(file) == {"one": "SELECT 1;", "two": "-- why\nSELECT 2;"}
    file.write_text("-- name: one\nSELECT 1;\n-- name: one\nSELECT 2;\n")
    with pytest.raises(ValueError, match="twice"):
        named(file)


def test_lines_closed_before_there_were_estimates_stand(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "ledger.db")
    for file in sorted(VERSIONS.glob("*.sql")):
        if file.stem < "0004":
            connection.executescript(file.read_text(encoding="utf-8"))
    connection.executescript(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);"
        "INSERT INTO alembic_version VALUES ('0003');"
        "INSERT INTO house VALUES (1, 'L5', 'Kaluga', 'Europe/Moscow');"
        "INSERT INTO point VALUES (1, 'P1', 1, NULL, 'house', 'electricity');"
        "INSERT INTO meter VALUES (1, 'A1', 'SDM120', 1);"
        "INSERT INTO register VALUES (1, 1, '1-0:1.8.0', 'kWh', -2, 1, 8, 1000, NULL);"
        "INSERT INTO closed_period VALUES (7, 1, '2026-09', 2), (8, 1, '2026-10', 3);"
        "INSERT INTO closing_line VALUES (3, '2026-09-000001', 7, 1, '1-0:1.8.0', 'kWh', NULL,"
        " NULL, 1, 0, NULL, 100, 1, 0, NULL, 100, 0, -2, 0, 'carried', ''),"
        " (4, '2026-10-000001', 8, 1, '1-0:1.8.0', 'kWh', NULL, NULL, 1, 0, NULL, 100,"
        " 1, 5, 0, 300, 200, -2, 0, 'actual', '');"
        "INSERT INTO event VALUES (1, '2026-10-000001', 8, x'7b7d');"
    )
    before = connection.execute("SELECT * FROM closing_line ORDER BY line_no").fetchall()
    connection.close()
    sql = connect(tmp_path / "ledger.db").connection
    assert sql.execute("PRAGMA foreign_key_check").fetchall() == []
    assert sql.execute("SELECT * FROM closing_line ORDER BY line_no").fetchall() == [
        (*line, source, "1", "billed", None, None, "missing")
        for line, source in zip(before, ("", "automatic"), strict=True)
    ]
    closed = sql.execute("SELECT closing_no, revision FROM closed_period")
    assert closed.fetchall() == [(7, 1), (8, 1)]
    sql.execute("INSERT INTO withdrawal VALUES (8, 9, 'Orlova', 'why')")
    assert sql.execute("SELECT line_id FROM closing_line").fetchall() == [("2026-09-000001",)]
    for damage in (
        "UPDATE written_line SET closing_no = 9",
        "INSERT INTO withdrawal VALUES (99, 9, 'Orlova', 'why')",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            sql.execute(damage)


def test_deliveries_from_before_a_target_could_leave_out_stand_as_they_were(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "ledger.db")
    for file in sorted(VERSIONS.glob("*.sql")):
        if file.stem < "0012":
            connection.executescript(file.read_text(encoding="utf-8"))
    connection.executescript(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);"
        "INSERT INTO alembic_version VALUES ('0011');"
        "INSERT INTO house VALUES (1, 'L5', 'Kaluga', 'Europe/Moscow');"
        "INSERT INTO written_closing VALUES (7, 1, '2026-09', 2, 1);"
        "INSERT INTO event VALUES (5, '2026-09-000001', 7, x'7b7d'), (6, '2026-09-000002', 7, x'');"
        "INSERT INTO delivery (target, event_no, state, attempts, next_at_ms, last_error,"
        " changed_at_ms) VALUES ('erp', 5, 'acknowledged', 1, 10, '', 11),"
        " ('erp', 6, 'refused', 2, 20, 'HTTP 422 no', 21),"
        " ('files', 5, 'pending', 3, 30, 'HTTP 503', 31);"
    )
    asked = (
        "SELECT target, event_no, state, attempts, next_at_ms, last_error, changed_at_ms"
        " FROM delivery ORDER BY target, event_no"
    )
    before = connection.execute(asked).fetchall()
    connection.close()
    database = connect(tmp_path / "ledger.db")
    sql = database.connection
    assert sql.execute(asked).fetchall() == before
    assert sql.execute("PRAGMA foreign_key_check").fetchall() == []
    (due,) = OutboxLedger(database).due("files", 30)
    assert (due.event_id, due.attempts, due.payload) == ("2026-09-000001", 3, b"{}")
    sql.execute("UPDATE delivery SET state = 'left-out' WHERE event_no = 6")
    for damage in ("UPDATE delivery SET state = 'lost'", "UPDATE delivery SET event_no = 99"):
        with pytest.raises(sqlite3.IntegrityError):
            sql.execute(f"{damage} WHERE target = 'files'")
    database.close()
