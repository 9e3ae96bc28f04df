"""What a person says a meter showed: a claim, and how claims are entered.

A claim is not a reading. It may be rounded, mistyped or invented, so it stays out of the series of
readings until the closing of a period chooses it (choosing.py) or a person does (deciding.py), and
no automatic reading is ever judged by it. It is kept exactly as it was given, whatever becomes of
it; giving the same one again (source, reference, register) changes nothing.

Entering refuses what could not have been read: no such register, no meter there then, a time to
come, more digits than the dial has. Whatever else looks wrong is noted beside the claim as a
finding (entry.py) and holds nothing back.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol

from drivers.reading import is_serial, scaled
from gateway.claims import entry
from gateway.claims.entry import Around
from gateway.model import Finding, Level
from gateway.rules.parameters import TABLE
from gateway.rules.subject import Dial

# A district's operator brings some ten thousand figures in a month; a longer list is another file.
CLAIMS_MAX = 10_000
# A SHA-256 in hex has 64 characters, a GUID 36; an act has a number and a date.
REFERENCE_CHARS_MAX = 128
# As in the audit log: the shortest name people are told apart by.
NAME_CHARS_MAX = 64
# As many as a register may have.
DIGITS_MAX = 18


class ClaimError(ValueError):
    """A claim, or a file of them, that cannot be taken; the text says why and what to do."""


class ClaimSource(StrEnum):
    """Who says so."""

    INSPECTION = "inspection"
    """A person of ours stood before the meter; the reference is the act."""
    PHOTO = "photo"
    """A photo that the resident has confirmed; the reference is its hash."""
    RESIDENT = "resident"
    GIS = "gis-zhkh"
    """A resident's figure given to ГИС ЖКХ; the reference is its GUID there."""


SUBMITTED = frozenset({ClaimSource.PHOTO, ClaimSource.RESIDENT, ClaimSource.GIS})
"""What comes from the consumer; an inspection is ours."""

WORDS = {
    ClaimSource.INSPECTION: "the inspection",
    ClaimSource.PHOTO: "the photo",
    ClaimSource.RESIDENT: "the resident's figure",
    ClaimSource.GIS: "the figure from ГИС ЖКХ",
}


class Claim(NamedTuple):
    """A register's value as a person gave it.

    `value` has the digits that were given: 123 is a register cut off to whole units. `reference`
    and `source` together are what makes it the same one when it comes again; `entered_ms` is when
    the person gave it.
    """

    source: ClaimSource
    serial: str
    obis: str
    at_ms: int
    value: Decimal
    reference: str
    by: str
    entered_ms: int


class Stored(NamedTuple):
    """A claim about a register of ours: `mantissa` at its exponent.

    `step` is what the last digit given is worth there.
    """

    register_no: int
    mantissa: int
    step: int


class Refused(NamedTuple):
    """A claim that was not taken, and why, in one line."""

    claim: Claim
    why: str


class Entered(NamedTuple):
    """What became of claims: their numbers in the order given, those known before, those not."""

    taken: tuple[int, ...]
    repeated: tuple[Claim, ...]
    refused: tuple[Refused, ...]


class Registered(NamedTuple):
    """A register that can be claimed something of, with its value when the meter was installed.

    `initial` is None where the meter stood at no point at that time.
    """

    register_no: int
    dial: Dial
    initial: Level | None


class ClaimPort(Protocol):
    """What entering asks of storage, in the transaction that is open around it."""

    def serials(self, serial: str) -> bool:
        """Whether a meter of that serial is registered."""

    def registered(self, serial: str, obis: str, at_ms: int) -> Registered | None:
        """A registered register, and where it began if its meter stood at a point then."""

    def known_claim(self, source: str, reference: str, register_no: int) -> int | None:
        """The number of the claim of that source, reference and register."""

    def around(self, claim: Claim, register: Registered) -> Around:
        """What is accepted around a claim, of its register and of those of the same account."""

    def add(self, claim: Claim, stored: Stored, findings: Sequence[Finding]) -> int:
        """Keep a claim with what was found at its entry; its number."""


class ClaimStore(Protocol):
    """A ledger that takes claims."""

    @property
    def claims(self) -> ClaimPort:
        """Claims."""

    def transaction(self) -> AbstractContextManager[object]:
        """All or nothing."""


def enter(store: ClaimStore, claims: Sequence[Claim], now_ms: int) -> Entered:
    """Keep claims; what is refused is told and holds the others up in nothing.

    ClaimError for more than CLAIMS_MAX of them.
    """
    if len(claims) > CLAIMS_MAX:
        raise ClaimError(f"expected at most {CLAIMS_MAX} claims, got {len(claims)}: split them")
    taken: list[int] = []
    repeated: list[Claim] = []
    refused: list[Refused] = []
    with store.transaction():
        for claim in claims:
            try:
                register = _register(store.claims, claim, now_ms)
            except ClaimError as error:
                refused.append(Refused(claim, str(error)))
                continue
            if store.claims.known_claim(claim.source, claim.reference, register.register_no):
                repeated.append(claim)
            else:
                taken.append(_keep(store.claims, claim, register, now_ms))
    return Entered(tuple(taken), tuple(repeated), tuple(refused))


def stored(claim: Claim, register_no: int, dial: Dial) -> Stored:
    """The claim at its register's exponent; ClaimError where the register cannot show it."""
    sign, digits, exponent = claim.value.as_tuple()
    if sign or not isinstance(exponent, int) or max(abs(exponent), len(digits)) > DIGITS_MAX:
        raise ClaimError(f"expected a value like 123.456, got {str(claim.value)[:40]}")
    try:
        mantissa = scaled(claim.value, dial.exponent)
    except ValueError as error:
        raise ClaimError(f"the register counts by {dial.text(1)}: {error}") from error
    if mantissa >= dial.capacity:
        raise ClaimError(
            f"expected at most the {dial.digits} digits of the dial, got {dial.text(mantissa)}"
        )
    return Stored(register_no, mantissa, int(10 ** max(0, exponent - dial.exponent)))


def _register(port: ClaimPort, claim: Claim, now_ms: int) -> Registered:
    """The register a claim is about; ClaimError where it cannot have been read so."""
    _check_words(claim)
    # A resident's phone may be as far ahead of us as a device's clock (V-TIME).
    if claim.at_ms > now_ms + TABLE.limits(None, now_ms).ahead_ms:
        raise ClaimError("expected a time that has been, got one to come")
    if not port.serials(claim.serial):
        raise ClaimError(f"no meter {claim.serial!r} is registered: see registry list")
    register = port.registered(claim.serial, claim.obis, claim.at_ms)
    if register is None:
        raise ClaimError(f"meter {claim.serial} has no register {claim.obis}: see registry list")
    if register.initial is None:
        raise ClaimError(f"meter {claim.serial} stood at no metering point at that time")
    stored(claim, register.register_no, register.dial)
    return register


def _check_words(claim: Claim) -> None:
    if not is_serial(claim.serial):
        raise ClaimError(f"expected a meter's serial, got {claim.serial[:32]!r}")
    for name, text, most in (
        ("a reference (act, photo, GUID)", claim.reference, REFERENCE_CHARS_MAX),
        ("the name of who gave it", claim.by, NAME_CHARS_MAX),
    ):
        if not text.strip() or len(text) > most or not text.isprintable():
            raise ClaimError(f"expected {name} of 1 to {most} characters, got {text[:40]!r}")
    if claim.at_ms < 0 or claim.entered_ms < 0:
        raise ClaimError("expected times since 1970")


def _keep(port: ClaimPort, claim: Claim, register: Registered, now_ms: int) -> int:
    kept = stored(claim, register.register_no, register.dial)
    limits = TABLE.limits(register.dial.resource, claim.at_ms)
    given = entry.Given(register.dial, claim.obis, claim.at_ms, kept.mantissa, kept.step)
    findings = entry.check(given, port.around(claim, register), limits, now_ms)
    return port.add(claim, kept, findings)
