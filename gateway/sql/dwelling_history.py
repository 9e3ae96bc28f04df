"""A dwelling's history, asked of the ledger in one look."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway.resident.history import (
    DAYS_MS,
    NOBODY,
    VALUES_MAX,
    Billed,
    History,
    Kept,
    Others,
    Register,
    Value,
    is_read,
    months,
    ordered,
    since,
    year_to,
)
from gateway.review.reference import Reference
from gateway.sql.claims import SqlClaims
from gateway.sql.engine import Connection, Place, snapshot
from gateway.sql.statements import named

_SQL = named(Path(__file__).with_suffix(".sql"))


def history(place: Place, account_no: int, now_ms: int) -> History | None:
    """The history of an account's dwelling; None where there is no such account."""
    with snapshot(place) as connection:
        return SqlHistory(connection).of(account_no, now_ms)


class SqlHistory:
    """The same over a connection."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def of(self, account_no: int, now_ms: int) -> History | None:
        row = self._sql.execute(_SQL["dwelling"], (account_no,)).fetchone()
        if row is None:
            return None
        number, address, dwelling, timezone, house_no, last = row
        own = [] if last is None else self._own(account_no, since(last))
        others = {} if last is None else self._others(house_no, account_no, year_to(last))
        values, meters = self._values(account_no, now_ms)
        registers = tuple(
            Kept(
                register,
                meters[register],
                ordered(found),
                () if last is None else months(register, own, others.get(register[1:], {}), last),
            )
            for register, found in values.items()
        )
        return History(number, address, dwelling, timezone, now_ms, registers)

    def _values(
        self, account_no: int, now_ms: int
    ) -> tuple[dict[Register, list[Value]], dict[Register, str]]:
        """All values by register, and the meter that stands there last."""
        values: dict[Register, list[Value]] = defaultdict(list)
        meters: dict[Register, str] = {}
        given = {row[0]: row[1:] for row in self._sql.execute(_SQL["given"], (account_no,))}
        for *key, exponent, meter, register_no, from_ms, to_ms in self._sql.execute(
            _SQL["registers"], (account_no,)
        ).fetchall():
            register = Register(*key)
            meters[register] = meter
            stood = {"register": register_no, "from_ms": from_ms, "to_ms": to_ms}
            values[register] += self._read(stood, (meter, register.obis), exponent, now_ms)
            values[register] += self._claims(stood, meter, given)
        for (
            point,
            obis,
            unit,
            at_ms,
            meter,
            mantissa,
            exponent,
            method,
            line_id,
        ) in self._sql.execute(_SQL["closings"], (account_no, VALUES_MAX)):
            value = Value(at_ms, meter, _exact(mantissa, exponent), "bill", method, subject=line_id)
            for register, found in values.items():
                if (register.point, register.obis, register.unit) == (point, obis, unit):
                    found.append(value)
        return values, meters

    def _read(
        self, stood: dict[str, int], of: tuple[str, str], exponent: int, now_ms: int
    ) -> Iterator[Value]:
        """The openings of months, and of the last days."""
        recent = stood | {"from_ms": max(stood["from_ms"], now_ms - DAYS_MS)}
        found: dict[int, int] = {}
        for statement, asked in (("months", stood), ("days", recent)):
            found |= dict(self._sql.execute(_SQL[statement], asked | {"most": VALUES_MAX}))
        for at_ms, mantissa in found.items():
            subject, value = str(Reference(*of, at_ms)), _exact(mantissa, exponent)
            yield Value(at_ms, of[0], value, "device", "counts", subject=subject)

    def _claims(self, stood: dict[str, int], meter: str, given: dict[int, Any]) -> Iterator[Value]:
        """What people gave while the meter stood at the dwelling's point."""
        span = (stood["from_ms"], stood["to_ms"] + 1)
        for one in SqlClaims(self._sql).claims(None, *span, VALUES_MAX, stood["register"]):
            act, photo_no = given.get(one.number, ("", None))
            told = (one.at_ms, meter, one.value, one.source, one.standing)
            yield Value(*told, photo_no, act, act or one.name)

    def _own(self, account_no: int, first: str) -> list[Billed]:
        asked = {"account": account_no, "since": first}
        return [
            Billed(Register(*row[:4]), row[4], _exact(*row[5:7]), is_read(row[7]))
            for row in self._sql.execute(_SQL["own"], asked)
        ]

    def _others(
        self, house_no: int, account_no: int, first: str
    ) -> dict[tuple[str, ...], dict[str, Others]]:
        """By resource, register and unit, then by period."""
        found: dict[tuple[str, ...], dict[str, Others]] = defaultdict(dict)
        asked = {"house": house_no, "account": account_no, "since": first}
        for *kind, period, mantissa, exponent, dwellings in self._sql.execute(
            _SQL["others"], asked
        ):
            of_kind = found[tuple(kind)]
            total = of_kind.get(period, NOBODY).total + _exact(mantissa, exponent)
            of_kind[period] = Others(total, dwellings)
        return found


def _exact(mantissa: int, exponent: int) -> Decimal:
    return Decimal(mantissa).scaleb(exponent)
