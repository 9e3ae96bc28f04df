"""The gateway's word: receipts, after which an edge may forget.

A receipt is cumulative. It says through which sequence number everything is stored without a
gap, the hash of the batch there (so that an edge never drops a batch of another history), which
ranges above are stored too, and which are missing and should be sent again.
It is published retained: an edge that was away reads the latest one when it returns.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from cloud_sync import wire
from cloud_sync.batch import SEQUENCE_MAX
from cloud_sync.topics import DeviceId
from drivers.reading import Sha256, TimeMs

# Ranges told per receipt: a drain closes gaps from below, so what is beyond the first few dozen
# is told by a later receipt. 64 ranges keep a receipt under 1.5 kB.
RANGES_MAX = 64
RECEIPT_BYTES_MAX = 4096

Sequence = Annotated[int, Meta(ge=0, le=SEQUENCE_MAX)]
Range = tuple[Sequence, Sequence]
"""First and last sequence number, both included."""


class Receipt(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What the gateway holds of one device's chain; `through` is 0 before the first batch."""

    version: Literal[1]
    device: DeviceId
    through: Sequence
    through_hash: Sha256
    also: Annotated[tuple[Range, ...], Meta(max_length=RANGES_MAX)]
    missing: Annotated[tuple[Range, ...], Meta(max_length=RANGES_MAX)]
    issued_at_ms: TimeMs


def encode(receipt: Receipt) -> bytes:
    """The canonical payload."""
    return wire.encode(receipt)


def decode(payload: bytes) -> Receipt:
    """The receipt of a canonical payload, or WireError."""
    return wire.decode(payload, Receipt, limit=RECEIPT_BYTES_MAX)
