"""The balance of a demo: what was read, and where each reading is now.

Left stands what the edge counted in the transactions that did it; right what plain SQL finds in
the ledger and what the billing system has in its book. `lost` and `duplicated` are differences
between the two sides, not counters of anyone's.
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from edge import spool
from simulators.ledger_view import LedgerView

_STATES = ("accepted", "suspect", "rejected")


class Balance(NamedTuple):
    """Readings, but for the last two; stored = accepted + suspect + rejected."""

    polled: int
    signed: int
    delivered: int
    stored: int
    accepted: int
    suspect: int
    rejected: int
    handed_to_billing: int
    """Bill lines the billing system has booked, each once."""
    lost: int
    duplicated: int

    @property
    def adds_up(self) -> bool:
        """Whether every signed reading is in the ledger exactly once."""
        return self.lost == self.duplicated == 0 and self.signed == self.delivered == self.stored


def strike(state_dir: Path, ledger: Path, booked: int) -> Balance:
    """The balance of an edge's spool, a ledger and a billing system's book."""
    found = spool.glance(state_dir)
    polled, signed, delivered = (
        (found.state.polled, found.state.signed, found.state.delivered) if found else (0, 0, 0)
    )
    view = LedgerView(ledger)
    states = Counter(reading.state for reading in view.readings)
    values = Counter((r.serial, r.obis, r.captured_at_ms, r.mantissa) for r in view.readings)
    numbers = Counter((batch.device, batch.sequence) for batch in view.batches)
    twice = sum(times - 1 for count in (values, numbers) for times in count.values())
    entered = sum(batch.entered for batch in view.batches)
    return Balance(
        polled=polled,
        signed=signed,
        delivered=delivered,
        stored=len(view.readings),
        **{name: states[number] for number, name in enumerate(_STATES)},
        handed_to_billing=booked,
        lost=signed - entered,
        duplicated=twice,
    )
