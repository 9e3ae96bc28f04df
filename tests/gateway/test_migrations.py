"""The ledger's schema comes from its migrations, whole or not at all."""

import sqlite3
from pathlib import Path

import pytest

from gateway.sqlite import schema
from gateway.sqlite.connection import connect
from gateway.sqlite.statements import named
from gateway.store import StoreError

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


def test_lines_closed_before_there_were_estimates_are_kept(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "ledger.db")
    for file in sorted(VERSIONS.glob("*.sql")):
        if file.stem < "0006":
            connection.executescript(file.read_text(encoding="utf-8"))
    connection.executescript(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);"
        "INSERT INTO alembic_version VALUES ('0005');"
        "INSERT INTO house VALUES (1, 'L5', 'Kaluga', 'Europe/Moscow');"
        "INSERT INTO point VALUES (1, 'P1', 1, NULL, 'house', 'electricity');"
        "INSERT INTO meter VALUES (1, 'A1', 'SDM120', 1);"
        "INSERT INTO register VALUES (1, 1, '1-0:1.8.0', 'kWh', -2, 1, 8, 1000, NULL);"
        "INSERT INTO closed_period VALUES (7, 1, '2026-09', 2);"
        "INSERT INTO closing_line VALUES (3, '2026-09-000001', 7, 1, '1-0:1.8.0', 'kWh', NULL,"
        " NULL, 1, 0, NULL, 100, 1, 1, 0, 300, 200, -2, 0, 'actual', '');"
    )
    before = connection.execute("SELECT * FROM closing_line").fetchall()
    connection.close()
    database = connect(tmp_path / "ledger.db")
    sql = database.connection
    assert sql.execute("SELECT * FROM closing_line").fetchall() == before
    assert sql.execute("PRAGMA foreign_key_check").fetchall() == []
    with pytest.raises(sqlite3.IntegrityError):
        sql.execute("UPDATE closing_line SET closing_no = 8")
