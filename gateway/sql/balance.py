"""A house's balance asked of the ledger, and what is entered for it."""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

from gateway.balance.facts_csv import AreaFact, NormFact, standing
from gateway.balance.hints import Flagged, Flow, Judged, Where
from gateway.balance.model import House, Norm, Premises, Use, Used
from gateway.balance.notices import Notice, Stored
from gateway.balance.registers import UNITS
from gateway.billing import Role
from gateway.estimation.norm import dwelling_norm
from gateway.model import Kind, Level
from gateway.sql.engine import Connection, Database
from gateway.sql.norms import norms as norms_in
from gateway.sql.statements import named

_SQL = named(Path(__file__).with_suffix(".sql"))


class BalanceLedger:
    """A `BalanceStore` over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _rows(self, name: str, *arguments: object, **named_arguments: object) -> list[Any]:
        return self._connection.execute(_SQL[name], arguments or named_arguments).fetchall()

    def timezone(self, house: str) -> str | None:
        return next((str(row[0]) for row in self._rows("timezone", house)), None)

    def last_closed(self, house: str) -> str | None:
        ((period,),) = self._rows("last-closed", house)
        return None if period is None else str(period)

    def is_closed(self, house: str, period: str) -> bool:
        ((count,),) = self._rows("is-closed", house, period)
        return bool(count)

    def lines(self, house: str, period: str) -> list[Used]:
        return [
            Used._make(
                (
                    *(row[0], Kind(row[1]), *row[2:8]),
                    _volume(*row[11:13]) + _volume(*row[13:15]),
                    *(row[8], row[10], bool(row[9]), Role(row[15]), row[16]),
                )
            )
            for row in self._rows("lines", house, period)
        ]

    def facts(self, house: str, period: str) -> House:
        areas = standing(_areas(self._rows("areas", house=house)), period)
        norms = standing(_norms(self._rows("norms", house=house)), period)
        of_account = {one.subject: one for one in areas if one.use is not Use.HEATING}
        common = of_account.pop("", None)
        accounts = self._rows("accounts", house)
        return House(
            premises=tuple(
                _premises(number, dwelling, of_account.get(number)) for number, dwelling in accounts
            ),
            common_area=common and common.area,
            heating_points=frozenset(one.subject for one in areas if one.use is Use.HEATING),
            norms=tuple(
                Norm(one.resource, one.unit, one.per_m2, one.per_resident, one.source)
                for one in norms
            ),
            dwelling_norms=self._dwelling_norms(house, period, [number for number, _ in accounts]),
        )

    def _dwelling_norms(
        self, house: str, period: str, accounts: Sequence[str]
    ) -> dict[tuple[str, str, str], Decimal]:
        """The norms of dwellings without a meter, by the order that bills an unread meter too."""
        ((house_no,),) = self._rows("house-no", house)
        norms = norms_in(self._connection, house_no, period)
        found = {
            (account, resource, unit): dwelling_norm(norms, account, resource, unit)
            for account in accounts
            for resource, units in UNITS.items()
            for unit in units
        }
        return {subject: norm for subject, norm in found.items() if norm is not None}

    def flagged(self, house: str, from_ms: int, until_ms: int) -> list[Flagged]:
        rows = self._rows("flagged", house=house, from_ms=from_ms, until_ms=until_ms)
        return [Flagged._make((Where._make((*row[:4], "")), *row[4:])) for row in rows]

    def judged(self, house: str, from_ms: int, until_ms: int) -> list[Judged]:
        rows = self._rows("judged", house=house, from_ms=from_ms, until_ms=until_ms)
        return [Judged._make((Where._make(row[:5]), *row[5:])) for row in rows]

    def flows(self, house: str, windows: Sequence[tuple[int, int]]) -> list[Flow]:
        rows = self._rows("flows", house=house, windows=json.dumps(list(windows)))
        found = []
        for register, levels in groupby(rows, lambda row: row[:7]):
            nights: list[list[Level]] = [[] for _ in windows]
            for row in levels:
                nights[row[7]].append(Level(*row[8:]))
            *where, unit, exponent = register
            found.append(Flow(Where(*where), unit, exponent, tuple(map(tuple, nights))))
        return found


class FactsLedger:
    """A `FactsPort` and `NoticePort` over the embedded ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection = database.connection

    def transaction(self) -> AbstractContextManager[object]:
        return self._database.transaction()

    def houses(self) -> set[str]:
        return {row[0] for row in self._connection.execute(_SQL["houses"])}

    def accounts(self) -> dict[str, str]:
        return dict(self._connection.execute(_SQL["house-of-accounts"]).fetchall())

    def house_points(self) -> dict[str, str]:
        return dict(self._connection.execute(_SQL["house-of-points"]).fetchall())

    def areas(self) -> list[AreaFact]:
        return _areas(self._connection.execute(_SQL["areas"], {"house": None}).fetchall())

    def norms(self) -> list[NormFact]:
        return _norms(self._connection.execute(_SQL["norms"], {"house": None}).fetchall())

    def add_areas(self, facts: Sequence[AreaFact]) -> None:
        rows = [fact._asdict() | {"area": _text(fact.area)} for fact in facts]
        self._connection.executemany(_SQL["add-area"], rows)

    def add_norms(self, facts: Sequence[NormFact]) -> None:
        texts = [
            {"per_m2": _text(fact.per_m2), "per_resident": _text(fact.per_resident)}
            for fact in facts
        ]
        rows = [fact._asdict() | text for fact, text in zip(facts, texts, strict=True)]
        self._connection.executemany(_SQL["add-norm"], rows)

    def unheard(self, limit: int) -> list[Stored]:
        return [Stored(*row) for row in self._connection.execute(_SQL["unheard"], (limit,))]

    def add(self, notices: Sequence[Notice], up_to_batch_no: int) -> None:
        self._connection.executemany(_SQL["add-notice"], [one._asdict() for one in notices])
        self._connection.execute(_SQL["heard"], (up_to_batch_no,))


def _volume(mantissa: int, exponent: int) -> Decimal:
    return Decimal(mantissa).scaleb(exponent)


def _premises(number: str, dwelling: str, fact: AreaFact | None) -> Premises:
    if fact is None:
        return Premises(number, dwelling, Use.DWELLING, None, None)
    return Premises(number, dwelling, fact.use, fact.area, fact.residents)


def _areas(rows: Sequence[Any]) -> list[AreaFact]:
    return [
        AreaFact(house, subject, Use(use), _exact(area), residents, valid_from)
        for house, subject, use, area, residents, valid_from in rows
    ]


def _norms(rows: Sequence[Any]) -> list[NormFact]:
    return [NormFact._make((*row[:3], _exact(row[3]), _exact(row[4]), *row[5:])) for row in rows]


def _exact(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"
