"""Reopened periods in the ledger: the only statements that look at what was withdrawn."""

from collections.abc import Iterator
from decimal import Decimal

from gateway.closing_records import RegisterKey
from gateway.sql.claims import SqlClaims
from gateway.sql.engine import Connection
from gateway.withdrawn import Withdrawal, Withdrawn, withdrawal_id

# What stands of a closing, as it is handed over: its lines, and the differences of its corrections.
_RECORDS = """
SELECT line_id, line_id, period, house.name, line.account, line.dwelling, point.name, resource,
       line.obis, line.unit, consumption_mantissa, consumption_exponent, 0, line_no
FROM closing_line AS line
JOIN closed_period USING (closing_no)
JOIN house USING (house_no)
JOIN point USING (point_no)
WHERE line.closing_no = ?1
UNION ALL
SELECT correction_id, line_id, corrected.period, house.name, line.account, line.dwelling,
       point.name, resource, line.obis, line.unit, difference_mantissa, difference_exponent,
       1, correction_no
FROM correction
JOIN closing_line AS line USING (line_no)
JOIN closed_period AS corrected ON corrected.closing_no = correction.closing_no
JOIN house USING (house_no)
JOIN point USING (point_no)
WHERE correction.closing_no = ?1
ORDER BY 13, 14
"""

_LAST_NUMBER = """
SELECT max(CAST(substr(tail, 1, CAST(instr(tail || '-', '-') - 1 AS INTEGER)) AS BIGINT))
FROM (SELECT substr(line_id, length(period) + 2) AS tail
      FROM written_line JOIN written_closing USING (closing_no) WHERE period = ?) AS numbered
"""

_LINES = """
SELECT point_no, obis, unit, line_id
FROM written_line JOIN written_closing USING (closing_no)
WHERE house_no = ? AND period = ? ORDER BY line_no
"""

_WITHDRAWAL = """
SELECT at_ms, actor, withdrawal.why,
       (SELECT line_id FROM written_line AS after WHERE after.replaces = line.line_id)
FROM written_line AS line JOIN withdrawal USING (closing_no)
WHERE line_id = ?
"""


def last_number(connection: Connection, period: str) -> int:
    """The highest number a line of a period ever had (``2026-10-000123-r2``: 123)."""
    row = connection.execute(_LAST_NUMBER, (period,)).fetchone()
    return int(row[0] or 0)


def revision(connection: Connection, house_no: int, period: str) -> int:
    """Which closing of a period the next one is."""
    row = connection.execute(
        "SELECT count(*) FROM written_closing WHERE house_no = ? AND period = ?",
        (house_no, period),
    ).fetchone()
    return int(row[0]) + 1


def lines(connection: Connection, house_no: int, period: str) -> dict[RegisterKey, str]:
    """The newest line each register ever had in a period."""
    return {RegisterKey(*row[:3]): row[3] for row in connection.execute(_LINES, (house_no, period))}


def withdraw(
    connection: Connection, house_no: int, period: str, told: tuple[int, str, str]
) -> tuple[int, list[Withdrawn]]:
    """Take back a standing closing (told: when, who, why); its number and what it had written.

    The obligations it opened are void, those it ended are open again, and claims wait for a choice.
    """
    (closing_no,) = connection.execute(
        "SELECT closing_no FROM closed_period WHERE house_no = ? AND period = ?",
        (house_no, period),
    ).fetchone()
    records = list(_records(connection, closing_no, told[0], told[2]))
    connection.execute(
        "DELETE FROM estimate WHERE line_no IN"
        " (SELECT line_no FROM closing_line WHERE closing_no = ?)",
        (closing_no,),
    )
    connection.execute("UPDATE estimate SET settled_no = NULL WHERE settled_no = ?", (closing_no,))
    SqlClaims(connection).take_back(house_no, period)
    connection.execute("INSERT INTO withdrawal VALUES (?, ?, ?, ?)", (closing_no, *told))
    return closing_no, records


def withdrawal(connection: Connection, line_id: str) -> Withdrawal | None:
    """Who took back the closing of a line, and what stands instead; None for a line that stands."""
    row = connection.execute(_WITHDRAWAL, (line_id,)).fetchone()
    return None if row is None else Withdrawal(*row)


def _records(connection: Connection, closing_no: int, now_ms: int, why: str) -> Iterator[Withdrawn]:
    for record_id, *about, mantissa, exponent, _, _ in connection.execute(_RECORDS, (closing_no,)):
        amount = Decimal(mantissa).scaleb(exponent)
        fields = (withdrawal_id(record_id), record_id, *about, amount, why, now_ms)
        yield Withdrawn._make(fields)
