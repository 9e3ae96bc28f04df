"""Photos of visits: named by a record that is kept, decoded by a process that may die of it.

A photo is vouched for by its SHA-256 in the sealed record. What is kept is made anew from its
pixels (gateway/photo/looking.py), so nothing of what came survives but what is to be seen: neither
where it was taken nor anything behind its end. Its file is on the disk before the ledger has its
row, as with photos of residents.
"""

import hashlib
from collections.abc import Collection
from contextlib import suppress
from typing import NamedTuple, Protocol

from cloud_sync import visit_road
from cloud_sync.visit_road import PhotoBody, PhotoHead, RoadError
from gateway.identity.model import NotLetIn
from gateway.identity.model import Why as NoEntry
from gateway.photo.keeping import KeptPort, PhotoFiles, PhotoGoneError
from gateway.visits.keeping import Keeper, record_of
from gateway.visits.model import PhotoRow, VisitRow
from gateway.visits.ports import Office

FOLDER = "visit-photos"
"""Below the data directory."""
# As long as photos of residents (gateway/people/retention.py): limitation, and a year beside it.
KEPT_MS = 1461 * 86_400_000


class OldPort(KeptPort, Protocol):
    """What is written in the ledger about the files, with their age."""

    def expire(self, before_ms: int, now_ms: int) -> None:
        """Note, in the log too, that photos that came before are not to be kept."""


class Wanted(NamedTuple):
    """A photo that a kept record names and that has not come yet."""

    row: VisitRow
    sha256: bytes
    jpeg: bytes


class PhotoKeeper:
    """Takes photos in: `ask`, have the picture looked at anywhere, then `keep` or `spoiled`."""

    def __init__(self, office: Office, keeper: Keeper, files: PhotoFiles) -> None:
        self._office = office
        self._keeper = keeper
        self._files = files

    def ask(self, body: bytes, source: str, now_ms: int) -> Wanted | bytes:
        """What is to be looked at, or the answer where nothing is; NotLetIn for nobody's."""
        head, parts = _peeked(body)
        what = visit_road.purpose(head.device, "photo")
        self._keeper.asked(parts.head, head.device, what, now_ms)
        with self._office.store.transaction():
            row = self._office.visits.visit(head.device, head.number)
            if row is None:
                return self._refused(head, now_ms, f"visit {head.number} has not come yet")
            why = _why_not(head, parts.jpeg, row)
            if why:
                refusal = NotLetIn(NoEntry.MALFORMED, f"a photo: {why}", device=head.device)
                self._office.refuse(refusal, source, now_ms)
                return self._refused(head, now_ms, why)
            for known in self._office.visits.photos(row.visit_no):
                if known.sha256 == head.sha256:
                    return known.answer
        return Wanted(row, head.sha256, parts.jpeg)

    def keep(self, wanted: Wanted, jpeg: bytes, now_ms: int) -> bytes:
        """The answer to a photo that was made anew as `jpeg`; OSError if the disk refuses it."""
        row = wanted.row
        name = _name_of(row.visit_no, wanted.sha256)
        answer = self._keeper.answer(row.device, row.number, wanted.sha256, now_ms)
        with self._office.store.transaction():
            for known in self._office.visits.photos(row.visit_no):
                if known.sha256 == wanted.sha256:
                    return known.answer
            self._files.keep(name, jpeg)
            made = hashlib.sha256(jpeg).digest()
            self._office.visits.add_photo(
                row.visit_no, PhotoRow(wanted.sha256, made, name, now_ms, answer)
            )
        return answer

    def spoiled(self, wanted: Wanted, why: str, now_ms: int) -> bytes:
        """The answer to a photo that is none."""
        row = wanted.row
        return self._keeper.answer(row.device, row.number, wanted.sha256, now_ms, refused=why)

    def _refused(self, head: PhotoHead, now_ms: int, why: str) -> bytes:
        return self._keeper.answer(head.device, head.number, head.sha256, now_ms, refused=why)


def sweep(files: PhotoFiles, kept: OldPort, now_ms: int) -> int:
    """Delete a step's worth of photos that were kept long enough, and strays; how many files."""
    with kept.transaction():
        kept.expire(now_ms - KEPT_MS, now_ms)
    return files.sweep(kept, now_ms)


def found(rows: Collection[PhotoRow], sha256_hex: str) -> PhotoRow | None:
    """The photo of that SHA-256 whose file is there."""
    return next((one for one in rows if one.sha256.hex() == sha256_hex and one.file), None)


def kept(files: PhotoFiles, rows: Collection[PhotoRow]) -> dict[bytes, bytes]:
    """The pictures that are there, by the SHA-256 the record names them by."""
    pictures = {}
    for one in rows:
        with suppress(PhotoGoneError):
            if one.file is not None:
                pictures[one.sha256] = files.read(one.file, one.jpeg_sha256)
    return pictures


def _why_not(head: PhotoHead, jpeg: bytes, row: VisitRow) -> str:
    if hashlib.sha256(jpeg).digest() != head.sha256:
        return "the picture is not the one its seal names"
    if head.sha256 not in record_of(row).photos:
        return "the record of the visit names no such photo"
    return ""


def _peeked(body: bytes) -> tuple[PhotoHead, PhotoBody]:
    try:
        return visit_road.peek_photo(body)
    except RoadError as error:
        raise NotLetIn(NoEntry.MALFORMED, str(error)[:300]) from error


def _name_of(visit_no: int, sha256: bytes) -> str:
    """As `photo.keeping.name_of`: a hash, so no text from outside ever becomes a path."""
    name = hashlib.sha256(f"visit {visit_no}:{sha256.hex()}".encode()).hexdigest()
    return f"{name[:2]}/{name}.jpg"
