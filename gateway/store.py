"""The ports: what the gateway asks of its storage, so that a second engine can stand behind it.

Every method takes and gives whole sets, because one statement for a group is what makes ingest
fast on any engine. All of them act in the transaction that is open around them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from gateway.model import DeviceKey, Level, Link, MeterCard
from gateway.registry_port import BookPort
from gateway.rules.order import Placed

Range = tuple[int, int]
"""First and last sequence number, both included."""


class StoreError(Exception):
    """The store cannot do what was asked; the text says what to do."""


class Crossed(Exception):
    """Another collector wrote the same at the same time; nothing is written, do it again alone."""


class Instant(NamedTuple):
    """One register at one time."""

    register_no: int
    at_ms: int


class Past(NamedTuple):
    """What is stored last of a register: of any state, and accepted.

    `newest_ms` is the latest capture time of any state. `unchanged_since_ms` is when the accepted
    mantissa was first read; where that is longer ago than asked for, any time so long ago. `prior`
    is the accepted reading before the last.
    """

    newest_ms: int
    accepted: Level | None
    unchanged_since_ms: int
    prior: Level | None


class StoredCopy(NamedTuple):
    """One of the values stored for an instant."""

    mantissa: int
    state: int


class Around(NamedTuple):
    """What is stored around an instant: its own copies, and the accepted neighbours.

    `after_flags` are those of the later one.
    """

    copies: tuple[StoredCopy, ...]
    before: Level | None
    after: Level | None
    after_flags: int


class Beside(NamedTuple):
    """The accepted readings of devices next before and after an instant."""

    before: Placed | None
    after: Placed | None


class ReadingRow(NamedTuple):
    """A row of the ledger, in the order of its columns."""

    register_no: int
    captured_at_ms: int
    copy: int
    mantissa: int
    state: int
    flags: int
    batch_no: int
    position: int


class VerdictRow(NamedTuple):
    """A finding about a reading."""

    register_no: int
    captured_at_ms: int
    copy: int
    rule: str
    severity: str
    quality: str
    detail: str
    given_at_ms: int
    rules_version: int


NO_BATCH = 0
"""The batch number of a reading that a person brought; batches are counted from 1."""


class BatchRow(NamedTuple):
    """A verified batch with its bytes."""

    batch_no: int
    device_no: int
    sequence: int
    hash: bytes
    previous: bytes
    key_id: bytes
    signed_at_ms: int
    clock_state: str
    boot: bytes
    uptime_ms: int
    received_at_ms: int
    rules_version: int
    reading_count: int
    message: bytes


class BootRow(NamedTuple):
    """When a device's boot began, and the batch that says so."""

    device_no: int
    boot: bytes
    started_at_ms: int
    batch_no: int


class WaitingRow(NamedTuple):
    """A batch with `reading_count` readings in relative time not placed yet."""

    batch_no: int
    device_no: int
    boot: bytes
    reading_count: int


class Waiting(NamedTuple):
    """A waiting batch with what is needed to enter its readings."""

    batch_no: int
    device_no: int
    boot: bytes
    message: bytes


class FoundRow(NamedTuple):
    """A register seen on the road that no import named, with the unit and exponent as they came."""

    device_no: int
    serial: str
    obis: str
    unit: str
    exponent: int


class QuarantineRow(NamedTuple):
    """A refused message; `evidence` may be only the beginning of the `size` bytes."""

    reason: str
    received_at_ms: int
    topic: str
    detail: str
    size: int
    sha256: bytes
    evidence: bytes


class RefusedTopic(NamedTuple):
    """How many messages of a topic, refused for one reason, are kept, and when the last came."""

    reason: str
    topic: str
    last_at_ms: int
    kept: int


class LedgerPort(Protocol):
    """Evidence, readings and verdicts."""

    def take_batch_nos(self, count: int) -> int:
        """The first of `count` free batch numbers in a row, which nobody else is given."""

    def ranges(self, devices: Collection[int]) -> dict[int, list[Range]]:
        """The stored sequence numbers of devices, ascending; devices without any are left out."""

    def links(self, wanted: Collection[tuple[int, int]]) -> dict[tuple[int, int], Link]:
        """The links of those (device, sequence number) that are stored."""

    def pasts(self, registers: Mapping[int, int]) -> dict[int, Past]:
        """What is stored last of each register that has readings.

        The mapping's value is how many milliseconds back an unchanged value matters.
        """

    def openings(
        self, registers: Collection[int], period_ms: int, count: int
    ) -> dict[int, tuple[Level, ...]]:
        """The first accepted reading of each of the last `count` periods of each register.

        Periods are counted from the epoch; the last one holds the register's last accepted reading.
        """

    def around(self, instants: Collection[Instant]) -> dict[Instant, Around]:
        """What is stored around each instant."""

    def beside(self, instants: Collection[Instant]) -> dict[Instant, Beside]:
        """The accepted readings of devices beside each instant."""

    def placed(self, register_no: int, from_ms: int, *, forward: bool) -> Iterator[Placed]:
        """A register's accepted readings away from an instant, one by one, without its own."""

    def boots(self, wanted: Collection[tuple[int, bytes]]) -> dict[tuple[int, bytes], int]:
        """When those boots began that are known, in ms since the epoch."""

    def waiting(self, boots: Collection[tuple[int, bytes]], limit: int) -> list[Waiting]:
        """At most `limit` waiting batches of those boots, in the order of their numbers."""

    def add_batches(self, rows: Sequence[BatchRow]) -> None:
        """Store batches with their bytes."""

    def add_readings(self, rows: Sequence[tuple[int, ...]]) -> None:
        """Store readings, each a tuple shaped like ReadingRow; none of their keys may be there."""

    def add_block(self, rows: memoryview) -> None:
        """Store many readings in key order, eight 64-bit integers each (format "q"), as above."""

    def add_verdicts(self, rows: Sequence[VerdictRow]) -> None:
        """Store findings."""

    def set_flags(self, flags: Mapping[Instant, int]) -> None:
        """Set the flags of the accepted reading at each instant."""

    def set_ranges(self, ranges: Mapping[int, Sequence[Range]]) -> None:
        """Replace the stored ranges of devices."""

    def add_boots(self, rows: Sequence[BootRow]) -> None:
        """Store when boots began."""

    def add_waiting(self, rows: Sequence[WaitingRow]) -> None:
        """Remember batches whose readings wait for their boot's time."""

    def end_waiting(self, batches: Collection[int]) -> None:
        """Forget batches whose readings have been entered."""

    def count(self, steps: Mapping[str, int]) -> None:
        """Add to the running totals."""

    def totals(self) -> dict[str, int]:
        """The running totals."""


class RegistryPort(Protocol):
    """What ingest asks of the registry; importing and exchanging is in gateway/registry.py."""

    def revision(self) -> int:
        """A number that every change of the registry raises."""

    def device_keys(self, key_ids: Collection[bytes]) -> dict[bytes, DeviceKey]:
        """The known keys among `key_ids`."""

    def meters(self, serials: Collection[str]) -> dict[str, MeterCard]:
        """The cards of registered meters among `serials`."""

    def found_registers(self, device_no: int) -> dict[FoundRow, int]:
        """The unregistered registers a device has brought, with their register numbers."""

    def add_found(self, rows: Sequence[FoundRow]) -> dict[FoundRow, int]:
        """Give unregistered registers, and their meters, numbers."""


class QuarantinePort(Protocol):
    """Refused messages, bounded per reason."""

    def add(self, rows: Sequence[QuarantineRow]) -> None:
        """Keep refused messages, dropping the oldest of the same reason beyond the bounds."""

    def add_unkept(self, reason: str, count: int) -> None:
        """Count refused messages of which nothing is kept."""

    def counts(self) -> dict[str, tuple[int, int]]:
        """Per reason: how many were refused ever, and how many of them are no longer kept."""

    def kept(self, reason: str | None = None) -> Iterator[QuarantineRow]:
        """The kept messages, newest first."""


class Store(Protocol):
    """One engine."""

    @property
    def ledger(self) -> LedgerPort:
        """Evidence, readings and verdicts."""

    @property
    def registry(self) -> RegistryPort:
        """Who may say what about which meter."""

    @property
    def book(self) -> BookPort:
        """The registry as it is kept."""

    @property
    def quarantine(self) -> QuarantinePort:
        """What was refused."""

    def transaction(self) -> AbstractContextManager[object]:
        """The only writer: all or nothing, durable when it ends; inside itself it is the same."""

    def ingesting(self) -> AbstractContextManager[object]:
        """Like `transaction`, beside others of its kind in other collectors where that can be.

        Whoever writes readings in it takes a `turn` first.
        """

    def turn(self, devices: Sequence[int]) -> dict[int, int]:
        """Keep those devices to this transaction, and give their stamps.

        What is remembered of a device is good while its stamp is the one `end_turn` gave last.
        """

    def end_turn(self, devices: Sequence[int]) -> dict[int, int]:
        """Give those devices, something of which was stored, new stamps."""

    def horizon(self) -> int:
        """The highest batch number below which no batch can appear any more."""

    def close(self) -> None:
        """Release the engine; what is not committed is undone."""
