"""Norms and heating seasons in the ledger."""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from gateway import periods
from gateway.closing_records import House
from gateway.csv_lines import LAST_DAY
from gateway.estimation.norm import Norms, PerResident
from gateway.norms import Norm, Season
from gateway.periods import Bounds
from gateway.sql.engine import Connection

# The last row of a subject in the order of periods is the one that holds.
_IN_PERIOD = """
SELECT account.number, obis, unit, amount
FROM norm LEFT JOIN account USING (account_no)
WHERE norm.house_no = ? AND since <= ? ORDER BY since
"""

# Of a subject the newest row that holds on the period's last day, as the house's balance takes it.
_PER_RESIDENT = """
SELECT resource, unit, per_resident, source FROM common_norm
WHERE house_no = ? AND substr(valid_from, 1, 7) <= ? ORDER BY valid_from
"""

_RESIDENTS = """
SELECT number, use, residents FROM area_fact JOIN account USING (account_no)
WHERE area_fact.house_no = ? AND substr(valid_from, 1, 7) <= ? ORDER BY valid_from
"""

_ALL = """
SELECT house.name, coalesce(account.number, ''), obis, unit, since, amount
FROM norm JOIN house USING (house_no) LEFT JOIN account USING (account_no)
ORDER BY 1, 2, 3, 4, 5
"""

_SET_NORM = """
INSERT INTO norm (house_no, account_no, obis, unit, since, amount)
SELECT house_no, (SELECT account_no FROM account WHERE number = :account),
       :register, :unit, :since, :amount
FROM house WHERE name = :house
ON CONFLICT (house_no, coalesce(account_no, 0), obis, unit, since)
    DO UPDATE SET amount = excluded.amount
"""

_SET_SEASON = """
INSERT INTO heating_season SELECT house_no, :starts_on, :ends_on FROM house WHERE name = :house
ON CONFLICT (house_no, starts_on) DO UPDATE SET ends_on = excluded.ends_on
"""

# A season that goes on is taken to last: whoever estimates within it needs no later day.
_GOES_ON = LAST_DAY


class NormLedger:
    """A `NormStore` over the embedded ledger."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def houses(self) -> set[str]:
        """The houses there are."""
        return {name for (name,) in self._sql.execute("SELECT name FROM house")}

    def accounts(self, numbers: Collection[str]) -> dict[str, str]:
        """The house of each known account."""
        rows = self._sql.execute(
            "SELECT number, name FROM account JOIN house USING (house_no)"
            " WHERE number IN (SELECT w.atom FROM json_each(?) w)",
            (json.dumps(sorted(numbers)),),
        )
        return dict(rows)

    def all_norms(self) -> list[Norm]:
        """Every norm, in order of subjects."""
        return [Norm._make((*row[:5], Decimal(row[5]))) for row in self._sql.execute(_ALL)]

    def set_norms(self, rows: Sequence[Norm]) -> None:
        """Enter norms, in place of those of the same subject."""
        said = [one._asdict() | {"amount": f"{one.amount:f}"} for one in rows]
        self._sql.executemany(_SET_NORM, said)

    def all_seasons(self) -> list[Season]:
        """Every season, by house and in order of time."""
        rows = self._sql.execute(
            "SELECT name, starts_on, ends_on FROM heating_season JOIN house USING (house_no)"
            " ORDER BY name, starts_on"
        )
        return [Season(name, date.fromisoformat(first), _day(last)) for name, first, last in rows]

    def set_seasons(self, rows: Sequence[Season]) -> None:
        """Enter seasons, in place of those that begin on the same day."""
        self._sql.executemany(
            _SET_SEASON,
            [
                {
                    "house": one.house,
                    "starts_on": one.starts_on.isoformat(),
                    "ends_on": one.ends_on and one.ends_on.isoformat(),
                }
                for one in rows
            ],
        )


def norms(connection: Connection, house_no: int, period: str) -> Norms:
    """The norms that hold in a period, those of residents as of its last day."""
    rows = connection.execute(_IN_PERIOD, (house_no, period))
    per_resident = connection.execute(_PER_RESIDENT, (house_no, period))
    residents = connection.execute(_RESIDENTS, (house_no, period))
    return Norms(
        {(account, obis, unit): Decimal(text) for account, obis, unit, text in rows},
        {
            (resource, unit): PerResident(Decimal(text), source)
            for resource, (unit, text, source) in _newest(per_resident).items()
            if text is not None
        },
        {
            account: count
            for account, (use, count) in _newest(residents).items()
            if use == "dwelling" and count is not None
        },
    )


def _newest(rows: Iterable[tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    """The last row of each subject, its first column; rows come in order of days."""
    return {row[0]: row[1:] for row in rows}


def seasons(connection: Connection, house: House) -> list[Bounds]:
    """The heating seasons of a house, in order of time."""
    rows = connection.execute(
        "SELECT starts_on, ends_on FROM heating_season WHERE house_no = ? ORDER BY starts_on",
        (house.house_no,),
    )
    return [
        periods.days(date.fromisoformat(first), _day(last) or _GOES_ON, house.zone)
        for first, last in rows
    ]


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
