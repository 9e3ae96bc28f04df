"""The words of a review: what is decided on, what a person orders, what became of it."""

from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from gateway.model import Finding, Level, State
from gateway.review.reference import Reference
from gateway.rules.subject import Dial

RULE = "REVIEW"
"""The rule that a person's verdict is given under."""


class ReviewError(ValueError):
    """A decision that cannot be made; the text says why and what to do."""


class Kind(StrEnum):
    """What a person decides."""

    ACCEPT = "accept"
    """The reading counts."""
    REJECT = "reject"
    """The reading never counts."""
    REPLACE = "replace"
    """Another value, read at the meter, counts in its place."""
    ASK_PHOTO = "ask-photo"
    """The resident is to photograph the meter."""
    INSPECT = "inspect"
    """Somebody is to go and look."""


# An open task until one of the others is decided on the same reading.
ASKS: Final = {Kind.ASK_PHOTO: "the resident is asked for a photo", Kind.INSPECT: "a visit is due"}

# The running totals know readings that count, that wait and that do not count.
COUNTED_AS: Final = {
    State.ACCEPTED: "accepted",
    State.SUSPECT: "suspect",
    State.REJECTED: "rejected",
    State.DISMISSED: "rejected",
}


class Subject(NamedTuple):
    """A stored reading with what a decision about it needs.

    `dial` is None where the register is not one the registry describes. The installation is the
    one the meter stood in when it was read, with the value it began with there.
    """

    reference: Reference
    register_no: int
    unit: str
    value: Decimal
    mantissa: int
    state: State
    dial: Dial | None
    installed_at_ms: int | None
    removed_at_ms: int | None
    initial: Level | None

    @property
    def at_ms(self) -> int:
        """When it was captured."""
        return self.reference.at_ms


class Stood(NamedTuple):
    """An accepted reading of a register."""

    at_ms: int
    copy: int
    mantissa: int
    flags: int


class Neighbours(NamedTuple):
    """The accepted readings next before an instant, at it, and next after it."""

    before: Stood | None
    here: tuple[Stood, ...]
    after: Stood | None


class Read(NamedTuple):
    """A value read at the meter: `document` is the act or photo that shows it, with its hash."""

    value: Decimal
    at_ms: int
    document: str
    sha256: bytes | None = None


class Order(NamedTuple):
    """What a person wants done. `via` is how the program knew them."""

    act: Kind
    reference: Reference
    actor: str
    via: str
    why: str
    read: Read | None = None
    through_ms: int | None = None
    """Up to when the register's later readings in doubt are meant too."""


class Decision(NamedTuple):
    """An order as it is kept. `effect` and `read_mantissa` are at the register's power of ten."""

    order: Order
    subject: Subject
    at_ms: int
    done: bool
    confirms: int | None
    state_after: State
    effect: int | None
    read_mantissa: int | None
    read_copy: int | None
    audit_no: int


class Proposal(NamedTuple):
    """A proposed order, and the later decision on the same reading if there is one."""

    order: Order
    settled_by: int | None


class Decided(NamedTuple):
    """What became of an order: carried out, or (`done` False) waiting for another person.

    `number` is that of the first decision, there is one for each of the `readings`. `line` is the
    bill line that was closed with the reading's time in it already.
    """

    number: int
    done: bool
    effect: int | None
    subject: Subject
    line: str | None
    readings: int = 1
    told: tuple[Finding, ...] = ()
    """What the rules say of a value read at the meter; nothing of it blocks."""

    @property
    def moved(self) -> Decimal | None:
        """The effect as a value of the register."""
        dial = self.subject.dial
        if self.effect is None or dial is None:
            return None
        return Decimal(self.effect).scaleb(dial.exponent)
