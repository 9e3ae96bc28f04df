"""What looks wrong with a claim the moment it is given: questions to the person, never a refusal.

Residents send the consumption in place of the reading, only the digits that changed, cold water
for hot, T1 for T2, or a figure without its comma. Each of these is a pure comparison with the few
accepted values around the claim and with the usual use of the register, so a page can ask while
the person still stands before the meter. A claim cut off to whole units is taken for what it is:
123 is anything from 123.000 to 123.999.
"""

from collections.abc import Iterator
from typing import NamedTuple

from drivers.reading import ClockState
from gateway.model import Finding, Level, Severity
from gateway.rules import decrease, rate, rollover, slip, swapped, usage
from gateway.rules.parameters import Limits
from gateway.rules.plausible import fits
from gateway.rules.subject import Candidate, Dial, History, advance
from gateway.rules.usage import Use, usual

# IEC 61968-9: suspect; usage above and below what is usual, in percent.
_SUSPECT, _ABOVE, _BELOW = "2.5.258", "3.6.5", "3.6.6"
# Below two days the use of a household says nothing about a day of it.
_USUAL_MS_MIN = 2 * 24 * 3_600_000


class Given(NamedTuple):
    """A claim at its register's exponent; `step` is what its last digit is worth."""

    dial: Dial
    obis: str
    at_ms: int
    mantissa: int
    step: int


class Other(NamedTuple):
    """Another register of the same account, and what was claimed of it the same day, if it was."""

    serial: str
    obis: str
    dial: Dial
    before: Level | None
    openings: tuple[Level, ...] = ()
    claimed: int | None = None


class Around(NamedTuple):
    """What is accepted around a claim. `openings`: one accepted value of each past month."""

    before: Level | None
    after: Level | None = None
    openings: tuple[Level, ...] = ()
    others: tuple[Other, ...] = ()


def meant(mantissa: int, step: int, before: Level | None) -> int:
    """The least value a claim can mean: the last one known, where that lies in its last digit."""
    if before is not None and mantissa < before.mantissa < mantissa + step:
        return before.mantissa
    return mantissa


def expected(given: Given, around: Around, limits: Limits, now_ms: int) -> int | None:
    """Where the register would stand by its usual use; None while too little is known of it."""
    candidate, history = _candidate(given, around, limits, now_ms)
    known = _usual_since(candidate, history)
    if known is None or around.before is None:
        return None
    return (around.before.mantissa + known[0]) % given.dial.capacity


def check(given: Given, around: Around, limits: Limits, now_ms: int) -> tuple[Finding, ...]:
    """What to ask about a claim, the weightiest first; nothing of it blocks."""
    return tuple(
        finding._replace(severity=Severity.WARNING)
        for finding in _found(given, around, limits, now_ms)
    )


def _found(given: Given, around: Around, limits: Limits, now_ms: int) -> Iterator[Finding]:
    candidate, history = _candidate(given, around, limits, now_ms)
    for rule in (decrease, rollover, rate):
        if finding := rule.check(candidate, history):
            yield finding
    if finding := _unusual(candidate, history):
        yield finding
    # A register may well do what is impossible only to the rules; one question is enough then.
    hints = (
        _swapped(given, around, limits, now_ms),
        slip.check(candidate, history),
        _consumption(given, candidate, history),
        _changed(given, candidate, history),
    )
    yield from (hint for hint in hints if hint is not None)


def _candidate(
    given: Given, around: Around, limits: Limits, now_ms: int
) -> tuple[Candidate, History]:
    mantissa = meant(given.mantissa, given.step, around.before)
    candidate = Candidate(
        given.dial, given.at_ms, mantissa, ClockState.INFORMATIVE, 0, now_ms, limits, given.obis
    )
    return candidate, History(before=around.before, after=around.after, openings=around.openings)


def _usual_since(candidate: Candidate, history: History) -> tuple[int, Use] | None:
    """What is usually used in the time since the last value, where that is known."""
    norm = usual(history.openings, candidate)
    if norm is None or history.before is None:
        return None
    since_ms = candidate.at_ms - history.before.at_ms
    return norm.amount * since_ms // norm.took_ms, norm


def _unusual(candidate: Candidate, history: History) -> Finding | None:
    """V-HILO over the time since the last accepted value."""
    known = _usual_since(candidate, history)
    if known is None or history.before is None:
        return None
    expected, _ = known
    dial, factor = candidate.dial, candidate.limits.usage_factor
    used = advance(history.before.mantissa, candidate.mantissa, dial).delta
    if used < 0 or candidate.at_ms - history.before.at_ms < _USUAL_MS_MIN:
        return None
    said = f"{dial.text(used)} since the last value, usual are {dial.text(expected)}"
    if used - 1 > factor * expected:
        return Finding(usage.RULE, Severity.WARNING, _ABOVE, f"more than {factor} times: {said}")
    if (used + 1) * factor < expected:
        return Finding(usage.RULE, Severity.WARNING, _BELOW, f"less than 1/{factor}: {said}")
    return None


def _consumption(given: Given, candidate: Candidate, history: History) -> Finding | None:
    """The consumption in place of the reading: too low to be one, and just what is usual."""
    known = _usual_since(candidate, history)
    before = history.before
    if known is None or before is None or fits(candidate, history):
        return None
    expected, dial = known[0], given.dial
    factor = candidate.limits.usage_factor
    if not expected <= given.mantissa * factor or not given.mantissa <= expected * factor:
        return None
    likely = before.mantissa + given.mantissa
    detail = (
        f"{dial.text(given.mantissa)} may be what was used, not what the meter shows: that would "
        f"be about {dial.text(likely)}"
    )
    return Finding(slip.RULE, Severity.WARNING, _SUSPECT, detail)


def _changed(given: Given, candidate: Candidate, history: History) -> Finding | None:
    """Only the digits that changed: with those before them it is what was to be expected."""
    known, before = _usual_since(candidate, history), history.before
    if known is None or before is None or fits(candidate, history):
        return None
    expected, dial = known[0], given.dial
    power = int(10 ** len(str(given.mantissa // given.step))) * given.step
    whole = before.mantissa // power * power + given.mantissa
    whole += power if whole + given.step <= before.mantissa else 0
    used = whole - before.mantissa
    if whole >= dial.capacity or used > expected * candidate.limits.usage_factor:
        return None
    detail = (
        f"{dial.text(given.mantissa)} may be the last digits only: "
        f"the whole would be {dial.text(whole)}"
    )
    return Finding(slip.RULE, Severity.WARNING, _SUSPECT, detail)


def _swapped(given: Given, around: Around, limits: Limits, now_ms: int) -> Finding | None:
    """A value that does not fit its register and fits another one of the account."""
    if around.before is None or _is_likely(given, around, limits, now_ms):
        return None
    for other in around.others:
        if other.dial.unit is not given.dial.unit or other.before is None:
            continue
        mantissa, step = (_at(one, given.dial, other.dial) for one in (given.mantissa, given.step))
        there = Given(other.dial, other.obis, given.at_ms, mantissa, max(1, step))
        if not _is_likely(there, Around(other.before, None, other.openings), limits, now_ms):
            continue
        if _is_exchange(given, around, other, limits, now_ms):
            said = f"fits {other.serial} {other.obis}, and what was given there fits here"
        else:
            said = f"fits {other.serial} {other.obis}, where {_text(other)} stood before"
        detail = f"{given.dial.text(given.mantissa)} {said}: are the two exchanged?"
        return Finding(swapped.RULE, Severity.WARNING, _SUSPECT, detail)
    return None


def _is_exchange(given: Given, around: Around, other: Other, limits: Limits, now_ms: int) -> bool:
    if other.claimed is None:
        return False
    here = given._replace(mantissa=_at(other.claimed, other.dial, given.dial))
    return _is_likely(here, around, limits, now_ms)


def _is_likely(given: Given, around: Around, limits: Limits, now_ms: int) -> bool:
    """Whether the value is possible here, and not unusual; equal to the last one it is both."""
    candidate, history = _candidate(given, around, limits, now_ms)
    before = history.before
    if before is None or not fits(candidate, history):
        return False
    if _usual_since(candidate, history) is None:
        return candidate.mantissa == before.mantissa
    unusual = _unusual(candidate, history)
    return unusual is None or unusual.quality == _BELOW


def _at(mantissa: int, dial: Dial, other: Dial) -> int:
    """A mantissa at another dial's exponent, cut off where that is coarser."""
    places = dial.exponent - other.exponent
    return mantissa * int(10**places) if places >= 0 else mantissa // int(10**-places)


def _text(other: Other) -> str:
    return "nothing" if other.before is None else other.dial.text(other.before.mantissa)
