"""The parts of a year that a test may exchange for ones that are wrong in one way."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from gateway.sql.store import SqlStore, open_store
from simulators.year.books import Books
from simulators.year.road import Road


def _open(path: Path) -> SqlStore:
    return open_store(path, "off")


@dataclass(frozen=True)
class Parts:
    """How the parts are made; the real ones unless said otherwise."""

    store: Callable[[Path], SqlStore] = _open
    road: Callable[[str, int], Road] = Road
    books: Callable[[Random], Books] = Books
