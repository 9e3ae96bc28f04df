"""V-ZERO: a register that has not moved for longer than its resource can stand still.

It is a hint that a person should look, not a doubt about the value: the reading stays accepted.
The finding comes once, with the reading at which the limit is passed.
"""

from drivers.reading import Resource
from gateway.model import Finding, Severity
from gateway.rules.subject import MS_PER_H, Candidate, History

RULE = "V-ZERO"
_DAY_MS = 24 * MS_PER_H
# How long each resource may stand still before somebody should look.
LIMIT_MS = {
    # A tariff register rests up to 16 hours a day; a refrigerator moves the whole within one.
    Resource.ELECTRICITY: 3 * _DAY_MS,
    # Three weeks outlast most holidays; a stricter limit calls every vacant flat's meter stuck.
    Resource.COLD_WATER: 21 * _DAY_MS,
    Resource.HOT_WATER: 21 * _DAY_MS,
    # A flat that cooks by electricity in a warm month.
    Resource.GAS: 45 * _DAY_MS,
    # The whole time between two heating seasons.
    Resource.HEAT: 240 * _DAY_MS,
}
LONGEST_MS = max(LIMIT_MS.values())


def limit_ms(resource: Resource | None) -> int:
    """How long a register of `resource` may stand still; of an uninstalled meter the longest."""
    return LONGEST_MS if resource is None else LIMIT_MS[resource]


def check(candidate: Candidate, history: History) -> Finding | None:
    """A warning with the first unchanged reading past the limit."""
    before, since_ms = history.before, history.unchanged_since_ms
    if before is None or since_ms is None or before.mantissa != candidate.mantissa:
        return None
    limit = limit_ms(candidate.dial.resource)
    if not before.at_ms - since_ms < limit <= candidate.at_ms - since_ms:
        return None
    hours = (candidate.at_ms - since_ms) // MS_PER_H
    detail = (
        f"unchanged at {candidate.dial.text(candidate.mantissa)} for {hours} h, "
        f"limit {limit // MS_PER_H} h"
    )
    return Finding(RULE, Severity.WARNING, "3.6.1", detail)
