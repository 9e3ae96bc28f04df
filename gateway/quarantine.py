"""Why a message is refused, and what is kept of it.

The reasons are words for counters, records and people; they do not change between versions.
"""

import hashlib
from enum import StrEnum

from cloud_sync.signing import MESSAGE_BYTES_MAX
from gateway.store import QuarantineRow

# Of an oversized message its beginning is kept: it shows what it was, the size and hash which.
OVERSIZED_KEPT_BYTES = 4096
# A topic may be 64 KiB of MQTT; ours are at most 80 characters.
TOPIC_KEPT_CHARS = 256


class Reason(StrEnum):
    """The stable words."""

    OVERSIZED = "oversized"
    MALFORMED = "malformed"
    UNKNOWN_TOPIC = "unknown-topic"
    UNKNOWN_KEY = "unknown-key"
    WRONG_DEVICE = "wrong-device"
    BAD_SIGNATURE = "bad-signature"
    NOT_CANONICAL = "not-canonical"
    KEY_NOT_VALID = "key-not-valid"
    SEQUENCE_REUSED = "sequence-reused"
    CHAIN_BROKEN = "chain-broken"
    TOO_MANY_UNKNOWN_REGISTERS = "too-many-unknown-registers"
    FLOOD = "flood"
    """Not looked at: its sender was refused too often, or sends more than its share."""
    UNFORESEEN = "unforeseen"
    """It met a defect of ours: kept for whoever mends it, and not acknowledged to its device."""


class Refusal(Exception):
    """A message that is not stored; the text says what was expected and what came."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def evidence(topic: str, message: bytes, refusal: Refusal, now_ms: int) -> QuarantineRow:
    """What the quarantine keeps of a refused message."""
    whole = len(message) <= MESSAGE_BYTES_MAX
    return QuarantineRow(
        reason=refusal.reason,
        received_at_ms=now_ms,
        topic=topic[:TOPIC_KEPT_CHARS],
        detail=refusal.detail,
        size=len(message),
        sha256=hashlib.sha256(message).digest(),
        evidence=message if whole else message[:OVERSIZED_KEPT_BYTES],
    )
