"""Meters out of order, in the ledger."""

from gateway.estimation.terms import Cause
from gateway.orders import Order
from gateway.sql.engine import Connection

_STANDING = """
SELECT serial, cause, from_ms FROM out_of_order JOIN meter USING (meter_no)
WHERE serial = ? AND fit_at_ms IS NULL AND until_ms IS NULL
"""


class OrderLedger:
    """An `OrderStore` over the embedded ledger."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def is_known(self, meter: str) -> bool:
        """Whether the registry has a meter of that serial."""
        query = "SELECT 1 FROM meter WHERE serial = ? AND registered = 1"
        return self._sql.execute(query, (meter,)).fetchone() is not None

    def order(self, meter: str) -> Order | None:
        """The order a meter is out of now."""
        row = self._sql.execute(_STANDING, (meter,)).fetchone()
        return None if row is None else Order(row[0], Cause(row[1]), row[2])

    def begin(self, order: Order) -> None:
        """Enter that a meter is out of order."""
        self._sql.execute(
            "INSERT INTO out_of_order (meter_no, cause, from_ms)"
            " SELECT meter_no, ?, ? FROM meter WHERE serial = ?",
            (order.cause, order.from_ms, order.meter),
        )

    def end(self, meter: str, at_ms: int) -> None:
        """Enter that it was found fit."""
        self._sql.execute(
            "UPDATE out_of_order SET fit_at_ms = ?"
            " WHERE fit_at_ms IS NULL AND until_ms IS NULL AND meter_no ="
            " (SELECT meter_no FROM meter WHERE serial = ?)",
            (at_ms, meter),
        )
