"""What deciding asks of storage, so that a second engine can stand behind it."""

from contextlib import AbstractContextManager
from typing import Protocol

from gateway.audit import AuditPort
from gateway.evidence import StoredReading
from gateway.model import Flag, State
from gateway.review.reference import Reference
from gateway.review.words import Decision, Neighbours, Proposal, Subject
from gateway.store import LedgerPort


class ReviewPort(Protocol):
    """What deciding asks of storage, in the transaction that is open around it."""

    def subject(self, reference: Reference) -> Subject | None:
        """The reading of that name."""

    def evidence(self, subject: Subject) -> StoredReading | None:
        """The signed batch a reading came in, None for one that a person took."""

    def neighbours(self, register_no: int, at_ms: int) -> Neighbours:
        """The accepted readings around an instant and at it."""

    def suspects(self, subject: Subject, through_ms: int, limit: int) -> list[Reference]:
        """At most `limit` readings in doubt of the same register after it, in order of time."""

    def copies(self, register_no: int, at_ms: int) -> int:
        """How many values are stored for an instant, claims apart."""

    def closed_with(self, register_no: int, at_ms: int) -> str | None:
        """The newest bill line that ends at or after an instant."""

    def set_state(self, subject: Subject, state: State) -> None:
        """Give a reading another state, and no flags."""

    def set_flags(self, register_no: int, at_ms: int, copy: int, flags: Flag) -> None:
        """Set a reading's flags."""

    def write(self, decision: Decision) -> int:
        """Keep a decision; its number."""

    def proposal(self, number: int) -> Proposal | None:
        """A decision that was proposed under that number."""

    def changed(self) -> None:
        """Tell a running ingest that what it remembers of registers is stale."""


class ReviewStore(Protocol):
    """A ledger whose readings can be decided on."""

    @property
    def ledger(self) -> LedgerPort:
        """Readings and verdicts."""

    @property
    def review(self) -> ReviewPort:
        """Decisions."""

    @property
    def audit(self) -> AuditPort:
        """What people did."""

    def transaction(self) -> AbstractContextManager[object]:
        """All or nothing."""
