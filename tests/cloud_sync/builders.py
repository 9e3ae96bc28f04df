"""Small, complete things to test with: a batch, a key, a sealed message."""

from cloud_sync import batch, signing, topics
from drivers.reading import (
    ClockState,
    Evidence,
    Readout,
    RegisterValue,
    Source,
    Unit,
)

DEVICE = "edge-1"
TOPIC = topics.batch_topic(DEVICE)
KEY = signing.SigningKey.from_seed(bytes(range(32)))
NOON_MS = 1_796_040_000_000  # 2026-11-30T12:00:00Z


def a_readout(**changes: object) -> Readout:
    fields: dict[str, object] = {
        "meter": "10000001",
        "captured_at_ms": NOON_MS,
        "clock_state": ClockState.SYNCHRONISED,
        "clock_error_s": 1,
        "status": 0,
        "source": Source.DAILY,
        "evidence": Evidence.of(bytes.fromhex("010304")),
        "values": (RegisterValue("1-0:1.8.0", 1_234_567, -2, Unit.KWH),),
    }
    return Readout(**(fields | changes))  # type: ignore[arg-type]


def a_batch(**changes: object) -> batch.Batch:
    fields: dict[str, object] = {
        "version": 1,
        "device": DEVICE,
        "sequence": 1,
        "previous": batch.GENESIS,
        "signed_at_ms": NOON_MS,
        "clock_state": ClockState.SYNCHRONISED,
        "clock_error_s": 1,
        "boot": bytes(8),
        "uptime_ms": 60_000,
        "software": "plomba 0.1.0",
        "readouts": (a_readout(),),
    }
    return batch.Batch(**(fields | changes))  # type: ignore[arg-type]


def a_sealed_batch(**changes: object) -> bytes:
    return KEY.seal(batch.encode(a_batch(**changes)), TOPIC)
