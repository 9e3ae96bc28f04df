"""A dispute: what a resident does not agree with, when it must be answered, and where it stands.

It is opened from a reading, a bill line, or because no meter or the wrong one is shown. Nothing of
the ledger waits for it and nothing is changed by it: what comes of it is a decision of the review,
an inspection or a correction, each with its own entry. The resident follows it by a number that
nobody else can guess, and sees who had it when.

The queue of the review holds readings only, and a dispute may be about none, so disputes have a
queue of their own, shown beside it.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from drivers.reading import from_ms, to_ms
from gateway.audit import ACTOR_CHARS_MAX, TEXT_CHARS_MAX, Act, AuditPort, By
from gateway.resident.submission import RANDOM_BYTES, Asking, normal, number_of
from gateway.rules.parameters import Mark

# A page of handwriting; what needs more is a document, and the text names it.
SAID_CHARS_MAX = 2000
# A reading's name holds a meter's serial, a register and a time; everything else is shorter.
SUBJECT_CHARS_MAX = 120
# A dwelling has some eight registers and a bill a month: more open at once is one dispute told in
# pieces, or somebody who plays with the form.
OPEN_MAX = 5
# As many may be opened by a dwelling in a day, the ones withdrawn again included.
DAILY_MAX = 5
_DAY_MS = 86_400_000

RESIDENT = "resident"
"""Who acts where it is not one of the operator's people; the dispute says of which dwelling."""
PAGE = "resident's page"

# What stands before a dispute's number, so that nobody takes it for an act's.
_PREFIX = "S"


class Kind(StrEnum):
    """What a dispute is about."""

    READING = "reading"
    LINE = "line"
    NO_METER = "no-meter"
    WRONG_METER = "wrong-meter"


class State(StrEnum):
    """Where a dispute stands."""

    RECEIVED = "received"
    IN_WORK = "in-work"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


OPEN: Final = frozenset({State.RECEIVED, State.IN_WORK})


class DisputeError(ValueError):
    """What cannot be opened, answered or taken; `key` names the sentence a page says it with."""

    def __init__(self, key: str, said: str) -> None:
        super().__init__(said)
        self.key = key


class Term(NamedTuple):
    """Within how many working days a dispute is to be answered, since when, and who says so."""

    valid_from: date
    working_days: int
    mark: Mark
    source: str


# Whoever serves a house answers a complaint (about the quality of services, as we remember the
# clause) within three working days of having it; a dispute about a reading is no worse. The general
# thirty days of 59-ФЗ are for offices of the state, so they are no term of an operator.
TERMS: Final = (Term(date(2012, 9, 1), 3, Mark.MEMORY, "ПП 354 п. 31 «к»"),)
_WEEKEND = 5


class Step(NamedTuple):
    """A state a dispute came into: who brought it there, what was told with it, when."""

    state: State
    actor: str
    told: str
    at_ms: int


class Dispute(NamedTuple):
    """A dispute with all its steps, the oldest first."""

    number: str
    account_no: int
    house: str
    dwelling: str
    timezone: str
    kind: Kind
    subject: str
    said: str
    opened_at_ms: int
    due_at_ms: int
    steps: tuple[Step, ...]

    @property
    def state(self) -> State:
        """Where it stands."""
        return self.steps[-1].state

    @property
    def is_open(self) -> bool:
        """Whether an answer is owed."""
        return self.state in OPEN

    @property
    def answer(self) -> str:
        """What was answered, empty while nothing was."""
        return next((one.told for one in self.steps if one.state is State.ANSWERED), "")

    def is_late(self, now_ms: int) -> bool:
        """Whether the term is over and nobody has answered."""
        return self.is_open and self.due_at_ms <= now_ms


class New(NamedTuple):
    """What a resident asks to have looked into; `via` is how the program knows them."""

    account_no: int
    kind: Kind
    subject: str
    said: str
    via: str = PAGE


class Doubtful(NamedTuple):
    """A value that was confirmed against advice; `has_photo`: its photo is kept."""

    number: str
    dwelling: str
    meter: str
    register: str
    unit: str
    value: Decimal
    given_at_ms: int
    claim_no: int
    asked: tuple[Asking, ...]
    has_photo: bool


class Whose(NamedTuple):
    """The dwelling of an account."""

    house: str
    dwelling: str
    timezone: str


class DisputeList(Protocol):
    """A ledger whose disputes can be looked at."""

    def by_number(self, number: str) -> Dispute | None:
        """A dispute."""

    def of_account(self, account_no: int, limit: int) -> Sequence[Dispute]:
        """A dwelling's disputes, the newest first."""

    def waiting(self, house: str | None, limit: int) -> Sequence[Dispute]:
        """Those that an answer is owed for, the nearest term first."""

    def against_advice(self, house: str, limit: int) -> Sequence[Doubtful]:
        """What was confirmed against advice and a person has not decided on, the oldest first."""


class DisputePort(DisputeList, Protocol):
    """Where disputes are kept, in the transaction that is open around it."""

    def whose(self, account_no: int) -> Whose | None:
        """The dwelling of an account."""

    def knows(self, account_no: int, kind: Kind, subject: str) -> bool:
        """Whether the subject is one of that account's."""

    def counts(self, account_no: int, since_ms: int) -> tuple[int, int]:
        """How many disputes of an account are open, and how many were opened since a time."""

    def add(self, dispute: Dispute, audit_no: int) -> None:
        """Keep a new dispute with its first step."""

    def step(self, number: str, step: Step, audit_no: int) -> None:
        """Keep a further step."""


class DisputeStore(Protocol):
    """A ledger that takes disputes."""

    @property
    def disputes(self) -> DisputePort:
        """Disputes."""

    @property
    def audit(self) -> AuditPort:
        """What people did."""

    def transaction(self) -> AbstractContextManager[object]:
        """All or nothing."""


Telling = Callable[[Dispute], object]
"""Has the resident told where a dispute stands now, in the transaction that is open around it."""


def due_ms(opened_at_ms: int, timezone: str, terms: Sequence[Term] = TERMS) -> int:
    """The end of the last working day to answer on, by the clocks of the house.

    Monday to Friday are counted. Public holidays are not known here and count as working days, so
    the term shown is earlier than the law's then; a Saturday that is decreed to be worked is left
    out, and the term can be a day later.
    """
    zone = ZoneInfo(timezone)
    day = from_ms(opened_at_ms).astimezone(zone).date()
    term = max((one for one in terms if one.valid_from <= day), key=lambda one: one.valid_from)
    left = term.working_days
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < _WEEKEND
    return to_ms(datetime.combine(day + timedelta(days=1), time(), zone))


def open_dispute(
    store: DisputeStore, new: New, now_ms: int, random: Callable[[int], bytes]
) -> Dispute:
    """Open a dispute of a dwelling; DisputeError where it cannot be, with what to do.

    `random` gives so many bytes that nobody can guess. The same words about the same, within a
    day and while an answer is owed, are that dispute: a form that is sent twice opens one.
    """
    said = _text(new.said)
    with store.transaction():
        whose = store.disputes.whose(new.account_no)
        if whose is None:
            raise DisputeError("dispute_no_dwelling", "expected an account of the registry")
        subject = new.subject.strip()
        for one in store.disputes.of_account(new.account_no, DAILY_MAX):
            is_same = (one.kind, one.subject, one.said) == (new.kind, subject, said)
            if is_same and one.is_open and one.opened_at_ms > now_ms - _DAY_MS:
                return one
        _check_bounds(store.disputes, new.account_no, now_ms)
        if len(subject) > SUBJECT_CHARS_MAX or not store.disputes.knows(
            new.account_no, new.kind, subject
        ):
            raise DisputeError(
                "dispute_no_subject",
                f"this dwelling has no {new.kind} called {subject[:40]!r}: open it from its page",
            )
        step = Step(State.RECEIVED, RESIDENT, "", now_ms)
        due = due_ms(now_ms, whose.timezone)
        number = f"{_PREFIX}-{number_of(random(RANDOM_BYTES))}"
        about = (number, new.account_no, *whose, new.kind, subject, said, now_ms, due, (step,))
        dispute = Dispute(*about)
        told = f"{new.kind} {subject}".strip()
        act = Act(now_ms, RESIDENT, new.via, "dispute open", f"dispute {number}", "", told, "")
        store.disputes.add(dispute, store.audit.append(act))
    return dispute


def withdraw(
    store: DisputeStore, account_no: int, number: str, now_ms: int, via: str = PAGE
) -> Dispute:
    """The resident takes a dispute back; another dwelling's is as one that never was."""
    with store.transaction():
        dispute = store.disputes.by_number(as_written(number))
        if dispute is None or dispute.account_no != account_no:
            raise _unknown(number)
        step = Step(State.WITHDRAWN, RESIDENT, "", now_ms)
        return _go_on(store, dispute, step, By(RESIDENT, via), "dispute withdraw")


def take(
    store: DisputeStore, number: str, by: By, now_ms: int, *, tell: Telling | None = None
) -> Dispute:
    """Somebody of the operator's begins to look into it; `tell` has the resident told so."""
    with store.transaction():
        dispute = _known(store, number)
        step = Step(State.IN_WORK, _actor(by), "", now_ms)
        return _told(_go_on(store, dispute, step, by, "dispute take"), tell)


def answer(
    store: DisputeStore,
    number: str,
    by: By,
    text: str,
    now_ms: int,
    *,
    tell: Telling | None = None,
) -> Dispute:
    """Answer a dispute; the resident sees the text, and who answered, and `tell` tells of it."""
    told = _text(text)
    with store.transaction():
        dispute = _known(store, number)
        step = Step(State.ANSWERED, _actor(by), told, now_ms)
        return _told(_go_on(store, dispute, step, by, "dispute answer"), tell)


def _told(dispute: Dispute, tell: Telling | None) -> Dispute:
    if tell is not None:
        tell(dispute)
    return dispute


def _go_on(store: DisputeStore, dispute: Dispute, step: Step, by: By, act: str) -> Dispute:
    if not dispute.is_open or dispute.state is step.state:
        raise DisputeError(
            f"dispute_is_{dispute.state}", f"{dispute.number} is {dispute.state} already"
        )
    texts = (f"dispute {dispute.number}", str(dispute.state), str(step.state))
    entry = Act(step.at_ms, *by, act, *texts, step.told[:TEXT_CHARS_MAX])
    store.disputes.step(dispute.number, step, store.audit.append(entry))
    return dispute._replace(steps=(*dispute.steps, step))


def as_written(number: str) -> str:
    """A number however it was typed, as the ledger has it; what is none stays as it is."""
    letters = number.strip()[len(_PREFIX) :]
    whole = normal(letters) if number.strip().upper().startswith(_PREFIX) else None
    return number if whole is None else f"{_PREFIX}-{whole}"


def _known(store: DisputeStore, number: str) -> Dispute:
    dispute = store.disputes.by_number(as_written(number))
    if dispute is None:
        raise _unknown(number)
    return dispute


def _unknown(number: str) -> DisputeError:
    said = f"there is no dispute {number[:40]!r}: see dispute list"
    return DisputeError("dispute_unknown", said)


def _actor(by: By) -> str:
    actor = by.actor.strip()
    if not actor or len(actor) > ACTOR_CHARS_MAX:
        raise DisputeError("dispute_unknown", f"expected a name of 1 to {ACTOR_CHARS_MAX} letters")
    return actor


def _check_bounds(port: DisputePort, account_no: int, now_ms: int) -> None:
    opened, today = port.counts(account_no, now_ms - _DAY_MS)
    if opened >= OPEN_MAX:
        raise DisputeError(
            "dispute_many_open", f"at most {OPEN_MAX} are open at once: withdraw one, or wait"
        )
    if today >= DAILY_MAX:
        raise DisputeError(
            "dispute_many_today", f"at most {DAILY_MAX} are opened in a day: try tomorrow"
        )


def _text(said: str) -> str:
    """What somebody wrote, lines kept; DisputeError for none, for too much, for what no line is."""
    text = said.replace("\r\n", "\n").strip()
    if not 1 <= len(text) <= SAID_CHARS_MAX:
        raise DisputeError(
            "dispute_bad_text", f"expected 1 to {SAID_CHARS_MAX} characters, got {len(text)}"
        )
    if not text.replace("\n", "").replace("\t", "").isprintable():
        raise DisputeError("dispute_bad_text", "expected letters, digits and signs only")
    return text
