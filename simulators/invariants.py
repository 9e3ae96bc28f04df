"""What must hold in every world, whatever went wrong in it: judged from outside.

Each invariant is a function of the evidence: what was really sealed, what the truth is, what was
forged, what billing booked, and the ledger's file read by plain SQL. It yields its violations. It
also says how many things it looked at, because a check that looked at nothing has shown nothing.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from simulators.doubt_checks import every_doubt_has_a_verdict
from simulators.evidence import Evidence, Tally
from simulators.storage_checks import (
    batches_stored_whole,
    delivered_is_stored,
    nobody_died,
    nothing_forged_stored,
    nothing_lost,
    nothing_stored_twice,
)
from simulators.truth_checks import (
    accepted_equals_truth,
    billed_equals_truth,
    billing_has_every_line_once,
    lines_follow_each_other,
)

Invariant = Callable[[Evidence, Tally], Iterator[str]]


class Finding(NamedTuple):
    """What became of one invariant."""

    name: str
    held: bool
    checked: int
    detail: str
    """The first violation, empty where there is none."""


def judge(evidence: Evidence) -> list[Finding]:
    """Every invariant against the evidence."""
    findings = []
    for name, invariant in INVARIANTS.items():
        tally = Tally()
        first = next(invariant(evidence, tally), "")
        findings.append(Finding(name, not first, tally.checked, first))
    return findings


INVARIANTS: dict[str, Invariant] = {
    "billed equals truth": billed_equals_truth,
    "accepted equals truth": accepted_equals_truth,
    "nothing stored twice": nothing_stored_twice,
    "nothing forged stored": nothing_forged_stored,
    "nothing lost": nothing_lost,
    "delivered is stored": delivered_is_stored,
    "batches stored whole": batches_stored_whole,
    "lines follow each other": lines_follow_each_other,
    "billing has every line once": billing_has_every_line_once,
    "every doubt has a verdict": every_doubt_has_a_verdict,
    "nobody died": nobody_died,
}
