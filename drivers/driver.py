"""The driver contract: what a protocol must offer, and how its failures are told apart.

A driver asks one meter over one line and returns an `Answer`, or raises one of the errors below.
Which one says what the caller does next: try again soon (`NoAnswer`, `FrameError`), wait for the
line (`LinkDown`), or leave the meter alone until a person has looked (`Refused`, `WrongMeter`).
Drivers read no clock and never log; what they learn of a meter is kept with its line.
"""

from typing import TYPE_CHECKING, NamedTuple, Protocol

from drivers.reading import MeterStatus, RegisterValue

if TYPE_CHECKING:  # Both build on the errors below.
    from drivers.bus import Line
    from drivers.profile import MeterProfile

Address = int | str
"""A Modbus unit or an M-Bus primary address; as text, an M-Bus secondary address."""


class DriverError(Exception):
    """Why a read gave no answer. `retryable` says whether asking again soon can help.

    `received` is what came instead, where anything came that could help to find out why. For
    `hold_s` the line will not ask this meter again, because the missing answer may still come.
    """

    retryable = True
    received: bytes = b""
    hold_s: float = 0.0


class LinkDown(DriverError):
    """The link to the line could not be opened, or closed under a read.

    `asked` says that a question was on its way then: a meter that counts may have counted it.
    """

    asked = False


class NoAnswer(DriverError):
    """Nothing that could be an answer came in time."""


class FrameError(DriverError):
    """Bytes came that are not a sound answer, kept as `received`."""

    def __init__(self, message: str, received: bytes = b"") -> None:
        super().__init__(message)
        self.received = received


class Refused(DriverError):
    """The meter answered that it will not: a Modbus exception, an M-Bus application error."""

    retryable = False


class WrongMeter(DriverError):
    """Another meter answers at this address than the one configured."""

    retryable = False


class Answer(NamedTuple):
    """What a meter said: its values, its status and the very bytes (see `reading.Evidence`)."""

    values: tuple[RegisterValue, ...]
    status: MeterStatus
    raw: bytes
    identification: str | None = None


class Detail(NamedTuple):
    """One raw record of an answer for a person's eyes, and the register that takes it, if any."""

    place: str
    raw: str
    meaning: str
    register: str | None = None


class Driver(Protocol):
    """What every protocol offers to whoever has meters of it on a line."""

    async def read(
        self,
        line: "Line",
        profile: "MeterProfile",
        address: Address,
        *,
        expect_id: str | None = None,
        key: bytes | None = None,
    ) -> Answer:
        """All registers of `profile` from the meter at `address`; a DriverError otherwise.

        `expect_id` is what the meter must call itself, `key` what it encrypts its values with.
        """

    def explain(
        self, profile: "MeterProfile", raw: bytes, *, key: bytes | None = None
    ) -> tuple[Detail, ...]:
        """Every record in the `raw` bytes of an answer; FrameError for what is none."""


class Found(NamedTuple):
    """A meter that a search found. `profiles` are the names of those that fit, best first.

    `secondary` is an M-Bus meter's full secondary address; `remark` is what a person should know,
    such as why no profile is named.
    """

    protocol: str
    address: Address
    identification: str | None = None
    manufacturer: str | None = None
    version: int | None = None
    medium: str | None = None
    secondary: str | None = None
    profiles: tuple[str, ...] = ()
    remark: str | None = None


class Step(NamedTuple):
    """How far a search is: `asked` questions done, about `of` in all (None: not known), at `where`.

    `todo` is what is still to be searched; a search begun with it goes on from here.
    """

    asked: int
    of: int | None
    where: str
    todo: tuple[str, ...] = ()
    found: Found | None = None


class Link(Protocol):
    """A byte pipe to a line: a serial port, a TCP connection, or a simulator's memory."""

    @property
    def packs(self) -> bool:
        """Whether the first byte of an answer may come as late as its last: a network collects."""

    async def open(self) -> None:
        """Connect; LinkDown if that fails. Opening an open link does nothing."""

    async def close(self) -> None:
        """Disconnect; never fails."""

    async def write(self, data: bytes) -> None:
        """Hand over all of `data`, or raise LinkDown."""

    async def read(self, timeout_s: float) -> bytes:
        """What has arrived, at least one byte; empty after `timeout_s`; LinkDown if closed."""
