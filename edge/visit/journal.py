"""The journal of a visit: one line per step, on the disk before the step counts as made.

A power cut leaves whole lines and at most one torn one at the end, which is cut off when the next
line is written. The page and the terminal may be open at once: whoever writes takes the file's
lock and first reads what the other wrote since.
"""

import fcntl
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import structlog

from edge import files
from edge.visit.draft import Draft, Entry, NotAVisit, add_up, after

log = structlog.get_logger("edge.visit")

FILE = "journal"
# 250 meters of 2 kB, each touched fifteen times.
JOURNAL_BYTES_MAX = 16 * 1024 * 1024
_ENTRY: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


class JournalError(Exception):
    """A journal that cannot be read or written; the text says why."""


class Journal:
    """One visit's journal; JournalError where the disk does not do."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft: Draft | None = None
        self._read_to = 0

    @property
    def draft(self) -> Draft:
        """What it says now; NotAVisit if nothing began."""
        with self._opened(os.O_RDONLY) as descriptor:
            self._catch_up(descriptor)
        if self._draft is None:
            raise NotAVisit(f"{self._path} holds no visit")
        return self._draft

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever written that still reads; JournalError."""
        if not self._path.exists():
            return True
        with self._opened(os.O_RDONLY) as descriptor:
            return not any(map(_entry, _read(descriptor, 0).splitlines(keepends=True)))

    def append(self, entry: Entry) -> Draft:
        """Write one entry down; what the journal says then, once it is on the disk."""
        data = _line(entry)
        with self._opened(os.O_RDWR) as descriptor:
            self._catch_up(descriptor)
            if self._read_to + len(data) > JOURNAL_BYTES_MAX:
                raise JournalError(f"{self._path} is full: finish this visit and begin another")
            made = add_up([entry]) if self._draft is None else after(self._draft, entry)
            os.ftruncate(descriptor, self._read_to)
            _write(descriptor, data, self._read_to)
            self._draft, self._read_to = made, self._read_to + len(data)
        return made

    @contextmanager
    def _opened(self, flags: int) -> Iterator[int]:
        try:
            write = flags == os.O_RDWR
            if write and not self._path.exists():
                files.replace(self._path, b"")
            descriptor = os.open(self._path, flags | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX if write else fcntl.LOCK_SH)
                yield descriptor
            finally:
                os.close(descriptor)
        except OSError as error:
            raise JournalError(f"cannot use {self._path}: {error.strerror}") from error

    def _catch_up(self, descriptor: int) -> None:
        """Take in what was written since, up to the last sound line."""
        if os.fstat(descriptor).st_size > JOURNAL_BYTES_MAX:
            raise JournalError(f"{self._path} is longer than {JOURNAL_BYTES_MAX} bytes: no journal")
        lines = _read(descriptor, self._read_to).splitlines(keepends=True)
        entries = [_entry(line) for line in lines]
        while entries and entries[-1] is None:
            # Torn by a power cut: it was not made, and the next line takes its place.
            del entries[-1], lines[-1]
        sound = [entry for entry in entries if entry is not None]
        if len(sound) < len(entries):
            # Each entry says one thing whole, so what was said later is still true.
            log.warning(
                "steps of a visit are damaged",
                path=str(self._path),
                skipped=len(entries) - len(sound),
            )
        for entry in sound:
            self._draft = add_up([entry]) if self._draft is None else after(self._draft, entry)
        self._read_to += sum(map(len, lines))


def _line(entry: Entry) -> bytes:
    text = msgspec.json.encode(entry)
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _entry(line: bytes) -> Entry | None:
    """The entry of a line; None for a torn one."""
    check, _, text = line.removesuffix(b"\n").partition(b" ")
    if not line.endswith(b"\n") or check != b"%08x" % zlib.crc32(text):
        return None
    try:
        return _ENTRY.decode(text)
    except msgspec.DecodeError:
        return None


def _read(descriptor: int, start: int) -> bytes:
    parts = []
    while part := os.pread(descriptor, 1 << 20, start):
        parts.append(part)
        start += len(part)
    return b"".join(parts)


def _write(descriptor: int, data: bytes, start: int) -> None:
    if os.pwrite(descriptor, data, start) < len(data):
        raise OSError(28, "the disk is full")
    os.fsync(descriptor)
