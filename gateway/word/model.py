"""Commands as the gateway keeps them."""

from collections.abc import Collection
from typing import NamedTuple, Protocol


class CommandError(ValueError):
    """A command that is not given; the text is one line."""


class NewCommand(NamedTuple):
    """A sealed command; `told` is what it asks for, in words."""

    device: str
    number: int
    kind: str
    told: str
    issued_at_ms: int
    expires_at_ms: int
    by: str
    message: bytes


class Given(NamedTuple):
    """A command with what became of it. Without an outcome it waits; `answer` is as it came."""

    device: str
    number: int
    kind: str
    told: str
    issued_at_ms: int
    expires_at_ms: int
    by: str
    outcome: str | None
    reason: str
    ended_at_ms: int | None
    answer: bytes | None


class Ending(NamedTuple):
    """How a command ended."""

    device: str
    number: int
    outcome: str
    reason: str
    at_ms: int
    answer: bytes | None


class WordPort(Protocol):
    """Where commands are kept; all act in the transaction that is open around them."""

    def may_speak(self, device: str) -> bool:
        """Whether a device is known, and neither revoked nor without a key."""

    def last_number(self, device: str) -> int:
        """The highest number given to a device, 0 before the first."""

    def waiting_count(self, device: str) -> int:
        """How many of a device's commands wait."""

    def add(self, new: NewCommand) -> None:
        """Keep a command until it is answered."""

    def waiting(self) -> list[tuple[str, int, int, bytes]]:
        """Of each device the oldest that waits: device, number, end of its life, message."""

    def end(self, endings: Collection[Ending]) -> int:
        """Note how commands ended; how many of them were waiting for it."""

    def given(self, device: str | None, limit: int) -> list[Given]:
        """Commands, the newest first."""
