"""What must hold of a year: judged from outside, by the truth, the road's log and plain SQL."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import NamedTuple

from simulators.evidence import Tally
from simulators.invariants import Finding
from simulators.year.evidence import Evidence
from simulators.year.judge_books import (
    books_are_the_ledger,
    houses_are_in_balance,
    sent_is_accounted_for,
)
from simulators.year.judge_claims import claims_are_true, the_best_claim_is_believed
from simulators.year.judge_closing import lines_close_with_the_right_reading
from simulators.year.judge_lines import (
    Case,
    averages_end_in_norms,
    deviations_say_why,
    every_register_has_its_line,
    marks_are_true,
    sums_are_true,
)
from simulators.year.judge_papers import (
    check_meters_stand_in,
    interferences_are_charged,
    norms_are_the_norm,
    roles_are_the_registrys,
)
from simulators.year.judge_readings import (
    accepted_are_true,
    nothing_waits,
    true_ones_count,
    wrong_ones_never_count,
)
from simulators.year.ledger import ACCEPTED, CLAIMED, Ledger, Mark
from simulators.year.usable import Usable

Invariant = Callable[[Case, Tally], Iterator[str]]

INVARIANTS: dict[str, Invariant] = {
    "sums are true": sums_are_true,
    "marks are true": marks_are_true,
    "the right reading closes": lines_close_with_the_right_reading,
    "deviations say why": deviations_say_why,
    "averages end in norms": averages_end_in_norms,
    "every register has its line": every_register_has_its_line,
    "accepted is true": accepted_are_true,
    "wrong never counts": wrong_ones_never_count,
    "true ones count": true_ones_count,
    "nothing waits": nothing_waits,
    "claims are true": claims_are_true,
    "the best claim is believed": the_best_claim_is_believed,
    "roles are the registry's": roles_are_the_registrys,
    "check meters stand in": check_meters_stand_in,
    "a norm is the norm": norms_are_the_norm,
    "interferences are charged": interferences_are_charged,
    "books are the ledger": books_are_the_ledger,
    "sent is accounted for": sent_is_accounted_for,
    "houses are in balance": houses_are_in_balance,
}
# A broken invariant names its first violations; more would only repeat them.
_NAMED_MAX = 3


class Standing(NamedTuple):
    """What two roads must agree on: per register what is measured and its last mark; readings."""

    registers: dict[tuple[str, str], tuple[int, Mark]]
    readings: str
    """SHA-256 over the accepted readings, where no clerk's delay decides which they are."""

    @property
    def digest(self) -> str:
        """SHA-256 over all of it."""
        return hashlib.sha256(
            repr((sorted(self.registers.items()), self.readings)).encode()
        ).hexdigest()


class Judged(NamedTuple):
    """One year on one road."""

    findings: list[Finding]
    standing: Standing
    counts: dict[str, int]


def judge(evidence: Evidence) -> Judged:
    """Every invariant against the evidence."""
    case = Case(evidence, Ledger(evidence.ledger), Usable(evidence))
    findings = []
    for name, invariant in INVARIANTS.items():
        tally = Tally()
        broken = list(invariant(case, tally))
        said = "; ".join(broken[:_NAMED_MAX])
        more = f" (and {len(broken) - _NAMED_MAX} more)" if len(broken) > _NAMED_MAX else ""
        findings.append(Finding(name, not broken, tally.checked, said + more))
    return Judged(findings, _standing(case), _counts(case))


def agreement(one: Standing, other: Standing) -> Finding:
    """Whether another order of arrival has ended in the same ledger."""
    differing = sorted(
        key
        for key in one.registers.keys() | other.registers.keys()
        if one.registers.get(key) != other.registers.get(key)
    )
    said = [f"{key} {one.registers.get(key)} or {other.registers.get(key)}" for key in differing]
    if one.readings != other.readings:
        said.append("other readings count")
    detail = "; ".join(said[:_NAMED_MAX])
    return Finding("any order of arrival, one ledger", not said, len(one.registers), detail)


def _standing(case: Case) -> Standing:
    registers: dict[tuple[str, str], tuple[int, Mark]] = {}
    for (name, obis), group in groupby(case.ledger.lines, lambda line: (line.place, line.obis)):
        lines = list(group)
        _, place = case.evidence.places[name]
        if lines[-1].now_closing.copy is None and any(one.entered_ms for one in place.hangings):
            continue  # A line drawn to what the clerk's delay let in: the road decides which.
        measured = sum(line.billed for line in lines if not line.is_open)
        if place.barred is not None and place.barred.is_estimated:
            measured = 0  # An average of lines that were closed by what had come by then.
        registers[name, obis] = measured, lines[-1].now_closing
    late = {
        hanging.meter.serial
        for _, place in case.evidence.places.values()
        for hanging in place.hangings
        if hanging.entered_ms
    }
    found = hashlib.sha256()
    for reading in case.ledger.readings():
        claimed = reading.copy >= CLAIMED
        if reading.state == ACCEPTED and reading.serial not in late and not claimed:
            found.update(repr((*reading[:3], reading.mantissa)).encode())
    return Standing(registers, found.hexdigest())


def _counts(case: Case) -> dict[str, int]:
    ledger = case.ledger
    counts: Counter[str] = Counter()
    counts.update(f"lines {line.method}" for line in ledger.lines)
    counts.update(f"corrections {one.method}" for line in ledger.lines for one in line.corrections)
    counts.update(f"verdicts {rule}" for found in ledger.verdicts.values() for rule, _ in found)
    counts["lines"] = len(ledger.lines)
    counts["open estimates"] = sum(line.is_open for line in ledger.lines)
    counts["wrong values"] = len(case.evidence.injected)
    counts["booked"] = len(case.evidence.books.booked)
    counts["refused for good"] = len(case.evidence.books.refused)
    counts.update(case.evidence.counts)
    return dict(sorted(counts.items()))
