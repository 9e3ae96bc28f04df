"""The life of meters in the ledger: what the files say, what is due, and a meter's whole story."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from drivers.reading import from_ms
from gateway.audit import Act
from gateway.meter_life.files import Verified
from gateway.meter_life.relations import Kind, Place, Relation
from gateway.meter_life.seals import Seal, broken
from gateway.meter_life.story import Ordered, Read, Stood, Story, Value
from gateway.meter_life.values import Shape
from gateway.meter_life.verification import (
    Due,
    Finding,
    Verification,
    newest,
    standing,
    start_of,
)
from gateway.model import Kind as PointKind
from gateway.sql.audit import SqlAudit
from gateway.sql.engine import Connection
from gateway.sql.statements import named

SQL = named(Path(__file__).with_suffix(".sql"))


class _Dial(NamedTuple):
    exponent: int
    digits: int


class LifeLedger:
    """A `LifeStore` over the embedded ledger, and what is asked of it."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def _rows(self, name: str, *arguments: object) -> list[Any]:
        return self._sql.execute(SQL[name], arguments).fetchall()

    def dials(self) -> Mapping[str, Mapping[str, Shape]]:
        """The registers of every registered meter."""
        found: dict[str, dict[str, Shape]] = defaultdict(dict)
        for serial, obis, exponent, digits in self._rows("dials"):
            found[serial][obis] = _Dial(exponent, digits)
        return found

    def places(self) -> Mapping[str, Place]:
        """Every metering point."""
        return {
            name: Place(house, resource, PointKind(kind))
            for name, house, resource, kind in self._rows("places")
        }

    def verified(self, meter: str | None = None) -> list[Verified]:
        """Every verification, or those of one meter."""
        return [
            Verified(verification_of(*row[:7]), dict(map(_noted, json.loads(row[7]))))
            for row in self._rows("verifications", meter)
        ]

    def set_verified(self, rows: Sequence[Verified]) -> None:
        """Enter verifications, in place of those of the same meter and day."""
        for one in rows:
            about = one.verification._asdict()
            for column in ("verified_on", "valid_until"):
                about[column] = about[column].isoformat()
            for name in ("drop-noted", "set-verification"):
                self._sql.execute(SQL[name], about)
            self._sql.executemany(
                SQL["set-noted"],
                [about | {"register": obis, "mantissa": at} for obis, at in one.noted.items()],
            )

    def seals(self, meter: str | None = None) -> list[Seal]:
        """Every seal, or those of one meter."""
        return [_seal(*row) for row in self._rows("seals", meter)]

    def set_seals(self, rows: Sequence[Seal]) -> None:
        """Enter seals, in place of those of the same meter and number."""
        texts = [
            {
                name: value.isoformat() if isinstance(value, date) else value
                for name, value in one._asdict().items()
            }
            for one in rows
        ]
        self._sql.executemany(SQL["set-seal"], texts)

    def relations(self) -> list[Relation]:
        """Every relation, by day on the house's calendar."""
        return [_relation(*row) for row in self._rows("relations")]

    def set_relations(self, rows: Sequence[Relation]) -> None:
        """Enter relations, in place of those of the same point and day."""
        for one in rows:
            ((zone,),) = self._rows("zone-of-point", one.point)
            clock = ZoneInfo(zone)
            about = one._asdict() | {
                "since_ms": start_of(one.since, clock),
                "until_ms": None if one.until is None else start_of(one.until, clock),
            }
            self._sql.execute(SQL["set-relation"], about)

    def audit(self, act: Act) -> None:
        """Write to the audit log."""
        SqlAudit(self._sql).append(act)

    def due(self, house: str | None, now_ms: int) -> list[Due]:
        """The meters that stand now, each with its newest verification and its tier today."""
        known: dict[str, list[Verification]] = defaultdict(list)
        for one in self.verified():
            known[one.verification.meter].append(one.verification)
        found = []
        for *place, meter, zone in self._rows("standing", house):
            last = newest(known.get(meter, ()))
            tier = standing(last, _day(now_ms, zone))
            found.append(Due._make((*place, meter, last, tier)))
        return found

    def broken_seals(self, house: str | None) -> list[Seal]:
        """Seals found broken on the meters that stand now, and not replaced."""
        return broken(_seal(*row) for row in self._rows("broken-seals", house))

    def meters_of(self, name: str) -> list[str]:
        """The meter of that serial, or all that have stood at the point of that name."""
        if self._rows("passport", name):
            return [name]
        return [serial for (serial,) in self._rows("meters-of-point", name)]

    def story(self, meter: str) -> Story:
        """A known meter's whole life."""
        ((serial, model),) = self._rows("passport", meter)
        stood: dict[tuple[Any, ...], list[Value]] = {}
        for row in self._rows("installations", meter):
            obis, unit, exponent, first, last, rolled = row[7:]
            value = Value(obis, unit, _exact(first, exponent), _value(last, exponent), bool(rolled))
            stood.setdefault(tuple(row[:7]), []).append(value)
        return Story(
            serial,
            model,
            tuple(Stood._make((*about, tuple(values))) for about, values in stood.items()),
            tuple(one.verification for one in self.verified(meter)),
            tuple(self.seals(meter)),
            tuple(Ordered(*row) for row in self._rows("orders", meter)),
            tuple(Read(*row) for row in self._rows("devices", meter)),
            tuple(
                dict.fromkeys(
                    _relation(*row)
                    for point in dict.fromkeys(about[0] for about in stood)
                    for row in self._rows("relations-of-point", point)
                )
            ),
        )


def _noted(text: str) -> tuple[str, int]:
    """A register's OBIS and what it showed, from ``1-0:1.8.0 12345``."""
    obis, _, mantissa = text.partition(" ")
    return obis, int(mantissa)


def verification_of(*row: Any) -> Verification:
    """A verification as its columns say it."""
    meter, verified_on, months, valid_until, number, verified_by, finding = row
    days = date.fromisoformat(verified_on), date.fromisoformat(valid_until)
    return Verification(meter, days[0], months, days[1], number, verified_by, Finding(finding))


def _relation(*row: Any) -> Relation:
    point, kind, other, since_ms, until_ms, zone = row
    until = None if until_ms is None else _day(until_ms, zone)
    return Relation(point, Kind(kind), other, _day(since_ms, zone), until)


def _seal(*row: Any) -> Seal:
    meter, number, place, set_on, set_by, *days = row
    found = [None if day is None else date.fromisoformat(day) for day in days]
    return Seal(meter, number, place, date.fromisoformat(set_on), set_by, *found)


def _day(moment_ms: int, zone: str) -> date:
    return from_ms(moment_ms).astimezone(ZoneInfo(zone)).date()


def _exact(mantissa: int, exponent: int) -> Decimal:
    return Decimal(mantissa).scaleb(exponent)


def _value(mantissa: int | None, exponent: int) -> Decimal | None:
    return None if mantissa is None else _exact(mantissa, exponent)
