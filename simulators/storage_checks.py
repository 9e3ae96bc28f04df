"""Invariants of the road and the ledger: nothing lost, nothing twice, nothing forged."""

import hashlib
from collections import Counter
from collections.abc import Iterator

from drivers.reading import ClockState
from simulators.evidence import Evidence, Tally
from simulators.witness import Sealed, WitnessKey

_KNOWN_TIME = (ClockState.SYNCHRONISED, ClockState.INFORMATIVE)


def nothing_forged_stored(evidence: Evidence, tally: Tally) -> Iterator[str]:
    """Every stored batch was sealed by its device, to the byte."""
    for batch in evidence.ledger.batches:
        tally()
        digest = hashlib.sha256(batch.message).digest()
        key = evidence.keys.get(batch.device)
        if batch.message in evidence.forged:
            yield f"batch {batch.sequence} of {batch.device} is the forger's"
        if key is None or digest not in key.sealed.get(batch.sequence, {}):
            yield f"batch {batch.sequence} of {batch.device} was never sealed by it"


def nothing_stored_twice(evidence: Evidence, tally: Tally) -> Iterator[str]:
    """One row per sequence number, per reading and instant, and per line."""
    ledger = evidence.ledger
    for what, keys in (
        ("batch", [(batch.device, batch.sequence) for batch in ledger.batches]),
        ("reading", [(r.serial, r.obis, r.captured_at_ms) for r in ledger.readings]),
        ("line", [(line.point, line.obis, line.period) for line in ledger.lines]),
    ):
        for key, times in Counter(keys).items():
            tally()
            if times > 1:
                yield f"{what} {key} is stored {times} times"


def batches_stored_whole(evidence: Evidence, tally: Tally) -> Iterator[str]:
    """Every reading of a stored batch is entered, or waits for the time of its boot."""
    placed = _placed_boots(evidence)
    for stored in evidence.ledger.batches:
        tally()
        sealed = _sealed(evidence, stored.device, stored.sequence, stored.message)
        if sealed is None:
            continue  # Another invariant says so.
        signed = sealed.batch
        if stored.waiting and (stored.device, signed.boot) in placed:
            yield f"batch {stored.sequence} of {stored.device} waits although its time is known"
        expected = 0 if stored.waiting else signed.reading_count
        if stored.entered != expected:
            name = f"batch {stored.sequence} of {stored.device}"
            yield f"{name}: {stored.entered} of {expected} readings are entered"


def nothing_lost(evidence: Evidence, tally: Tally) -> Iterator[str]:
    """Every number a spool gave is in the ledger or still in the spool, as it was sealed."""
    for device, head in evidence.heads.items():
        stored = {
            (batch.sequence, hashlib.sha256(batch.message).digest())
            for batch in evidence.ledger.batches
            if batch.device == device
        }
        yield from lost(
            device, head, evidence.keys[device], stored | evidence.spooled[device], tally
        )


def lost(
    device: str, head: int, key: WitnessKey, there: set[tuple[int, bytes]], tally: Tally
) -> Iterator[str]:
    """Numbers up to `head` of which no sealed batch is `there`."""
    for sequence in range(1, head + 1):
        tally()
        if not any((sequence, digest) in there for digest in key.sealed.get(sequence, {})):
            yield f"batch {sequence} of {device} is neither in its spool nor in the ledger"


def delivered_is_stored(evidence: Evidence, tally: Tally) -> Iterator[str]:
    """What a spool counts as delivered is what the ledger has of it, reading for reading."""
    for device, delivered in evidence.delivered.items():
        tally()
        spooled = {sequence for sequence, _ in evidence.spooled[device]}
        stored = sum(
            batch.readings
            for batch in evidence.ledger.batches
            if batch.device == device and batch.sequence not in spooled
        )
        if delivered != stored:
            yield f"{device} counts {delivered} readings as delivered, {stored} are stored"


def nobody_died(evidence: Evidence, tally: Tally) -> Iterator[str]:
    """Processes end when they are ended, and never by themselves."""
    tally()
    yield from evidence.deaths


def _sealed(evidence: Evidence, device: str, sequence: int, message: bytes) -> Sealed | None:
    key = evidence.keys.get(device)
    digest = hashlib.sha256(message).digest()
    return None if key is None else key.sealed.get(sequence, {}).get(digest)


def _placed_boots(evidence: Evidence) -> set[tuple[str, bytes]]:
    """The boots of which a batch with a known time is stored."""
    placed = set()
    for stored in evidence.ledger.batches:
        sealed = _sealed(evidence, stored.device, stored.sequence, stored.message)
        if sealed is not None and sealed.batch.clock_state in _KNOWN_TIME:
            placed.add((stored.device, sealed.batch.boot))
    return placed
