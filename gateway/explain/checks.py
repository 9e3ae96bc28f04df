"""Which rules looked at a reading, by the version of the rules it was judged by.

A reading without a finding passed every rule of its version; this table is what "every" means for
somebody who reads a bill. Rules that only ask a question about a blocked value (V-DEC, V-SWAP)
are told where they found something.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from gateway.evidence import Verdict

SINCE: Final = {
    "V-SIG": 1,
    "V-UOM": 1,
    "V-DUP": 1,
    "V-TIME": 1,
    "V-NEG": 1,
    "V-ROLL": 1,
    "V-RATE": 1,
    "V-ZERO": 1,
    "V-INACT": 2,
    "V-HILO": 2,
    "V-TOU": 2,
    "V-SIB": 2,
    "V-ORD": 3,
}


class Check(NamedTuple):
    """A rule and what it found, None where the reading passed."""

    rule: str
    found: Verdict | None


def checks(rules_version: int, verdicts: Sequence[Verdict]) -> list[Check]:
    """Every rule of a version with its finding, and whatever else was found."""
    found = {verdict.rule: verdict for verdict in verdicts}
    applied = [rule for rule, since in SINCE.items() if since <= rules_version]
    others = [verdict for verdict in verdicts if verdict.rule not in applied]
    return [
        *(Check(rule, found.get(rule)) for rule in applied),
        *(Check(verdict.rule, verdict) for verdict in others),
    ]
