"""The registers of a house for closing, with all that the lives of their meters say of them.

What bars a meter, where it counts anew, what its values are multiplied by, which register only
checks others, and which point stands behind which.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from drivers.reading import Resource
from gateway.billing import Installation, Role
from gateway.closing_records import BilledRegister, RegisterKey
from gateway.estimation.terms import Cause
from gateway.meter_life.bars import Bar, Order, bars, pieces
from gateway.meter_life.relations import Kind
from gateway.meter_life.roles import role_of
from gateway.meter_life.verification import Verification, end_of
from gateway.model import FOREVER_MS, Level
from gateway.sql.engine import Connection
from gateway.sql.meter_life import SQL, verification_of


class Barred:
    """The bars of a house's meters; `all` of them by register."""

    def __init__(self, connection: Connection, house_no: int, zone: ZoneInfo) -> None:
        self._sql, self._zone = connection, zone
        verified: dict[int, list[Verification]] = defaultdict(list)
        for meter_no, *row in connection.execute(SQL["verified-in-house"], (house_no,)):
            verified[meter_no].append(verification_of(*row))
        orders: dict[int, list[Order]] = defaultdict(list)
        for meter_no, from_ms, cause, until_ms in connection.execute(
            SQL["orders-in-house"], (house_no,)
        ):
            orders[meter_no].append(Order(from_ms, Cause(cause), until_ms))
        of_meter = {
            meter_no: bars(verified[meter_no], orders[meter_no], zone)
            for meter_no in {*verified, *orders}
        }
        numbers = json.dumps(sorted(of_meter))
        self.all = {
            register_no: of_meter[meter_no]
            for register_no, meter_no in connection.execute(SQL["registers-of-meters"], (numbers,))
        }

    def pieces(self, installation: Installation) -> Sequence[Installation]:
        """An installation, cut where its register counts anew after it was barred."""
        barred = self.all.get(installation.register_no)
        if not barred:
            return (installation,)
        ends_ms = installation.removed_at_ms or FOREVER_MS
        restarts = {
            bar.until_ms: level
            for number, bar in enumerate(barred)
            if installation.installed_at_ms < bar.until_ms < ends_ms
            and (level := self._restart(installation, bar, _next(barred, number, ends_ms)))
        }
        return pieces(installation, barred, restarts)

    def _restart(self, installation: Installation, bar: Bar, before_ms: int) -> Level | None:
        """Where a register counts again: its dial at the verification, else its first reading.

        A noted value stands at the end of its day, so that no reading of that day, taken before
        it perhaps, can lie below it.
        """
        register_no = installation.register_no
        if bar.verified_on is not None:
            noted = self._sql.execute(
                SQL["noted"], (register_no, bar.verified_on.isoformat())
            ).fetchone()
            if noted is not None:
                return Level(end_of(bar.verified_on, self._zone), int(noted[0]))
        row = self._sql.execute(
            SQL["first-after"], (register_no, bar.until_ms, before_ms)
        ).fetchone()
        return None if row is None else Level(*row)


def _next(barred: Sequence[Bar], number: int, ends_ms: int) -> int:
    return min(ends_ms, barred[number + 1].from_ms if number + 1 < len(barred) else FOREVER_MS)


class Related:
    """How the points of a house stand to each other just before an instant."""

    def __init__(self, connection: Connection, house_no: int, at_ms: int) -> None:
        rows = connection.execute(SQL["relations-in-house"], (house_no, at_ms)).fetchall()
        self._behind = {no: other for no, kind, other in rows if kind == Kind.BEHIND}
        self._checks = {no for no, kind, _ in rows if kind == Kind.CHECKS}

    def behind(self, point_no: int) -> str | None:
        """The point whose sub-meter a point is."""
        return self._behind.get(point_no)

    def is_check_meter(self, point_no: int) -> bool:
        """Whether the meters of a point check those of another."""
        return point_no in self._checks


def registers(
    connection: Connection, rows: Sequence[Any], house_no: int, before_ms: int
) -> Iterator[BilledRegister]:
    """The registers in `rows`: point, OBIS, unit, resource, account, dwelling; an installation.

    Of an installation register, exponent, digits, when and with which value it began and ended,
    factor, whether it rolled over at its end, and the meter.
    """
    ((zone,),) = connection.execute("SELECT timezone FROM house WHERE house_no = ?", (house_no,))
    barred = Barred(connection, house_no, ZoneInfo(zone))
    related = Related(connection, house_no, before_ms)
    of_meter: dict[tuple[int, str], set[str]] = defaultdict(set)
    for row in rows:
        of_meter[row[-1], row[2]].add(row[1])
    for about, group in groupby(rows, lambda row: row[:6]):
        point_no, obis, unit, resource, account, dwelling = about
        yield BilledRegister(
            RegisterKey(point_no, obis, unit),
            Resource(resource),
            account,
            dwelling,
            tuple(
                piece
                for row in group
                for piece in barred.pieces(
                    _installation(row, is_check=_is_check(resource, obis, of_meter[row[-1], unit]))
                )
            ),
            role_of(resource, obis, (), is_check_meter=related.is_check_meter(point_no)),
            related.behind(point_no),
        )


def _installation(row: Sequence[Any], *, is_check: bool) -> Installation:
    one = Installation(*row[6:13])
    return one._replace(factor=row[13], final_rolled=bool(row[14]), is_check=is_check)


def _is_check(resource: str, obis: str, beside: Collection[str]) -> bool:
    return role_of(resource, obis, beside) is Role.CHECK
