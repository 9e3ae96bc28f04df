"""An explanation: everything that stands behind a bill line, as plain records.

Nothing here is worded; `gateway.explain.telling` says it in a language. A page, a PDF and JSON
are made of the same records, so their numbers cannot differ.
"""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol

from gateway.closing_records import ClosingLine
from gateway.correcting import CorrectedLine
from gateway.evidence import Verdict
from gateway.review.queue import Decided, Story
from gateway.review.reference import Reference


class ExplainError(ValueError):
    """What cannot be explained; the text says what is missing."""


class Origin(StrEnum):
    """What a line's opening or closing value comes from."""

    READING = "reading"
    """The device read the meter and signed what it saw."""
    PERSON = "person"
    """Somebody read the meter, or told what it shows."""
    INSTALLATION = "installation"
    """The act of a meter's installation."""
    REMOVAL = "removal"
    """The act of a meter's removal."""
    DRAWN = "drawn"
    """Placed between two readings, at the end of the period."""


class At(NamedTuple):
    """Where a line begins or ends: `copy` is None where no reading stands there."""

    register_no: int
    meter: str
    model: str
    value: Decimal
    at_ms: int
    copy: int | None


class Withdrawal(NamedTuple):
    """When and why a line was taken back; `by_line` stands in its place, if one does already."""

    at_ms: int
    why: str
    by_line: str | None


class Written(NamedTuple):
    """A line as it was written, also one that was withdrawn since."""

    line: ClosingLine
    address: str
    timezone: str
    opening: At
    closing: At
    withdrawal: Withdrawal | None


class Hung(NamedTuple):
    """A meter's time at the line's metering point, in order of time.

    `last` is its last accepted value before it was removed, for acts that note none.
    """

    register_no: int
    meter: str
    installed_at_ms: int
    initial: Decimal
    removed_at_ms: int | None
    final: Decimal | None
    full: Decimal
    factor: str
    last: Decimal | None


class Seal(NamedTuple):
    """The signature over the stored bytes, checked when the explanation was made.

    `broken` says what is wrong, empty while all holds; what the batch says of the reading is
    known only then.
    """

    device: str
    sequence: int
    fingerprint: str
    received_at_ms: int
    rules_version: int
    broken: str
    source: str = ""
    clock: str = ""
    clock_error_s: int = 0


class Told(NamedTuple):
    """A person's act behind a value: who, when, by what document; `source` as a line names it."""

    source: str
    actor: str
    at_ms: int
    why: str
    reference: str


class Mark(NamedTuple):
    """A value of the line and how it became known. `told` is the person's act behind it."""

    at: At
    origin: Origin
    seal: Seal | None
    told: Told | None
    verdicts: tuple[Verdict, ...]
    decisions: tuple[Decided, ...]
    state: str


class PartKind(StrEnum):
    """What a part of the sum is."""

    METER = "meter"
    ESTIMATE = "estimate"
    CHECK = "check"
    REMAINDER = "remainder"
    """What the values do not explain: shown, so that the sum adds up in any case."""


class Part(NamedTuple):
    """One summand: (closing - opening + rollovers * full) * factor = amount, of one meter."""

    kind: PartKind
    amount: Decimal
    meter: str = ""
    opening: Decimal = Decimal(0)
    closing: Decimal = Decimal(0)
    rollovers: int = 0
    full: Decimal = Decimal(0)
    factor: str = "1"


class Handed(NamedTuple):
    """A line's way to one billing system."""

    target: str
    state: str
    at_ms: int
    error: str


class Join(StrEnum):
    """How a line begins where the one before it ended."""

    SAME = "same"
    """With the value that one closes with."""
    CORRECTED = "corrected"
    """That one was corrected since; this line goes on from the correction."""
    EXCHANGED = "exchanged"
    """Another meter hung there by then, and this line begins with it."""


class Past(NamedTuple):
    """An earlier line of the same register, as it stands with its correction."""

    line_id: str
    period: str
    used: Decimal
    method: str


class Explanation(NamedTuple):
    """A line and all that stands behind it. `owed`: an estimate that no reading has settled."""

    written: Written
    opening: Mark
    closing: Mark
    parts: tuple[Part, ...]
    past: tuple[Past, ...]
    before: str | None
    join: Join
    after: str | None
    correction: CorrectedLine | None
    owed: bool
    handed: tuple[Handed, ...]
    code: str

    @property
    def line(self) -> ClosingLine:
        """The line."""
        return self.written.line


class Page(NamedTuple):
    """Some of a period's lines, and whether there are more."""

    lines: tuple[ClosingLine, ...]
    more: bool


class ExplainStore(Protocol):
    """A ledger that can be asked what stands behind a line."""

    def written(self, line_id: str) -> Written | None:
        """The line of that id, whether it stands or was withdrawn."""

    def hung(self, written: Written) -> Sequence[Hung]:
        """The meters that carried the line's register at its point until it closed."""

    def story(self, reference: Reference) -> Story | None:
        """All that is known of a reading."""

    def told(self, at: At) -> Told | None:
        """The act of a person that a reading comes from."""

    def findings(self, at: At) -> Sequence[Verdict]:
        """What was found when a person told a value."""

    def origin(self, at: At) -> Origin:
        """What a value that is no reading comes from."""

    def beside(self, line_id: str) -> tuple[str | None, str | None]:
        """The ids of the register's lines before and after."""

    def correction_of(self, line_id: str) -> CorrectedLine | None:
        """The correction of a line."""

    def owed(self, line_id: str) -> bool:
        """Whether the line is an estimate no reading has settled."""

    def handed(self, line_id: str) -> Sequence[Handed]:
        """How far billing has the line, by target."""

    def past(self, line_id: str, limit: int) -> Sequence[Past]:
        """The register's lines before, newest first."""

    def of_account(self, account: str, period: str) -> Sequence[str]:
        """The ids of an account's lines of a period, in their order."""

    def of_period(self, house: str, period: str, after: str, limit: int) -> Page:
        """A house's lines of a period whose ids come after `after`."""
