"""What the readings of spans say, asked of SQLite: each question one statement over all of them.

The spans go into a temporary table, and the ledger's primary key answers for each of them which
reading closes it and how often the register went over its end.
"""

import json
from collections.abc import Iterable, Sequence

from gateway.billing import Facts, Mark, ReadingKey, Span
from gateway.model import Level
from gateway.sql.engine import Connection

# window_*: the days of a contract, nothing where any reading may end the span.
_SPANS = """
CREATE TEMP TABLE IF NOT EXISTS span (
    span_no INTEGER PRIMARY KEY, register_no INTEGER, start_ms INTEGER, start_mantissa INTEGER,
    from_ms INTEGER, end_ms INTEGER, until_ms INTEGER, removed_ms INTEGER,
    window_from_ms INTEGER, window_until_ms INTEGER) STRICT
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

# The accepted reading of a contract's window that is nearest to the period's end, of two as near
# the earlier one.
_NEAREST = """
WITH around AS MATERIALIZED (
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
"""

# The first accepted reading too late to close a span without any at its end.
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

# A reading flagged as rolled over counts only where it is below the accepted one before it by more
# than half the dial: a late reading that arrived between the two carries the flag as well, and so
# does one after a claim that was a little too high just past the dial's end.
_ROLLOVERS = """
SELECT span_no, count(*) FROM span
JOIN register ON register.register_no = span.register_no
JOIN reading AS this ON this.register_no = span.register_no AND this.state = 0
    AND this.flags & 1 AND this.captured_at_ms > start_ms AND this.captured_at_ms <= end_ms
WHERE COALESCE(
    (SELECT before.mantissa FROM reading AS before
     WHERE before.register_no = this.register_no AND before.state = 0
       AND before.captured_at_ms > start_ms AND before.captured_at_ms < this.captured_at_ms
     ORDER BY before.captured_at_ms DESC LIMIT 1), start_mantissa) - this.mantissa
    > CAST('5' || substr('000000000000000000', 1, digits - 1) AS INTEGER)
GROUP BY span_no
"""


def facts(connection: Connection, spans: Sequence[Span]) -> list[Facts]:
    """What the accepted readings of each span say."""
    connection.execute(_SPANS)
    connection.execute("DELETE FROM temp.span")
    connection.executemany(
        "INSERT INTO temp.span VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [_row(number, one) for number, one in enumerate(spans)],
    )
    last = _marks(connection, _LAST, spans)
    for number, mark in _marks(connection, _NEAREST, spans).items():
        if number not in last or last[number].at_ms < spans[number].end_ms:
            last[number] = mark
    after = _after(
        connection,
        [
            number
            for number, one in enumerate(spans)
            if one.is_open and _lacks(one, last.get(number))
        ],
    )
    # Rollovers count up to the reading that closes the span, wherever the period ends.
    connection.executemany(
        "UPDATE temp.span SET end_ms = ? WHERE span_no = ?",
        [(mark.at_ms, number) for number, mark in last.items()],
    )
    rollovers = dict(connection.execute(_ROLLOVERS))
    return [
        Facts(
            last.get(number),
            rollovers.get(number, 0) if number in last else 0,
            after.get(number),
        )
        for number in range(len(spans))
    ]


def _marks(connection: Connection, query: str, spans: Sequence[Span]) -> dict[int, Mark]:
    return {
        number: Mark(spans[number].start.register_no, at_ms, mantissa, ReadingKey(at_ms, copy))
        for number, at_ms, copy, mantissa in connection.execute(query)
    }


def _lacks(span: Span, last: Mark | None) -> bool:
    """Whether a later reading may have to help to find where a span ends."""
    return last is None or (span.taking.is_drawn and last.at_ms < span.end_ms)


def _after(connection: Connection, unread: Iterable[int]) -> dict[int, Level]:
    asked = list(unread)
    rows = connection.execute(_AFTER, (json.dumps(asked),)) if asked else ()
    return {
        number: Level(at_ms, mantissa) for number, at_ms, mantissa, rolled in rows if not rolled
    }


def _row(number: int, one: Span) -> tuple[int | None, ...]:
    # A line that is drawn ends in no reading beside the end, so none of its window is looked for.
    window = None if one.taking.is_drawn or not one.is_open else one.taking.window
    return (
        *(number, one.start.register_no, one.start.at_ms, one.start.mantissa),
        *(one.from_ms, one.end_ms, one.until_ms, one.installation.reads_until_ms),
        *(window or (None, None)),
    )
