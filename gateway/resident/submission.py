"""What a resident confirmed: a claim with a number of its own, kept together with what was asked.

The number is what the resident holds and what a dispute begins with: eleven random letters that
nobody meets by trying, and a twelfth that finds a slip of the pen. It is the number of the
electronic act (act.py).
"""

from contextlib import AbstractContextManager
from decimal import Decimal
from typing import NamedTuple, Protocol

from gateway.audit import Act
from gateway.claims.model import ClaimStore
from gateway.photo.mask import Kind
from gateway.photo.reading import Cell
from gateway.resident.model import Asked
from gateway.rules.subject import Dial

# Crockford's letters: none is taken for another when a number is read out.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1"})
_BITS = 5
_GROUP = 4
# 55 random bits: with ten thousand numbers given and a thousand tries a second, two thousand years.
_RANDOM_LETTERS = 11
RANDOM_BYTES = 7
# The field of 32 elements, by x^5 + x^2 + 1.
_MODULUS = 0b100101


class GivingError(ValueError):
    """What a resident cannot do; `kind` names it, the text is one line with what to do."""

    def __init__(self, kind: str, said: str) -> None:
        super().__init__(said)
        self.kind = kind


class Offer(NamedTuple):
    """A register that a dwelling may give a reading of. Values are mantissas.

    `is_wanted`: nothing came by itself, and the window is open. `since_ms`: a photo of before is
    too old for it. `most`: the highest value its meter can have reached, below the last one where
    it may have passed its end; `expected`: where it would stand by its usual use; None where
    nothing is known of it.
    """

    asked: Asked
    is_wanted: bool
    since_ms: int
    most: int | None
    expected: int | None


class Question(NamedTuple):
    """A doubt, put to whoever still stands before the meter; answering it never blocks."""

    code: str
    text_ru: str
    text_en: str
    detail: str


class Asking(NamedTuple):
    """A question that was asked, and what was answered."""

    question: Question
    answer: str


class PhotoRow(NamedTuple):
    """A photo of a dwelling's register. `file` and hashes are None where they are gone.

    `phash` is the fingerprint of gateway/photo/sameness.py; `taken_at_ms` the camera's time, on
    the house's clocks unless `has_offset`.
    """

    photo_no: int
    register_no: int
    sha256: bytes | None
    jpeg_sha256: bytes | None
    phash: int | None
    file: str | None
    taken_at_ms: int | None
    has_offset: bool
    kind: Kind
    cells: tuple[Cell, ...]
    serial_seen: str
    received_at_ms: int
    is_removed: bool


class Submission(NamedTuple):
    """A reading that was confirmed. `value` has the digits that were given, in `unit`.

    `asked` are the questions with their answers; `in_review`: it was confirmed against advice,
    and a person looks at it.
    """

    number: str
    account_no: int
    register_no: int
    serial: str
    obis: str
    unit: str
    value: Decimal
    at_ms: int
    photo_no: int | None
    claim_no: int
    period: str
    asked: tuple[Asking, ...]
    in_review: bool
    given_at_ms: int


class NewSubmission(NamedTuple):
    """A submission to keep."""

    number: str
    account_no: int
    register_no: int
    photo_no: int | None
    claim_no: int
    page_key: str
    period: str
    asked: tuple[Asking, ...]
    in_review: bool
    given_at_ms: int


class SeenBefore(NamedTuple):
    """An earlier photo of a dwelling, or the very bytes from anywhere.

    `was_given`: a reading was submitted with it. `is_exact`: byte for byte. `is_own`: the dwelling
    itself had sent it.
    """

    photo_no: int
    register_no: int
    phash: int | None
    received_at_ms: int
    is_exact: bool
    was_given: bool
    is_own: bool


class GivingPort(Protocol):
    """What giving a reading asks of the ledger; all in the transaction around it."""

    @property
    def claims(self) -> ClaimStore:
        """The same ledger, as it takes claims."""

    def transaction(self) -> AbstractContextManager[object]:
        """All or nothing, and nobody else's act beside it."""

    def dial(self, register_no: int) -> Dial:
        """A register as rules know it."""

    def kind(self, register_no: int) -> Kind | None:
        """How a register shows its digits: by the registry, else as its last photo was read."""

    def other_serials(self, account_no: int, serial: str) -> list[str]:
        """The serials of the other meters that stand in the dwelling's house."""

    def photos_since(self, account_no: int, since_ms: int) -> int:
        """How many photos a dwelling sent."""

    def photo(self, account_no: int, photo_no: int) -> PhotoRow | None:
        """A photo of the dwelling's."""

    def photo_of(self, account_no: int, register_no: int, sha256: bytes) -> PhotoRow | None:
        """The photo of a register of the dwelling's that is those bytes."""

    def keep_photo(self, account_no: int, row: PhotoRow) -> int:
        """Keep a photo, anew or again; its number."""

    def seen_before(self, account_no: int, photo: PhotoRow) -> list[SeenBefore]:
        """Earlier photos that another one may be the same as, the newest first."""

    def by_key(self, account_no: int, page_key: str) -> Submission | None:
        """What a dwelling submitted under a page's key."""

    def by_number(self, account_no: int, number: str) -> Submission | None:
        """What a dwelling submitted under a number."""

    def review(self, claim_no: int, asked: str, now_ms: int) -> None:
        """Put a claim before a person, with what was asked about it."""

    def add(self, new: NewSubmission, audit_no: int) -> None:
        """Keep a submission."""

    def append(self, act: Act) -> int:
        """Add to the audit log."""


def number_of(random: bytes) -> str:
    """A number of RANDOM_BYTES random ones: ``7K3M-9QXZ-2B4H``."""
    value = int.from_bytes(random[:RANDOM_BYTES], "big")
    places = [value >> _BITS * place & 31 for place in range(_RANDOM_LETTERS)]
    text = "".join(_LETTERS[one] for one in (*places, _check(places)))
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def normal(number: str) -> str | None:
    """A number as it was given, however it was typed; None where the check letter finds a slip."""
    text = number[:40].upper().translate(_READ_AS).replace("-", "").replace(" ", "")
    if len(text) != _RANDOM_LETTERS + 1 or not set(text) <= set(_LETTERS):
        return None
    *places, check = (_LETTERS.index(letter) for letter in text)
    if check != _check(places):
        return None
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def _check(places: list[int]) -> int:
    """The sum of the letters, each times another power of x.

    So it tells any one wrong letter, and any two that changed places.
    """
    total = 0
    for place in places:
        total = _times_x(total ^ place)
    return total


def _times_x(value: int) -> int:
    value <<= 1
    return value ^ _MODULUS if value >> _BITS else value
