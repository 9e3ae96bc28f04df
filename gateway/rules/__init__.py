"""The rules of validation: pure functions that look at one reading and what stands around it.

Each rule is one module with `check(candidate, history) -> Finding | None`; its cost does not grow
with the history. A rule adds an opinion and never changes a value. What the rules are called and
how they are computed follows the merged rule set of the VEE vocabularies (V-NEG, V-RATE, …), the
quality codes are IEC 61968-9's.

Two more modules speak before a reading has a register to be judged on: `assignment` (is this
device to read this meter?) and `unit` (is this the quantity the register holds?). `screen` tells
in a few comparisons that no rule would find anything, which is the case for nearly every reading.
"""

from gateway.model import Finding
from gateway.rules import clock, decrease, duplicate, rate, rollover, stuck
from gateway.rules.subject import Candidate, History

VERSION = 1
"""Stored with every batch; raised whenever a rule or one of its numbers changes."""

RULES = (duplicate.check, clock.check, decrease.check, rollover.check, rate.check, stuck.check)


def judge(candidate: Candidate, history: History) -> list[Finding]:
    """What the rules find in `candidate`, in the order of RULES."""
    findings = (check(candidate, history) for check in RULES)
    return [finding for finding in findings if finding is not None]
