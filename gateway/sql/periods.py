"""The periods of houses in the ledger, for people to look at."""

from collections.abc import Collection

from drivers.reading import Resource
from gateway.closing_records import House
from gateway.period_book import Carried, Closed, Taken
from gateway.sql.billing import BILLED
from gateway.sql.engine import Connection

_CLOSINGS = """
SELECT closing_no, period, revision, closed_at_ms FROM closed_period
WHERE house_no = ? ORDER BY period DESC LIMIT ?
"""

_METHODS = """
SELECT method, count(*) FROM closing_line WHERE closing_no = ? GROUP BY method ORDER BY method
"""

_TAKEN = """
SELECT period, revision, at_ms, actor, why
FROM withdrawal JOIN written_closing USING (closing_no)
WHERE house_no = ? ORDER BY closing_no DESC
"""

_CARRIED = f"""
SELECT point.name, resource, obis, unit, installed_at_ms, removed_at_ms
FROM point
LEFT JOIN installation USING (point_no)
LEFT JOIN register ON register.meter_no = installation.meter_no
    AND registered = 1 AND unit IN ({BILLED})
WHERE house_no = ? ORDER BY point.name, obis NULLS FIRST, unit, installed_at_ms NULLS FIRST
"""  # noqa: S608 - the units are our own constants


class PeriodLedger:
    """A `PeriodStore` over the embedded ledger."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def closings(self, house: House, limit: int) -> list[Closed]:
        """The newest standing closings, the newest first."""
        rows = self._sql.execute(_CLOSINGS, (house.house_no, limit)).fetchall()
        return [
            Closed._make((*row, dict(self._sql.execute(_METHODS, row[:1]).fetchall())))
            for row in rows
        ]

    def taken_back(self, house: House) -> list[Taken]:
        """Every closing that was withdrawn, the newest first."""
        return [Taken(*row) for row in self._sql.execute(_TAKEN, (house.house_no,))]

    def carried(self, house: House) -> list[Carried]:
        """Every metering point with its billed registers, in order of time."""
        rows = self._sql.execute(_CARRIED, (house.house_no,))
        return [Carried(point, Resource(resource), *rest) for point, resource, *rest in rows]

    def with_line(self, closing_no: int) -> Collection[tuple[str, str, str]]:
        """Point, register and unit of every line of a closing."""
        return set(
            self._sql.execute(
                "SELECT point.name, obis, unit FROM closing_line JOIN point USING (point_no)"
                " WHERE closing_no = ?",
                (closing_no,),
            )
        )
