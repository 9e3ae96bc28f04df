"""Contracts' windows in the ledger."""

from collections.abc import Sequence

from drivers.reading import Resource
from gateway.closing_records import House
from gateway.contract_csv import ContractRow
from gateway.contracts import Calendar, Contract, Cutoff
from gateway.sql.engine import Connection

_OF_HOUSE = """
SELECT resource, since, first_day, last_day, next_month, cutoff FROM contract
WHERE house_no = ? ORDER BY since
"""

_ALL = """
SELECT house.name, coalesce(resource, ''), since, first_day, last_day, next_month, cutoff
FROM contract JOIN house USING (house_no) ORDER BY 1, 2, 3
"""

_LAST_CLOSED = """
SELECT name, max(period) FROM house LEFT JOIN closed_period USING (house_no) GROUP BY house_no
"""

_SET = """
INSERT INTO contract (house_no, resource, since, first_day, last_day, next_month, cutoff)
SELECT house_no, nullif(:resource, ''), :since, :first_day, :last_day, :next_month, :cutoff
FROM house WHERE name = :house
ON CONFLICT (house_no, coalesce(resource, ''), since) DO UPDATE SET
    first_day = excluded.first_day, last_day = excluded.last_day,
    next_month = excluded.next_month, cutoff = excluded.cutoff
"""


class ContractLedger:
    """A `ContractStore` over the embedded ledger."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def last_closed(self) -> dict[str, str | None]:
        """Every house with its newest closed period."""
        return dict(self._sql.execute(_LAST_CLOSED).fetchall())

    def all_contracts(self) -> list[ContractRow]:
        """Every contract, by house, resource and period."""
        return [
            ContractRow(house, resource, _contract(*contract))
            for house, resource, *contract in self._sql.execute(_ALL)
        ]

    def set_contracts(self, rows: Sequence[ContractRow]) -> None:
        """Enter contracts, in place of those of the same subject and period."""
        self._sql.executemany(
            _SET,
            [
                {"house": one.house, "resource": one.resource, **one.contract._asdict()}
                for one in rows
            ],
        )


def calendar(connection: Connection, house: House) -> Calendar:
    """All contracts of a house."""
    found: dict[Resource | None, list[Contract]] = {}
    for resource, *contract in connection.execute(_OF_HOUSE, (house.house_no,)):
        key = None if resource is None else Resource(resource)
        found.setdefault(key, []).append(_contract(*contract))
    return Calendar(house.zone, found)


def _contract(since: str, first_day: int, last_day: int, next_month: int, cutoff: str) -> Contract:
    return Contract(since, first_day, last_day, bool(next_month), Cutoff(cutoff))
