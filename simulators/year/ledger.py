"""A year's ledger as the judge reads it: plain SQL, and none of the gateway's code."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

ACCEPTED, SUSPECT = 0, 1
CLAIMED = 1_000_000
"""From this copy on a reading is a person's figure."""


class Mark(NamedTuple):
    """Where a line opens or closes; `copy` is None for an act or a straight line."""

    serial: str
    at_ms: int
    copy: int | None
    mantissa: int


class Correction(NamedTuple):
    """A correction of a line; `difference` is at the line's exponent."""

    opening: Mark
    closing: Mark
    difference: int
    method: str
    reason: str
    closed_at_ms: int
    correction_id: str


class Line(NamedTuple):
    """A line that stands, with its corrections, oldest first."""

    line_id: str
    place: str
    obis: str
    period: str
    closed_at_ms: int
    opening: Mark
    closing: Mark
    consumption: int
    exponent: int
    method: str
    reason: str
    role: str
    behind: str | None
    factor: str
    source: str
    is_open: bool
    """On account, and no reading has settled it."""
    corrections: tuple[Correction, ...]

    @property
    def now_opening(self) -> Mark:
        """Where the line opens as it stands now."""
        return self.corrections[-1].opening if self.corrections else self.opening

    @property
    def now_closing(self) -> Mark:
        """Where the line closes as it stands now."""
        return self.corrections[-1].closing if self.corrections else self.closing

    @property
    def now_method(self) -> str:
        """How the line was determined as it stands now."""
        return self.corrections[-1].method if self.corrections else self.method

    @property
    def billed(self) -> int:
        """What the line and its corrections come to."""
        return self.consumption + sum(one.difference for one in self.corrections)


class Reading(NamedTuple):
    """A stored reading of a registered register."""

    serial: str
    obis: str
    at_ms: int
    copy: int
    mantissa: int
    state: int


class Ledger:
    """Everything of a ledger that a judge looks at; readings are walked, not kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with closing(self._open()) as db:
            self.lines = _lines(db)
            self._read_readings(db)
            self._read_periods(db)
            self._read_money(db)

    def _read_readings(self, db: sqlite3.Connection) -> None:
        self.verdicts: dict[tuple[str, str, int, int], list[tuple[str, str]]] = defaultdict(list)
        for serial, obis, at_ms, copy, rule, severity in db.execute(_VERDICTS):
            self.verdicts[serial, obis, at_ms, copy].append((rule, severity))
        self.waiting = int(db.execute(_WAITING).fetchone()[0])
        self.refused: dict[str, int] = dict(db.execute(_REFUSED))
        self.chosen: dict[tuple[str, str, int], tuple[int, str]] = {
            (serial, obis, at_ms): (chosen_ms, source)
            for serial, obis, at_ms, chosen_ms, source in db.execute(_CHOSEN)
        }
        """When a claim about a register at an instant was first believed, and whose it is."""

    def _read_periods(self, db: sqlite3.Connection) -> None:
        self.periods: dict[tuple[str, str], int] = {
            (house, period): times for house, period, times in db.execute(_PERIODS)
        }
        self.closed_ms: dict[tuple[str, str], int] = {
            (house, period): at_ms for house, period, at_ms in db.execute(_CLOSED)
        }
        self.norms: dict[tuple[str, str], str] = {
            (house, obis): amount for house, obis, amount in db.execute(_NORMS)
        }

    def _read_money(self, db: sqlite3.Connection) -> None:
        self.deliveries: dict[str, str] = dict(db.execute(_DELIVERIES))
        self.sums: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for resource, mantissa, exponent in db.execute(_SUMS):
            self.sums[resource].append((mantissa, exponent))
        self.charges: dict[str, Decimal] = {
            f"x-{number:06d}": Decimal(amount) for number, _, amount in db.execute(_CHARGES)
        }
        """What was charged for interferences and handed over."""
        self.charged: dict[str, Decimal] = {
            point: Decimal(amount) for _, point, amount in db.execute(_CHARGES)
        }
        """The same by metering point."""
        self.withdrawn: dict[str, Decimal] = {}
        """What was taken back, and how much it had billed."""
        self.resource_of: dict[str, str] = {}
        """What each record that was taken back is of."""
        for record, resource, mantissa, exponent in db.execute(_WITHDRAWN):
            self.withdrawn[record] = Decimal(mantissa).scaleb(exponent)
            self.resource_of[record] = resource

    def readings(self) -> Iterator[Reading]:
        """Stored readings by meter, register and time."""
        with closing(self._open()) as db:
            yield from map(Reading._make, db.execute(_READINGS))

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True)


_MARKS = """
       opened.serial, {0}.opening_at_ms, {0}.opening_copy, {0}.opening_mantissa,
       closed.serial, {0}.closing_at_ms, {0}.closing_copy, {0}.closing_mantissa"""
_JOINS = """
JOIN register AS o ON o.register_no = {0}.opening_register_no
JOIN meter AS opened ON opened.meter_no = o.meter_no
JOIN register AS c ON c.register_no = {0}.closing_register_no
JOIN meter AS closed ON closed.meter_no = c.meter_no
"""
_LINES = f"""
SELECT line_no, line_id, point.name, line.obis, period, closed_at_ms,
       {_MARKS.format("line")}, consumption_mantissa, consumption_exponent, method, reason,
       role, behind, factor, source,
       method IN ('average', 'norm', 'check')
           AND estimate.line_no IS NOT NULL AND estimate.settled_no IS NULL
FROM closing_line AS line JOIN closed_period USING (closing_no) JOIN point USING (point_no)
LEFT JOIN estimate USING (line_no)
{_JOINS.format("line")}
ORDER BY point.name, line.obis, period
"""  # noqa: S608 - the parts are our own constants
_CORRECTIONS = f"""
SELECT line_no, {_MARKS.format("one")}, difference_mantissa, one.method, one.reason, closed_at_ms,
       correction_id
FROM correction AS one JOIN closed_period USING (closing_no)
{_JOINS.format("one")}
ORDER BY line_no, closing_no
"""  # noqa: S608 - the parts are our own constants
_VERDICTS = """
SELECT serial, obis, captured_at_ms, copy, rule, severity
FROM verdict JOIN register USING (register_no) JOIN meter USING (meter_no)
WHERE register.registered = 1
"""
_WAITING = """
SELECT count(*) FROM reading JOIN register USING (register_no) WHERE state = 1
"""
_READINGS = """
SELECT serial, obis, captured_at_ms, copy, mantissa, state
FROM reading JOIN register USING (register_no) JOIN meter USING (meter_no)
WHERE register.registered = 1 ORDER BY serial, obis, captured_at_ms, copy
"""
_REFUSED = "SELECT reason, refused FROM quarantine_count"
_PERIODS = """
SELECT house.name, period, count(*) FROM closed_period JOIN house USING (house_no) GROUP BY 1, 2
"""
_CLOSED = """
SELECT house.name, period, closed_at_ms FROM closed_period JOIN house USING (house_no)
"""
_DELIVERIES = "SELECT event_id, state FROM delivery JOIN event USING (event_no)"
_SUMS = """
SELECT resource, consumption_mantissa, consumption_exponent
FROM closing_line JOIN point USING (point_no)
UNION ALL
SELECT resource, difference_mantissa, difference_exponent
FROM correction JOIN closing_line USING (line_no) JOIN point USING (point_no)
"""
_CHARGES = """
SELECT charge_no, point.name, amount FROM interference_charge
JOIN act USING (act_no) JOIN point USING (point_no) WHERE closing_no IS NOT NULL
"""
_WITHDRAWN = """
SELECT line_id, resource, consumption_mantissa, consumption_exponent
FROM written_line JOIN withdrawal USING (closing_no) JOIN point USING (point_no)
UNION ALL
SELECT correction_id, resource, difference_mantissa, difference_exponent
FROM written_correction AS one JOIN withdrawal ON withdrawal.closing_no = one.closing_no
JOIN written_line USING (line_no) JOIN point USING (point_no)
"""
_CHOSEN = """
SELECT serial, obis, claim.at_ms, min(claim_word.at_ms), source
FROM claim JOIN claim_word USING (claim_no)
JOIN register USING (register_no) JOIN meter USING (meter_no)
WHERE outcome = 'chosen' GROUP BY claim_no
"""
_NORMS = """
SELECT house.name, obis, amount FROM norm JOIN house USING (house_no) WHERE account_no IS NULL
"""


def _lines(db: sqlite3.Connection) -> list[Line]:
    corrections = defaultdict(list)
    for line_no, *row in db.execute(_CORRECTIONS):
        marks = Mark(*row[:4]), Mark(*row[4:8])
        corrections[line_no].append(Correction(*marks, *row[8:]))
    return [
        Line._make(
            (
                *row[:5],
                Mark(*row[5:9]),
                Mark(*row[9:13]),
                *row[13:21],
                bool(row[21]),
                tuple(corrections[line_no]),
            )
        )
        for line_no, *row in db.execute(_LINES)
    ]
