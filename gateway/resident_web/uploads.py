"""Photos on their way in, piece by piece: a line that breaks costs one piece and not the photo.

The protocol is tus' idea in five lines. POST /upload with the size and the SHA-256 makes one and
names it; HEAD tells how much is there; PATCH with that offset adds a piece of at most 64 KB, and is
refused with the true offset where it names another; POST …/done checks the hash, reads the photo,
and asked twice answers the same. A name is 128 random bits, of use to its own session only.

Every number is bounded: open ones of a session and of all, bytes of each, the age. The files lie
in data/uploads and outlive a restart; a name from outside becomes a path only after it was matched.
"""

import hashlib
import json
import re
import secrets
from pathlib import Path
from typing import NamedTuple

from gateway.photo.frame import Frame
from gateway.resident_web.forms import PHOTO_BYTES_MAX
from gateway.resident_web.ports import NotDone

PIECE_BYTES_MAX = 64 * 1024
# A dwelling has some five registers; twice as many may wait for a line at once.
OF_SESSION_MAX = 10
# 256 photos of 12 MB: 3 GB of disk at the very worst.
OPEN_MAX = 256
# A photo taken in a cellar is sent in the evening; what is not there after a day is not coming.
AGE_MS_MAX = 24 * 3_600_000
_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Upload(NamedTuple):
    """A photo on its way; `photo_no` once it was read, `frame` where a camera's view had one."""

    session: str
    register_no: int
    size: int
    sha256: str
    begun_ms: int
    photo_no: int | None = None
    frame: str = ""


class Uploads:
    """The folder of uploads. One thread calls it, so a piece is added whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(
        self,
        secret: str,
        register_no: int,
        size: int,
        sha256: str,
        now_ms: int,
        *,
        frame: Frame | None = None,
    ) -> str:
        """Begin one; its name."""
        if not 0 < size <= PHOTO_BYTES_MAX:
            raise NotDone("too_large", 413)
        if not _SHA256.fullmatch(sha256):
            raise NotDone("not_understood")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        session = _of(secret)
        kept = self._sweep(now_ms)
        waiting = [one for one in kept.values() if one.session == session and one.photo_no is None]
        if len(waiting) >= OF_SESSION_MAX or len(kept) >= OPEN_MAX:
            raise NotDone("too_many_photos", 429)
        name = secrets.token_urlsafe(16)
        framed = "" if frame is None else str(frame)
        self._write(name, Upload(session, register_no, size, sha256, now_ms, frame=framed))
        self._part(name).touch(mode=0o600)
        return name

    def offset(self, name: str, secret: str) -> tuple[int, int]:
        """How many bytes are there, and how many are to be."""
        upload = self.find(name, secret)
        return self._there(name, upload), upload.size

    def add(self, name: str, secret: str, offset: int, piece: bytes) -> int:
        """Add a piece; the new offset. A piece that lies elsewhere than at the end is refused."""
        there, size = self.offset(name, secret)
        if offset != there:
            raise NotDone("offset", 409, str(there))
        if len(piece) > PIECE_BYTES_MAX or there + len(piece) > size:
            raise NotDone("too_large", 413)
        with self._part(name).open("ab") as part:
            part.write(piece)
        return there + len(piece)

    def whole(self, name: str, secret: str) -> bytes:
        """The photo; NotDone while pieces are missing, and for one that was spoiled."""
        upload = self.find(name, secret)
        there = self._there(name, upload)
        if there < upload.size:
            raise NotDone("offset", 409, str(there))
        data = self._part(name).read_bytes()
        if hashlib.sha256(data).hexdigest() != upload.sha256:
            self.drop(name)
            raise NotDone("spoiled", 422)
        return data

    def done(self, name: str, secret: str, photo_no: int) -> None:
        """Remember what became of it and let the bytes go: they are kept elsewhere now."""
        upload = self.find(name, secret)
        self._write(name, upload._replace(photo_no=photo_no))
        self._part(name).unlink(missing_ok=True)

    def find(self, name: str, secret: str) -> Upload:
        """The upload of that name, if it is of that session."""
        if not _ID.fullmatch(name):
            raise NotDone("no_upload", 404)
        upload = self._read(name)
        if upload is None or not secrets.compare_digest(upload.session, _of(secret)):
            raise NotDone("no_upload", 404)
        return upload

    def drop(self, name: str) -> None:
        """Forget one."""
        for ending in ("part", "json", "new"):
            (self._folder / f"{name}.{ending}").unlink(missing_ok=True)

    def _there(self, name: str, upload: Upload) -> int:
        """How many bytes are there; of one that was read, all of them."""
        if upload.photo_no is not None:
            return upload.size
        try:
            return self._part(name).stat().st_size
        except OSError:
            raise NotDone("no_upload", 404) from None

    def _sweep(self, now_ms: int) -> dict[str, Upload]:
        """Let go what is too old; the others."""
        kept: dict[str, Upload] = {}
        for file in self._folder.glob("*.json"):
            upload = self._read(file.stem)
            if upload is None or not 0 <= now_ms - upload.begun_ms <= AGE_MS_MAX:
                self.drop(file.stem)
            else:
                kept[file.stem] = upload
        return kept

    def _read(self, name: str) -> Upload | None:
        try:
            return Upload(**json.loads(self._about(name).read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _write(self, name: str, upload: Upload) -> None:
        new = self._folder / f"{name}.new"
        new.write_text(json.dumps(upload._asdict()), "utf-8")
        new.replace(self._about(name))

    def _part(self, name: str) -> Path:
        return self._folder / f"{name}.part"

    def _about(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def _of(secret: str) -> str:
    """Which session, without keeping its secret on the disk."""
    return hashlib.sha256(b"upload of " + secret.encode()).hexdigest()
