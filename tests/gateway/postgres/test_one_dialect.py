"""Both engines understand every statement of gateway/sql with a name, whether tests use it or not.

Those that stand inside a function are run by its tests, with ledgers on either engine.
"""

import importlib
import pkgutil
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

import gateway.sql
from gateway.postgres.dialect import translated
from gateway.postgres.place import Server
from gateway.sql.engine import connect

_STATEMENT = re.compile(r"\s*(--[^\n]*\n\s*)*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")
# Beginnings and middles that other statements are put together of.
_FRAGMENTS = {"_OWN", "_SPANS", "_INSERT_READING", "_PLACED", "_KEYS"}
_PARAMETER = re.compile(r"%(?:\((\w+)\))?s")


def statements() -> Iterator[tuple[str, str]]:
    """The named statements and the constants of every module, by where they stand."""
    for found in pkgutil.iter_modules(gateway.sql.__path__):
        module = importlib.import_module(f"gateway.sql.{found.name}")
        before = vars(module).get("_OWN", "")
        for name, value in vars(module).items():
            if isinstance(value, dict) and name in {"_SQL", "SQL"}:
                for key, text in value.items():
                    yield f"{found.name} {key}", before * ("own_register" in text) + "\n" + text
            elif isinstance(value, str) and _STATEMENT.match(value) and name not in _FRAGMENTS:
                yield f"{found.name} {name}", value


def prepared(text: str) -> str:
    """A statement as PostgreSQL prepares it without knowing what will be given."""
    known: dict[str, int] = {}

    def put(mark: re.Match[str]) -> str:
        return f"${known.setdefault(mark[1] or f'?{len(known)}', len(known) + 1)}"

    asked = _PARAMETER.sub(put, translated(text.strip().rstrip(";")).text)
    return f"PREPARE one AS {asked.replace('%%', '%')}"


def test_a_file_understands_them(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "ledger.sqlite", "off")) as database:
        for _, text in statements():
            try:
                database.connection.execute(f"EXPLAIN {text}")
            except sqlite3.ProgrammingError as error:
                assert "binding" in str(error)  # noqa: PT017 - it was understood, nothing is given


def test_a_server_understands_them(server: Server) -> None:
    wrong = []
    with closing(psycopg.connect(server.conninfo, autocommit=True)) as session:
        for where, text in statements():
            try:
                session.execute(prepared(text).encode())
                session.execute("DEALLOCATE one")
            except psycopg.Error as error:
                wrong.append(f"{where}: {error}")
    assert wrong == []


@pytest.mark.parametrize("word", ["rowid", "INSERT OR", "PRAGMA", "sqlite_schema", "AUTOINCREMENT"])
def test_none_has_what_only_one_engine_knows(word: str) -> None:
    assert [where for where, text in statements() if word in text] == []
