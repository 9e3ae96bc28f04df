"""Old months in SQL: what goes into files, what the ledger lets go of, what comes back."""

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from gateway.history.archiving import Filed, HouseBook, Reading
from gateway.history.parquet import Header, Row
from gateway.mirror.points import Facts, Stood
from gateway.periods import Bounds
from gateway.sql.engine import Database
from gateway.sql.ledger import READING_COLUMNS
from gateway.sql.mirror import SqlMirrorLook
from gateway.sql.statements import named
from gateway.stream import Place

_SQL = named(Path(__file__).with_suffix(".sql"))
# A file's row begins with the ledger's, which begins with its key.
_KEY = 3


class ArchiveLedger:
    """An `ArchiveStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = database.connection
        self._look = SqlMirrorLook(self._sql)

    def ledger_id(self) -> str:
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO ledger_identity VALUES (1, ?) ON CONFLICT DO NOTHING",
                (secrets.token_hex(8),),
            )
            (found,) = connection.execute("SELECT ledger_id FROM ledger_identity").fetchone()
        return str(found)

    def oldest_ms(self) -> int | None:
        (oldest,) = self._sql.execute(_SQL["oldest"]).fetchone()
        return None if oldest is None else int(oldest)

    def houses(self) -> list[HouseBook]:
        return [HouseBook(*row) for row in self._sql.execute(_SQL["houses"])]

    def is_closed(self, house_no: int, period: str) -> bool:
        return self._sql.execute(_SQL["closed"], (house_no, period)).fetchone() is not None

    def owed(self, house_no: int, period: str) -> int:
        return int(self._sql.execute(_SQL["owed"], (house_no, period)).fetchone()[0])

    def waiting(self, within: Bounds) -> int:
        return int(self._sql.execute(_SQL["waiting"], tuple(within)).fetchone()[0])

    def registers(self, houses: tuple[int, int] | None) -> list[int]:
        if houses is None:
            rows = self._sql.execute(_SQL["registers-of-nobody"])
        else:
            rows = self._sql.execute(_SQL["registers-of-houses"], houses)
        return [int(row[0]) for row in rows]

    def readings(self, registers: Collection[int], within: Bounds) -> list[Reading]:
        numbers = json.dumps([[number] for number in sorted(registers)])
        rows = self._sql.execute(_SQL["readings"], (numbers, *within))
        return [(*row[:10], None if row[10] is None else bytes(row[10])) for row in rows]

    def facts(self, registers: Collection[int]) -> Mapping[int, Facts]:
        return self._look.facts(registers)

    def stood(self, registers: Collection[int]) -> Mapping[int, Sequence[Stood]]:
        return self._look.stood(registers)

    def files(self) -> list[Filed]:
        return [Filed(*row) for row in self._sql.execute(_SQL["files"])]

    def note_written(self, header: Header, file: str, now_ms: int) -> None:
        row = (header.digest, header.month, header.group, file, header.readings, now_ms)
        with self._database.transaction() as connection:
            connection.execute(_SQL["note-written"], row)

    def take_month(self, month: str, files: Sequence[Header], now_ms: int) -> int | None:
        expected = sum(one.readings for one in files)
        with self._database.transaction() as connection:
            (taken,) = connection.execute(_SQL["take-month"], (month, expected)).fetchone()
            if taken is not None:
                notes = [(now_ms, one.digest) for one in files]
                connection.executemany(_SQL["note-taken"], notes)
        return None if taken is None else int(taken)

    def take(self, rows: Sequence[Row]) -> int:
        with self._database.transaction() as connection:
            keys = json.dumps([row[:_KEY] for row in rows])
            stay = set(map(tuple, connection.execute(_SQL["stays"], (keys,))))
            go = json.dumps([row[:READING_COLUMNS] for row in rows if row[:_KEY] not in stay])
            connection.execute("INSERT INTO archiving_now VALUES (1)")
            taken = connection.execute(_SQL["take"], (go,)).rowcount
            connection.execute("DELETE FROM archiving_now")
        return taken

    def note_taken(self, digest: str, now_ms: int) -> None:
        with self._database.transaction() as connection:
            connection.execute(_SQL["note-taken"], (now_ms, digest))

    def put_back(self, rows: Sequence[Row]) -> int:
        with self._database.transaction() as connection:
            there = {one.key for one in self._look.readings({Place(*row[:2]) for row in rows})}
            missing = [row[:READING_COLUMNS] for row in rows if row[:_KEY] not in there]
            # A file is of one month.
            connection.execute("SELECT room_for_reading(?)", (rows[0].at_ms,))
            connection.executemany(_SQL["put-back"], missing)
        return len(missing)

    def note_restored(self, digest: str, now_ms: int) -> None:
        with self._database.transaction() as connection:
            connection.execute(_SQL["note-restored"], (now_ms, digest))
