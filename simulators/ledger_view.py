"""The ledger's file as the judge reads it: plain SQL, and none of the gateway's code."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

ACCEPTED = 0
REJECTED = 2


class StoredBatch(NamedTuple):
    """One row of `batch`."""

    device: str
    sequence: int
    message: bytes
    readings: int
    entered: int
    """How many rows of `reading` name it."""
    waiting: bool
    """Whether its readings wait for the time of their boot."""


class StoredReading(NamedTuple):
    """One row of `reading` with the names of its register."""

    serial: str
    obis: str
    captured_at_ms: int
    copy: int
    mantissa: int
    state: int
    device: str
    sequence: int


class StoredVerdict(NamedTuple):
    """One row of `verdict` with the names of its register."""

    serial: str
    obis: str
    captured_at_ms: int
    rule: str
    severity: str


class StoredMark(NamedTuple):
    """Where a line opens or closes."""

    serial: str
    at_ms: int
    mantissa: int
    is_reading: bool


# Methods by which a line bills on account: its marks stay where the meter was last read.
ON_ACCOUNT = frozenset({"average", "norm"})


class StoredCorrection(NamedTuple):
    """One row of `correction`: what a line is instead."""

    correction_id: str
    opening: StoredMark
    closing: StoredMark
    difference: int
    method: str


class StoredLine(NamedTuple):
    """One row of `closing_line`, with its corrections in their order."""

    line_id: str
    point: str
    period: str
    obis: str
    opening: StoredMark
    closing: StoredMark
    consumption: int
    method: str
    reason: str
    corrections: tuple[StoredCorrection, ...] = ()

    @property
    def now(self) -> "StoredLine":
        """The line as it stands with its last correction."""
        if not self.corrections:
            return self
        last = self.corrections[-1]
        return self._replace(
            opening=last.opening,
            closing=last.closing,
            consumption=self.consumption + sum(one.difference for one in self.corrections),
            method=last.method,
        )

    @property
    def event_ids(self) -> tuple[str, ...]:
        """What billing was told of it."""
        return (self.line_id, *(one.correction_id for one in self.corrections))


class LedgerView:
    """Everything in a ledger, read once."""

    def __init__(self, path: Path) -> None:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
            self.batches = [StoredBatch(*row) for row in db.execute(_BATCHES)]
            self.readings = [StoredReading(*row) for row in db.execute(_READINGS)]
            self.verdicts = [StoredVerdict(*row) for row in db.execute(_VERDICTS)]
            corrections: dict[str, list[StoredCorrection]] = {}
            for line_id, correction_id, *row in db.execute(_CORRECTIONS):
                marks = StoredMark(*row[:4]), StoredMark(*row[4:8])
                made = StoredCorrection(correction_id, *marks, *row[8:])
                corrections.setdefault(line_id, []).append(made)
            lines = [_line(row) for row in db.execute(_LINES)]
            self.lines = [
                line._replace(corrections=tuple(corrections.get(line.line_id, ())))
                for line in lines
            ]
            self.events = dict(db.execute("SELECT event_id, payload FROM event"))
            self.undelivered = int(db.execute(_UNDELIVERED).fetchone()[0])
            self.refusals = dict(db.execute("SELECT reason, refused FROM quarantine_count"))


def spooled_hashes(path: Path) -> set[tuple[int, bytes]]:
    """Sequence number and hash of every batch a spool still has the bytes of."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        query = "SELECT sequence, hash FROM batch WHERE message IS NOT NULL"
        return set(db.execute(query))


def _line(row: tuple[str | int | bool, ...]) -> StoredLine:
    line_id, point, period, obis, *marks, consumption, method, reason = row
    opening, closing_ = StoredMark(*marks[:4]), StoredMark(*marks[4:])  # type: ignore[arg-type]  # SQL's types
    return StoredLine(line_id, point, period, obis, opening, closing_, consumption, method, reason)  # type: ignore[arg-type]  # SQL's types


_BATCHES = """
SELECT device.name, sequence, message, batch.reading_count, coalesce(entered, 0),
       waiting.batch_no IS NOT NULL
FROM batch JOIN device USING (device_no)
LEFT JOIN (SELECT batch_no, count(*) AS entered FROM reading GROUP BY batch_no) USING (batch_no)
LEFT JOIN waiting USING (batch_no)
ORDER BY device.name, sequence
"""
_READINGS = """
SELECT serial, obis, captured_at_ms, copy, mantissa, state, device.name, sequence
FROM reading JOIN register USING (register_no) JOIN meter USING (meter_no)
JOIN batch USING (batch_no) JOIN device USING (device_no)
ORDER BY serial, obis, captured_at_ms, copy
"""
_VERDICTS = """
SELECT serial, obis, captured_at_ms, rule, severity
FROM verdict JOIN register USING (register_no) JOIN meter USING (meter_no)
ORDER BY serial, obis, captured_at_ms, rule
"""
_LINES = """
SELECT line_id, point.name, period, closing_line.obis,
       opened.serial, opening_at_ms, opening_mantissa, opening_copy IS NOT NULL,
       closed.serial, closing_at_ms, closing_mantissa, closing_copy IS NOT NULL,
       consumption_mantissa, method, reason
FROM closing_line JOIN closed_period USING (closing_no) JOIN point USING (point_no)
JOIN register opening ON opening.register_no = opening_register_no
JOIN meter opened ON opened.meter_no = opening.meter_no
JOIN register closing ON closing.register_no = closing_register_no
JOIN meter closed ON closed.meter_no = closing.meter_no
ORDER BY point.name, closing_line.obis, period
"""
_CORRECTIONS = """
SELECT line_id, correction_id,
       opened.serial, one.opening_at_ms, one.opening_mantissa, one.opening_copy IS NOT NULL,
       closed.serial, one.closing_at_ms, one.closing_mantissa, one.closing_copy IS NOT NULL,
       difference_mantissa, one.method
FROM correction AS one JOIN closing_line USING (line_no)
JOIN register opening ON opening.register_no = one.opening_register_no
JOIN meter opened ON opened.meter_no = opening.meter_no
JOIN register closing ON closing.register_no = one.closing_register_no
JOIN meter closed ON closed.meter_no = closing.meter_no
ORDER BY line_id, one.closing_no
"""
_UNDELIVERED = "SELECT count(*) FROM delivery WHERE state <> 'acknowledged'"
