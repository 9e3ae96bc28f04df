"""Closed lines for an export, asked of the ledger: one statement, one for the verdicts."""

from collections.abc import Iterator

from gateway.evidence import Verdict
from gateway.export.closed import Closed, Origin
from gateway.sql.billing import LINES, closing_lines, last_closed
from gateway.sql.engine import Database

_OF_PERIOD = "WHERE period = ?1 AND (CAST(?2 AS TEXT) IS NULL OR house.name = ?2)"

# An act is the one of a removal where a meter was taken away at that instant, else the one of
# its installation.
_ABOUT = f"""
SELECT line_id, house.address, house.timezone,
       CASE WHEN closing_copy IS NOT NULL THEN 'reading'
            WHEN method = 'interpolated' THEN 'estimate'
            WHEN EXISTS (SELECT 1 FROM installation JOIN register USING (meter_no)
                         WHERE register.register_no = closing_register_no
                           AND removed_at_ms = closing_at_ms) THEN 'removal'
            ELSE 'installation' END
FROM closing_line JOIN closed_period USING (closing_no) JOIN house USING (house_no)
{_OF_PERIOD}
"""  # noqa: S608 - put together of our own constants

_VERDICTS = f"""
SELECT line_id, rule, severity, quality, detail
FROM closing_line JOIN closed_period USING (closing_no) JOIN house USING (house_no)
JOIN verdict ON verdict.register_no = closing_register_no
    AND verdict.captured_at_ms = closing_at_ms AND verdict.copy = closing_copy
{_OF_PERIOD}
ORDER BY verdict_no
"""  # noqa: S608 - as above


class ClosedLedger:
    """A `ClosedStore` over the embedded ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last_closed(self) -> str | None:
        """The newest period any house has closed."""
        return last_closed(self._database.connection)

    def closed(self, period: str, house: str | None) -> Iterator[Closed]:
        """The lines of a period, of one house or all, by line id."""
        asked = (period, house)
        sql = self._database.connection
        about = {line_id: told for line_id, *told in sql.execute(_ABOUT, asked)}
        verdicts: dict[str, list[Verdict]] = {}
        for line_id, *verdict in sql.execute(_VERDICTS, asked):
            verdicts.setdefault(line_id, []).append(Verdict(*verdict))
        query = f"{LINES} {_OF_PERIOD} ORDER BY line_id"
        for line in closing_lines(sql, query, *asked):
            address, timezone, origin = about[line.line_id]
            found = tuple(verdicts.get(line.line_id, ()))
            yield Closed(line, address, timezone, Origin(origin), found)
