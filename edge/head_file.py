"""The head of the chain, outside the database: the last number given, and its batch's hash.

Two slots in one small file, written in turn, each with its own checksum: a torn write can only
spoil the slot being written, and the other one still says what was true a batch ago.

Whoever has the file open also holds its lock: two processes that number batches would give one
number twice.
"""

import fcntl
import hashlib
import os
import struct
from pathlib import Path
from typing import NamedTuple

# The slots stand in different sectors and pages, so that no single failed write meets both.
_SLOT_BYTES = 4096
_RECORD = struct.Struct(">8sQ32s")
_MAGIC = b"plomba-1"
_CHECK_BYTES = 8


class Head(NamedTuple):
    """A sequence number and the hash of the batch that has it."""

    sequence: int
    digest: bytes


class HeadFile:
    """The file, open and locked for as long as its spool is; BlockingIOError if it is already."""

    def __init__(self, path: Path, *, durable: bool) -> None:
        self._durable = durable
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Both slots have their place now: a full disk cannot refuse a later write.
            os.posix_fallocate(self._descriptor, 0, 2 * _SLOT_BYTES)
        except OSError:
            os.close(self._descriptor)
            raise

    def read(self) -> Head | None:
        """The newest sound record, or None if there is none."""
        slots = (os.pread(self._descriptor, _SLOT_BYTES, at) for at in (0, _SLOT_BYTES))
        return max((head for slot in slots if (head := _parse(slot))), default=None)

    def write(self, head: Head) -> None:
        """Replace the older record; it is on the disk when this returns."""
        record = _RECORD.pack(_MAGIC, head.sequence, head.digest)
        os.pwrite(self._descriptor, record + _check(record), head.sequence % 2 * _SLOT_BYTES)
        if self._durable:
            os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def is_locked(path: Path) -> bool:
    """Whether some process has the file open as its own."""
    if not path.exists():
        return False
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _parse(slot: bytes) -> Head | None:
    record, check = slot[: _RECORD.size], slot[_RECORD.size : _RECORD.size + _CHECK_BYTES]
    if len(record) < _RECORD.size or check != _check(record):
        return None
    magic, sequence, digest = _RECORD.unpack(record)
    return Head(sequence, digest) if magic == _MAGIC else None


def _check(record: bytes) -> bytes:
    return hashlib.sha256(record).digest()[:_CHECK_BYTES]
