"""Looking at the ledger: read-only, one snapshot per look, never in the way of ingest."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from itertools import pairwise
from typing import Any

from gateway.billing import Role
from gateway.closing import due_period
from gateway.meter_life.factor import volume
from gateway.meter_life.roles import role_of
from gateway.model import went_over
from gateway.overview import (
    Counts,
    DeviceRow,
    HouseCard,
    PeriodRow,
    RegisterRow,
    Series,
)
from gateway.period_book import PeriodView, book
from gateway.sql.acts import ActLedger
from gateway.sql.audit import SqlAudit
from gateway.sql.balance import BalanceLedger
from gateway.sql.billing import BILLED, LINES_CLOSED, looking
from gateway.sql.claims import SqlClaims
from gateway.sql.clones import SqlClones
from gateway.sql.disputes import SqlDisputes
from gateway.sql.engine import Connection, Place, snapshot
from gateway.sql.estimates import EstimateLedger
from gateway.sql.explain import ExplainLedger
from gateway.sql.identity import IdentityLedger
from gateway.sql.meter_life import LifeLedger
from gateway.sql.outbox import HANDED_OVER
from gateway.sql.periods import PeriodLedger
from gateway.sql.profile import SeriesLedger
from gateway.sql.quarantine import SqlQuarantine
from gateway.sql.reconcile import ReconcileLedger
from gateway.sql.review import SqlQueue
from gateway.sql.rollup import SqlRollupLook
from gateway.sql.surveillance import SqlDeliveries
from gateway.sql.visits import SqlVisits

_HOUSES = """
SELECT name, address, timezone,
       (SELECT count(*) FROM point WHERE point.house_no = house.house_no)
FROM house ORDER BY name
"""

_STANDING = """
FROM house
JOIN point USING (house_no)
JOIN installation ON installation.point_no = point.point_no AND removed_at_ms IS NULL
JOIN meter USING (meter_no)
JOIN register ON register.meter_no = meter.meter_no AND register.registered = 1
"""

_REGISTERS = f"""
SELECT account.dwelling, account.number, point.name, resource, serial, model, obis, unit,
       mantissa, exponent, captured_at_ms, state
{_STANDING}
LEFT JOIN account ON account.account_no = point.account_no
LEFT JOIN reading ON reading.register_no = register.register_no
    AND (captured_at_ms, copy) = (
        SELECT captured_at_ms, copy FROM reading AS newest
        WHERE newest.register_no = register.register_no
        ORDER BY captured_at_ms DESC, state, copy LIMIT 1)
WHERE house.name = ?
ORDER BY kind, length(account.dwelling), account.dwelling,
         instr('electricity cold-water hot-water heat gas', resource), point.name, obis
LIMIT ?
"""  # noqa: S608 - made of constants

_PERIODS = """
WITH shown AS MATERIALIZED (
    SELECT closing_no, period, house.name AS house
    FROM closed_period JOIN house USING (house_no)
    WHERE CAST(:house AS TEXT) IS NULL OR house.name = :house
    ORDER BY period DESC, house.name LIMIT :most
)
SELECT shown.period, shown.house,
       (SELECT count(*) FROM closing_line WHERE closing_line.closing_no = shown.closing_no),
       (SELECT count(*) FROM correction WHERE correction.closing_no = shown.closing_no),
       count(state), count(*) FILTER (WHERE state = 'acknowledged'),
       count(*) FILTER (WHERE state = 'refused'),
       coalesce(max(last_error) FILTER (WHERE state <> 'acknowledged'), '')
FROM shown
LEFT JOIN event ON event.closing_no = shown.closing_no
LEFT JOIN delivery USING (event_no)
GROUP BY shown.closing_no, shown.period, shown.house
ORDER BY shown.period DESC, shown.house
"""

_DEVICES = """
SELECT device.name, house.name,
       (SELECT coalesce(sum(last - first + 1), 0) FROM chain_range
        WHERE chain_range.device_no = device.device_no),
       received_at_ms, sequence,
       (SELECT CASE WHEN min(first) > 1 OR count(*) > 1 THEN 1 ELSE 0 END FROM chain_range
        WHERE chain_range.device_no = device.device_no)
FROM device
LEFT JOIN house USING (house_no)
LEFT JOIN batch ON batch.device_no = device.device_no
    AND sequence = (SELECT max(last) FROM chain_range
                    WHERE chain_range.device_no = device.device_no)
ORDER BY device.name LIMIT ?
"""

_FIRST_READING = f"""
SELECT min((SELECT min(captured_at_ms) FROM reading
            WHERE reading.register_no = register.register_no AND state = 0))
{_STANDING}
WHERE house.name = ?
"""  # noqa: S608 - made of constants

# The register's last accepted value at each edge of the chart's steps, of dwellings only: a house
# meter measures the same flow once more, and so do a check meter and a sub-meter's parent.
_LEVELS = f"""
SELECT resource, unit, meter.meter_no, obis, register.register_no, exponent, digits, factor,
       edge.key, (SELECT mantissa FROM reading
                  WHERE reading.register_no = register.register_no AND state = 0
                    AND captured_at_ms <= CAST(edge.value AS BIGINT)
                  ORDER BY captured_at_ms DESC, copy DESC LIMIT 1)
{_STANDING}
CROSS JOIN json_each(:edges) AS edge
WHERE house.name = :house AND kind = 'dwelling' AND unit IN ({BILLED})
    AND NOT EXISTS (
        SELECT 1 FROM point_relation AS relation JOIN point AS other
            ON other.point_no = relation.other_point_no AND other.kind = 'dwelling'
        WHERE relation.point_no = point.point_no AND relation.until_ms IS NULL)
ORDER BY resource, register.register_no, edge.key
"""  # noqa: S608 - made of constants


class LedgerOverview:
    """An `Overview` over one read transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.balance = BalanceLedger(connection)
        self.estimates = EstimateLedger(connection)
        self.acts = ActLedger(connection)
        self.explain = ExplainLedger(connection)
        self.identities = IdentityLedger(connection)
        self.clones = SqlClones(connection)
        self.life = LifeLedger(connection)
        self.reconcile = ReconcileLedger(connection)
        self.queue = SqlQueue(connection)
        self.quarantine = SqlQuarantine(connection)
        self.disputes = SqlDisputes(connection)
        self.claims = SqlClaims(connection)
        self.deliveries = SqlDeliveries(connection)
        self.days = SeriesLedger(connection)
        self.history = SqlRollupLook(connection)
        self.visits = SqlVisits(connection)
        self.audit = SqlAudit(connection)

    def counts(self) -> Counts:
        """The running totals."""
        totals = dict(self._connection.execute("SELECT name, value FROM tally").fetchall())
        refused, waiting = self._connection.execute(
            "SELECT (SELECT coalesce(sum(refused), 0) FROM quarantine_count),"
            " (SELECT coalesce(sum(reading_count), 0) FROM waiting)"
        ).fetchone()
        accepted, suspect, rejected = (
            totals.get(name, 0) for name in ("accepted", "suspect", "rejected")
        )
        return Counts(
            batches=totals.get("batches", 0),
            stored=accepted + suspect + rejected,
            accepted=accepted,
            suspect=suspect,
            rejected=rejected,
            waiting=waiting,
            quarantined=refused,
            lines=totals.get(LINES_CLOSED, 0),
            handed_to_billing=totals.get(HANDED_OVER, 0),
        )

    def delivered(self) -> int:
        """How many readings the stored batches hold: a sum over all of them, not a total."""
        row = self._connection.execute("SELECT coalesce(sum(reading_count), 0) FROM batch")
        return int(row.fetchone()[0])

    def houses(self) -> list[HouseCard]:
        """All houses, by name."""
        return [HouseCard(*row) for row in self._connection.execute(_HOUSES)]

    def registers(self, house: str, limit: int) -> list[RegisterRow]:
        """The registers of the meters that stand in a house now, by dwelling."""
        return [
            RegisterRow._make((*row[:8], _value(*row[8:10]), *row[10:]))
            for row in self._connection.execute(_REGISTERS, (house, limit))
        ]

    def closed_periods(self, house: str | None, limit: int) -> list[PeriodRow]:
        """The newest closed periods."""
        rows = self._connection.execute(_PERIODS, {"house": house, "most": limit})
        return [PeriodRow(*row) for row in rows]

    def period_book(self, house: str, now_ms: int, limit: int) -> list[PeriodView]:
        """The periods of a house, the newest first: open, due, and so many closed ones."""
        ledger = looking(self._connection)
        found = ledger.house(house)
        if found is None:
            return []
        calendar, due = ledger.calendar(found), due_period(ledger, found)
        store = PeriodLedger(self._connection)
        return book(store, found, calendar, due, now_ms=now_ms, limit=limit)

    def devices(self, limit: int) -> list[DeviceRow]:
        """The edge devices, by name."""
        rows = self._connection.execute(_DEVICES, (limit,))
        return [DeviceRow._make((*row[:5], bool(row[5]))) for row in rows]

    def first_reading_ms(self, house: str) -> int | None:
        """When the first accepted reading of a house was captured."""
        row = self._connection.execute(_FIRST_READING, (house,)).fetchone()
        return None if row[0] is None else int(row[0])

    def consumption(self, house: str, edges_ms: Sequence[int]) -> list[Series]:
        """What the dwellings of a house used between each two neighbouring `edges_ms`."""
        levels: dict[tuple[str, str], dict[tuple[int, str], list[Decimal]]] = defaultdict(dict)
        rows = self._connection.execute(
            _LEVELS, {"house": house, "edges": json.dumps(list(edges_ms))}
        )
        steps: dict[tuple[Any, ...], list[int | None]] = defaultdict(list)
        for *register, _edge, mantissa in rows:
            steps[tuple(register)].append(mantissa)
        for (resource, unit, meter_no, obis, _, exponent, digits, factor), shown in steps.items():
            if role_of(resource, obis, ()) is Role.EXPORT:
                continue
            volumes = [None if one is None else volume(one, factor) for one in shown]
            used = [
                _exact(amount, exponent) for amount in _used(volumes, volume(10**digits, factor))
            ]
            levels[resource, unit][meter_no, obis] = used
        return [
            Series(resource, unit, tuple(edges_ms[:-1]), _summed(registers))
            for (resource, unit), registers in sorted(levels.items())
        ]


@contextmanager
def look(place: Place) -> Iterator[LedgerOverview]:
    """One look at the ledger at `place`; StoreError if it cannot be read."""
    with snapshot(place) as connection:
        yield LedgerOverview(connection)


def _value(mantissa: int | None, exponent: int | None) -> Decimal | None:
    return None if mantissa is None or exponent is None else _exact(mantissa, exponent)


def _exact(mantissa: int, exponent: int) -> Decimal:
    return Decimal(mantissa).scaleb(exponent)


def _used(levels: Sequence[int | None], full: int) -> list[int]:
    """Consumption between levels; a fall from the top tenth to the bottom one is a rollover."""
    used = []
    for before, after in pairwise(levels):
        difference = 0 if before is None or after is None else after - before
        if before is not None and after is not None and difference < 0:
            difference = difference + full if went_over(before, after, full) else 0
        used.append(difference)
    return used


def _summed(registers: Mapping[tuple[int, str], list[Decimal]]) -> tuple[Decimal, ...]:
    """The sum over registers, step by step; of a meter with a total, its tariffs are left out."""
    totals = {meter for meter, obis in registers if _is_total(obis)}
    counted = [
        used for (meter, obis), used in registers.items() if meter not in totals or _is_total(obis)
    ]
    return tuple(sum(step, Decimal()) for step in zip(*counted, strict=True))


def _is_total(obis: str) -> bool:
    """Whether E of A-B:C.D.E is 0, the total over all tariffs."""
    return obis.split(".")[2] == "0"
