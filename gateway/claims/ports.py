"""What choosing among claims asks of storage, and the records it is told in."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from gateway.billing import Mark
from gateway.claims.model import ClaimSource
from gateway.claims.policy import Policy
from gateway.model import Finding, Flag, Level, State
from gateway.rules.subject import Dial

CLAIM_COPIES = 1_000_000
"""From this copy number on a reading is a claim: its number is CLAIM_COPIES + the claim's.

So a claim never stands in the place of an automatic reading of the same instant, and what judges
automatic readings knows which ones to leave out. No instant has a million different values.
"""


class Outcome:
    """What a closing makes of a claim, as it is stored."""

    CHOSEN = "chosen"
    CONFIRMED = "confirmed"
    """Chosen, and the automatic readings went on from it."""
    AGREES = "agrees"
    CONTRADICTS = "contradicts"
    UNNEEDED = "unneeded"
    LOST = "lost"
    """Another claim was believed."""


class Word(NamedTuple):
    """What the closing of a house's period says of a claim."""

    house_no: int
    period: str
    outcome: str
    reason: str


class Open(NamedTuple):
    """A claim that a closing has something to say of: none did, or not the last word.

    `key` is its point, register and unit; `outcome` the word so far. `state` is that of its
    reading, None while it is not among the readings.
    """

    claim_no: int
    key: tuple[int, str, str]
    register_no: int
    obis: str
    dial: Dial
    source: ClaimSource
    reference: str
    by: str
    at_ms: int
    mantissa: int
    step: int
    entered_ms: int
    outcome: str | None
    state: State | None


class AsReading(NamedTuple):
    """How a claim stands among the readings: the value it is taken for, and what it does there."""

    mantissa: int
    state: State
    flags: Flag = Flag.NONE


class Believed(NamedTuple):
    """A claim that counts as a reading already."""

    source: ClaimSource
    level: Level


class Known(NamedTuple):
    """What counts around a claim: automatic readings (and acts), and claims between them.

    `billed` is where the line before closed; all of the register of the claim.
    """

    before: Level
    after: Level | None
    claims: tuple[Believed, ...]
    billed: int


class Brought(NamedTuple):
    """Who brought a reading that came in no batch, and what shows it."""

    source: str
    by: str
    reference: str
    claim_no: int | None


class ChoosingPort(Protocol):
    """Storage, inside the transaction of a closing."""

    def policies(self, house_no: int) -> list[Policy]:
        """The house's own policies, by period."""

    def open_claims(self, house_no: int, from_ms: int, until_ms: int) -> list[Open]:
        """The claims about meters of a house, of that time, that are not settled."""

    def owed_periods(self, house_no: int) -> set[tuple[tuple[int, str, str], str]]:
        """The registers and periods with an open estimate."""

    def known(self, claim: Open) -> Known:
        """What counts around a claim."""

    def store(self, claim: Open, entered: AsReading, found: Sequence[Finding], now_ms: int) -> None:
        """Enter a claim among the readings, with the verdicts on it; only those if it is there."""

    def decide(self, claim_no: int, word: Word, now_ms: int) -> None:
        """Keep what became of a claim, if that is news."""

    def brought(self, marks: Collection[Mark]) -> dict[tuple[int, int, int], Brought]:
        """Who brought the readings behind marks (register, time, copy), if no device did."""
