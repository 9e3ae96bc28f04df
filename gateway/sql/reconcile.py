"""Reconciliation asked of the ledger, in one look."""

import json
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from gateway.acts.model import charge_id
from gateway.handoff.reconcile import DWELLINGS, HOUSE, Book, Booked, Handed, Kind
from gateway.handoff.target import State
from gateway.sql.billing import last_closed
from gateway.sql.engine import Connection
from gateway.sql.pull import PullLedger
from gateway.sql.statements import named
from gateway.withdrawn import withdrawal_id

_SQL = named(Path(__file__).with_suffix(".sql"))
NOT_YET = "not acknowledged yet"


class ReconcileLedger:
    """A `ReconcilePort` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def last_closed(self) -> str | None:
        return last_closed(self._sql)

    def book(self, period: str, house: str | None) -> Book:
        closings = [no for (no,) in self._sql.execute(_SQL["closings"], (period, house))]
        asked = (json.dumps(closings),)
        unbilled = frozenset(line for (line,) in self._sql.execute(_SQL["unbilled"], asked))
        return Book(tuple(self._booked(asked)), tuple(self._handed(asked)), unbilled)

    def _booked(self, asked: tuple[str]) -> Iterator[Booked]:
        for name in ("lines", "corrections"):
            for row in self._sql.execute(_SQL[name], asked):
                record_id, resource, unit, of_house, billed, mantissa, exponent, withdrawn = row
                kind = Kind(resource, unit, HOUSE if of_house else DWELLINGS)
                amount = Decimal(mantissa).scaleb(exponent) if billed else None
                yield Booked(record_id, kind, amount)
                if withdrawn:
                    taken = None if amount is None else -amount
                    yield Booked(withdrawal_id(record_id), kind, taken)
        for number, resource, unit, amount in self._sql.execute(_SQL["charges"], asked):
            yield Booked(charge_id(number), Kind(resource, unit, DWELLINGS), Decimal(amount))

    def _handed(self, asked: tuple[str]) -> Iterator[Handed]:
        said: dict[int, dict[str, tuple[State, str]]] = defaultdict(dict)
        for number, target, state, words in self._sql.execute(_SQL["deliveries"], asked):
            said[number][target] = (State(state), words)
        clients = [one for one in PullLedger(self._sql).clients() if one.revoked_at_ms is None]
        for number, event_id, payload in self._sql.execute(_SQL["events"], asked):
            for client in clients:
                has = number <= client.through_no
                state = (State.ACKNOWLEDGED, "") if has else (State.PENDING, NOT_YET)
                said[number][client.name] = state
            yield Handed(event_id, payload, said[number])
