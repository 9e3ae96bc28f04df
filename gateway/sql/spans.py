"""What the readings of spans say: each question one statement over all of them.

The spans travel into it as JSON, and the ledger's primary key answers for each of them which
reading closes it and how often the register went over its end.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

from gateway.billing import Facts, Mark, ReadingKey, Span
from gateway.model import Level
from gateway.sql.engine import Connection


class _Row(NamedTuple):
    """A span as the statements know it; `window_*`: the days of a contract, nothing for any."""

    span_no: int
    register_no: int
    start_ms: int
    start_mantissa: int
    from_ms: int
    end_ms: int
    until_ms: int
    removed_ms: int
    window_from_ms: int | None
    window_until_ms: int | None


_SPANS = (
    "WITH span AS MATERIALIZED (SELECT "  # noqa: S608 - the columns are our own
    + ", ".join(f"CAST(w.value ->> {no} AS BIGINT) AS {one}" for no, one in enumerate(_Row._fields))
    + " FROM json_each(?) w)"
)

# The first accepted reading from the period's end on, else the last one before it.
_LAST = f"""
{_SPANS}
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
"""  # noqa: S608 - put together of our own constants

# The accepted reading of a contract's window that is nearest to the period's end, of two as near
# the earlier one.
_NEAREST = f"""
{_SPANS}, around AS MATERIALIZED (
    SELECT span_no, register_no, end_ms,
           (SELECT max(captured_at_ms) FROM reading
            WHERE register_no = span.register_no AND state = 0
              AND captured_at_ms >= max(from_ms, window_from_ms)
              AND captured_at_ms < min(end_ms, until_ms)) AS before_ms,
           (SELECT min(captured_at_ms) FROM reading
            WHERE register_no = span.register_no AND state = 0
              AND captured_at_ms >= max(from_ms, end_ms)
              AND captured_at_ms < min(window_until_ms, removed_ms)) AS after_ms
    FROM span WHERE window_from_ms IS NOT NULL
)
SELECT span_no, captured_at_ms, copy, mantissa FROM around
JOIN reading ON reading.register_no = around.register_no AND state = 0
AND captured_at_ms = CASE
    WHEN before_ms IS NULL OR after_ms - end_ms < end_ms - before_ms THEN after_ms
    ELSE before_ms END
ORDER BY span_no, copy DESC
"""  # noqa: S608 - put together of our own constants

# The first accepted reading too late to close a span without any at its end.
_AFTER = f"""
{_SPANS}
SELECT span_no, captured_at_ms, mantissa, flags & 1 FROM span
JOIN reading ON reading.register_no = span.register_no AND state = 0
AND captured_at_ms = (
    SELECT min(captured_at_ms) FROM reading
    WHERE register_no = span.register_no AND state = 0 AND captured_at_ms >= until_ms
      AND captured_at_ms < removed_ms)
ORDER BY span_no, copy DESC
"""  # noqa: S608 - put together of our own constants

# A reading flagged as rolled over counts only where it is below the accepted one before it by more
# than half the dial: a late reading that arrived between the two carries the flag as well, and so
# does one after a claim that was a little too high just past the dial's end.
_ROLLOVERS = f"""
{_SPANS}
SELECT span_no, count(*) FROM span
JOIN register ON register.register_no = span.register_no
JOIN reading AS this ON this.register_no = span.register_no AND this.state = 0
    AND (this.flags & 1) = 1 AND this.captured_at_ms > start_ms AND this.captured_at_ms <= end_ms
WHERE COALESCE(
    (SELECT before.mantissa FROM reading AS before
     WHERE before.register_no = this.register_no AND before.state = 0
       AND before.captured_at_ms > start_ms AND before.captured_at_ms < this.captured_at_ms
     ORDER BY before.captured_at_ms DESC LIMIT 1), start_mantissa) - this.mantissa
    > CAST('5' || substr('000000000000000000', 1, CAST(digits - 1 AS INTEGER)) AS BIGINT)
GROUP BY span_no
"""  # noqa: S608 - as above


def facts(connection: Connection, spans: Sequence[Span]) -> list[Facts]:
    """What the accepted readings of each span say."""
    rows = [_row(number, one) for number, one in enumerate(spans)]
    last = _marks(connection, _LAST, rows)
    for number, mark in _marks(connection, _NEAREST, rows).items():
        if number not in last or last[number].at_ms < spans[number].end_ms:
            last[number] = mark
    after = _after(
        connection,
        [row for row, one in zip(rows, spans, strict=True) if _lacks(one, last.get(row.span_no))],
    )
    # Rollovers count up to the reading that closes the span, wherever the period ends.
    ended = [row._replace(end_ms=last[row.span_no].at_ms) for row in rows if row.span_no in last]
    rollovers = dict(connection.execute(_ROLLOVERS, (json.dumps(ended),)).fetchall())
    return [
        Facts(last.get(number), rollovers.get(number, 0), after.get(number), number in after)
        for number in range(len(spans))
    ]


def _marks(connection: Connection, query: str, rows: Sequence[_Row]) -> dict[int, Mark]:
    return {
        number: Mark(rows[number].register_no, at_ms, mantissa, ReadingKey(at_ms, copy))
        for number, at_ms, copy, mantissa in connection.execute(query, (json.dumps(rows),))
    }


def _lacks(span: Span, last: Mark | None) -> bool:
    """Whether a later reading may have to help to find where a span ends."""
    return span.is_open and (last is None or (span.taking.is_drawn and last.at_ms < span.end_ms))


def _after(connection: Connection, unread: Sequence[_Row]) -> dict[int, Level | None]:
    """The reading after each span that has one; None where no line can be drawn to it."""
    rows = connection.execute(_AFTER, (json.dumps(unread),)) if unread else ()
    found: dict[int, Level | None] = {}
    for number, at_ms, mantissa, rolled in rows:
        found[number] = found.get(number) if rolled else Level(at_ms, mantissa)
    return found


def _row(number: int, one: Span) -> _Row:
    # A line that is drawn ends in no reading beside the end, so none of its window is looked for.
    window = None if one.taking.is_drawn or not one.is_open else one.taking.window
    return _Row(
        *(number, one.start.register_no, one.start.at_ms, one.start.mantissa),
        *(one.from_ms, one.end_ms, one.until_ms, one.installation.reads_until_ms),
        *(window or (None, None)),
    )
