"""Acts of controllers in the ledger, and what interferences are charged for."""

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from drivers.reading import Resource, Unit
from gateway.acts.model import Act, Charge, Charged, Kind, charge_id
from gateway.acts.port import Place
from gateway.estimation.norm import norm_of
from gateway.estimation.refusal import AccessAct
from gateway.sql import norms
from gateway.sql.engine import Connection

_NAMED = "IN (SELECT w.atom FROM json_each(?) w)"

_PLACES = f"""
SELECT point.name, account.number, resource, obis, unit
FROM point JOIN account USING (account_no)
LEFT JOIN installation USING (point_no)
LEFT JOIN register ON register.meter_no = installation.meter_no AND registered = 1
WHERE point.name {_NAMED} ORDER BY point.name, obis NULLS FIRST, unit
"""  # noqa: S608 - put together of our own constants

_ACTS = f"""
SELECT act.kind, act.number, made_on, made_by, account.number, coalesce(point.name, ''),
       coalesce(obis, ''), capacity, begun_on
FROM act JOIN account USING (account_no) LEFT JOIN point USING (point_no)
WHERE account.number {_NAMED} ORDER BY made_on, act_no
"""  # noqa: S608 - as above

_OF_POINT = """
SELECT DISTINCT point_no, obis, unit, house_no, account.number
FROM point JOIN account USING (account_no, house_no)
JOIN installation USING (point_no)
JOIN register ON register.meter_no = installation.meter_no AND registered = 1
WHERE point.name = ? ORDER BY obis, unit
"""

_ADD = """
INSERT INTO act (kind, number, made_on, made_by, account_no, point_no, obis, capacity, begun_on,
                 audit_no)
SELECT :kind, :number, :made_on, :made_by, account_no,
       (SELECT point_no FROM point WHERE name = :point), :register, :capacity, :begun_on, :audit_no
FROM account WHERE number = :account
RETURNING act_no
"""

_CHARGES = """
SELECT charge_no, act.number, act.made_on, act.made_by, house.name, account.number,
       account.dwelling, point.name, resource, obis, charge.unit, first_on, until_on,
       charge.method, amount, reason, entered_by, confirmed_by, closing.period,
       closing.closed_at_ms
FROM interference_charge AS charge
JOIN act USING (act_no)
JOIN account USING (account_no)
JOIN house USING (house_no)
JOIN point USING (point_no)
LEFT JOIN written_closing AS closing USING (closing_no)
"""

_ACCESS = """
SELECT act.kind = 'access-refused', account.number, act.point_no, act.number, made_on
FROM act JOIN account USING (account_no)
WHERE house_no = ? AND made_on < ? AND act.kind <> 'interference' ORDER BY made_on, act_no
"""


class ActLedger:
    """An `ActStore` over the embedded ledger."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def zones(self, accounts: Collection[str]) -> dict[str, ZoneInfo]:
        """The known accounts, each with the clock of its house."""
        rows = self._sql.execute(
            f"SELECT number, timezone FROM account JOIN house USING (house_no)"  # noqa: S608 - ours
            f" WHERE number {_NAMED}",
            (_array(accounts),),
        )
        return {number: ZoneInfo(timezone) for number, timezone in rows}

    def places(self, points: Collection[str]) -> dict[str, Place]:
        """The known metering points of dwellings."""
        rows = self._sql.execute(_PLACES, (_array(points),))
        return {
            name: Place(account, Resource(resource), _units(found))
            for (name, account, resource), found in groupby(rows, lambda row: row[:3])
        }

    def acts(self, accounts: Collection[str]) -> list[Act]:
        """The acts of accounts, in order of days."""
        return [_act(*row) for row in self._sql.execute(_ACTS, (_array(accounts),))]

    def month_norm(self, point: str, register: str, month: str) -> Fraction | None:
        """The norm of the dwelling of a register, as if the point were its only one, in a month."""
        rows = self._sql.execute(_OF_POINT, (point,)).fetchall()
        (place,) = (row[:3] for row in rows if row[1] == register)
        house_no, account = rows[0][3:]
        known = norms.norms(self._sql, house_no, month)
        found = norm_of(known, account, place, [row[:3] for row in rows])
        return found and found.amount

    def add(self, act: Act, audit_no: int) -> int:
        """Enter an act; its number."""
        said = act._asdict() | {
            "made_on": act.made_on.isoformat(),
            "begun_on": act.begun_on and act.begun_on.isoformat(),
            "capacity": None if act.capacity is None else f"{act.capacity:f}",
            "register": act.register or None,
            "audit_no": audit_no,
        }
        return int(self._sql.execute(_ADD, said).fetchone()[0])

    def add_charge(self, act_no: int, unit: Unit, charged: Charged, entered_by: str) -> str:
        """Enter what an act is charged for, as a proposal; the charge's id."""
        (number,) = self._sql.execute(
            "INSERT INTO interference_charge (act_no, unit, first_on, until_on, method, amount,"
            " reason, entered_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING charge_no",
            (
                *(act_no, unit, charged.first_on.isoformat(), charged.until_on.isoformat()),
                *(charged.method, f"{charged.amount:f}", charged.reason, entered_by),
            ),
        ).fetchone()
        return charge_id(number)

    def confirm(self, charge_id: str, confirmed_by: str, audit_no: int) -> None:
        """Let a charge be handed over with the next closing."""
        self._sql.execute(
            "UPDATE interference_charge SET confirmed_by = ?, audit_no = ? WHERE charge_no = ?",
            (confirmed_by, audit_no, _number(charge_id)),
        )

    def waiting(self, charge_id: str) -> Charge | None:
        """A charge that waits for another person."""
        query = f"{_CHARGES} WHERE charge_no = ? AND confirmed_by IS NULL"
        return next(_charges(self._sql, query, _number(charge_id)), None)

    def charges(self, house: str | None) -> Iterator[Charge]:
        """All charges, the oldest first."""
        query = f"{_CHARGES} WHERE CAST(?1 AS TEXT) IS NULL OR house.name = ?1 ORDER BY charge_no"
        return _charges(self._sql, query, house)


def access_acts(connection: Connection, house_no: int, before: date) -> list[AccessAct]:
    """The refusals and inspections of a house before a day, in order of days."""
    rows = connection.execute(_ACCESS, (house_no, before.isoformat()))
    return [AccessAct._make((*row[:4], date.fromisoformat(row[4]))) for row in rows]


def hand_over_charges(connection: Connection, house_no: int, closing_no: int) -> list[Charge]:
    """The charges of a house that were confirmed since the last closing belong to this one."""
    connection.execute(
        "UPDATE interference_charge SET closing_no = ? WHERE closing_no IS NULL"
        " AND confirmed_by IS NOT NULL AND act_no IN"
        " (SELECT act_no FROM act JOIN account USING (account_no) WHERE house_no = ?)",
        (closing_no, house_no),
    )
    query = f"{_CHARGES} WHERE charge.closing_no = ? ORDER BY charge_no"
    return list(_charges(connection, query, closing_no))


def _charges(connection: Connection, query: str, *arguments: object) -> Iterator[Charge]:
    for row in connection.execute(query, arguments):
        made_on, first_on, until_on = (date.fromisoformat(row[at]) for at in (2, 11, 12))
        yield Charge._make(
            (
                *(charge_id(row[0]), row[1], made_on, *row[3:11], first_on, until_on, row[13]),
                *(Decimal(row[14]), *row[15:]),
            )
        )


def _act(*row: Any) -> Act:
    *said, capacity, begun_on = row
    said[0], said[2] = Kind(said[0]), date.fromisoformat(said[2])
    return Act._make((*said, None if capacity is None else Decimal(capacity), _day(begun_on)))


def _number(charge: str) -> int | None:
    """The number in a charge's id, None for anything else."""
    digits = charge.removeprefix("x-")
    return int(digits) if digits.isascii() and digits.isdigit() else None


def _units(rows: Iterator[Sequence[Any]]) -> dict[str, Unit]:
    return {obis: Unit(unit) for *_, obis, unit in rows if obis is not None}


def _array(texts: Collection[str]) -> str:
    return json.dumps(sorted(texts))


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
