"""What the running gateway and the commands are wired with alike."""

from collections.abc import Callable
from datetime import UTC, datetime

from cloud_sync.signing import SigningKey
from drivers.reading import to_ms

Clock = Callable[[], int]
"""Milliseconds since the epoch, UTC; a demo may run faster than the world."""


def system_clock() -> int:
    """The system's idea of now."""
    return to_ms(datetime.now(UTC))


def source_of(key: SigningKey) -> str:
    """How events name this gateway."""
    return f"urn:plomba:gateway:{key.public.key_id.hex()}"
