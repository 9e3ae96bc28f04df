"""Roll-ups: what a register's day or month was, in a row."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from gateway.stream import StreamLook


class HistoryError(ValueError):
    """History that cannot be kept, checked or shown; the text is one line."""


class Rollup(NamedTuple):
    """The accepted readings of devices of a register in a local day or month.

    `rolled`: how many of them, but for the first, had passed the last digit since the one before;
    `first_rolled`: whether the first one had.
    """

    register_no: int
    span: str
    first_at_ms: int
    first: int
    first_rolled: int
    last_at_ms: int
    last: int
    least: int
    greatest: int
    readings: int
    rolled: int

    def went(self, capacity: int) -> int:
        """How far the register went from the first reading to the last."""
        return self.last - self.first + self.rolled * capacity


class Day(NamedTuple):
    """A register's local day, YYYY-MM-DD, from midnight to midnight."""

    register_no: int
    day: str
    from_ms: int
    to_ms: int


class RollupLook(StreamLook, Protocol):
    """What keeping roll-ups asks of a look at the ledger."""

    def zones(self, registers: Collection[int]) -> Mapping[int, str]:
        """The time zone each registered register that ever stood goes by."""

    def days(self, days: Collection[Day]) -> Sequence[Rollup]:
        """Those days from the readings; a day without any is left out."""

    def archived(self) -> frozenset[str]:
        """The months (UTC, YYYY-MM) whose readings stand in files."""
