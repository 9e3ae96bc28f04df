"""The day series asked of the ledger, and what its rules found. The statements are in the .sql."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway.model import Finding, Level, Severity
from gateway.profile.model import DayFinding, Stand, Standing
from gateway.profile.slots import local_day
from gateway.rules import VERSION
from gateway.sql.engine import Connection, Cursor
from gateway.sql.statements import named

_SQL = named(Path(__file__).with_suffix(".sql"))
# A meter with four tariffs, phases and maxima, more than once if it was moved on the day.
_REGISTERS_MAX = 500


class SeriesLedger:
    """A `SeriesStore` over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _rows(self, statement: str, *arguments: object, **named_arguments: object) -> list[Any]:
        return self._connection.execute(_SQL[statement], arguments or named_arguments).fetchall()

    def standing(
        self, house: str, from_ms: int, to_ms: int, after_no: int, limit: int
    ) -> list[Standing]:
        return self._standing(from_ms, to_ms, house=house, after_no=after_no, most=limit)

    def named(self, name: str, from_ms: int, to_ms: int) -> list[Standing]:
        return self._standing(from_ms, to_ms, name=name)

    def timezone_of(self, name: str) -> str | None:
        return next((str(row[0]) for row in self._rows("timezone-of", name=name)), None)

    def newest(self, register_no: int, until_ms: int, count: int) -> list[int]:
        return [int(row[0]) for row in self._rows("newest", register_no, until_ms, count)]

    def levels(self, register_no: int, from_ms: int, to_ms: int, limit: int) -> list[Level]:
        return [Level(*row) for row in self._rows("levels", register_no, from_ms, to_ms, limit)]

    def check_of(self, register: Standing, at_ms: int) -> Standing | None:
        rows = self._rows("checking-point", point_no=register.point_no, at_ms=at_ms)
        for (point_no,) in rows:
            for one in self._standing(at_ms, at_ms + 1, point_no=point_no):
                if (one.obis, one.unit) == (register.obis, register.unit):
                    return one
        return None

    def findings(self, house: str | None, days: tuple[str, str], limit: int) -> list[DayFinding]:
        first, last = days
        rows = self._rows("findings", house=house, first=first, last=last, most=limit)
        return [
            DayFinding._make((*row[:7], Finding(row[7], Severity(row[8]), row[9], row[10])))
            for row in rows
        ]

    def _standing(self, from_ms: int, to_ms: int, **asked: object) -> list[Standing]:
        anything: dict[str, object] = {
            "house": None, "name": None, "point_no": None, "after_no": 0, "most": _REGISTERS_MAX,
        }  # fmt: skip
        rows = self._rows("standing", **(anything | asked), from_ms=from_ms, to_ms=to_ms)
        return [Standing._make((*row[:-1], Fraction(row[-1]))) for row in rows]


class ProfileLedger:
    """A `JobStore` in the transaction of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.series = SeriesLedger(connection)

    def _run(self, statement: str, **arguments: object) -> Cursor:
        return self._connection.execute(_SQL[statement], arguments)

    def houses(self) -> list[tuple[str, str]]:
        return self._run("houses").fetchall()

    def first_reading_ms(self, house: str) -> int | None:
        ((first,),) = self._connection.execute(_SQL["first-reading"], (house,))
        return None if first is None else int(first)

    def stands(self, house: str, since: date) -> dict[date, Stand]:
        rows = self._connection.execute(_SQL["stands"], (house, since.isoformat()))
        return {
            date.fromisoformat(day): Stand(register_no, bool(done))
            for day, register_no, done in rows
        }

    def keep(
        self, house: str, day: date, stand: Stand, found: Sequence[tuple[int, Finding]], now_ms: int
    ) -> None:
        self._run(
            "keep-stand",
            house=house, day=day.isoformat(), register_no=stand.register_no, done=int(stand.done),
        )  # fmt: skip
        ((timezone,),) = self._connection.execute(
            "SELECT timezone FROM house WHERE name = ?", (house,)
        )
        end_ms = local_day(day, ZoneInfo(timezone)).to_ms
        fixed = {"day": day.isoformat(), "now_ms": now_ms, "version": VERSION, "to_ms": end_ms}
        for register_no, finding in found:
            self._run("keep-finding", register_no=register_no, **finding._asdict(), **fixed)

    def begin(self, house: str, day: date) -> None:
        for name in ("drop-stand", "drop-findings"):
            self._run(name, house=house, day=day.isoformat())

    def forget(self, house: str, before: date) -> None:
        for name in ("forget-stands", "forget-findings"):
            self._run(name, house=house, day=before.isoformat())

    def arrivals(self, limit: int) -> list[tuple[str, int, int]]:
        found = self._run("arrivals", most=limit).fetchall()
        found += self._run("decided", most=limit).fetchall()
        self._run("looked-through", most=limit)
        self._run("looked-at-decisions", most=limit)
        return found
