"""What a reopened period takes back: each of its lines and corrections, by an event of its own.

Nothing that was written is changed. Billing hears of each record that it does not stand, and of
the line that stands instead when the period is closed again; whichever of the two it hears first,
a record whose withdrawal is known never counts.
"""

from decimal import Decimal
from typing import NamedTuple

from gateway.plain import as_text


class Withdrawn(NamedTuple):
    """A record that does not stand any more. `amount` is what it billed: it is to be taken back."""

    withdrawal_id: str
    withdraws: str
    line_id: str
    period: str
    house: str
    account: str | None
    dwelling: str | None
    point: str
    resource: str
    register: str
    unit: str
    amount: Decimal
    why: str
    withdrawn_at_ms: int

    def as_text(self) -> dict[str, str]:
        """Every field as text, in order."""
        return as_text(self._asdict())


class Withdrawal(NamedTuple):
    """Who took back the closing a line belongs to, and the line that stands instead, if any."""

    withdrawn_at_ms: int
    by: str
    why: str
    replaced_by: str | None


def withdrawal_id(record_id: str) -> str:
    """A record is withdrawn once."""
    return f"{record_id}-withdrawn"
