"""Closing periods in SQLite: each question one statement over the whole house.

The readings of a period are never fetched. The spans go into a temporary table, and the ledger's
primary key answers for each of them which reading closes it and how often the register went over
its end.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from itertools import groupby
from typing import Any

from drivers.reading import Resource
from gateway.billing import BILLED_UNITS, Facts, Installation, Mark, ReadingKey, Span
from gateway.closing import (
    Beginning,
    BilledRegister,
    ClosingLine,
    ClosingTransaction,
    Event,
    House,
    NewLine,
    Norms,
    RegisterKey,
)
from gateway.correcting import CorrectedLine, Correction, Owed
from gateway.estimating import PastLine
from gateway.estimation.terms import Cause
from gateway.model import Level
from gateway.periods import Bounds
from gateway.sqlite import estimates, norms
from gateway.sqlite.connection import Database
from gateway.sqlite.marks import mark, mark_columns

# Running totals, kept in the transactions they count.
LINES_CLOSED = "lines_closed"

BILLED = ", ".join(f"'{unit}'" for unit in sorted(BILLED_UNITS))

# Registered registers that count something, with every meter that stood at the point.
_REGISTERS = f"""
SELECT point_no, obis, unit, resource, account.number, account.dwelling,
       register_no, exponent, digits,
       installed_at_ms, initial_mantissa, removed_at_ms, final_mantissa,
       out_of_order.from_ms, out_of_order.cause
FROM point
LEFT JOIN account USING (account_no)
JOIN installation USING (point_no)
JOIN installation_value USING (installation_no)
JOIN register USING (register_no)
LEFT JOIN out_of_order ON out_of_order.meter_no = register.meter_no AND fit_at_ms IS NULL
WHERE point.house_no = ? AND registered = 1 AND installed_at_ms < ? AND unit IN ({BILLED})
ORDER BY point.name, obis, unit, installed_at_ms
"""  # noqa: S608 - the units are our own constants

# The newest line of each register says where its next one opens.
_OPENINGS = """
SELECT point_no, obis, unit,
       closing_register_no, closing_at_ms, closing_copy, closing_mantissa
FROM closing_line
WHERE line_no IN (
    SELECT max(line_no) FROM closing_line JOIN point USING (point_no)
    WHERE house_no = ? GROUP BY point_no, obis, unit)
"""

_SPANS = """
CREATE TEMP TABLE IF NOT EXISTS span (
    span_no INTEGER PRIMARY KEY, register_no INTEGER, start_ms INTEGER, start_mantissa INTEGER,
    from_ms INTEGER, end_ms INTEGER, until_ms INTEGER, removed_ms INTEGER) STRICT
"""

# The first accepted reading from the period's end on, else the last one before it.
_LAST = """
SELECT span_no, captured_at_ms, copy, mantissa FROM span
JOIN reading ON reading.register_no = span.register_no AND state = 0
AND captured_at_ms = COALESCE(
    (SELECT min(captured_at_ms) FROM reading
     WHERE register_no = span.register_no AND state = 0
       AND captured_at_ms >= max(span.from_ms, span.end_ms) AND captured_at_ms < until_ms),
    (SELECT max(captured_at_ms) FROM reading
     WHERE register_no = span.register_no AND state = 0
       AND captured_at_ms >= span.from_ms
       AND captured_at_ms < min(span.end_ms, span.until_ms)))
ORDER BY span_no, copy DESC
"""

# The first accepted reading too late to close a span without any.
_AFTER = """
SELECT span_no, captured_at_ms, mantissa, flags & 1 FROM span
JOIN reading ON reading.register_no = span.register_no AND state = 0
AND captured_at_ms = (
    SELECT min(captured_at_ms) FROM reading
    WHERE register_no = span.register_no AND state = 0 AND captured_at_ms >= until_ms
      AND captured_at_ms < removed_ms)
WHERE span_no IN (SELECT value FROM json_each(?))
ORDER BY span_no, copy DESC
"""

# A reading flagged as rolled over counts only where it is below the accepted one before it: a late
# reading that arrived between the two carries the flag as well.
_ROLLOVERS = """
SELECT span_no, count(*) FROM span
JOIN reading AS this ON this.register_no = span.register_no AND this.state = 0
    AND this.flags & 1 AND this.captured_at_ms > start_ms AND this.captured_at_ms <= end_ms
WHERE this.mantissa < COALESCE(
    (SELECT before.mantissa FROM reading AS before
     WHERE before.register_no = this.register_no AND before.state = 0
       AND before.captured_at_ms > start_ms AND before.captured_at_ms < this.captured_at_ms
     ORDER BY before.captured_at_ms DESC LIMIT 1), start_mantissa)
GROUP BY span_no
"""

_BEGINNING = """
SELECT min(installed_at_ms),
       min((SELECT min(captured_at_ms) FROM reading
            WHERE reading.register_no = register.register_no AND state = 0))
FROM point
JOIN installation USING (point_no)
JOIN register USING (meter_no)
WHERE house_no = ? AND register.registered = 1
"""

_WRITE_LINE = """
INSERT INTO closing_line (
    line_id, closing_no, point_no, obis, unit, account, dwelling,
    opening_register_no, opening_at_ms, opening_copy, opening_mantissa,
    closing_register_no, closing_at_ms, closing_copy, closing_mantissa,
    consumption_mantissa, consumption_exponent, rollovers, method, reason)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

LINES = """
SELECT line_id, period, house.name, account, dwelling, point.name, resource, line.obis, line.unit,
       opening_meter.serial, opening_mantissa, opening_register.exponent, opening_at_ms,
       closing_meter.serial, closing_mantissa, closing_register.exponent, closing_at_ms,
       consumption_mantissa, consumption_exponent, rollovers, method, reason, closed_at_ms
FROM closing_line AS line
JOIN closed_period USING (closing_no)
JOIN house USING (house_no)
JOIN point USING (point_no)
JOIN register AS opening_register ON opening_register.register_no = opening_register_no
JOIN register AS closing_register ON closing_register.register_no = closing_register_no
JOIN meter AS opening_meter ON opening_meter.meter_no = opening_register.meter_no
JOIN meter AS closing_meter ON closing_meter.meter_no = closing_register.meter_no
"""


class BillingLedger:
    """A `ClosingStore` over the embedded ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def closing(self) -> Iterator[ClosingTransaction]:
        """All or nothing."""
        with self._database.transaction() as connection:
            yield _Transaction(connection)

    def line(self, line_id: str) -> ClosingLine | None:
        """One line."""
        return next(
            closing_lines(self._database.connection, f"{LINES} WHERE line_id = ?", line_id), None
        )


class _Transaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._closing_no = 0

    def house(self, name: str) -> House | None:
        row = self._connection.execute(
            "SELECT house_no, name, timezone FROM house WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else House(*row)

    def houses(self) -> list[House]:
        rows = self._connection.execute("SELECT house_no, name, timezone FROM house ORDER BY name")
        return [House(*row) for row in rows]

    def last_closed(self, house_no: int) -> str | None:
        row = self._connection.execute(
            "SELECT max(period) FROM closed_period WHERE house_no = ?", (house_no,)
        ).fetchone()
        return None if row[0] is None else str(row[0])

    def beginning(self, house_no: int) -> Beginning | None:
        row = self._connection.execute(_BEGINNING, (house_no,)).fetchone()
        return None if row[1] is None else Beginning(*row)

    def registers(self, house_no: int, before_ms: int) -> Iterable[BilledRegister]:
        rows = self._connection.execute(_REGISTERS, (house_no, before_ms))
        for about, group in groupby(rows, lambda row: row[:6]):
            installations = tuple(_installation(*row[6:]) for row in group)
            yield BilledRegister(
                RegisterKey(*about[:3]), Resource(about[3]), about[4], about[5], installations
            )

    def openings(self, house_no: int) -> dict[RegisterKey, Mark]:
        rows = self._connection.execute(_OPENINGS, (house_no,))
        return {RegisterKey(*row[:3]): mark(*row[3:]) for row in rows}

    def facts(self, spans: Sequence[Span]) -> list[Facts]:
        self._connection.execute(_SPANS)
        self._connection.execute("DELETE FROM temp.span")
        self._connection.executemany(
            "INSERT INTO temp.span VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(number, one.start.register_no, one.start.at_ms, one.start.mantissa),
                    *(one.from_ms, one.end_ms, one.until_ms),
                    one.installation.reads_until_ms,
                )
                for number, one in enumerate(spans)
            ],
        )
        last = {
            number: Mark(spans[number].start.register_no, at_ms, mantissa, ReadingKey(at_ms, copy))
            for number, at_ms, copy, mantissa in self._connection.execute(_LAST)
        }
        # Rollovers count up to the reading that closes the span, wherever the period ends.
        self._connection.executemany(
            "UPDATE temp.span SET end_ms = ? WHERE span_no = ?",
            [(mark.at_ms, number) for number, mark in last.items()],
        )
        rollovers = dict(self._connection.execute(_ROLLOVERS))
        after = self._after(
            [number for number, one in enumerate(spans) if one.is_open and number not in last]
        )
        return [
            Facts(
                last.get(number),
                rollovers.get(number, 0) if number in last else 0,
                after.get(number),
            )
            for number in range(len(spans))
        ]

    def _after(self, unread: Sequence[int]) -> dict[int, Level]:
        rows = self._connection.execute(_AFTER, (json.dumps(unread),)) if unread else ()
        return {
            number: Level(at_ms, mantissa) for number, at_ms, mantissa, rolled in rows if not rolled
        }

    def owed(self, house_no: int) -> dict[RegisterKey, list[Owed]]:
        return estimates.owed(self._connection, house_no)

    def past_lines(
        self, house: House, registers: Collection[RegisterKey]
    ) -> dict[RegisterKey, list[PastLine]]:
        return estimates.past_lines(self._connection, house, registers)

    def norms(self, house_no: int, period: str) -> Norms:
        return norms.norms(self._connection, house_no, period)

    def seasons(self, house: House) -> list[Bounds]:
        return norms.seasons(self._connection, house)

    def line_count(self, period: str) -> int:
        row = self._connection.execute(
            "SELECT count(*) FROM closing_line JOIN closed_period USING (closing_no)"
            " WHERE period = ?",
            (period,),
        ).fetchone()
        return int(row[0])

    def write(
        self, house: House, period: str, now_ms: int, lines: Sequence[NewLine]
    ) -> list[ClosingLine]:
        cursor = self._connection.execute(
            "INSERT INTO closed_period (house_no, period, closed_at_ms) VALUES (?, ?, ?)",
            (house.house_no, period, now_ms),
        )
        self._closing_no = cursor.lastrowid or 0
        self._connection.executemany(_WRITE_LINE, [_row(self._closing_no, line) for line in lines])
        estimates.open_obligations(self._connection, self._closing_no)
        count(self._connection, LINES_CLOSED, len(lines))
        query = f"{LINES} WHERE closing_no = ? ORDER BY line_id"
        return list(closing_lines(self._connection, query, self._closing_no))

    def correct(self, corrections: Sequence[Correction]) -> list[CorrectedLine]:
        written = estimates.correct(self._connection, self._closing_no, corrections)
        # A correction is one more record for billing, counted where it is counted as handed over.
        count(self._connection, LINES_CLOSED, len(written))
        return written

    def hand_over(self, events: Sequence[Event], targets: Sequence[str], now_ms: int) -> None:
        self._connection.executemany(
            "INSERT INTO event (event_id, closing_no, payload) VALUES (?, ?, ?)",
            [(event.event_id, self._closing_no, event.payload) for event in events],
        )
        self._connection.executemany(
            "INSERT INTO delivery SELECT ?1, event_no, 'pending', 0, ?2, '', ?2"
            " FROM event WHERE closing_no = ?3",
            [(target, now_ms, self._closing_no) for target in targets],
        )


def count(connection: sqlite3.Connection, name: str, step: int) -> None:
    """Add to a running total."""
    connection.execute(
        "INSERT INTO tally VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + ?2",
        (name, step),
    )


def _installation(*row: Any) -> Installation:
    *known, cause = row
    return Installation._make((*known, cause and Cause(cause)))


def _row(closing_no: int, line: NewLine) -> tuple[object, ...]:
    register, settled = line.register, line.settled
    opening, closing = settled.opening, settled.closing
    return (
        *(line.line_id, closing_no, *register.key, register.account, register.dwelling),
        *mark_columns(opening),
        *mark_columns(closing),
        *(settled.consumption, settled.exponent),
        sum(segment.rollovers for segment in settled.segments),
        *(settled.method, settled.reason),
    )


def closing_lines(
    connection: sqlite3.Connection, query: str, *arguments: object
) -> Iterator[ClosingLine]:
    """The lines that a query beginning with LINES finds."""
    for row in connection.execute(query, arguments):
        opening, closing = _value(*row[10:12]), _value(*row[14:16])
        consumption = _value(*row[17:19])
        yield ClosingLine._make(
            (*row[:10], opening, *row[12:14], closing, row[16], consumption, *row[19:])
        )


def _value(mantissa: int, exponent: int) -> Decimal:
    return Decimal(mantissa).scaleb(exponent)
