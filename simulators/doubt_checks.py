"""The invariant of doubts: what was made doubtful on purpose was noticed and is not billed."""

from collections.abc import Callable, Iterator
from itertools import pairwise

from simulators.evidence import Evidence, Tally
from simulators.house import Doubt
from simulators.ledger_view import ACCEPTED, REJECTED, StoredReading
from simulators.truth import DAY_MS, HOUR_MS
from simulators.truth_checks import SKEW_MS

# How long the gateway lets an electricity register stand still; the stuck one is such a register.
STUCK_MS = 3 * DAY_MS


def every_doubt_has_a_verdict(evidence: Evidence, tally: Tally) -> Iterator[str]:
    """What was made doubtful on purpose was noticed, and never billed where it must not be."""
    for house in evidence.houses:
        for doubt in house.doubts:
            yield from _CHECKS[doubt.rule](evidence, doubt, tally)
    yield from _believed_wrong_clocks(evidence, tally)


def _nonsense(evidence: Evidence, doubt: Doubt, tally: Tally) -> Iterator[str]:
    """Every reading of nonsense has its verdict and is not accepted."""
    for reading in _readings(evidence, doubt):
        surely = doubt.span.start_ms + SKEW_MS <= reading.captured_at_ms < doubt.span.end_ms
        if surely:
            tally()
            yield from _must_be_doubted(evidence, reading, doubt.rule)


def _backwards(evidence: Evidence, doubt: Doubt, tally: Tally) -> Iterator[str]:
    """No accepted reading is below the one before, and a decrease that was seen has a verdict."""
    readings = _readings(evidence, doubt)
    accepted = [reading for reading in readings if reading.state == ACCEPTED]
    for before, after in pairwise(accepted):
        if after.mantissa < before.mantissa:
            yield f"a decrease of {doubt.serial} at {after.captured_at_ms} was accepted"
    inside = [reading for reading in readings if reading.captured_at_ms in doubt.span]
    seen = any(after.mantissa < before.mantissa for before, after in pairwise(inside))
    if seen:
        tally()
        if not _verdicts(evidence, doubt):
            yield f"no {doubt.rule} although {doubt.serial} was seen running backwards"


def _stuck(evidence: Evidence, doubt: Doubt, tally: Tally) -> Iterator[str]:
    """A register that was read unchanged for longer than the limit has its verdict."""
    unchanged = [
        reading.captured_at_ms
        for reading in _readings(evidence, doubt)
        if reading.state == ACCEPTED and reading.captured_at_ms >= doubt.span.start_ms
    ]
    if unchanged and unchanged[-1] - unchanged[0] >= STUCK_MS:
        tally()
        if not _verdicts(evidence, doubt):
            yield f"no {doubt.rule} although {doubt.serial} stands still"


def _believed_wrong_clocks(evidence: Evidence, tally: Tally) -> Iterator[str]:
    """A reading from a clock that nothing vouches for is doubted."""
    for reading in evidence.ledger.readings:
        if reading[:3] in evidence.untimed:
            tally()
            # Set back across an exchange, it seems to come from before the meter stood there.
            rule = "V-SIG" if reading.state == REJECTED else "V-TIME"
            yield from _must_be_doubted(evidence, reading, rule)


def _must_be_doubted(evidence: Evidence, reading: StoredReading, rule: str) -> Iterator[str]:
    name = f"the reading of {reading.serial} {reading.obis} at {reading.captured_at_ms}"
    if reading.state == ACCEPTED:
        yield f"{name} is accepted in spite of {rule}"
    key = (reading.serial, reading.obis, reading.captured_at_ms, rule)
    if key not in evidence.verdicts:
        yield f"{name} has no {rule}"


def _readings(evidence: Evidence, doubt: Doubt) -> list[StoredReading]:
    """The stored readings of the doubtful register, in order of capture.

    Those by a clock that nothing vouched for are left out: nobody knows when they were captured.
    """
    return [
        reading
        for reading in evidence.ledger.readings
        if reading[:2] == (doubt.serial, doubt.obis) and reading[:3] not in evidence.untimed
    ]


def _verdicts(evidence: Evidence, doubt: Doubt) -> bool:
    """Whether there is a verdict of the rule about the register around that time."""
    from_ms, to_ms = doubt.span.start_ms - HOUR_MS, doubt.span.end_ms + DAY_MS
    return any(
        (serial, obis, rule) == (doubt.serial, doubt.obis, doubt.rule) and from_ms <= at_ms <= to_ms
        for serial, obis, at_ms, rule in evidence.verdicts
    )


_CHECKS: dict[str, Callable[[Evidence, Doubt, Tally], Iterator[str]]] = {
    "V-RATE": _nonsense,
    "V-NEG": _backwards,
    "V-ZERO": _stuck,
}
