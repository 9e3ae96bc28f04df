"""Putting an explanation together: what the ledger says, with every signature checked again.

Unlike `gateway.evidence.trace`, which refuses to follow a line whose proof does not hold, this
tells a person that it does not: a broken seal is a finding of the explanation, never its end.
"""

import re

from cloud_sync.signing import VerifyKey
from gateway import evidence
from gateway.billing import ON_ACCOUNT, Method
from gateway.evidence import EvidenceError, StoredReading
from gateway.explain.arithmetic import parts
from gateway.explain.code import code_of
from gateway.explain.model import (
    At,
    ExplainError,
    ExplainStore,
    Explanation,
    Join,
    Mark,
    Origin,
    Seal,
    Written,
)
from gateway.review.reference import Reference

# What an average may have been made of: a year's lines, which no edition of ПП 354 goes beyond.
PAST_MAX = 12
_LINE_ID = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9a-z\-]{1,24}")


def explain(store: ExplainStore, line_id: str) -> Explanation:
    """Everything behind the line of that id; ExplainError where there is none."""
    written = store.written(line_id) if is_line_id(line_id) else None
    if written is None:
        raise ExplainError(f"no line is called {line_id[:40]!r}: see plomba-gateway export csv")
    method = Method(written.line.method)
    before, after = store.beside(line_id)
    return Explanation(
        written=written,
        opening=_mark(store, written.opening, written.line.register),
        closing=_mark(store, written.closing, written.line.register),
        parts=parts(written, store.hung(written)),
        past=tuple(store.past(line_id, PAST_MAX)) if method in ON_ACCOUNT else (),
        before=before,
        join=_join(store, written, before),
        after=after,
        correction=store.correction_of(line_id),
        owed=store.owed(line_id),
        handed=tuple(store.handed(line_id)),
        code=code_of(written.line),
    )


def _join(store: ExplainStore, written: Written, before: str | None) -> Join:
    earlier = None if before is None else store.written(before)
    if earlier is None or earlier.closing == written.opening:
        return Join.SAME
    if earlier.closing.register_no != written.opening.register_no:
        return Join.EXCHANGED
    return Join.CORRECTED


def is_line_id(text: str) -> bool:
    """Whether `text` has the form of a line's id: what has not is not looked for."""
    return _LINE_ID.fullmatch(text) is not None


def _mark(store: ExplainStore, at: At, register: str) -> Mark:
    if at.copy is None:
        return Mark(at, store.origin(at), None, None, (), (), "")
    story = store.story(Reference(at.meter, register, at.at_ms, at.copy))
    told = store.told(at)
    if story is None:
        return Mark(at, Origin.PERSON, None, told, (), (), "")
    stored = story.stored
    return Mark(
        at,
        Origin.PERSON if stored is None else Origin.READING,
        None if stored is None else seal(stored),
        told,
        (*story.verdicts, *store.findings(at)),
        story.decisions,
        story.subject.state.name.lower(),
    )


def seal(stored: StoredReading) -> Seal:
    """The signature over the stored batch, checked now."""
    fingerprint = VerifyKey(stored.public_key).fingerprint
    known = (stored.device, stored.sequence, fingerprint, stored.received_at_ms)
    try:
        _, reading = evidence.proven(stored)
    except EvidenceError as error:
        return Seal(*known, stored.rules_version, broken=str(error))
    readout = reading.readout
    told = (readout.source.value, readout.clock_state.value, readout.clock_error_s)
    return Seal(*known, stored.rules_version, "", *told)
