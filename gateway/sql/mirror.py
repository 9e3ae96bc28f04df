"""What names readings in the mirror: their registers, where those stood, and who brought them."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gateway.mirror.points import Claimed, Facts, Stood
from gateway.sql.engine import Connection, Place, Server, snapshot
from gateway.sql.statements import named
from gateway.sql.stream import SqlStreamLook

_SQL = named(Path(__file__).with_suffix(".sql"))


class SqlMirrorLook(SqlStreamLook):
    """A `MirrorLook` over one connection."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._connection = connection

    def facts(self, registers: Collection[int]) -> Mapping[int, Facts]:
        rows = self._connection.execute(_SQL["facts"], (_numbers(registers),))
        return {row[0]: Facts(*row[1:]) for row in rows}

    def stood(self, registers: Collection[int]) -> Mapping[int, list[Stood]]:
        found: dict[int, list[Stood]] = defaultdict(list)
        for register_no, *stood in self._connection.execute(_SQL["places"], (_numbers(registers),)):
            found[register_no].append(Stood(*stood))
        return found

    def claimed(self, claims: Collection[int]) -> Mapping[int, Claimed]:
        rows = self._connection.execute(_SQL["claimed"], (_numbers(claims),))
        return {row[0]: Claimed(*row[1:]) for row in rows}


@contextmanager
def mirror_look(place: Place) -> Iterator[SqlMirrorLook]:
    """One look at the ledger where it is written."""
    with snapshot(written(place)) as connection:
        yield SqlMirrorLook(connection)


def written(place: Place) -> Place:
    """Where a ledger is written: a standby may not have come to the horizon yet."""
    return replace(place, reader=None) if isinstance(place, Server) else place


def _numbers(numbers: Collection[int]) -> str:
    return json.dumps([[number] for number in sorted(numbers)])
