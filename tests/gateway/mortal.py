"""A program that dies at its k-th step: a statement to the ledger, or a word with a target.

Statements are counted one by one, those inside a transaction and its COMMIT too, so that nothing
lies between two steps that could be done by half.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.sqlite.connection import Database


class KilledError(BaseException):
    """The process ends here."""


class Fate:
    """How many steps are left; 0 for as many as there are."""

    def __init__(self, left: int = 0) -> None:
        self.left = left

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise KilledError


@contextmanager
def ledger(file: Path, fate: Fate) -> Iterator[Database]:
    class Mortal(sqlite3.Connection):
        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            fate.step()
            return super().execute(*arguments)

        def executemany(self, *arguments: Any) -> sqlite3.Cursor:
            fate.step()
            return super().executemany(*arguments)

    connection = sqlite3.connect(file, isolation_level=None, factory=Mortal)
    try:
        yield Database(connection)
    finally:
        connection.close()
