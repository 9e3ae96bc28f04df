"""Corrections: what was estimated is settled again as soon as readings can say what it was.

Every estimate opens an obligation. When the next period is closed, each open one is settled again
with the readings known by then, exactly as if they had come in time: by a reading of its period
that came late, else by a straight line between the readings around its end. The line itself is
never changed. The difference becomes a new record that names it, and the next line opens where
the corrected one closes, so lines and corrections together always add up to the register's way.

What was estimated because a meter was out of order stands once that meter has been taken away:
nothing will ever say what it was, nor what unread months just before were. The line keeps its
marks, and what its readings or the next meter's say later is billed by the line after it. Only
where the meter was found to have been gone before the period ended does the estimate shrink to the
time it hung there, and the next meter's readings bill the rest. Where no line can be drawn (the
register went over its end) the estimate is taken back whole, and the line that was read has it
all.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple, Protocol, TypeVar

from gateway import planning, settling
from gateway.billing import Facts, Installation, Mark, Method, Settled, Span
from gateway.estimation.average import half_up, share
from gateway.meter_life import factor
from gateway.model import FOREVER_MS
from gateway.periods import Bounds, Taking
from gateway.plain import as_text

Key = TypeVar("Key", bound=Hashable)


class Owed(NamedTuple):
    """An estimate no reading has confirmed: the line, and what it billed at `exponent`.

    `opening` is where the line opens now, `written` where it opened and closed when it was written,
    with how often the register went over its end between, and why it was billed so.
    """

    line_id: str
    period: str
    opening: Mark
    billed: int
    exponent: int
    method: Method
    written: tuple[Mark, Mark]
    rollovers: int
    reason: str


class Limits(Protocol):
    """Where a period ends for a register, and which readings may end it."""

    @property
    def bounds(self) -> Bounds:
        """From closing instant to closing instant."""

    @property
    def taking(self) -> Taking:
        """Which readings count for the end."""


class Chain(NamedTuple):
    """The open estimates of one register, oldest first; `limits` of each period they are of.

    `seasons`: the only time it is estimated in, None for any.
    """

    installations: Sequence[Installation]
    owed: Sequence[Owed]
    limits: Callable[[str], Limits]
    seasons: Sequence[Bounds] | None = None


class Correction(NamedTuple):
    """A line settled again. `difference` is what it bills beside what it billed, at `exponent`."""

    owed: Owed
    settled: Settled
    difference: int
    exponent: int

    @property
    def is_news(self) -> bool:
        """Whether billing must be told: an interpolation may well turn out as it was."""
        return bool(self.difference) or self.settled.method is not self.owed.method


class CorrectedLine(NamedTuple):
    """A correction as people and billing systems read it. Values are exact, times UTC ms.

    `billed` is the line's consumption as handed over, `consumption` what it is now, and
    `difference` the second less the first. The closing value is the corrected one.
    """

    correction_id: str
    line_id: str
    period: str
    corrected_in: str
    house: str
    account: str | None
    dwelling: str | None
    point: str
    resource: str
    register: str
    unit: str
    billed_method: str
    billed: Decimal
    consumption: Decimal
    difference: Decimal
    closing_meter: str
    closing_value: Decimal
    closing_at_ms: int
    method: str
    reason: str
    corrected_at_ms: int
    replaces: str | None = None

    def as_text(self) -> dict[str, str]:
        """Every field as text, in order."""
        return as_text(self._asdict())


def correction_id(line_id: str, number: int) -> str:
    """A line is corrected once, for its obligation ends; again where that was withdrawn."""
    return f"{line_id}-c{number}"


def resettled(
    chains: Mapping[Key, Chain],
    facts: Callable[[Sequence[Span]], Sequence[Facts]],
) -> dict[Key, list[Settled]]:
    """Every owed line settled with what is known now, each from where the one before it closes.

    The oldest of all chains are asked of storage in one go, then the next ones.
    """
    done: dict[Key, list[Settled]] = {key: [] for key in chains}
    for place in range(max((len(chain.owed) for chain in chains.values()), default=0)):
        planned = {
            key: _planned(chain, place, done[key])
            for key, chain in chains.items()
            if place < len(chain.owed)
        }
        answers = iter(facts([span for spans in planned.values() for span in spans]))
        for key, spans in planned.items():
            found = [next(answers) for _ in spans]
            opening = _opening(chains[key], place, done[key])
            settled = settling.settle(spans, found) if spans else _gone(opening)
            counted_on = bool(found) and found[-1].is_counted_on
            done[key].append(_known(chains[key], place, settled, is_counted_on=counted_on))
    return done


def corrections(
    chain: Chain, again: Sequence[Settled], until_ms: int, *, is_read: bool
) -> list[Correction]:
    """The corrections of one chain that are due when a period that ends at `until_ms` is closed.

    `is_read`: that period has a reading. A line that stays unread is owed on, unless a later one
    was read: then nothing more will be learnt of it.
    """
    due = []
    for number, (line, settled) in enumerate(zip(chain.owed, again, strict=True)):
        later = [_is_read(one) for one in again[number:]]
        # A bar that has ended since leaves whole periods after it, which are settled as read.
        if _stands(chain, line, until_ms) if settled.unmeasured else is_read or any(later):
            due.append(_correction(line, settled))
    return due


def _is_read(settled: Settled) -> bool:
    if settled.unmeasured:
        return settled.closing != settled.opening
    return settled.method is not Method.CARRIED


def _stands(chain: Chain, line: Owed, until_ms: int) -> bool:
    """Whether the meter of an estimate was out of order and has been taken away."""
    return any(
        one.register_no == line.opening.register_no
        and one.barred_ms is not None
        and one.removed_at_ms is not None
        and max(one.barred_ms, line.opening.at_ms) < one.removed_at_ms <= until_ms
        for one in chain.installations
    )


def _known(chain: Chain, place: int, settled: Settled, *, is_counted_on: bool) -> Settled:
    """A line as it is known now; where nothing can be known of a time, that stays as billed.

    Neither of the time a meter was out of order, nor of months without readings before that: the
    next reading that counts is of another meter, or of another start. Where the meter itself was
    read again before it failed (`is_counted_on`), that reading has it all, though no line could be
    drawn to it: an estimate that stayed would be billed beside it, and the lines after it would
    be settled from a mark that is behind them.
    """
    opening = settled.opening
    if settled.method is Method.CARRIED and not (settled.unmeasured or is_counted_on):
        failed = any(
            one.register_no == opening.register_no
            and one.barred_ms is not None
            and one.installed_at_ms <= opening.at_ms < (one.removed_at_ms or FOREVER_MS)
            for one in chain.installations
        )
        if failed:
            period = chain.limits(chain.owed[place].period).bounds
            settled = settled._replace(unmeasured=(Bounds(opening.at_ms, period.end_ms),))
    return _kept(chain, place, settled) if settled.unmeasured else settled


def _kept(chain: Chain, place: int, settled: Settled) -> Settled:
    """A line with time that no reading will say anything of: what was billed for it stays."""
    line = chain.owed[place]
    kept = settled._replace(consumption=line.billed, exponent=line.exponent, method=line.method)
    opened, closed = line.written
    out_until_ms = settled.unmeasured[-1].end_ms
    if closed.at_ms >= out_until_ms or closed.register_no != opened.register_no:
        return kept._replace(closing=closed)
    if settled.closing.at_ms < out_until_ms:
        return kept._replace(closing=max(closed, settled.opening, key=_at))
    # It was gone before the period ended, and nobody knew: the estimate was of too much time.
    period = chain.limits(line.period).bounds
    before = share(Bounds(closed.at_ms, period.end_ms), period, chain.seasons)
    now = sum(share(part, period, chain.seasons) for part in settled.unmeasured)
    estimated = line.billed - _measured(chain, line)
    exponent = min(line.exponent, settled.exponent)
    if before:
        estimated = half_up(Fraction(estimated) * now / before)
    total = estimated * 10 ** (line.exponent - exponent)
    total += settled.consumption * 10 ** (settled.exponent - exponent)
    reason = f"{line.reason}; it was taken away before the period ended: estimated until then"
    return kept._replace(consumption=total, exponent=exponent, reason=reason)


def _measured(chain: Chain, line: Owed) -> int:
    """What the readings of a line say, as it was written."""
    opened, closed = line.written
    own = [one for one in chain.installations if one.register_no == opened.register_no]
    one = ([one for one in own if one.installed_at_ms <= opened.at_ms] or own)[-1]
    return factor.used(
        *(opened.mantissa, closed.mantissa),
        turns=line.rollovers,
        digits=one.digits,
        factor=one.factor,
    )


def _at(mark: Mark) -> int:
    return mark.at_ms


def _planned(chain: Chain, place: int, done: Sequence[Settled]) -> tuple[Span, ...]:
    limits = chain.limits(chain.owed[place].period)
    opening = _opening(chain, place, done)
    return planning.plan(chain.installations, opening, limits.bounds, limits.taking)


def _opening(chain: Chain, place: int, done: Sequence[Settled]) -> Mark:
    return done[-1].closing if done else chain.owed[place].opening


def _gone(opening: Mark) -> Settled:
    """The meter had been taken away before the period, and nobody knew."""
    reason = "the meter had been removed before the period"
    return Settled(opening, opening, 0, 0, Method.ACTUAL, reason, ())


def _correction(owed: Owed, settled: Settled) -> Correction:
    exponent = min(owed.exponent, settled.exponent)
    now = settled.consumption * 10 ** (settled.exponent - exponent)
    billed = owed.billed * 10 ** (owed.exponent - exponent)
    return Correction(owed, settled, now - billed, exponent)
