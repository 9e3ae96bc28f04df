"""Roll-ups in SQL: made from readings in a look, written with the cursor of their follower."""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gateway.history.model import Day, Rollup
from gateway.history.rollups import Made
from gateway.sql.engine import Connection, Place, snapshot
from gateway.sql.mirror import written
from gateway.sql.statements import named
from gateway.sql.stream import SqlStreamLook, StreamLedger
from gateway.stream import Cursor

_SQL = named(Path(__file__).with_suffix(".sql"))


class RollupLedger(StreamLedger):
    """A `RollupStore`."""

    def keep(self, name: str, was: Cursor, made: Made) -> bool:
        with self._database.transaction() as connection:
            if not self.move(name, was, made.reached):
                return False
            write(connection, made.days, made.rollups)
        return True


class SqlRollupLook(SqlStreamLook):
    """A `RollupLook` over one connection, and what charts and checks read."""

    def zones(self, registers: Collection[int]) -> Mapping[int, str]:
        numbers = json.dumps([[number] for number in sorted(registers)])
        return dict(self._sql.execute(_SQL["zones"], (numbers,)))

    def days(self, days: Collection[Day]) -> list[Rollup]:
        rows = self._sql.execute(_SQL["days"], (json.dumps(sorted(days)),))
        return [Rollup(*row) for row in rows]

    def archived(self) -> frozenset[str]:
        return frozenset(row[0] for row in self._sql.execute(_SQL["archived"]))

    def months_of(self, register_no: int, first: str, last: str) -> list[Rollup]:
        """A register's months, both named ones included."""
        rows = self._sql.execute(_SQL["months-of"], (register_no, first, last))
        return [Rollup(register_no, *row) for row in rows]

    def days_of(self, register_no: int, first: str, last: str) -> list[Rollup]:
        """A register's days, both named ones included."""
        rows = self._sql.execute(_SQL["days-of"], (register_no, first, last))
        return [Rollup(register_no, *row) for row in rows]

    def registered(self, after_no: int, limit: int) -> list[tuple[int, str, str]]:
        """Registered registers by number, each with its meter and name."""
        return self._sql.execute(_SQL["registers"], (after_no, limit)).fetchall()

    def raw(
        self, register_no: int, from_ms: int, to_ms: int, limit: int
    ) -> list[tuple[int, int, int]]:
        """Accepted readings of devices: time, mantissa and flags."""
        return self._sql.execute(_SQL["raw"], (register_no, from_ms, to_ms, limit)).fetchall()


def write(connection: Connection, days: Collection[Day], rollups: Collection[Rollup]) -> None:
    """Put rows for days, none for those that hold nothing, and make their months from the days."""
    held = {(one.register_no, one.span) for one in rollups}
    empty = [day[:2] for day in days if day[:2] not in held]
    months = sorted({(day.register_no, day.day[:7]) for day in days})
    connection.executemany(_SQL["drop-day"], empty)
    connection.executemany(_SQL["keep-day"], rollups)
    connection.executemany(_SQL["drop-month"], months)
    connection.execute(_SQL["keep-months"], (json.dumps(months),))


@contextmanager
def rollup_look(place: Place) -> Iterator[SqlRollupLook]:
    """One look at the ledger where it is written."""
    with snapshot(written(place)) as connection:
        yield SqlRollupLook(connection)
