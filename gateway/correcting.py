"""Corrections: what was estimated is settled again as soon as readings can say what it was.

Every estimate opens an obligation. When the next period is closed, each open one is settled again
with the readings known by then, exactly as if they had come in time: by a reading of its period
that came late, else by a straight line between the readings around its end. The line itself is
never changed. The difference becomes a new record that names it, and the next line opens where
the corrected one closes, so lines and corrections together always add up to the register's way.

What was estimated because a meter was out of order stands once that meter has been taken away:
nothing will ever say what it was. Where no line can be drawn (the register went over its end) the
estimate is taken back whole, and the line that was read has it all.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, TypeVar

from gateway import billing
from gateway.billing import Facts, Installation, Mark, Method, Settled, Span
from gateway.periods import Bounds
from gateway.plain import as_text

Key = TypeVar("Key", bound=Hashable)


class Owed(NamedTuple):
    """An estimate no reading has confirmed: the line, and what it billed at `exponent`."""

    line_id: str
    period: str
    opening: Mark
    billed: int
    exponent: int
    method: Method


class Chain(NamedTuple):
    """The open estimates of one register, oldest first."""

    installations: Sequence[Installation]
    owed: Sequence[Owed]


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

    def as_text(self) -> dict[str, str]:
        """Every field as text, in order."""
        return as_text(self._asdict())


def correction_id(line_id: str) -> str:
    """A line is corrected once: with its correction the obligation ends."""
    return f"{line_id}-c1"


def resettled(
    chains: Mapping[Key, Chain],
    bounds_of: Callable[[str], Bounds],
    facts: Callable[[Sequence[Span]], Sequence[Facts]],
) -> dict[Key, list[Settled]]:
    """Every owed line settled with what is known now, each from where the one before it closes.

    The oldest of all chains are asked of storage in one go, then the next ones.
    """
    done: dict[Key, list[Settled]] = {key: [] for key in chains}
    for place in range(max((len(chain.owed) for chain in chains.values()), default=0)):
        planned = {
            key: _planned(chain, place, done[key], bounds_of)
            for key, chain in chains.items()
            if place < len(chain.owed)
        }
        answers = iter(facts([span for spans in planned.values() for span in spans]))
        for key, spans in planned.items():
            found = [next(answers) for _ in spans]
            opening = _opening(chains[key], place, done[key])
            done[key].append(billing.settle(spans, found) if spans else _gone(opening))
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
        later = [one.method is not Method.CARRIED for one in again[number:]]
        if _stands(chain, line, until_ms):
            due.append(Correction(line, _as_billed(line, settled), 0, line.exponent))
        elif (is_read or any(later)) and not settled.unmeasured:
            due.append(_correction(line, settled))
    return due


def _stands(chain: Chain, line: Owed, until_ms: int) -> bool:
    """Whether the meter of an estimate was out of order and has been taken away."""
    return any(
        one.register_no == line.opening.register_no
        and one.barred_ms is not None
        and one.removed_at_ms is not None
        and max(one.barred_ms, line.opening.at_ms) < one.removed_at_ms <= until_ms
        for one in chain.installations
    )


def _as_billed(line: Owed, settled: Settled) -> Settled:
    return settled._replace(consumption=line.billed, exponent=line.exponent, method=line.method)


def _planned(
    chain: Chain, place: int, done: Sequence[Settled], bounds_of: Callable[[str], Bounds]
) -> tuple[Span, ...]:
    bounds = bounds_of(chain.owed[place].period)
    return billing.plan(chain.installations, _opening(chain, place, done), bounds)


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
