"""Closing periods in the ledger: each question one statement over the whole house.

The readings of a period are never fetched (see `gateway.sql.spans`). What is written is never
changed; what is asked comes from the views that hold only what stands.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal

from gateway.acts.model import Charge
from gateway.audit import Act, Head
from gateway.billing import BILLED_UNITS, Facts, Mark, Span
from gateway.closing_records import (
    Beginning,
    BilledRegister,
    CheckPoint,
    ClosingLine,
    ClosingTransaction,
    Event,
    House,
    NewLine,
    RegisterKey,
)
from gateway.contracts import Calendar
from gateway.correcting import CorrectedLine, Correction, Owed
from gateway.estimating import PastLine
from gateway.estimation.norm import Norms
from gateway.estimation.refusal import AccessAct
from gateway.periods import Bounds
from gateway.sql import acts, contracts, estimates, house_meters, norms, withdrawing
from gateway.sql import spans as spans_of
from gateway.sql.audit import SqlAudit
from gateway.sql.claims import SqlClaims
from gateway.sql.engine import Connection, Database
from gateway.sql.marks import mark, mark_columns
from gateway.withdrawn import Withdrawn

# Running totals, kept in the transactions they count.
LINES_CLOSED = "lines_closed"

BILLED = ", ".join(f"'{unit}'" for unit in sorted(BILLED_UNITS))

# Registered registers that count something, with every meter that stood at the point.
_REGISTERS = f"""
SELECT point_no, obis, unit, resource, account.number, account.dwelling,
       register_no, exponent, digits,
       installed_at_ms, initial_mantissa, removed_at_ms, final_mantissa,
       factor, final_rolled, register.meter_no
FROM point
LEFT JOIN account USING (account_no)
JOIN installation USING (point_no)
JOIN installation_value USING (installation_no)
JOIN register USING (register_no)
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

_CHECK_POINTS = """
SELECT point_no, point.name, other_point_no
FROM point_relation JOIN point USING (point_no)
WHERE house_no = :house AND point_relation.kind = 'checks' AND since_ms < :at
    AND (until_ms IS NULL OR until_ms >= :at)
ORDER BY point_no
"""

_BEGINNING = """
SELECT min(installed_at_ms),
       min((SELECT min(at_ms) FROM (
            SELECT min(captured_at_ms) AS at_ms FROM reading
            WHERE reading.register_no = register.register_no AND state = 0
            UNION ALL
            SELECT min(at_ms) FROM claim WHERE claim.register_no = register.register_no) AS said))
FROM point
JOIN installation USING (point_no)
JOIN register USING (meter_no)
WHERE house_no = ? AND register.registered = 1
"""

_WRITE_LINE = """
INSERT INTO written_line (
    line_id, closing_no, point_no, obis, unit, account, dwelling,
    opening_register_no, opening_at_ms, opening_copy, opening_mantissa,
    closing_register_no, closing_at_ms, closing_copy, closing_mantissa,
    consumption_mantissa, consumption_exponent, rollovers, method, reason,
    source, factor, role, behind, replaces, cause)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

LINES = """
SELECT line_id, period, house.name, account, dwelling, point.name, resource, line.obis, line.unit,
       opening_meter.serial, opening_mantissa, opening_register.exponent, opening_at_ms,
       closing_meter.serial, closing_mantissa, closing_register.exponent, closing_at_ms,
       consumption_mantissa, consumption_exponent, rollovers, method, reason, closed_at_ms,
       source, factor, role, behind, replaces
FROM closing_line AS line
JOIN closed_period USING (closing_no)
JOIN house USING (house_no)
JOIN point USING (point_no)
JOIN register AS opening_register ON opening_register.register_no = opening_register_no
JOIN register AS closing_register ON closing_register.register_no = closing_register_no
JOIN meter AS opening_meter ON opening_meter.meter_no = opening_register.meter_no
JOIN meter AS closing_meter ON closing_meter.meter_no = closing_register.meter_no
"""

# The same of the tables, which have what was withdrawn too.
_WRITTEN_LINES = LINES.replace("FROM closing_line", "FROM written_line").replace(
    "JOIN closed_period", "JOIN written_closing"
)


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
        """One line, also one that was withdrawn."""
        query = f"{_WRITTEN_LINES} WHERE line_id = ?"
        return next(closing_lines(self._database.connection, query, line_id), None)


def looking(connection: Connection) -> ClosingTransaction:
    """What a closing would ask, over a connection that only reads."""
    return _Transaction(connection)


class _Transaction:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._closing_no = 0
        self.claims = SqlClaims(connection)

    def house(self, name: str) -> House | None:
        row = self._connection.execute(
            "SELECT house_no, name, timezone FROM house WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else House(*row)

    def houses(self) -> list[House]:
        rows = self._connection.execute("SELECT house_no, name, timezone FROM house ORDER BY name")
        return [House(*row) for row in rows]

    def houses_behind(self, period: str) -> Iterator[House]:
        rows = self._connection.execute(
            "SELECT house_no, name, timezone FROM house WHERE newest_closed < ?"
            " ORDER BY newest_closed, name",
            (period,),
        )
        return map(House._make, rows)

    def last_closed(self, house_no: int) -> str | None:
        row = self._connection.execute(
            "SELECT max(period) FROM closed_period WHERE house_no = ?", (house_no,)
        ).fetchone()
        return None if row[0] is None else str(row[0])

    def beginning(self, house_no: int) -> Beginning | None:
        row = self._connection.execute(_BEGINNING, (house_no,)).fetchone()
        return None if row[1] is None else Beginning(*row)

    def registers(self, house_no: int, before_ms: int) -> Iterable[BilledRegister]:
        rows = self._connection.execute(_REGISTERS, (house_no, before_ms)).fetchall()
        return house_meters.registers(self._connection, rows, house_no, before_ms)

    def openings(self, house_no: int) -> dict[RegisterKey, Mark]:
        rows = self._connection.execute(_OPENINGS, (house_no,))
        return {RegisterKey(*row[:3]): mark(*row[3:]) for row in rows}

    def facts(self, spans: Sequence[Span]) -> list[Facts]:
        return spans_of.facts(self._connection, spans)

    def owed(self, house_no: int) -> dict[RegisterKey, list[Owed]]:
        return estimates.owed(self._connection, house_no)

    def past_lines(
        self, house: House, registers: Collection[RegisterKey]
    ) -> dict[RegisterKey, list[PastLine]]:
        return estimates.past_lines(self._connection, house, registers)

    def norms(self, house_no: int, period: str) -> Norms:
        return norms.norms(self._connection, house_no, period)

    def check_points(self, house_no: int, at_ms: int) -> list[CheckPoint]:
        rows = self._connection.execute(_CHECK_POINTS, {"house": house_no, "at": at_ms})
        return [CheckPoint(*row) for row in rows]

    def access_acts(self, house_no: int, before: date) -> list[AccessAct]:
        return acts.access_acts(self._connection, house_no, before)

    def accounts(self, house_no: int) -> dict[int, str]:
        rows = self._connection.execute(
            "SELECT point_no, number FROM point JOIN account USING (account_no)"
            " WHERE point.house_no = ?",
            (house_no,),
        )
        return dict(rows.fetchall())

    def charges(self, house_no: int) -> list[Charge]:
        handed = acts.hand_over_charges(self._connection, house_no, self._closing_no)
        count(self._connection, LINES_CLOSED, len(handed))
        return handed

    def seasons(self, house: House) -> list[Bounds]:
        return norms.seasons(self._connection, house)

    def calendar(self, house: House) -> Calendar:
        return contracts.calendar(self._connection, house)

    def last_number(self, period: str) -> int:
        return withdrawing.last_number(self._connection, period)

    def revision(self, house: House, period: str) -> int:
        return withdrawing.revision(self._connection, house.house_no, period)

    def withdrawn_lines(self, house: House, period: str) -> dict[RegisterKey, str]:
        return withdrawing.lines(self._connection, house.house_no, period)

    def withdraw(
        self, house: House, period: str, now_ms: int, actor: str, why: str
    ) -> list[Withdrawn]:
        self._closing_no, records = withdrawing.withdraw(
            self._connection, house.house_no, period, (now_ms, actor, why)
        )
        # A withdrawal is one more record for billing, as a correction is.
        count(self._connection, LINES_CLOSED, len(records))
        return records

    def note(self, act: Act) -> Head:
        log = SqlAudit(self._connection)
        log.append(act)
        return log.head()

    def write(
        self, house: House, period: str, now_ms: int, lines: Sequence[NewLine]
    ) -> list[ClosingLine]:
        (self._closing_no,) = self._connection.execute(
            "INSERT INTO written_closing (house_no, period, closed_at_ms, revision)"
            " VALUES (?, ?, ?, ?) RETURNING closing_no",
            (house.house_no, period, now_ms, self.revision(house, period)),
        ).fetchone()
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
        (before,) = self._connection.execute("SELECT max(event_no) FROM event").fetchone()
        self._connection.executemany(
            "INSERT INTO event (event_id, closing_no, payload) VALUES (?, ?, ?)",
            [(event.event_id, self._closing_no, event.payload) for event in events],
        )
        self._connection.executemany(
            "INSERT INTO delivery SELECT ?1, event_no, 'pending', 0, ?2, '', ?2"
            " FROM event WHERE event_no > ?3",
            [(target, now_ms, before or 0) for target in targets],
        )


def count(connection: Connection, name: str, step: int) -> None:
    """Add to a running total."""
    connection.execute(
        "INSERT INTO tally VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = tally.value + excluded.value",
        (name, step),
    )


def _row(closing_no: int, line: NewLine) -> tuple[object, ...]:
    register, settled = line.register, line.settled
    opening, closing = settled.opening, settled.closing
    return (
        *(line.line_id, closing_no, *register.key, register.account, register.dwelling),
        *mark_columns(opening),
        *mark_columns(closing),
        *(settled.consumption, settled.exponent),
        sum(segment.rollovers for segment in settled.segments),
        *(settled.method, settled.reason, settled.source, settled.factor),
        *(register.role, register.behind, line.replaces, settled.cause),
    )


def last_closed(connection: Connection) -> str | None:
    """The newest period any house has closed."""
    (period,) = connection.execute("SELECT max(period) FROM closed_period").fetchone()
    return None if period is None else str(period)


def closing_lines(connection: Connection, query: str, *arguments: object) -> Iterator[ClosingLine]:
    """The lines that a query beginning with LINES finds."""
    for row in connection.execute(query, arguments):
        opening, closing = _value(*row[10:12]), _value(*row[14:16])
        consumption = _value(*row[17:19])
        yield ClosingLine._make(
            (*row[:10], opening, *row[12:14], closing, row[16], consumption, *row[19:])
        )


def _value(mantissa: int, exponent: int) -> Decimal:
    return Decimal(mantissa).scaleb(exponent)
