"""What was estimated and what became of it, as people look at it."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple, Protocol

from gateway.correcting import CorrectedLine
from gateway.plain import as_text


class Obligation(NamedTuple):
    """An estimated line. `settled_in` is the period with which a reading confirmed or corrected it.

    `difference` is None where there is no correction: still open, or an interpolation that stands.
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

    def as_text(self) -> dict[str, str]:
        """Every field as text, in order."""
        return as_text(self._asdict())


class ObligationStore(Protocol):
    """A ledger that can be asked for its estimates."""

    def obligations(self, house: str | None, *, only_open: bool, limit: int) -> list[Obligation]:
        """The estimated lines, the newest first."""

    def correction_of(self, line_id: str) -> CorrectedLine | None:
        """The correction of a line."""

    def corrections(self, house: str | None, period: str | None) -> Iterable[CorrectedLine]:
        """The corrections handed over with a period (None: any), in their order."""
