"""Decisions of people about readings: accept, reject, replace, ask.

A decision never touches a reading's value or its verdicts. It gives the reading another *state*,
adds the person's own verdict, and is kept itself, with who, when, why, before and after, in the
ledger and in the audit log. A value read at the meter is a new reading beside the old one.

A decision is carried out, and then the ledger is looked at: the accepted readings of the register
must still rise (or roll over) from one to the next, and the distance by which its accepted value
moved must be one a single person may decide on. If not, all is undone. Too far a move is kept as
a *proposal*, which another person confirms by having it carried out again, as the ledger is then.

What is billed follows from the readings accepted when a period is closed. So a decision about a
period that is closed already shows in the next one.
"""

from collections.abc import Callable
from typing import NamedTuple

from drivers.reading import ClockState, scaled
from gateway import evidence, rules
from gateway.audit import Act
from gateway.model import Finding, Flag, Level, Severity, State
from gateway.review import checking, rising
from gateway.review.ports import ReviewStore
from gateway.review.reference import moment
from gateway.review.rising import Limits
from gateway.review.words import (
    ASKS,
    COUNTED_AS,
    RULE,
    Decided,
    Decision,
    Kind,
    Order,
    ReviewError,
    Subject,
)
from gateway.store import NO_BATCH, VerdictRow

# IEC 61968-9: manually accepted, edited (rejected), read by a person.
ACCEPTED, REJECTED, READ = "3.10.1", "3.7.3", "3.4.131"

# A register read every quarter of an hour gives 2976 readings in a month.
READINGS_MAX = 3000


class _TakesAnotherError(Exception):
    """What was carried out moves too much for one person and is to be undone."""

    def __init__(self, subject: Subject, moved: "_Moved") -> None:
        super().__init__(subject.reference)
        self.subject = subject
        self.moved = moved


class _Moved(NamedTuple):
    """What an order did: by how much what counts moved, the new reading's copy, what was found."""

    effect: int | None
    copy: int | None = None
    told: tuple[Finding, ...] = ()


def _nothing() -> None:
    """A reading is there already; a claim is to become one first."""


def decide(
    store: ReviewStore,
    order: Order,
    now_ms: int,
    limits: Limits,
    *,
    bring: Callable[[], None] = _nothing,
) -> Decided:
    """Carry a decision out, or keep it as a proposal where it takes two.

    `bring` makes the reading that it is about, and is undone where the decision cannot be made.
    Raises ReviewError for a decision that cannot be made, and leaves the ledger as it was.
    """
    order = order._replace(actor=order.actor.strip(), why=order.why.strip())
    try:
        with store.transaction():
            bring()
            return _carry_out(store, order, now_ms, limits)
    except _TakesAnotherError as needed:
        with store.transaction():
            bring()
            effect, _, told = needed.moved
            proposed = _record(store, order, needed.subject, now_ms, effect=effect, done=False)
            return proposed._replace(told=told)


def confirm(
    store: ReviewStore, number: int, order_by: tuple[str, str, str], now_ms: int
) -> Decided:
    """Carry a proposal out; `order_by` is the other person's name, login and reason."""
    actor, via, why = order_by
    with store.transaction():
        proposal = store.review.proposal(number)
        if proposal is None:
            raise ReviewError(f"no decision {number} waits for another person: see review tasks")
        if proposal.settled_by is not None:
            raise ReviewError(
                f"proposal {number} is settled: decision {proposal.settled_by} came after it"
            )
        if _same_person(proposal.order.actor, actor):
            raise ReviewError(
                f"proposal {number} is {proposal.order.actor}'s own: another person must confirm it"
            )
        order = proposal.order._replace(actor=actor.strip(), via=via, why=why.strip())
        return _carry_out(store, order, now_ms, limits=None, confirms=number)


def _carry_out(
    store: ReviewStore,
    order: Order,
    now_ms: int,
    limits: Limits | None,
    confirms: int | None = None,
) -> Decided:
    """Do what was ordered; `limits` is None where another person has agreed."""
    subject = _subject(store, order, now_ms)
    if order.act in ASKS:
        return _record(store, order, subject, now_ms, state=subject.state, effect=0)
    orders = [order, *_later(store, order, subject)]
    subjects = [subject, *(_subject(store, later, now_ms) for later in orders[1:])]
    last_ms = max(subjects[-1].at_ms, order.read.at_ms if order.read else 0)
    before = rising.standing(store, subject, last_ms)
    moves = [_move(store, one, about, now_ms) for one, about in zip(orders, subjects, strict=True)]
    effect = rising.effect(subject.dial, before, rising.standing(store, subject, last_ms))
    told = moves[0].told
    if limits is not None and rising.takes_two(subject.dial, effect, limits):
        raise _TakesAnotherError(subject, _Moved(effect, told=told))
    store.review.changed()
    first, *_ = [
        _record(
            store, one, about, now_ms,
            state=_state_after(one), effect=moved.effect, read_copy=moved.copy, confirms=confirms,
        )
        for one, about, moved in zip(orders, subjects, moves, strict=True)
    ]  # fmt: skip
    return first._replace(effect=effect, readings=len(orders), told=told)


def _later(store: ReviewStore, order: Order, subject: Subject) -> list[Order]:
    """The same order for each of the register's later readings in doubt that are meant too."""
    if order.through_ms is None:
        return []
    found = store.review.suspects(subject, order.through_ms, READINGS_MAX)
    if len(found) >= READINGS_MAX:
        raise ReviewError(
            f"expected fewer than {READINGS_MAX} readings up to {moment(order.through_ms)}, "
            "got more: decide in shorter stretches of time"
        )
    return [order._replace(reference=reference, through_ms=None) for reference in found]


def _move(store: ReviewStore, order: Order, subject: Subject, now_ms: int) -> _Moved:
    """Carry out one order."""
    read_at_ms = order.read.at_ms if order.read else subject.at_ms
    last_ms = max(subject.at_ms, read_at_ms)
    before = rising.standing(store, subject, last_ms)
    _give_state(store, order, subject, now_ms)
    copy, told = _enter(store, order, subject, now_ms) if order.read else (None, ())
    if subject.dial is not None:
        for at_ms in sorted({subject.at_ms, read_at_ms}):
            rising.keep_rising(store, subject, subject.dial, at_ms)
    effect = rising.effect(subject.dial, before, rising.standing(store, subject, last_ms))
    return _Moved(effect, copy, told)


def _state_after(order: Order) -> State:
    return State.ACCEPTED if order.act is Kind.ACCEPT else State.DISMISSED


def _subject(store: ReviewStore, order: Order, now_ms: int) -> Subject:
    """The reading an order is about, if it can be carried out on it at all."""
    if not order.why:
        raise ReviewError("expected a reason in words, got none: give --why")
    subject = store.review.subject(order.reference)
    if subject is None:
        raise ReviewError(f"there is no reading {order.reference}: see review list")
    if subject.state is State.REJECTED:
        raise ReviewError(f"{order.reference} is not ours to bill: see review show")
    # A decision may be taken back, by another one: what was taken out can be accepted after all.
    if subject.state is State.DISMISSED and order.act is not Kind.ACCEPT:
        raise ReviewError(f"{order.reference} was taken out before: see review show")
    if order.act in (Kind.ACCEPT, Kind.REPLACE) and subject.dial is None:
        raise ReviewError(
            f"{order.reference} did not come as its register counts: correct the registry or the "
            "meter's profile, and reject this reading"
        )
    if order.act is Kind.ACCEPT and subject.dial is not None:
        rising.check_dial(subject.dial, subject.mantissa)
    if order.read is not None:
        _check_time(subject, order.read.at_ms, now_ms)
    return subject


def _check_time(subject: Subject, at_ms: int, now_ms: int) -> None:
    if at_ms > now_ms:
        raise ReviewError(f"expected a time that has been, got {moment(at_ms)}")
    installed, removed = subject.installed_at_ms, subject.removed_at_ms
    stood = installed is not None and installed <= at_ms and (removed is None or at_ms < removed)
    if not stood:
        raise ReviewError(f"meter {subject.reference.meter} did not stand there at {moment(at_ms)}")


def _give_state(store: ReviewStore, order: Order, subject: Subject, now_ms: int) -> None:
    """Give the reading its new state and the person's verdict."""
    state = _state_after(order)
    stored = store.review.evidence(subject)
    relative = False
    if state is State.ACCEPTED and stored is not None:
        _, reading = evidence.proven(stored)
        relative = reading.readout.clock_state is ClockState.RELATIVE
    if state is State.ACCEPTED:
        verdict = (Severity.WARNING, ACCEPTED, f"accepted by {order.actor}: {order.why}")
    else:
        verdict = (Severity.ERROR, REJECTED, f"rejected by {order.actor}: {order.why}")
    place = (subject.register_no, subject.at_ms, subject.reference.copy)
    store.ledger.add_verdicts([VerdictRow(*place, RULE, *verdict, now_ms, rules.VERSION)])
    if state is subject.state:
        return
    store.review.set_state(subject, state)
    if relative:
        store.review.set_flags(*place, Flag.CORRECTED)
    # A person's own readings are not among those that devices delivered.
    if stored is not None:
        store.ledger.count({COUNTED_AS[subject.state]: -1, COUNTED_AS[state]: 1})


def _enter(
    store: ReviewStore, order: Order, subject: Subject, now_ms: int
) -> tuple[int, tuple[Finding, ...]]:
    """Store the value read at the meter as a reading of its own; its copy, and what is odd."""
    read, dial = order.read, subject.dial
    if read is None or dial is None:
        raise ReviewError(f"{order.reference}: expected the value read at the meter, got none")
    try:
        mantissa = scaled(read.value, dial.exponent)
    except ValueError as error:
        raise ReviewError(f"{order.reference}: {error}") from error
    rising.check_dial(dial, mantissa)
    told = checking.told(store, subject, dial, Level(read.at_ms, mantissa), now_ms)
    copy = store.review.copies(subject.register_no, read.at_ms)
    place = (subject.register_no, read.at_ms, copy)
    store.ledger.add_readings([(*place, mantissa, int(State.ACCEPTED), 0, NO_BATCH, 0)])
    said = f"read by {order.actor} in place of {dial.text(subject.mantissa)}: {read.document}"
    given = [Finding(RULE, Severity.WARNING, READ, said), *told]
    store.ledger.add_verdicts([VerdictRow(*place, *one, now_ms, rules.VERSION) for one in given])
    store.ledger.count({"inspected": 1})
    return copy, told


def _record(
    store: ReviewStore,
    order: Order,
    subject: Subject,
    now_ms: int,
    *,
    effect: int | None,
    state: State = State.DISMISSED,
    done: bool = True,
    read_copy: int | None = None,
    confirms: int | None = None,
) -> Decided:
    """Write the decision and its entry in the audit log."""
    state = state if done else subject.state
    doing = "review confirm" if confirms else "review" if done else "review propose"
    act = Act(
        now_ms, order.actor, order.via, f"{doing} {order.act}", str(subject.reference),
        _said(subject, subject.state), _after(order, subject, state, done), order.why,
    )  # fmt: skip
    audit_no = store.audit.append(act)
    decision = Decision(
        order, subject, now_ms,
        done=done, confirms=confirms, state_after=state, effect=effect,
        read_mantissa=_read_mantissa(order, subject), read_copy=read_copy, audit_no=audit_no,
    )  # fmt: skip
    number = store.review.write(decision)
    line = store.review.closed_with(subject.register_no, subject.at_ms) if done else None
    return Decided(number, done, effect, subject, line if order.act not in ASKS else None)


def _read_mantissa(order: Order, subject: Subject) -> int | None:
    if order.read is None or subject.dial is None:
        return None
    return scaled(order.read.value, subject.dial.exponent)


def _after(order: Order, subject: Subject, state: State, done: bool) -> str:
    said = _said(subject, state)
    if order.act in ASKS:
        return f"{said}; {ASKS[order.act]}"
    mantissa = _read_mantissa(order, subject)
    if order.read is not None and subject.dial is not None and mantissa is not None:
        value, at = subject.dial.text(mantissa), moment(order.read.at_ms)
        said += f"; {value} read at {at} ({order.read.document})"
    return said if done else f"{said}; waits for another person"


def _said(subject: Subject, state: State) -> str:
    return f"{subject.value:f} {subject.unit} {state.name.lower()}"


def _same_person(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()
