"""Claims as people look at them: what was given, what was found, what became of it and why."""

from decimal import Decimal
from typing import NamedTuple, Protocol

from drivers.reading import from_ms
from gateway.claims.ports import CLAIM_COPIES
from gateway.model import State
from gateway.review.reference import Reference

# What a person decided stands above what a closing did.
_STATES = {
    State.SUSPECT: "in review",
    State.DISMISSED: "rejected",
}


class ClaimRow(NamedTuple):
    """A claim as it is now; `outcome` is ``open`` before a closing had a word for it.

    `value` has the digits that were given. `findings` are what looked wrong at its entry.
    `state` is that of its reading, if it is among the readings.
    """

    number: int
    source: str
    reference: str
    house: str | None
    account: str | None
    dwelling: str | None
    meter: str
    register: str
    unit: str
    value: Decimal
    at_ms: int
    by: str
    entered_ms: int
    outcome: str
    reason: str | None
    period: str | None
    findings: tuple[str, ...]
    state: State | None

    @property
    def standing(self) -> str:
        """What it is now, in words."""
        if self.state is State.ACCEPTED and self.outcome in ("open", "contradicts", "lost"):
            return "accepted"
        return _STATES.get(self.state, self.outcome) if self.state is not None else self.outcome

    @property
    def name(self) -> str:
        """How people and the review name it."""
        return f"claim-{self.number}"

    @property
    def reference_name(self) -> str | None:
        """The reading it is, None while it is not among the readings."""
        if self.state is None:
            return None
        copy = CLAIM_COPIES + self.number
        return str(Reference(self.meter, self.register, self.at_ms, copy))

    def document(self) -> dict[str, object]:
        """The row for JSON: the value as text, times ISO 8601."""
        return {
            "claim": self.name,
            "reading": self.reference_name,
            **{name: getattr(self, name) for name in self._fields[1:9]},
            "value": f"{self.value:f}",
            "at": _time(self.at_ms),
            "by": self.by,
            "entered_at": _time(self.entered_ms),
            "state": self.standing,
            "reason": self.reason,
            "period": self.period,
            "findings": list(self.findings),
        }

    def told(self) -> str:
        """The claim in a line, for a reading's story."""
        said = f"{self.name} {self.source}: {self.value:f} {self.unit} at {_time(self.at_ms)}"
        why = f": {self.reason}" if self.reason else ""
        return f"{said}, given by {self.by} ({self.reference}), {self.standing}{why}"


class ClaimList(Protocol):
    """A ledger whose claims can be looked at."""

    def claims(self, house: str | None, from_ms: int, until_ms: int, limit: int) -> list[ClaimRow]:
        """The claims about meters of a house (or all) taken in a time, the newest first."""

    def claim(self, number: int) -> ClaimRow | None:
        """One claim."""


def _time(moment_ms: int) -> str:
    return from_ms(moment_ms).isoformat(timespec="seconds").replace("+00:00", "Z")
