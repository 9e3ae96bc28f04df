"""What hand-off asks of a billing system and of storage, and how their answers are told apart.

A target answers for every event it was given: *acknowledged*, *refused* (trying again cannot
help, a person must look), *left out* (there is no place for it there) or *failed* (try again
later). Storage keeps the answer and knows what
is due; it never gives one event of a target to two pumps at once, because there is one pump.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

# A foreign server's words are kept for a person, not for ever and not whole.
ERROR_CHARS_MAX = 300


class State(StrEnum):
    """How far an event has come on its way to one target."""

    PENDING = "pending"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    LEFT_OUT = "left-out"
    """The target has no place for it, and nobody needs to do anything."""


class Answer(NamedTuple):
    """A target's word on one event; PENDING means: failed, try again."""

    state: State
    error: str = ""
    retry_after_s: float | None = None


ACKNOWLEDGED = Answer(State.ACKNOWLEDGED)


def words(text: str) -> str:
    """A foreign server's words on one line, without what would move a terminal's cursor."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def refused(error: str) -> Answer:
    """Trying again cannot help."""
    return Answer(State.REFUSED, words(error)[:ERROR_CHARS_MAX])


def failed(error: str, retry_after_s: float | None = None) -> Answer:
    """Trying again may help."""
    return Answer(State.PENDING, words(error)[:ERROR_CHARS_MAX], retry_after_s)


def left_out(reason: str) -> Answer:
    """It is not for this target."""
    return Answer(State.LEFT_OUT, reason[:ERROR_CHARS_MAX])


class DueEvent(NamedTuple):
    """An event due at a target; `closing_no` tells which events belong together."""

    event_no: int
    event_id: str
    closing_no: int
    attempts: int
    payload: bytes


class Attempt(NamedTuple):
    """What became of one delivery; `next_at_ms` is when to try again if it is still pending."""

    event_no: int
    answer: Answer
    next_at_ms: int


class Target(Protocol):
    """A billing system."""

    @property
    def name(self) -> str:
        """The name it is known by in the outbox."""

    async def deliver(self, events: Sequence[DueEvent]) -> Sequence[Answer]:
        """Hand over events of one closed period; one answer per event, in their order."""


class Outbox(Protocol):
    """Where events wait."""

    def due(self, target: str, now_ms: int) -> list[DueEvent]:
        """The due events of the target's oldest closed period that has any.

        One that names another (a correction, a withdrawal) is not due while that one is pending.
        """

    def record(self, target: str, attempts: Sequence[Attempt], now_ms: int) -> None:
        """Keep what became of them, in one transaction; what was acknowledged stays so."""
