"""The driver contract: what a protocol must offer, and how its failures are told apart.

A driver asks one meter over one line and returns an `Answer`, or raises one of the errors below.
Which one says what the caller does next: try again soon (`NoAnswer`, `FrameError`), wait for the
line (`LinkDown`), or leave the meter alone until a person has looked (`Refused`, `WrongMeter`).
Drivers keep no state, read no clock and never log.
"""

from typing import NamedTuple, Protocol

from drivers.reading import MeterStatus, RegisterValue


class DriverError(Exception):
    """Why a read gave no answer. `retryable` says whether asking again soon can help."""

    retryable = True


class LinkDown(DriverError):  # noqa: N818 - the family is named by what happened, not by "Error"
    """The link to the line could not be opened, or closed under a read."""


class NoAnswer(DriverError):  # noqa: N818 - as above
    """Nothing that could be an answer came in time."""


class FrameError(DriverError):
    """Bytes came that are not a sound answer. `received` keeps them."""

    def __init__(self, message: str, received: bytes = b"") -> None:
        super().__init__(message)
        self.received = received


class Refused(DriverError):  # noqa: N818 - as above
    """The meter answered that it will not: a Modbus exception, an M-Bus application error."""

    retryable = False


class WrongMeter(DriverError):  # noqa: N818 - as above
    """Another meter answers at this address than the one configured."""

    retryable = False


class Answer(NamedTuple):
    """What a meter said: its values, its status and the very bytes (see `reading.Evidence`)."""

    values: tuple[RegisterValue, ...]
    status: MeterStatus
    raw: bytes
    identification: str | None = None


class Link(Protocol):
    """A byte pipe to a line: a serial port, a TCP connection, or a simulator's memory."""

    async def open(self) -> None:
        """Connect; LinkDown if that fails. Opening an open link does nothing."""

    async def close(self) -> None:
        """Disconnect; never fails."""

    async def write(self, data: bytes) -> None:
        """Hand over all of `data`, or raise LinkDown."""

    async def read(self, timeout_s: float) -> bytes:
        """What has arrived, at least one byte; empty after `timeout_s`; LinkDown if closed."""
