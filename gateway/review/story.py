"""A reading's story as a document for machines and as lines for a terminal.

The seal of the batch is checked again for every telling: a story that does not hold is not told.
"""

from collections.abc import Iterator

from drivers.reading import from_ms
from gateway import evidence
from gateway.claims.ports import CLAIM_COPIES
from gateway.review.queue import Decided, Near, Story


def story_document(story: Story) -> dict[str, object]:
    """The story as one JSON document: values as text, times ISO 8601."""
    subject = story.subject
    return {
        "reading": str(subject.reference),
        "meter": subject.reference.meter,
        "register": subject.reference.register,
        "unit": subject.unit,
        "value": f"{subject.value:f}",
        "captured_at": _time(subject.at_ms),
        "state": subject.state.name.lower(),
        "verdicts": [verdict._asdict() for verdict in story.verdicts],
        "before": _near_document(story.before),
        "after": _near_document(story.after),
        "decisions": [decided._asdict() for decided in story.decisions],
        "claims": [claim.document() for claim in story.claims],
        "evidence": _evidence_document(story),
        "closed_with": story.line,
    }


def story_lines(story: Story) -> Iterator[tuple[str, str]]:
    """The story in lines, each with the word it begins with."""
    subject = story.subject
    yield "reading", str(subject.reference)
    yield "value", f"{subject.value:f} {subject.unit}, {subject.state.name.lower()}"
    for name, near in (("before", story.before), ("after", story.after)):
        if near is not None:
            yield name, f"{near.value:f} {subject.unit} accepted, {_time(near.at_ms)}"
    for verdict in story.verdicts:
        yield "verdict", f"{verdict.rule} {verdict.severity} {verdict.quality} {verdict.detail}"
    yield from _evidence_lines(story)
    for claim in story.claims:
        yield "claim", claim.told()
    for decided in story.decisions:
        yield "decision", _told(decided, subject.unit)
    if story.line is not None:
        yield "billed", f"line {story.line} is closed up to this time or later"


def _evidence_document(story: Story) -> dict[str, object] | None:
    if story.stored is None:
        return None
    checked, reading = evidence.proven(story.stored)
    kept = reading.readout.evidence
    return {
        "device": story.stored.device,
        "sequence": story.stored.sequence,
        "verified": True,
        "key": checked.key.key_id.hex(),
        "clock": reading.readout.clock_state.value,
        "kind": kept.kind.name.lower(),
        "data": kept.data.hex(),
    }


def _evidence_lines(story: Story) -> Iterator[tuple[str, str]]:
    if story.stored is None:
        if _is_claim(story):
            yield "evidence", "brought by a person, see the claim: no device has signed it"
        else:
            yield "evidence", "read at the meter by a person, see the decision"
        return
    checked, reading = evidence.proven(story.stored)
    stored, kept = story.stored, reading.readout.evidence
    signer = checked.key.fingerprint
    yield "batch", f"{stored.sequence} of {stored.device}, signed by {signer}: the signature holds"
    yield "meter", f"{kept.kind.name.lower()} {kept.data.hex()}"


def _is_claim(story: Story) -> bool:
    return story.subject.reference.copy >= CLAIM_COPIES


def _told(decided: Decided, unit: str) -> str:
    said = f"{decided.number} {decided.act} by {decided.actor}, {_time(decided.at_ms)}"
    if decided.standing == "proposed":
        said += ", proposed"
    if decided.confirms is not None:
        said += f", confirms {decided.confirms}"
    if decided.read_value is not None and decided.read_at_ms is not None:
        said += f", {decided.read_value:f} {unit} read {_time(decided.read_at_ms)}"
        said += f" ({decided.document})"
    return f"{said}, {decided.state_before} to {decided.state_after}: {decided.why}"


def _near_document(near: Near | None) -> dict[str, str] | None:
    return near and {"value": f"{near.value:f}", "at": _time(near.at_ms)}


def _time(moment_ms: int) -> str:
    return from_ms(moment_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
