"""What was estimated and what became of it, as people look at it."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from drivers.reading import Resource
from gateway import periods
from gateway.correcting import CorrectedLine
from gateway.model import Finding
from gateway.plain import as_text
from gateway.rules import prolonged
from gateway.rules.parameters import TABLE, Table


class Obligation(NamedTuple):
    """An estimated line. `settled_in` is the period with which a reading confirmed or corrected it.

    `difference` is None where there is no correction: still open, or an interpolation that stands.
    `in_a_row` is how many of the register's periods up to this one have no reading, 0 for one that
    has been settled.
    """

    line_id: str
    period: str
    house: str
    account: str | None
    dwelling: str | None
    point: str
    resource: str
    register: str
    unit: str
    billed: Decimal
    method: str
    reason: str
    settled_in: str | None
    difference: Decimal | None
    in_a_row: int

    def prolonged(self, table: Table = TABLE) -> Finding | None:
        """V-EST, with the numbers of the line's period."""
        begin_ms = periods.bounds(self.period, ZoneInfo("UTC")).start_ms
        return prolonged.check(self.in_a_row, table.limits(Resource(self.resource), begin_ms))

    def as_text(self) -> dict[str, str]:
        """Every field as text, in order, and what V-EST finds."""
        found = self.prolonged()
        return as_text(self._asdict() | {"finding": found and f"{found.rule}: {found.detail}"})


class ObligationStore(Protocol):
    """A ledger that can be asked for its estimates."""

    def obligations(self, house: str | None, *, only_open: bool, limit: int) -> list[Obligation]:
        """The estimated lines, the newest first."""

    def correction_of(self, line_id: str) -> CorrectedLine | None:
        """The correction of a line."""

    def corrections(self, house: str | None, period: str | None) -> Iterable[CorrectedLine]:
        """The corrections handed over with a period (None: any), in their order."""
