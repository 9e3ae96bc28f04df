"""From a bill line back to the meter's bytes, and the check that anyone can make of them.

`trace` follows a line to the reading that closes it, the verdicts on that reading, the signed
batch it came in and the answer of the meter inside; on the way it checks the seal again and that
the batch says what the ledger says. `verify` needs no ledger: a batch file and a public key.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

from cloud_sync import batch, signing, topics, wire
from cloud_sync.signing import SealError, VerifyKey
from drivers.reading import EvidenceKind, Reading, from_ms
from gateway import quality
from gateway.claims.list import ClaimRow
from gateway.closing_records import ClosingLine
from gateway.handoff.csv import write_whole
from gateway.model import State
from gateway.plain import as_text
from gateway.withdrawn import Withdrawal


class EvidenceError(ValueError):
    """Evidence that is missing or does not hold; the text says which and why."""


class Verdict(NamedTuple):
    """What a rule said of a reading, and the version of the rules it belongs to."""

    rule: str
    severity: str
    quality: str
    detail: str
    rules_version: int = 1


class StoredReading(NamedTuple):
    """The closing reading as the ledger has it, with the batch it came in."""

    meter: str
    register: str
    value: Decimal
    captured_at_ms: int
    state: int
    position: int
    device: str
    sequence: int
    received_at_ms: int
    rules_version: int
    public_key: bytes
    message: bytes
    verdicts: tuple[Verdict, ...]


class Inspection(NamedTuple):
    """A closing value that a person read at the meter, with the document that shows it."""

    decision: int
    actor: str
    decided_at_ms: int
    why: str
    document: str
    document_sha256: str | None


class EvidenceStore(Protocol):
    """A ledger that can be asked where a line comes from."""

    def line(self, line_id: str) -> ClosingLine | None:
        """The line of that id."""

    def opening_line(self, line_id: str) -> str | None:
        """The id of the line before, whose closing is this line's opening."""

    def closing_reading(self, line_id: str) -> StoredReading | None:
        """The signed reading that closes a line; None where an act or a person's reading does."""

    def inspection(self, line_id: str) -> Inspection | None:
        """The decision behind a line that a person's reading closes."""

    def claim(self, line_id: str) -> ClaimRow | None:
        """The claim that closes a line, where one does."""

    def withdrawal(self, line_id: str) -> Withdrawal | None:
        """Who took back the closing of a line; None for a line that stands."""


class Checked(NamedTuple):
    """A batch whose seal holds."""

    content: batch.Batch
    key: VerifyKey
    chain_hash: bytes


class Trace(NamedTuple):
    """A line and all that stands behind it.

    Stored, checked and reading are None where a meter's act closes it, an inspection or a claim.
    """

    line: ClosingLine
    opening_line: str | None
    stored: StoredReading | None
    checked: Checked | None
    reading: Reading | None
    inspection: Inspection | None = None
    withdrawal: Withdrawal | None = None
    claim: ClaimRow | None = None


def trace(store: EvidenceStore, line_id: str) -> Trace:
    """Follow a line to its bytes; EvidenceError where the way breaks."""
    line = store.line(line_id)
    if line is None:
        raise EvidenceError(f"no line is called {line_id!r}: see plomba-gateway export csv")
    stored = store.closing_reading(line_id)
    if stored is None:
        inspection = store.inspection(line_id)
        found = Trace(line, store.opening_line(line_id), None, None, None, inspection)
        found = found._replace(claim=store.claim(line_id))
    else:
        found = Trace(line, store.opening_line(line_id), stored, *proven(stored))
    return found._replace(withdrawal=store.withdrawal(line_id))


def proven(stored: StoredReading) -> tuple[Checked, Reading]:
    """The batch a reading came in and what it says there; EvidenceError where they do not hold."""
    checked = check(stored.message, VerifyKey(stored.public_key))
    return checked, _same(stored, checked.content)


def check(message: bytes, key: VerifyKey) -> Checked:
    """The batch in `message`, if `key` sealed exactly it for the device it names.

    Raises EvidenceError with the reason otherwise.
    """
    try:
        sealed = signing.parse(message)
        content = batch.decode(sealed.payload)
        if sealed.key_id == key.key_id:
            key.verify(sealed, topics.batch_topic(content.device))
    except wire.WireError as error:
        raise EvidenceError(f"malformed: {error}") from error
    except SealError as error:
        raise EvidenceError(str(error)) from error
    if sealed.key_id != key.key_id:
        raise EvidenceError(
            f"unknown-key: signed by {sealed.key_id.hex()}, the key given is {key.key_id.hex()}"
        )
    return Checked(content, key, batch.chain_hash(message))


def write(found: Trace, folder: Path) -> list[Path]:
    """Write the batch as it came and the device's public key into `folder`."""
    if found.stored is None or found.checked is None:
        return []
    stored = found.stored
    message = folder / f"{stored.device}-{stored.sequence}.cose"
    key = folder / f"{stored.device}.pem"
    write_whole(message, stored.message)
    write_whole(key, found.checked.key.to_pem())
    return [message, key]


def trace_document(found: Trace) -> dict[str, object]:
    """A trace as one JSON document."""
    document: dict[str, object] = {
        "line": found.line.as_text(),
        "opening_line": found.opening_line,
        "inspection": found.inspection and found.inspection._asdict(),
        "claim": found.claim and found.claim.document() | {"signed": False},
        "withdrawn": found.withdrawal and as_text(found.withdrawal._asdict()),
    }
    if found.stored is None or found.checked is None or found.reading is None:
        return document | {"reading": None, "verdicts": [], "batch": None, "evidence": None}
    stored, readout = found.stored, found.reading.readout
    raw = readout.evidence.kind is EvidenceKind.RAW
    return document | {
        "reading": {
            "meter": stored.meter,
            "register": stored.register,
            "value": f"{stored.value:f}",
            "captured_at": _iso(stored.captured_at_ms),
            "state": State(stored.state).name.lower(),
            "clock": readout.clock_state.value,
            "clock_error_s": readout.clock_error_s,
            "source": readout.source.value,
            "meter_status": readout.status,
        },
        "verdicts": [verdict._asdict() for verdict in stored.verdicts],
        "qualities": quality.codes(
            State(stored.state), (verdict.quality for verdict in stored.verdicts)
        ),
        "rules_version": stored.rules_version,
        "batch": batch_document(found.checked) | {"received_at": _iso(stored.received_at_ms)},
        "evidence": {"kind": "raw" if raw else "sha256", "data": readout.evidence.data.hex()},
    }


def batch_document(checked: Checked) -> dict[str, object]:
    """A checked batch as one JSON document."""
    content = checked.content
    return {
        "device": content.device,
        "sequence": content.sequence,
        "signed_at": _iso(content.signed_at_ms),
        "clock": content.clock_state.value,
        "software": content.software,
        "readings": content.reading_count,
        "previous": content.previous.hex(),
        "hash": checked.chain_hash.hex(),
        "key": checked.key.key_id.hex(),
        "verified": True,
    }


def _same(stored: StoredReading, content: batch.Batch) -> Reading:
    """The batch's reading at the stored position, if it says what the ledger says."""
    reading = next(islice(_readings(content), stored.position, None), None)
    if reading is None:
        raise EvidenceError(f"batch {content.sequence} has no reading {stored.position}")
    signed = (reading.readout.meter, reading.value.register, reading.value.value)
    kept = (stored.meter, stored.register, stored.value)
    if signed != kept or (content.device, content.sequence) != (stored.device, stored.sequence):
        raise EvidenceError(f"the ledger says {kept}, the signed batch says {signed}")
    return reading


def _readings(content: batch.Batch) -> Iterable[Reading]:
    for readout in content.readouts:
        yield from readout.readings


def _iso(moment_ms: int) -> str:
    moment: datetime = from_ms(moment_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
