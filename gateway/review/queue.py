"""What waits for a person, as plain rows: readings in doubt, tasks, and a reading's whole story."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

from gateway.audit import Entry
from gateway.claims.list import ClaimRow
from gateway.evidence import StoredReading, Verdict
from gateway.review.reference import Reference
from gateway.review.words import Kind, Subject


class Near(NamedTuple):
    """An accepted value near a reading in doubt."""

    at_ms: int
    value: Decimal


class Waiting(NamedTuple):
    """A reading in doubt, with what made it so and the accepted values around it.

    `rule` and `detail` are what put it here, `findings` all that was found. `open` are the
    numbers of what was asked or proposed about it and is not settled yet.
    """

    reference: str
    house: str | None
    dwelling: str | None
    point: str | None
    resource: str | None
    meter: str
    register: str
    unit: str
    value: Decimal
    captured_at_ms: int
    rule: str
    detail: str
    findings: tuple[Verdict, ...]
    before: Near | None
    after: Near | None
    open: tuple[int, ...]

    def document(self) -> dict[str, object]:
        """The row for JSON: values as text, findings and neighbours by name."""
        return self._asdict() | {
            "findings": [one._asdict() for one in self.findings],
            "before": self.before and self.before._asdict(),
            "after": self.after and self.after._asdict(),
            "next": [f"plomba-gateway review {act} {self.reference}" for act in self.acts],
        }

    @property
    def acts(self) -> tuple[Kind, ...]:
        """What a person can do about it, what is most to the point first."""
        return _FIRST.get(self.rule, tuple(Kind))


_FIRST = {
    # Two sources contradict each other: only the meter itself can tell.
    "V-SRC": (Kind.INSPECT, Kind.ASK_PHOTO, Kind.ACCEPT, Kind.REJECT),
    # Not what the register counts: no value of it can be accepted.
    "V-UOM": (Kind.REJECT, Kind.ASK_PHOTO, Kind.INSPECT),
}


class Task(NamedTuple):
    """What a person is to do: `ask-photo`, `inspect`, or confirm the proposal of that number."""

    number: int
    act: str
    proposed: bool
    reference: str
    house: str | None
    address: str | None
    dwelling: str | None
    actor: str
    why: str
    at_ms: int

    def document(self) -> dict[str, object]:
        """The row for JSON, with what ends the task."""
        if self.proposed:
            steps = [f"confirm {self.number}", f"reject {self.reference}"]
        else:
            steps = [f"{act} {self.reference}" for act in (Kind.REPLACE, Kind.ACCEPT, Kind.REJECT)]
        return self._asdict() | {"next": [f"plomba-gateway review {step}" for step in steps]}


class Refusal(NamedTuple):
    """A line that a billing system would not take, with what it said."""

    event_id: str
    target: str
    attempts: int
    error: str
    at_ms: int
    house: str


class Decided(NamedTuple):
    """A decision about a reading, as it is told."""

    number: int
    act: str
    standing: str
    actor: str
    why: str
    at_ms: int
    confirms: int | None
    state_before: str
    state_after: str
    effect: Decimal | None
    read_value: Decimal | None
    read_at_ms: int | None
    document: str | None
    document_sha256: str | None


class Story(NamedTuple):
    """All that is known of a reading. `stored` is None for one that a person took.

    `claims` are what people said of the register within a month of it, the reading itself first
    where it is one of them.
    """

    subject: Subject
    verdicts: tuple[Verdict, ...]
    before: Near | None
    after: Near | None
    decisions: tuple[Decided, ...]
    stored: StoredReading | None
    line: str | None
    claims: tuple[ClaimRow, ...] = ()


class Queue(Protocol):
    """A ledger that can be asked what waits for a person."""

    def waiting(self, house: str | None, limit: int, *, warned: bool = False) -> list[Waiting]:
        """The newest suspect readings; with `warned` accepted ones that a rule warned of."""

    def tasks(self, house: str | None, limit: int) -> list[Task]:
        """What is open, the oldest first."""

    def story(self, reference: Reference) -> Story | None:
        """All about one reading."""

    def claim(self, number: int) -> ClaimRow | None:
        """One claim of a person."""

    def refusals(self, house: str | None, limit: int) -> list[Refusal]:
        """What billing would not take, the newest first."""

    def log(self, limit: int) -> list[Entry]:
        """What people did last, the newest first."""

    def disagreements(self) -> Sequence[str]:
        """Where the ledger does not say what was decided, one line each."""
