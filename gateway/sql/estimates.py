"""Estimates and their corrections in the ledger: what is owed, what was, what becomes of it."""

import json
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from drivers.reading import Resource
from gateway.billing import ESTIMATED, ON_ACCOUNT, Method
from gateway.closing_records import House, RegisterKey
from gateway.contracts import Calendar
from gateway.correcting import CorrectedLine, Correction, Owed, correction_id
from gateway.estimating import HISTORY_PERIODS_MAX, PastLine
from gateway.estimation.terms import Cause
from gateway.obligations import Obligation
from gateway.sql import contracts
from gateway.sql.engine import Connection
from gateway.sql.marks import mark, mark_columns

_ON_ACCOUNT = ", ".join(f"'{method}'" for method in sorted(ON_ACCOUNT))
_ESTIMATED = ", ".join(f"'{method}'" for method in sorted(ESTIMATED))
_OPEN = f"""
INSERT INTO estimate (line_no)
SELECT line_no FROM closing_line WHERE closing_no = ? AND method IN ({_ESTIMATED})
"""  # noqa: S608 - the methods are our own constants

# Where the line before was corrected, its correction says where this one opens.
_OWED = """
SELECT line.point_no, line.obis, line.unit, line.line_id, period, method,
       consumption_mantissa, consumption_exponent,
       opening_register_no, opening_at_ms, opening_copy, opening_mantissa,
       closing_register_no, closing_at_ms, closing_copy, closing_mantissa,
       rollovers, reason,
       (SELECT max(before.line_no) FROM closing_line AS before
        WHERE before.point_no = line.point_no AND before.obis = line.obis
          AND before.unit = line.unit AND before.line_no < line.line_no)
FROM estimate
JOIN closing_line AS line USING (line_no)
JOIN closed_period USING (closing_no)
WHERE house_no = ? AND settled_no IS NULL
ORDER BY line.point_no, line.obis, line.unit, line_no
"""

_CORRECTED_CLOSING = """
SELECT closing_register_no, closing_at_ms, closing_copy, closing_mantissa
FROM correction WHERE line_no = ?
"""

_PAST = """
SELECT line.point_no, line.obis, line.unit, line_id, period, resource,
       coalesce(correction.opening_at_ms, line.opening_at_ms),
       coalesce(correction.closing_at_ms, line.closing_at_ms),
       consumption_mantissa, consumption_exponent, difference_mantissa, difference_exponent,
       coalesce(correction.method, line.method),
       CASE WHEN correction.method IN ('actual', 'interpolated') THEN 'missing' ELSE cause END
FROM closing_line AS line
JOIN closed_period ON closed_period.closing_no = line.closing_no
JOIN point ON point.point_no = line.point_no
LEFT JOIN correction USING (line_no)
WHERE line.point_no IN (
    SELECT CAST(w.value AS BIGINT) FROM json_each(:points) w) AND line.closing_no IN (
    SELECT closing_no FROM closed_period WHERE house_no = :house
    ORDER BY period DESC LIMIT :most)
ORDER BY line.point_no, line.obis, line.unit, line_no DESC
"""

_WRITE = """
INSERT INTO written_correction (
    line_no, correction_id, closing_no,
    opening_register_no, opening_at_ms, opening_copy, opening_mantissa,
    closing_register_no, closing_at_ms, closing_copy, closing_mantissa,
    difference_mantissa, difference_exponent, method, reason, replaces)
SELECT line_no, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
       (SELECT correction_id FROM written_correction AS before
        WHERE before.line_no = closing_line.line_no ORDER BY correction_no DESC LIMIT 1)
FROM closing_line WHERE line_id = ?
"""

_CORRECTED = """
SELECT correction_id, line_id, was.period, corrected.period, house.name, line.account,
       line.dwelling, point.name, resource, line.obis, line.unit, line.method,
       consumption_mantissa, consumption_exponent, difference_mantissa, difference_exponent,
       meter.serial, correction.closing_mantissa, register.exponent, correction.closing_at_ms,
       correction.method, correction.reason, corrected.closed_at_ms, correction.replaces
FROM correction
JOIN closing_line AS line USING (line_no)
JOIN closed_period AS was ON was.closing_no = line.closing_no
JOIN closed_period AS corrected ON corrected.closing_no = correction.closing_no
JOIN house ON house.house_no = was.house_no
JOIN point USING (point_no)
JOIN register ON register.register_no = correction.closing_register_no
JOIN meter USING (meter_no)
"""

_OBLIGATIONS = f"""
SELECT line_id, was.period, house.name, line.account, line.dwelling, point.name, resource,
       line.obis, line.unit, consumption_mantissa, consumption_exponent, line.method, line.reason,
       settled.period, difference_mantissa, difference_exponent,
       CASE WHEN settled_no IS NULL THEN (
           SELECT count(*) FROM closing_line AS run
           WHERE (run.point_no, run.obis, run.unit) = (line.point_no, line.obis, line.unit)
             AND run.line_no <= line.line_no AND run.line_no > coalesce((
               SELECT max(read.line_no) FROM closing_line AS read
               LEFT JOIN correction AS known ON known.line_no = read.line_no
               WHERE (read.point_no, read.obis, read.unit) = (line.point_no, line.obis, line.unit)
                 AND read.line_no < line.line_no
                 AND coalesce(known.method, read.method) NOT IN ({_ON_ACCOUNT})), 0))
       ELSE 0 END
FROM estimate
JOIN closing_line AS line USING (line_no)
JOIN closed_period AS was ON was.closing_no = line.closing_no
JOIN house USING (house_no)
JOIN point USING (point_no)
LEFT JOIN closed_period AS settled ON settled.closing_no = settled_no
LEFT JOIN correction USING (line_no)
WHERE (CAST(:house AS TEXT) IS NULL OR house.name = :house) AND (settled_no IS NULL OR :open = 0)
ORDER BY line_no DESC LIMIT :most
"""  # noqa: S608 - the methods are our own constants


class EstimateLedger:
    """An `ObligationStore` over the embedded ledger."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def obligations(self, house: str | None, *, only_open: bool, limit: int) -> list[Obligation]:
        """The estimated lines, the newest first."""
        asked = {"house": house, "open": int(only_open), "most": limit}
        return [
            Obligation._make(
                (*row[:9], _exact(*row[9:11]), *row[11:14], _value(*row[14:16]), row[16])
            )
            for row in self._sql.execute(_OBLIGATIONS, asked)
        ]

    def correction_of(self, line_id: str) -> CorrectedLine | None:
        """The correction of a line."""
        return next(_corrected(self._sql, f"{_CORRECTED} WHERE line_id = ?", line_id), None)

    def corrections(self, house: str | None, period: str | None) -> Iterator[CorrectedLine]:
        """The corrections handed over with a period (None: any), in their order."""
        query = (
            f"{_CORRECTED} WHERE (CAST(?1 AS TEXT) IS NULL OR house.name = ?1)"
            " AND (CAST(?2 AS TEXT) IS NULL OR corrected.period = ?2)"
            " ORDER BY correction.closing_no, line_no"
        )
        return _corrected(self._sql, query, house, period)


def open_obligations(connection: Connection, closing_no: int) -> None:
    """Open one for each estimated line of a closing."""
    connection.execute(_OPEN, (closing_no,))


def owed(connection: Connection, house_no: int) -> dict[RegisterKey, list[Owed]]:
    """The open estimates of a house, each register's oldest first."""
    found: dict[RegisterKey, list[Owed]] = {}
    for row in connection.execute(_OWED, (house_no,)).fetchall():
        corrected = connection.execute(_CORRECTED_CLOSING, (row[18],)).fetchone()
        written = mark(*row[8:12]), mark(*row[12:16])
        opening = mark(*corrected) if corrected else written[0]
        billed, exponent = row[6:8]
        rollovers, reason = row[16:18]
        line = Owed(
            *(row[3], row[4], opening, billed, exponent, Method(row[5])),
            *(written, rollovers, reason),
        )
        found.setdefault(RegisterKey(*row[:3]), []).append(line)
    return found


def past_lines(
    connection: Connection, house: House, registers: Collection[RegisterKey]
) -> dict[RegisterKey, list[PastLine]]:
    """The newest lines of registers as they stand now, newest first."""
    points = json.dumps(sorted({key.point_no for key in registers}))
    asked = {"points": points, "house": house.house_no, "most": HISTORY_PERIODS_MAX}
    rows = connection.execute(_PAST, asked).fetchall()
    calendar = contracts.calendar(connection, house)
    return {
        RegisterKey(*key): [_past(calendar, *row[3:]) for row in group]
        for key, group in groupby(rows, lambda row: row[:3])
        if RegisterKey(*key) in registers
    }


def correct(
    connection: Connection, closing_no: int, corrections: Sequence[Correction]
) -> list[CorrectedLine]:
    """End the obligations; write and return the corrections that are news."""
    connection.executemany(
        "UPDATE estimate SET settled_no = ? WHERE line_no ="
        " (SELECT line_no FROM closing_line WHERE line_id = ?)",
        [(closing_no, one.owed.line_id) for one in corrections],
    )
    rows = [_row(closing_no, one, _next_id(connection, one)) for one in corrections if one.is_news]
    connection.executemany(_WRITE, rows)
    query = f"{_CORRECTED} WHERE correction.closing_no = ? ORDER BY line_no"
    return list(_corrected(connection, query, closing_no))


def _past(calendar: Calendar, line_id: str, period: str, resource: str, *rest: Any) -> PastLine:
    opening_ms, closing_ms, *used_as, method, cause = rest
    used = _exact(*used_as[:2]) + (_value(*used_as[2:]) or 0)
    bounds = calendar.term(Resource(resource), period).bounds
    return PastLine(line_id, bounds, opening_ms, closing_ms, used, Method(method), Cause(cause))


def _next_id(connection: Connection, one: Correction) -> str:
    (before,) = connection.execute(
        "SELECT count(*) FROM written_correction JOIN written_line USING (line_no)"
        " WHERE line_id = ?",
        (one.owed.line_id,),
    ).fetchone()
    return correction_id(one.owed.line_id, before + 1)


def _row(closing_no: int, one: Correction, new_id: str) -> tuple[object, ...]:
    settled = one.settled
    return (
        *(new_id, closing_no),
        *mark_columns(settled.opening),
        *mark_columns(settled.closing),
        *(one.difference, one.exponent, settled.method, settled.reason, one.owed.line_id),
    )


def _corrected(connection: Connection, query: str, *arguments: object) -> Iterator[CorrectedLine]:
    for row in connection.execute(query, arguments):
        billed, difference = _exact(*row[12:14]), _exact(*row[14:16])
        closing = _exact(*row[17:19])
        yield CorrectedLine._make(
            (*row[:12], billed, billed + difference, difference, row[16], closing, *row[19:])
        )


def _value(mantissa: int | None, exponent: int | None) -> Decimal | None:
    return None if mantissa is None or exponent is None else _exact(mantissa, exponent)


def _exact(mantissa: int, exponent: int) -> Decimal:
    return Decimal(mantissa).scaleb(exponent)
