"""Hints: what somebody might look at, with the evidence, never an accusation.

A hint names a point and a meter, says what was seen, when and how often, and where the proof
stands: a verdict of the rules, a signed batch that carries the meter's own status, or a line of
the period. What the cause is only an inspection can tell: meters start above leak flow rates,
magnets leave no proof in a register, a silent register may be a holiday (§8 [S62 S63]).
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from drivers.reading import MeterStatus
from gateway.balance import night
from gateway.balance.model import Used
from gateway.balance.registers import is_export
from gateway.model import Level


class HintKind(StrEnum):
    """What was seen."""

    TAMPER = "tamper"
    """The meter reports its cover opened or a magnetic field: CIM 1.3.1, 1.3.3."""
    REVERSE_FLOW = "reverse-flow"
    """The meter reports flow or energy against its direction: CIM 1.3.4."""
    LEAK_FLAG = "leak-flag"
    """The meter reports a leak itself."""
    NIGHT_FLOW = "night-flow"
    FELL = "fell"
    """A register was read lower than before (V-NEG)."""
    STUCK = "stuck"
    """A register has stood still past its resource's limit (V-ZERO)."""
    GIVEN_BACK = "given-back"
    """The line of an export register grew: a generator, or wires the wrong way round."""


FLAGS = {
    MeterStatus.TAMPER: HintKind.TAMPER,
    MeterStatus.REVERSE_FLOW: HintKind.REVERSE_FLOW,
    MeterStatus.LEAK: HintKind.LEAK_FLAG,
}
WATCHED = MeterStatus.TAMPER | MeterStatus.REVERSE_FLOW | MeterStatus.LEAK
RULES = {"V-NEG": HintKind.FELL, "V-ZERO": HintKind.STUCK}


class Where(NamedTuple):
    """A meter at its point; `register` is empty where the whole meter is meant."""

    dwelling: str | None
    point: str
    resource: str
    meter: str
    register: str


class Hint(NamedTuple):
    """One thing seen `times` times from `first_ms` to `last_ms`, with its proof in `evidence`.

    `amount` in `unit` is the smallest hour of a night flow, or what was given back.
    """

    kind: HintKind
    where: Where
    first_ms: int
    last_ms: int
    times: int
    evidence: str
    amount: Decimal | None = None
    unit: str = ""


class Flagged(NamedTuple):
    """A meter's own status in signed batches: the bits, how often, and the first of them."""

    where: Where
    status: int
    first_ms: int
    last_ms: int
    times: int
    device: str
    sequence: int


class Judged(NamedTuple):
    """Verdicts of one rule on one register; `detail` is the newest one's."""

    where: Where
    rule: str
    first_ms: int
    last_ms: int
    times: int
    detail: str


class Flow(NamedTuple):
    """A water register's accepted levels around each of the asked nights."""

    where: Where
    unit: str
    exponent: int
    nights: tuple[tuple[Level, ...], ...]


def of_flags(found: Iterable[Flagged]) -> Iterator[Hint]:
    """What meters say of themselves, one hint per meter and flag."""
    by_flag: dict[tuple[Where, HintKind], list[Flagged]] = {}
    for one in found:
        for bit, kind in FLAGS.items():
            if one.status & bit:
                by_flag.setdefault((one.where, kind), []).append(one)
    for (where, kind), seen in by_flag.items():
        first = min(seen, key=lambda one: one.first_ms)
        last_ms = max(one.last_ms for one in seen)
        times = sum(one.times for one in seen)
        proof = f"{first.device} #{first.sequence}"
        yield Hint(kind, where, first.first_ms, last_ms, times, proof)


def of_verdicts(found: Iterable[Judged]) -> Iterator[Hint]:
    """What the rules found about registers."""
    for one in found:
        proof = f"{one.rule}: {one.detail}"
        yield Hint(RULES[one.rule], one.where, one.first_ms, one.last_ms, one.times, proof)


def of_nights(hours: Sequence[tuple[int, ...]], found: Iterable[Flow]) -> Iterator[Hint]:
    """Water that ran all night, every night."""
    for one in found:
        flows = [night.flow(levels, at) for levels, at in zip(one.nights, hours, strict=True)]
        leak = night.leak(hours, flows)
        if leak is not None:
            least = Decimal(leak.least).scaleb(one.exponent)
            hours_of_night = f"{night.FIRST_HOUR:02d}:00-{night.LAST_HOUR:02d}:00"
            proof = f"{one.where.register} {hours_of_night}"
            yield Hint(
                HintKind.NIGHT_FLOW, one.where, leak.first_ms, leak.last_ms, leak.nights, proof,
                least, one.unit,
            )  # fmt: skip


def of_lines(lines: Iterable[Used], first_ms: int, last_ms: int) -> Iterator[Hint]:
    """Electricity that was given back in a closed period."""
    for one in lines:
        if is_export(one) and one.volume > 0:
            where = Where(one.dwelling, one.point, one.resource, one.meter, one.register)
            proof = one.register
            yield Hint(
                HintKind.GIVEN_BACK, where, first_ms, last_ms, 1, proof, one.volume, one.unit
            )


def ordered(hints: Iterable[Hint]) -> list[Hint]:
    """By kind, then place."""
    kinds = list(HintKind)
    return sorted(
        hints, key=lambda hint: (kinds.index(hint.kind), hint.where.dwelling or "", hint.where[1:])
    )
