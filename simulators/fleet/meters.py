"""What the meters of a fleet show: energy that grows steadily, each at a rate of its own.

A meter's register is a function of the time alone, so nothing is kept per meter, a backlog of any
length costs nothing to know, and every reading is one the rules let pass.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from cloud_sync import batch as wire_batch
from cloud_sync import topics
from cloud_sync.batch import Batch
from cloud_sync.signing import SigningKey
from drivers.reading import (
    ClockState,
    Evidence,
    EvidenceKind,
    Readout,
    RegisterValue,
    Source,
    Unit,
    to_ms,
)
from gateway.registry_csv import COLUMNS

REGISTER, EXPONENT, DIGITS = "1-0:1.8.0", -2, 9
# A flat's fuse; a meter of the fleet draws 0.4 to 1.2 kW.
RATE_MAX_PER_H = "13.8"
# From how long ago meters stand and keys sign: longer than any backlog asked for.
STANDING_DAYS = 90
BACKLOG_H_MAX = (STANDING_DAYS - 2) * 24
# Of a mixed fleet every tenth device is a cabinet, the others read the one meter beside them.
CABINET_EVERY, CABINET_METERS = 10, 100
# Flats of a house where devices have one meter each.
HOUSE_DEVICES = 100
_SOFTWARE = "fleet 1"


class Plan(NamedTuple):
    """Which devices there are, and how many meters each reads. `meters` 0 is the mix."""

    name: str
    devices: int
    meters: int
    since: str
    """The day on which the meters were installed, at 0."""

    @property
    def since_ms(self) -> int:
        """That day's midnight."""
        return to_ms(datetime.combine(date.fromisoformat(self.since), datetime.min.time(), UTC))

    def device(self, number: int) -> str:
        """A device's name."""
        return f"{self.name}-{number:06}"

    def meters_of(self, number: int) -> int:
        """How many meters a device reads."""
        return self.meters or (1 if number % CABINET_EVERY else CABINET_METERS)

    def serials(self, number: int) -> list[str]:
        """The serials of a device's meters."""
        return [f"{self.name}-{number:06}-{at:03}" for at in range(self.meters_of(number))]

    def lines(self, numbers: range) -> Iterator[str]:
        """The registry's lines of some devices, the header first."""
        yield ",".join(COLUMNS)
        for number in numbers:
            house = f"{self.name}-h{number // HOUSE_DEVICES:05}"
            for serial in self.serials(number):
                yield (
                    f"{house},-,UTC,{serial},{serial},{serial},dwelling,electricity,{serial},fleet,"
                    f"{REGISTER},kWh,{EXPONENT},{DIGITS},{RATE_MAX_PER_H},{self.since},0,"
                    f"{self.device(number)}"
                )


def plan(name: str, devices: int, meters: int, today: date) -> Plan:
    """A plan whose meters stand since some time before `today`."""
    return Plan(name, devices, meters, (today - timedelta(days=STANDING_DAYS)).isoformat())


class Cabinet:
    """The meters of one device and the seal on what they show."""

    __slots__ = ("_boot", "_boot_ms", "_key", "_meters", "_since_ms", "_topic", "name")

    def __init__(
        self, name: str, serials: list[str], seed: bytes, since_ms: int, boot: tuple[bytes, int]
    ) -> None:
        self.name = name
        self._key = SigningKey.from_seed(seed)
        self._topic = topics.batch_topic(name)
        self._since_ms = since_ms
        self._boot, self._boot_ms = boot
        # Milliseconds a hundredth of a kWh takes at 0.4 to 1.2 kW.
        self._meters = [(serial, 30_000 + _hash_of(serial) % 60_000) for serial in serials]

    @property
    def size(self) -> int:
        """How many readings a batch holds."""
        return len(self._meters)

    def sealed(self, sequence: int, previous: bytes, at_ms: int) -> bytes:
        """The batch of one poll round."""
        made = Batch(
            version=1,
            device=self.name,
            sequence=sequence,
            previous=previous,
            signed_at_ms=at_ms,
            clock_state=ClockState.SYNCHRONISED,
            clock_error_s=1,
            boot=self._boot,
            uptime_ms=at_ms - self._boot_ms,
            software=_SOFTWARE,
            readouts=tuple([self._readout(*meter, at_ms) for meter in self._meters]),
        )
        return self._key.seal(wire_batch.encode(made), self._topic)

    def _readout(self, serial: str, ms_per_count: int, at_ms: int) -> Readout:
        count = (at_ms - self._since_ms) // ms_per_count
        answer = hashlib.sha256(b"%s %d" % (serial.encode(), count)).digest()
        return Readout(
            meter=serial,
            captured_at_ms=at_ms,
            clock_state=ClockState.SYNCHRONISED,
            clock_error_s=1,
            status=0,
            source=Source.INTERVAL,
            evidence=Evidence(EvidenceKind.SHA256, answer),
            values=(RegisterValue(REGISTER, count, EXPONENT, Unit.KWH),),
        )


def _hash_of(text: str) -> int:
    """A number that is the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest())
