"""The best claim for each register at the closing of a period, and what became of the others.

A claim is *needed* where no automatic reading is fresh: none of the days before it (the policy's
`fresh_days`) and none soon after. Of the claims needed for the period, or for an earlier one that
was only estimated, the best source's newest one that the rules let pass becomes a reading; one of
a lesser source still follows if it is so much later that the better one is stale. A claim that
cannot be is not silently passed over: it waits in the review, named with what it contradicts.

Where automatic readings surround a claim it is compared with them (compare.py) and, agreeing or
not, never replaces one. Everything follows from the claims and readings that are there at the
closing, sorted by what they say: in which order they came makes no difference.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from drivers.reading import ClockState, from_ms
from gateway import billing, periods
from gateway.claims import compare
from gateway.claims.access import Access
from gateway.claims.compare import Pair
from gateway.claims.entry import meant
from gateway.claims.model import WORDS, ClaimSource
from gateway.claims.policy import Policy, holding
from gateway.claims.ports import AsReading, Believed, ChoosingPort, Known, Open, Outcome, Word
from gateway.closing_records import House, RegisterKey
from gateway.contracts import Calendar
from gateway.model import Finding, Flag, Level, Severity, State
from gateway.rules import decrease, rate, rollover
from gateway.rules.parameters import TABLE
from gateway.rules.subject import Candidate, History, advance

RULE = "CLAIM"
"""The rule that a claim's own verdict is given under: who brought it, and why it counts."""

# IEC 61968-9: read by the customer, read by hand.
QUALITIES = {
    ClaimSource.INSPECTION: "3.4.131",
    ClaimSource.PHOTO: "3.4.130",
    ClaimSource.RESIDENT: "3.4.130",
    ClaimSource.GIS: "3.4.130",
}
# Three estimated periods and a week: as long as ПП 354 bills by average.
LOOK_BACK_MS = 100 * 24 * 3_600_000


class _About(NamedTuple):
    """What one closing chooses by."""

    port: ChoosingPort
    house: House
    calendar: Calendar
    period: str
    policy: Policy
    owed: set[tuple[tuple[int, str, str], str]]
    now_ms: int

    def decide(self, claim: Open, outcome: str, reason: str) -> None:
        word = Word(self.house.house_no, self.period, outcome, reason)
        self.port.decide(claim.claim_no, word, self.now_ms)

    def period_of(self, claim: Open) -> str:
        """The period a claim is for: that of its window, the next one's outside of any."""
        # The first quarter of an hour after a period's end still closes that period.
        moment = claim.at_ms - billing.CLOSING_TOLERANCE_MS
        resource = claim.dial.resource
        if resource is None:
            return periods.containing(moment, self.house.zone)
        return self.calendar.windows(resource).period_of(moment)

    def is_wanted(self, claim: Open) -> bool:
        """Whether the claim's period is being closed, or was closed by an estimate only."""
        period = self.period_of(claim)
        return period == self.period or (claim.key, period) in self.owed


def choose(
    port: ChoosingPort,
    house: House,
    calendar: Calendar,
    period: str,
    now_ms: int,
    *,
    access: Access,
) -> dict[RegisterKey, str]:
    """Decide on the open claims about a house's meters, before its period is settled.

    Returned is, by register, what was said for the period and does not count by `access`.
    """
    since_ms = periods.bounds(period, house.zone).start_ms - LOOK_BACK_MS
    until_ms = calendar.over_ms(period) + billing.CLOSING_TOLERANCE_MS
    found = port.open_claims(house.house_no, since_ms, until_ms)
    if not found:
        return {}
    policy = holding(port.policies(house.house_no), period)
    owed = port.owed_periods(house.house_no)
    about = _About(port, house, calendar, period, policy, owed, now_ms)
    in_time = [claim for claim in found if about.period_of(claim) <= period]
    unheard = _unheard(about, in_time, access)
    heard = [claim for claim in in_time if claim not in unheard]
    for _, group in groupby(sorted(heard, key=_register), key=_register):
        _choose(about, sorted(group, key=lambda claim: _order(claim, policy)))
    return {
        RegisterKey(*claim.key): f"{name(claim)} does not count: {why}"
        for claim, why in sorted(unheard.items(), key=lambda one: one[0].at_ms)
        if about.period_of(claim) == period
    }


def _unheard(about: _About, claims: Iterable[Open], access: Access) -> dict[Open, str]:
    """The claims of residents who keep the controller out, each with why it does not count."""
    unheard = {claim: why for claim in claims if (why := access.why_not(claim))}
    for claim, why in unheard.items():
        about.decide(claim, Outcome.UNNEEDED, why)
    return unheard


def _register(claim: Open) -> int:
    return claim.register_no


def _order(claim: Open, policy: Policy) -> tuple[int, int, int, str]:
    """The best source first, of one source the newest; of one instant what was said last."""
    return policy.rank(claim.source), -claim.at_ms, -claim.entered_ms, claim.reference


def _choose(about: _About, claims: Iterable[Open]) -> None:
    best: Open | None = None
    for claim in claims:
        if claim.state not in (None, State.ACCEPTED):
            continue  # a person has it, or had it
        known = about.port.known(claim)
        if claim.state is State.ACCEPTED:
            _follow(about, claim, known)
            best = claim if best is None or claim.at_ms > best.at_ms else best
        elif _is_covered(about, known):
            _compare(about, claim, known)
        elif not about.is_wanted(claim):
            if claim.outcome is None:
                about.decide(claim, Outcome.UNNEEDED, "its period is closed by a reading")
        elif claim.at_ms - known.before.at_ms <= about.policy.fresh_ms:
            reason = f"the automatic reading of {_day(known.before)} is fresh enough"
            about.decide(claim, Outcome.UNNEEDED, reason)
        elif best is not None and claim.at_ms <= best.at_ms + about.policy.fresh_ms:
            _lose(about, claim, best, known)
        elif _enter(about, claim, known):
            best = claim


def _is_covered(about: _About, known: Known) -> bool:
    """Whether automatic readings stand so near around a claim that they say what it must be."""
    if known.after is None:
        return False
    between_ms = known.after.at_ms - known.before.at_ms
    return between_ms <= about.policy.fresh_ms


def _compare(about: _About, claim: Open, known: Known) -> None:
    after = known.after or known.before
    try:
        value = compare.automatic_at(known.before, after, claim.at_ms, claim.dial)
    except ValueError:
        about.decide(claim, Outcome.UNNEEDED, "the automatic readings around it fall")
        return
    _judge(about, claim, known, value, f"agrees with the automatic {claim.dial.text(value)}")


def _judge(about: _About, claim: Open, known: Known, value: int, agreed: str) -> None:
    """Whether a claim is near enough to an automatic value; if not, a person is to look."""
    used = advance(known.billed, value, claim.dial).delta
    pair = Pair(name(claim), claim.mantissa, claim.step, value, used)
    finding = compare.contradiction(pair, claim.dial, about.policy)
    if finding is None:
        about.decide(claim, Outcome.AGREES, agreed)
    else:
        _dispute(about, claim, [finding])


def _lose(about: _About, claim: Open, best: Open, known: Known) -> None:
    """Another claim counts; if the two cannot both be true, a person is to look."""
    history = History(before=_best_level(best, claim.at_ms), after=_best_after(best, claim.at_ms))
    used = advance(known.billed, best.mantissa, claim.dial).delta
    apart = compare.distance(claim.mantissa, claim.step, best.mantissa, claim.dial)
    if apart > about.policy.tolerance(claim.dial, used) and (
        _impossible(claim, claim.mantissa, history, about.now_ms)
        or abs(claim.at_ms - best.at_ms) < _SAME_MS
    ):
        detail = (
            f"{name(claim)} says {claim.dial.text(claim.mantissa)}, {name(best)} says "
            f"{claim.dial.text(best.mantissa)} and is believed (ПП 354 п. 61)"
        )
        _dispute(about, claim, [Finding(compare.RULE, Severity.WARNING, "3.6.0", detail)])
    else:
        about.decide(claim, Outcome.LOST, f"{name(best)} is believed")


# Two people who read a meter on one day see the same figure, within the tolerance.
_SAME_MS = 24 * 3_600_000


def _best_level(best: Open, at_ms: int) -> Level | None:
    return Level(best.at_ms, best.mantissa) if best.at_ms < at_ms else None


def _best_after(best: Open, at_ms: int) -> Level | None:
    return Level(best.at_ms, best.mantissa) if best.at_ms > at_ms else None


def _enter(about: _About, claim: Open, known: Known) -> bool:
    """Let a claim count, if the rules let it pass beside what is believed no less."""
    before, after = _neighbours(about.policy, claim, known)
    mantissa = meant(claim.mantissa, claim.step, before)
    found = _impossible(claim, mantissa, History(before=before, after=after), about.now_ms)
    if found:
        value = max(mantissa, before.mantissa)
        near = compare.distance(claim.mantissa, claim.step, value, claim.dial)
        used = advance(known.billed, before.mantissa, claim.dial).delta
        if mantissa < before.mantissa and near <= about.policy.tolerance(claim.dial, used):
            text = f"below the value of {_day(before)} by no more than is tolerated: adds nothing"
            about.decide(claim, Outcome.AGREES, text)
        else:
            _dispute(about, claim, found)
        return False
    rolled = advance(before.mantissa, mantissa, claim.dial).rolled
    said = f"{name(claim)} closes a time without automatic readings since {_day(known.before)}"
    verdict = Finding(RULE, Severity.WARNING, QUALITIES[claim.source], said)
    flags = Flag.ROLLED if rolled else Flag.NONE
    entered = AsReading(mantissa, State.ACCEPTED, flags)
    about.port.store(claim, entered, [verdict], about.now_ms)
    about.decide(claim, Outcome.CHOSEN, f"no automatic reading since {_day(known.before)}")
    return True


def _neighbours(policy: Policy, claim: Open, known: Known) -> tuple[Level, Level | None]:
    """What a claim must lie between: automatic readings, and claims believed no less than it.

    What an inspector reads is not refused for what a resident had said before: that is what the
    inspection is for.
    """
    equal = [one for one in known.claims if policy.rank(one.source) <= policy.rank(claim.source)]
    before = max([known.before, *(_levels(equal, claim.at_ms, earlier=True))])
    later = [*([known.after] if known.after else []), *_levels(equal, claim.at_ms, earlier=False)]
    return before, min(later, default=None)


def _levels(claims: Sequence[Believed], at_ms: int, *, earlier: bool) -> list[Level]:
    return [one.level for one in claims if (one.level.at_ms < at_ms) is earlier]


def _impossible(claim: Open, mantissa: int, history: History, now_ms: int) -> list[Finding]:
    limits = TABLE.limits(claim.dial.resource, claim.at_ms)
    candidate = Candidate(
        claim.dial, claim.at_ms, mantissa, ClockState.INFORMATIVE, 0, now_ms, limits, claim.obis
    )
    found = [rule.check(candidate, history) for rule in (decrease, rollover, rate)]
    return [one for one in found if one is not None and one.severity is Severity.ERROR]


def _follow(about: _About, claim: Open, known: Known) -> None:
    """What automatic readings that came later say of a claim that counts."""
    if claim.outcome != Outcome.CHOSEN or known.after is None:
        return
    way = advance(claim.mantissa, known.after.mantissa, claim.dial).delta
    if way >= 0:
        reason = f"the automatic reading of {_day(known.after)} goes on from it"
        about.decide(claim, Outcome.CONFIRMED, reason)
        return
    used = advance(known.billed, known.after.mantissa, claim.dial).delta
    pair = Pair(name(claim), claim.mantissa, claim.step, known.after.mantissa, used)
    finding = compare.contradiction(pair, claim.dial, about.policy)
    if finding is None:
        about.decide(claim, Outcome.CONFIRMED, "the automatic readings agree with it")
        return
    about.port.store(claim, AsReading(claim.mantissa, State.ACCEPTED), [finding], about.now_ms)
    about.decide(claim, Outcome.CONTRADICTS, finding.detail)


def _dispute(about: _About, claim: Open, found: Sequence[Finding]) -> None:
    """Put a claim before a person: it stands among the readings, in doubt."""
    reason = "; ".join(f"{one.rule} {one.detail}" for one in found)
    quality = QUALITIES[claim.source]
    own = Finding(RULE, Severity.WARNING, quality, f"{name(claim)} was not believed")
    verdicts = [*found, own]
    about.port.store(claim, AsReading(claim.mantissa, State.SUSPECT), verdicts, about.now_ms)
    about.decide(claim, Outcome.CONTRADICTS, reason)


def name(claim: Open) -> str:
    """A claim as reasons and verdicts name it."""
    return f"{WORDS[claim.source]} of {from_ms(claim.at_ms):%Y-%m-%d} (claim-{claim.claim_no})"


def _day(level: Level) -> str:
    return f"{from_ms(level.at_ms):%Y-%m-%d}"
