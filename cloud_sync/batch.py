"""Wire format v1: the batch, one poll round of one device as canonical bytes.

Batches of a device are numbered from 1 without gaps and chained: each carries the SHA-256 of the
signed bytes before it, so that a batch can be neither dropped, exchanged nor slipped in unseen.
Beside the wall clock a batch carries the boot it was signed in and the uptime then. That is what
turns a relative time into a real one later: any batch signed with a known clock fixes the
instant of its boot, and with it the capture time of every earlier readout of the same boot.

The layout is positional (see the structs); a field is added only with a new version number.
"""

import hashlib
from typing import Annotated, Literal

from msgspec import Meta, Struct

from cloud_sync import wire
from cloud_sync.topics import DeviceId
from drivers.reading import ClockState, Readout, Sha256, TimeMs, is_obis, is_serial

VERSION = 1
# What one MQTT message may hold: a full M-Bus segment (250 meters) polled at once with raw
# telegrams is about 60 kB; four of them fit, and a broker's common 268 MB default never matters.
BATCH_BYTES_MAX = 256 * 1024
# An RS-485 line has 247 meters, an M-Bus segment 250; a device with two full lines fits.
READOUTS_MAX = 512
SEQUENCE_MAX = 2**53 - 1
GENESIS = bytes(32)
"""What the first batch names as the one before it."""


class Batch(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One signed poll round. `uptime_ms` is the device's monotonic clock at signing."""

    version: Literal[1]
    device: DeviceId
    sequence: Annotated[int, Meta(ge=1, le=SEQUENCE_MAX)]
    previous: Sha256
    signed_at_ms: TimeMs
    clock_state: ClockState
    clock_error_s: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    boot: Annotated[bytes, Meta(min_length=8, max_length=8)]
    uptime_ms: TimeMs
    software: Annotated[str, Meta(min_length=1, max_length=64)]
    readouts: Annotated[tuple[Readout, ...], Meta(min_length=1, max_length=READOUTS_MAX)]

    @property
    def reading_count(self) -> int:
        """How many readings the batch holds."""
        return sum([len(readout.values) for readout in self.readouts])


def encode(batch: Batch) -> bytes:
    """The canonical payload; WireError if it would be over the bound."""
    payload = wire.encode(batch)
    if len(payload) > BATCH_BYTES_MAX:
        raise wire.WireError(f"a batch of {len(payload)} bytes is over {BATCH_BYTES_MAX}")
    return payload


def decode(payload: bytes) -> Batch:
    """The batch of a canonical payload, or WireError."""
    batch = wire.decode(payload, Batch, limit=BATCH_BYTES_MAX)
    serials = {readout.meter for readout in batch.readouts}
    registers = {value.register for readout in batch.readouts for value in readout.values}
    for names, is_sound, what in (
        (serials, is_serial, "meter's serial"),
        (registers, is_obis, "register"),
    ):
        if not all(map(is_sound, names)):
            wrong = sorted(name for name in names if not is_sound(name))
            raise wire.WireError(f"not a {what}: {wrong[0]!r}")
    return batch


def chain_hash(message: bytes) -> bytes:
    """The link of the chain: SHA-256 of a signed batch as transported."""
    return hashlib.sha256(message).digest()
