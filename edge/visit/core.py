"""The visits of this device on its disk: the one under way, and the sealed records of the others.

    visits/000001/journal        what was said and read, step by step
    visits/000001/<sha256>.jpg   photos, named by what they hold
    visits/000001/record.cose    the sealed record: with it the visit is over
    visits/000001/answer.cose    the gateway's sealed answer
    visits/000001/<sha256>.cose  its answer about a photo
    visits/000001/first.cbor     the first signed batch with all new meters, once it is accepted

Every file is either there whole or not at all, so any power cut leaves a visit that can go on.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

from cloud_sync import signing, wire
from cloud_sync import visit as wire_visit
from cloud_sync.signing import SealError
from cloud_sync.visit import PHOTO_BYTES_MAX, First, Visit
from cloud_sync.visit_road import ANSWER_BYTES_MAX, VisitAnswer
from cloud_sync.wire import WireError
from edge import files
from edge.visit.draft import Begun, Draft, Dropped, Entry, NotAVisit
from edge.visit.journal import FILE, Journal, JournalError

FOLDER = "visits"
RECORD, ANSWER, FIRST = "record.cose", "answer.cose", "first.cbor"
# A new meter each year in a house of 250 for sixty years.
VISITS_MAX = 15_000
# As many photos as one visit may have of a full segment, at the size a page makes them.
PHOTOS_BYTES_MAX = 200 * 1024 * 1024
_DIGITS = 6
# Two numbers and a hash.
_FIRST_BYTES_MAX = 64


class VisitError(Exception):
    """Something that cannot be done in a visit; the text says why and what to do."""


class Finished(NamedTuple):
    """A visit that is over: its record, the sealed bytes of it, and the gateway's sealed answer."""

    number: int
    visit: Visit
    sealed: bytes
    answer: bytes | None

    @property
    def digest(self) -> bytes:
        """SHA-256 of the sealed record as it travels."""
        return hashlib.sha256(self.sealed).digest()


class VisitBook:
    """The visits in `state_dir`. Methods raise VisitError where the disk does not do."""

    def __init__(self, state_dir: Path, *, photos_max: int = PHOTOS_BYTES_MAX) -> None:
        self.folder = state_dir / FOLDER
        self._photos_max = photos_max
        self._journals: dict[int, Journal] = {}

    def current(self) -> Draft | None:
        """The visit under way, if there is one; it may be another process's work, too."""
        number = self._last()
        if number == 0 or (self.place(number) / RECORD).exists():
            return None
        try:
            draft = self._journal(number).draft
        except NotAVisit:
            return None
        except JournalError as error:
            if not (self.place(number) / FILE).exists():
                return None
            raise VisitError(str(error)) from error
        return None if draft.dropped is not None else draft

    def begin(self, begun: Begun) -> Draft:
        """Begin a visit; its number is given here. VisitError while another one is open."""
        open_one = self.current()
        if open_one is not None:
            raise VisitError(
                f"visit {open_one.number} of {open_one.begun.installer} is open: go on with it, "
                "finish it or give it up"
            )
        number = self._free()
        try:
            self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            files.make_folder(self.folder)
            files.make_folder(self.place(number))
        except OSError as error:
            raise VisitError(f"cannot write into {self.folder}: {error.strerror}") from error
        return self._append(
            number, Begun(number, begun.kind, begun.installer, begun.house, begun.at)
        )

    def note(self, entry: Entry) -> Draft:
        """Write a step of the open visit down; what is known then. VisitError if none is open."""
        return self._append(self._open().number, entry)

    def drop(self, reason: str) -> None:
        """Give the open visit up: nothing of it becomes a record."""
        self.note(Dropped(reason))

    def keep_photo(self, jpeg: bytes) -> str:
        """Keep a photo for the open visit; its SHA-256 in hexadecimal."""
        draft = self._open()
        name = hashlib.sha256(jpeg).hexdigest()
        path = self.place(draft.number) / f"{name}.jpg"
        if path.exists():
            return name
        if len(jpeg) > PHOTO_BYTES_MAX:
            raise VisitError(f"expected a photo of at most {PHOTO_BYTES_MAX}, got {len(jpeg)}")
        self._make_room(len(jpeg))
        self._write(path, jpeg)
        return name

    def _make_room(self, wanted: int) -> None:
        """Let photos go that the gateway has, the oldest visits' first, until there is room."""
        photos = sorted(self.folder.glob("*/*.jpg"))
        taken = sum(one.stat().st_size for one in photos)
        for one in photos:
            if taken + wanted <= self._photos_max:
                return
            if one.with_suffix(".cose").exists():
                taken -= one.stat().st_size
                one.unlink(missing_ok=True)
        if taken + wanted > self._photos_max:
            raise VisitError(
                f"photos that wait for the gateway take {taken} of {self._photos_max} bytes: "
                "no room for more until there is a network"
            )

    def photo(self, number: int, sha256: str) -> bytes | None:
        """A photo of a visit by the SHA-256 in hexadecimal; None if it is not there."""
        return _read(self.place(number) / f"{sha256}.jpg") if _is_digest(sha256) else None

    def seal(self, sealed: bytes) -> Finished:
        """Keep the record of the open visit, which is over with that."""
        number = self._open().number
        self._write(self.place(number) / RECORD, sealed)
        return self.finished(number)

    def numbers(self) -> tuple[int, ...]:
        """The visits that are over and have a record, oldest first."""
        paths = self.folder.glob(f"*/{RECORD}")
        return tuple(sorted(int(path.parent.name) for path in paths if _is_number(path.parent)))

    def finished(self, number: int) -> Finished:
        """The record of a visit; VisitError if there is none or it does not read."""
        sealed = _read(self.place(number) / RECORD)
        if sealed is None:
            known = ", ".join(map(str, self.numbers())) or "none"
            raise VisitError(f"no record of visit {number}; there are: {known}")
        try:
            visit = wire_visit.decode(signing.parse(sealed).payload)
        except (SealError, WireError) as error:
            raise VisitError(f"the record of visit {number} does not read: {error}") from error
        return Finished(number, visit, sealed, _read(self.place(number) / ANSWER))

    def ending_head(self, number: int) -> int:
        """The last batch number given before the visit was over, 0 where that is not known."""
        try:
            ending = self._journal(number).draft.ending
        except (NotAVisit, JournalError):
            return 0
        return 0 if ending is None else ending.head

    def keep_answer(self, number: int, answer: bytes, photo: str = "") -> None:
        """Keep the gateway's sealed answer about a record, or about one photo of it."""
        if photo and not _is_digest(photo):
            raise VisitError(f"expected a photo's SHA-256, got {photo!r}")
        name = f"{photo}.cose" if photo else ANSWER
        self._write(self.place(number) / name, answer)

    def answer(self, number: int) -> VisitAnswer | None:
        """What the gateway said of a record, which was believed when it was kept; None so far."""
        data = _read(self.place(number) / ANSWER)
        try:
            payload = None if data is None else signing.parse(data).payload
            if payload is None:
                return None
            return wire.decode(payload, VisitAnswer, limit=ANSWER_BYTES_MAX)
        except (SealError, WireError):
            # Spoiled on the disk: the gateway gives the same answer again.
            return None

    def keep_first(self, number: int, first: First) -> None:
        """Keep which batch first carried all new meters, now that the gateway has it."""
        self._write(self.place(number) / FIRST, wire.encode(first))

    def first(self, number: int) -> First | None:
        """That batch; None while it is not known to be accepted."""
        data = _read(self.place(number) / FIRST)
        try:
            return None if data is None else wire.decode(data, First, limit=_FIRST_BYTES_MAX)
        except WireError:
            return None

    def photo_answered(self, number: int, photo: str) -> bool:
        """Whether the gateway has answered about a photo."""
        return _is_digest(photo) and (self.place(number) / f"{photo}.cose").exists()

    def place(self, number: int) -> Path:
        """The folder of a visit."""
        return self.folder / f"{number:0{_DIGITS}}"

    def _open(self) -> Draft:
        draft = self.current()
        if draft is None:
            raise VisitError("no visit is open: begin one first")
        return draft

    def _journal(self, number: int) -> Journal:
        return self._journals.setdefault(number, Journal(self.place(number) / FILE))

    def _append(self, number: int, entry: Entry) -> Draft:
        try:
            return self._journal(number).append(entry)
        except (JournalError, NotAVisit) as error:
            raise VisitError(str(error)) from error

    def _write(self, path: Path, data: bytes) -> None:
        try:
            files.replace(path, data)
        except OSError as error:
            raise VisitError(f"cannot write {path}: {error.strerror}") from error

    def _last(self) -> int:
        """The highest number there is a folder of, 0 for none."""
        paths = self.folder.glob("[0-9]" * _DIGITS)
        return max((int(path.name) for path in paths), default=0)

    def _free(self) -> int:
        """The next number; that of a folder in which nothing began is used again."""
        last = self._last()
        if last >= VISITS_MAX:
            raise VisitError(f"{VISITS_MAX} visits are kept: move old ones out of {self.folder}")
        if last and not (self.place(last) / RECORD).exists():
            try:
                if self._journal(last).is_empty:
                    return last
            except JournalError as error:
                raise VisitError(str(error)) from error
        return last + 1


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise VisitError(f"cannot read {path}: {error.strerror}") from error


def _is_number(path: Path) -> bool:
    return path.name.isascii() and path.name.isdigit()


def _is_digest(text: str) -> bool:
    return len(text) == hashlib.sha256().digest_size * 2 and text.isascii() and text.isalnum()
