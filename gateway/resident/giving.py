"""A resident gives a reading: a photo in, a proposal out, questions, and the value confirmed.

What the recogniser read is a proposal: the resident sees it digit by digit and corrects it. What is
confirmed becomes a claim like any other (gateway/claims): kept as it was given, chosen at the
closing where nothing better is there. Whatever looks wrong is asked about first; a value that was
confirmed against advice is taken as well, and put before a person with its photo.

Reading a photo takes a second and nothing of the ledger, so it stands apart: `ready` and `keep` are
quick and belong to the thread of the ledger, `look` to any other.
"""

import hashlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

from drivers.reading import Resource
from gateway.audit import Act
from gateway.claims import entry
from gateway.claims.model import Claim, ClaimError, ClaimSource, Registered, enter, stored
from gateway.photo.frame import Frame
from gateway.photo.keeping import PhotoFiles, PhotoGoneError, name_of
from gateway.photo.looking import Looker
from gateway.photo.looking_worker import Sight
from gateway.photo.mask import Kind
from gateway.resident import asking, questions
from gateway.resident.asking import AskingPort, Rules
from gateway.resident.model import Asked, Dwelling
from gateway.resident.proposal import (
    Proposal,
    Ready,
    mask_of,
    most,
    prior_of,
    proposal_of,
    usual_kind,
)
from gateway.resident.questions import Shown, Subject
from gateway.resident.submission import (
    RANDOM_BYTES,
    Asking,
    GivingError,
    GivingPort,
    NewSubmission,
    Offer,
    PhotoRow,
    Question,
    Submission,
    normal,
    number_of,
)
from gateway.rules.parameters import TABLE
from gateway.rules.subject import MS_PER_H, Dial

# Eight registers, each taken four times over, and some for the day after a failure.
PHOTOS_A_DAY_MAX = 40
# A page's key is a random token; an answer is one word of ours.
KEY_CHARS_MAX = 64
ANSWER_CHARS_MAX = 32
RESIDENT, PAGE = "resident", "resident's page"
_DAY_MS = 24 * MS_PER_H


class _Checked(NamedTuple):
    """A value that its register can show, as a claim, with what is asked about it."""

    claim: Claim
    register: Registered
    questions: tuple[Question, ...]
    period: str


class Giving:
    """Giving readings, over one ledger. `random` gives so many bytes that nobody can guess.

    `sign` makes the electronic act of a number at a time, in the transaction around it: what is
    confirmed has its act from then on, with the key and the words of that moment.
    """

    def __init__(
        self,
        ledger: GivingPort,
        asked: AskingPort,
        rules: Rules,
        *,
        looker: Looker,
        files: PhotoFiles,
        clock: Callable[[], int],
        random: Callable[[int], bytes],
        sign: Callable[[str, int], object],
    ) -> None:
        self._ledger, self._asked, self._rules = ledger, asked, rules
        self._sign = sign
        self._looker, self._files = looker, files
        self._clock, self._random = clock, random

    # What can be given ------------------------------------------------------------------------

    def asked(self, dwelling: Dwelling) -> list[Offer]:
        """The registers of a dwelling, those that are wanted first."""
        now_ms = self._clock()
        houses = self._asked.houses(dwelling.house)
        calendar = self._asked.calendar(houses[0])
        found = []
        for one in asking.offers(self._asked, dwelling, now_ms, self._rules):
            resource = Resource(one.asked.resource)
            its = asking.window_of(calendar, resource, now_ms, self._rules)
            # Outside of the window, and on its first morning, yesterday's photo will do.
            since_ms = min(its.opens_ms, now_ms - _DAY_MS)
            dial = self._ledger.dial(one.asked.register_no)
            ends = most(one.asked, dial, now_ms), self._expected(one.asked, dial, now_ms)
            found.append(Offer(one.asked, one.is_wanted, since_ms, *ends))
        return sorted(found, key=lambda one: not one.is_wanted)

    def _expected(self, asked: Asked, dial: Dial, now_ms: int) -> int | None:
        """Where a register would stand now by its usual use."""
        about = (asked.serial, asked.obis, now_ms)
        register = self._ledger.claims.claims.registered(*about)
        if register is None:
            return None
        nothing = Claim(ClaimSource.RESIDENT, *about, Decimal(0), "", RESIDENT, now_ms)
        around = self._ledger.claims.claims.around(nothing, register)
        given = entry.Given(dial, asked.obis, now_ms, 0, 1)
        return entry.expected(given, around, TABLE.limits(dial.resource, now_ms), now_ms)

    def _offer(self, dwelling: Dwelling, register_no: int) -> Offer:
        for one in self.asked(dwelling):
            if one.asked.register_no == register_no:
                return one
        raise GivingError(
            "no-register", "expected a register of this dwelling: open it from the list"
        )

    # A photo ----------------------------------------------------------------------------------

    def photo(
        self,
        dwelling: Dwelling,
        register_no: int,
        data: bytes,
        frame: Frame | None = None,
        kind: Kind | None = None,
    ) -> Proposal:
        """Take a photo in and read it; PhotoError for what is none, GivingError for too many."""
        ready = self.ready(dwelling, register_no, kind)
        return self.keep(dwelling, ready, self.look(ready, data, frame))

    def ready(self, dwelling: Dwelling, register_no: int, kind: Kind | None = None) -> Ready:
        """What is known of a register before a photo of it is looked at."""
        offer = self._offer(dwelling, register_no)
        since_ms = self._clock() - _DAY_MS
        if self._ledger.photos_since(dwelling.account_no, since_ms) >= PHOTOS_A_DAY_MAX:
            raise GivingError(
                "too-many", f"at most {PHOTOS_A_DAY_MAX} photos a day: type the reading, or wait"
            )
        dial = self._ledger.dial(register_no)
        shown = kind or self._ledger.kind(register_no) or usual_kind(dial.resource)
        return Ready(register_no, mask_of(dial, shown), prior_of(offer), shown)

    def look(self, ready: Ready, data: bytes, frame: Frame | None = None) -> Sight:
        """Read a photo; nothing of the ledger is asked, and nothing kept."""
        return self._looker.look(data, ready.mask, frame, ready.prior)

    def keep(self, dwelling: Dwelling, ready: Ready, sight: Sight) -> Proposal:
        """Keep a photo with what was read on it; the same one again is the same."""
        account_no = dwelling.account_no
        name = name_of(account_no, ready.register_no, sight.sha256)
        row = PhotoRow(
            photo_no=0,
            register_no=ready.register_no,
            sha256=sight.sha256,
            jpeg_sha256=hashlib.sha256(sight.jpeg).digest(),
            phash=sight.phash,
            file=name,
            taken_at_ms=sight.taken_at_ms,
            has_offset=sight.has_offset,
            kind=ready.kind,
            cells=sight.cells,
            serial_seen=sight.serial_seen,
            received_at_ms=self._clock(),
            is_removed=False,
        )
        with self._ledger.transaction():
            known = self._ledger.photo_of(account_no, ready.register_no, sight.sha256)
            if known is not None and not known.is_removed:
                row = row._replace(received_at_ms=known.received_at_ms)
            self._files.keep(name, sight.jpeg)
            number = self._ledger.keep_photo(account_no, row)
        return proposal_of(row._replace(photo_no=number), sight.points)

    def anew(self, dwelling: Dwelling, photo_no: int) -> tuple[Ready, bytes]:
        """As `ready`, of a photo that is kept and is read once more: that, and its JPEG."""
        row = self._photo(dwelling, photo_no)
        return self.ready(dwelling, row.register_no, row.kind), self._read(row)

    def keep_anew(self, dwelling: Dwelling, photo_no: int, sight: Sight) -> Proposal:
        """Keep what was read on it this time; the photo and its time stay what they were."""
        with self._ledger.transaction():
            row = self._photo(dwelling, photo_no)
            row = row._replace(cells=sight.cells, serial_seen=sight.serial_seen or row.serial_seen)
            self._ledger.keep_photo(dwelling.account_no, row)
        return proposal_of(row, sight.points)

    def proposal(self, dwelling: Dwelling, photo_no: int) -> Proposal | None:
        """What was read on a photo of the dwelling's."""
        row = self._ledger.photo(dwelling.account_no, photo_no)
        return None if row is None or row.is_removed else proposal_of(row, ())

    def jpeg(self, dwelling: Dwelling, photo_no: int) -> bytes | None:
        """A photo of the dwelling's as it is kept; None where it is not any more."""
        row = self._ledger.photo(dwelling.account_no, photo_no)
        try:
            return None if row is None else self._read(row)
        except GivingError:
            return None

    def _photo(self, dwelling: Dwelling, photo_no: int) -> PhotoRow:
        row = self._ledger.photo(dwelling.account_no, photo_no)
        if row is None or row.is_removed:
            raise GivingError("no-photo", "the photo is not kept any more: take another one")
        return row

    def _read(self, row: PhotoRow) -> bytes:
        if row.is_removed or row.file is None or row.jpeg_sha256 is None:
            raise GivingError("no-photo", "the photo is not kept any more: take another one")
        try:
            return self._files.read(row.file, row.jpeg_sha256)
        except PhotoGoneError as error:
            raise GivingError("no-photo", f"{error}: take another photo") from error

    # A value ----------------------------------------------------------------------------------

    def questions(
        self, dwelling: Dwelling, register_no: int, value: Decimal, photo_no: int | None
    ) -> tuple[Question, ...]:
        """What to ask before a value is confirmed; GivingError for one no dial can show."""
        return self._checked(dwelling, register_no, value, photo_no).questions

    def confirm(
        self,
        dwelling: Dwelling,
        register_no: int,
        value: Decimal,
        photo_no: int | None,
        answers: Mapping[str, str],
        *,
        key: str = "",
    ) -> Submission:
        """Take a value; GivingError ``unanswered`` where a question stands that has no answer.

        `key` is the page's own for this one act: what was confirmed under it is only told again.
        Without a key the same value of a register and photo (or day) is the same act.
        """
        key = self._key(dwelling, register_no, value, photo_no, key)
        with self._ledger.transaction():
            known = self._ledger.by_key(dwelling.account_no, key)
            if known is not None:
                return known
            checked = self._checked(dwelling, register_no, value, photo_no)
            answered = _answered(checked.questions, answers)
            return self._enter(dwelling, checked, photo_no, answered, key)

    def submission(self, dwelling: Dwelling, number: str) -> Submission | None:
        """What the dwelling submitted under a number, however it was typed."""
        proper = normal(number)
        return None if proper is None else self._ledger.by_number(dwelling.account_no, proper)

    def _enter(
        self,
        dwelling: Dwelling,
        checked: _Checked,
        photo_no: int | None,
        answered: tuple[Asking, ...],
        key: str,
    ) -> Submission:
        now_ms, number = self._clock(), number_of(self._random(RANDOM_BYTES))
        claim = self._referenced(checked, number)
        made = enter(self._ledger.claims, [claim], now_ms)
        if made.refused or not made.taken:
            why = made.refused[0].why if made.refused else "it was taken before"
            raise GivingError("value", why)
        (claim_no,) = made.taken
        asked = ", ".join(one.question.code for one in answered)
        if answered:
            self._ledger.review(claim_no, asked, now_ms)
        said = f"{claim.serial} {claim.obis} {claim.value:f}"
        audit_no = self._ledger.append(
            Act(
                *(now_ms, RESIDENT, dwelling.via or PAGE, "reading submit"),
                *(f"submission {number}", ""),
                *(f"claim-{claim_no}: {said}" + (f"; confirmed though: {asked}" * bool(asked)), ""),
            )
        )
        new = NewSubmission(
            *(number, dwelling.account_no, checked.register.register_no, photo_no, claim_no),
            *(key, checked.period, answered, bool(answered), now_ms),
        )
        self._ledger.add(new, audit_no)
        self._sign(number, now_ms)
        kept = self._ledger.by_number(dwelling.account_no, number)
        if kept is None:
            raise LookupError(f"submission {number} was not kept")  # it was, a line above
        return kept

    def _referenced(self, checked: _Checked, number: str) -> Claim:
        """The claim by its photo's hash, or by its number where that stands for a claim already."""
        claim = checked.claim
        if claim.source is ClaimSource.RESIDENT:
            return claim._replace(reference=number)
        port = self._ledger.claims.claims
        if port.known_claim(claim.source, claim.reference, checked.register.register_no) is None:
            return claim
        return claim._replace(reference=f"{claim.reference} {number}")

    def _checked(
        self, dwelling: Dwelling, register_no: int, value: Decimal, photo_no: int | None
    ) -> _Checked:
        offer = self._offer(dwelling, register_no)
        photo = None if photo_no is None else self._photo_of(dwelling, register_no, photo_no)
        now_ms = self._clock()
        at_ms = now_ms if photo is None else _read_at(photo, dwelling, offer, now_ms)
        source = ClaimSource.RESIDENT if photo is None else ClaimSource.PHOTO
        about = (offer.asked.serial, offer.asked.obis, at_ms)
        claim = Claim(source, *about, value, _reference(photo), RESIDENT, now_ms)
        register = self._ledger.claims.claims.registered(claim.serial, claim.obis, at_ms)
        if register is None:
            raise GivingError("no-register", "the meter is not in the registry any more")
        try:
            kept = stored(claim, register_no, register.dial)
        except ClaimError as error:
            raise GivingError("value", str(error)) from error
        around = self._ledger.claims.claims.around(claim, register)
        given = entry.Given(register.dial, claim.obis, at_ms, kept.mantissa, kept.step)
        subject = Subject(
            *(register.dial, claim.serial, kept.mantissa, kept.step, around.before, dwelling.zone)
        )
        limits = TABLE.limits(register.dial.resource, at_ms)
        found = list(
            questions.of_findings(
                entry.check(given, around, limits, now_ms), given, around, subject
            )
        )
        if photo is not None:
            found += questions.of_photo(self._shown(dwelling, offer, photo, now_ms), subject)
        return _Checked(claim, register, tuple(found), offer.asked.period)

    def _photo_of(self, dwelling: Dwelling, register_no: int, photo_no: int) -> PhotoRow:
        row = self._photo(dwelling, photo_no)
        if row.register_no != register_no:
            raise GivingError("no-photo", "the photo is of another meter: take one of this")
        return row

    def _shown(self, dwelling: Dwelling, offer: Offer, photo: PhotoRow, now_ms: int) -> Shown:
        account_no = dwelling.account_no
        return Shown(
            photo,
            self._ledger.seen_before(account_no, photo),
            self._ledger.other_serials(account_no, offer.asked.serial),
            offer.since_ms,
            now_ms,
        )

    def _key(
        self, dwelling: Dwelling, register_no: int, value: Decimal, photo_no: int | None, key: str
    ) -> str:
        if len(key) > KEY_CHARS_MAX or not key.isprintable():
            raise GivingError("value", f"expected a key of at most {KEY_CHARS_MAX} characters")
        if key:
            return key
        day = self._clock() // _DAY_MS if photo_no is None else photo_no
        text = f"{dwelling.account_no}:{register_no}:{value:f}:{photo_no is None}:{day}"
        return hashlib.sha256(text.encode()).hexdigest()


def _read_at(photo: PhotoRow, dwelling: Dwelling, offer: Offer, now_ms: int) -> int:
    """When the meter showed what is on a photo: the camera's time, if that can be."""
    taken_ms = questions.taken_at(photo, dwelling.zone)
    if taken_ms is not None and offer.since_ms <= taken_ms <= photo.received_at_ms:
        return taken_ms
    # A photo that was sent long ago and counts today is believed as of today.
    return photo.received_at_ms if now_ms - photo.received_at_ms < _DAY_MS else now_ms


def _reference(photo: PhotoRow | None) -> str:
    if photo is None:
        return "-"
    if photo.sha256 is None:
        raise GivingError("no-photo", "the photo is not kept any more: take another one")
    return photo.sha256.hex()


def _answered(found: tuple[Question, ...], answers: Mapping[str, str]) -> tuple[Asking, ...]:
    missing = [one.code for one in found if not answers.get(one.code)]
    if missing:
        raise GivingError("unanswered", f"expected an answer to: {', '.join(missing)}")
    return tuple(Asking(one, answers[one.code][:ANSWER_CHARS_MAX]) for one in found)
