"""The rules of validation: pure functions that look at one reading and what stands around it.

Each rule is one module with `check(candidate, history) -> Finding | None`; its cost does not grow
with the history. A rule adds an opinion and never changes a value. What the rules are called and
how they are computed follows the merged rule set of the VEE vocabularies (V-NEG, V-RATE, …), the
quality codes are IEC 61968-9's (gateway/quality.py). Their numbers stand in one dated table
(`parameters`).

Three more modules speak before a reading has a register to be judged on: `assignment` (is this
device to read this meter?), `inactive` (does a meter that was removed count on?) and `unit` (is
this the quantity the register holds?); `order` speaks when a whole group is stored, for it looks
at places in the chain (gateway/disorder.py). The screen of ingest (gateway/judge.py) tells in a few
comparisons that no rule would find anything, which is the case for nearly every reading. What is
said of readings that did not come (V-SILENT, V-GAP) is in gateway/surveillance.py.
"""

from collections.abc import Callable

from gateway.model import Finding, Severity
from gateway.rules import (
    clock,
    decrease,
    duplicate,
    rate,
    rollover,
    siblings,
    slip,
    stuck,
    swapped,
    tariffs,
    usage,
)
from gateway.rules.subject import Candidate, History

Check = Callable[[Candidate, History], Finding | None]

VERSION = 3
"""Stored with every batch and verdict; raised whenever a rule or one of its numbers changes."""

RULES = (
    duplicate.check,
    clock.check,
    decrease.check,
    rollover.check,
    rate.check,
    stuck.check,
    usage.check,
    tariffs.check,
    siblings.check,
)
HINTS = (slip.check, swapped.check)
"""Questions to a person about a value that RULES block; without an error they are not asked."""


def judge(candidate: Candidate, history: History) -> list[Finding]:
    """What the rules find in `candidate`, in the order of RULES, and the hints after it."""
    findings = _asked(RULES, candidate, history)
    if any(finding.severity is Severity.ERROR for finding in findings):
        findings += _asked(HINTS, candidate, history)
    return findings


def _asked(checks: tuple[Check, ...], candidate: Candidate, history: History) -> list[Finding]:
    findings = [check(candidate, history) for check in checks]
    return [finding for finding in findings if finding is not None]
