"""The table at which those sit who work on one ledger."""

from gateway.leader import OwnTable, Table
from gateway.sql.engine import Place, Server, postgres


def table(place: Place) -> Table:
    """A place at the table of the ledger at `place`; StoreError if there is none."""
    if isinstance(place, Server):
        seats: Table = postgres("seats").Seats(place)
        return seats
    return OwnTable(place.with_name(f"{place.name}.lock"))
