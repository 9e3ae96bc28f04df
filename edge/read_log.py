"""The reads of meters that allow only so many a day, kept across restarts.

A read is written down, and on the disk, before the meter is asked: a crash costs a read, and never
gives one away. The file is a list of lines, `+ time serial` for a read and `- time serial` where it
was not made after all; the time is milliseconds of the wall clock, 0 while that is not set. When
the file is opened, and when it has grown, it is written anew with what still counts.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from drivers.driver import DriverError
from drivers.reading import ClockState
from edge import files
from edge.allowance import DAY_MS, Allowance, Taken
from edge.clock import Stamp

log = structlog.get_logger("edge.read_log")

FILE_NAME = "reads.log"
# Two days of 250 meters that are read every five minutes: 5 MB.
LINES_MAX = 150_000
# A file that is three times as long was not written here.
FILE_BYTES_MAX = 16 * 1024 * 1024
_LINE = re.compile(r"([+-]) (\d{1,15}) (\S{1,32})")
_NOT_KNOWN = 0


class NotNoted(DriverError):
    """A read could not be written down, so it was not made."""


class ReadLog:
    """The file. `lines_max` is how far it may grow before it is written anew.

    OSError if it cannot be opened.
    """

    def __init__(self, path: Path, now: Stamp, *, lines_max: int = LINES_MAX) -> None:
        self._path = path
        self._lines_max = lines_max
        self._earlier = _load(path, now)
        self._allowances: dict[str, Allowance] = {}
        self._lines = 0
        self._file = self._rewritten()

    def allowance(self, serial: str, reads_max: int) -> Allowance:
        """The allowance of a meter, what is in the file already counted in."""
        taken = self._earlier.pop(serial, [])
        self._allowances[serial] = Allowance(reads_max, taken, _Page(serial, self._append))
        return self._allowances[serial]

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _append(self, sign: str, serial: str, taken: Taken) -> None:
        data = _line(sign, serial, taken)
        try:
            if self._lines >= self._lines_max:
                grown, self._file = self._file, self._rewritten()
                os.close(grown)
            _write(self._file, data)
        except OSError as error:
            raise NotNoted(f"the read cannot be noted in {self._path}: {error}") from error
        self._lines += 1

    def _rewritten(self) -> int:
        """The file with what still counts and no more, open for what comes."""
        # Also of meters that are not configured now: they may be again within the day.
        kept = dict(self._earlier) | {name: one.taken for name, one in self._allowances.items()}
        lines = [_line("+", serial, one) for serial, taken in kept.items() for one in taken]
        files.replace(self._path, b"".join(lines))
        self._lines = 0
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)


class _Page:
    """The journal of one meter."""

    def __init__(self, serial: str, append: Callable[[str, str, Taken], None]) -> None:
        self._serial = serial
        self._append = append

    def note(self, taken: Taken) -> None:
        self._append("+", self._serial, taken)

    def strike(self, taken: Taken) -> None:
        self._append("-", self._serial, taken)


def _write(file: int, data: bytes) -> None:
    if os.write(file, data) < len(data):
        raise OSError("the disk is full")
    os.fsync(file)


def _line(sign: str, serial: str, taken: Taken) -> bytes:
    return f"{sign} {taken.utc_ms or _NOT_KNOWN} {serial}\n".encode()


def _load(path: Path, now: Stamp) -> dict[str, list[Taken]]:
    """The reads in the file that still count, by serial."""
    times: dict[str, list[int]] = {}
    for sign, time_ms, serial in _entries(path):
        noted = times.setdefault(serial, [])
        if sign == "+":
            noted.append(time_ms)
        elif time_ms in noted:
            noted.remove(time_ms)
    return {serial: _counting(noted, now) for serial, noted in times.items()}


def _counting(times: list[int], now: Stamp) -> list[Taken]:
    # A read of nobody knows when was made before now; from here on that is its time.
    known_ms = None if now.state is ClockState.RELATIVE else now.utc_ms
    taken = (Taken(now.uptime_ms, one or known_ms, is_earlier=True) for one in times)
    return [one for one in taken if one.age_ms(now) < DAY_MS]


def _entries(path: Path) -> Iterator[tuple[str, int, str]]:
    """The sound lines; the last one may be torn, and was not read for then."""
    if not path.exists():
        return
    if path.stat().st_size > FILE_BYTES_MAX:
        raise OSError(f"{path} is longer than {FILE_BYTES_MAX} bytes: no list of reads")
    unsound = 0
    for line in path.read_text("utf-8", "replace").splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            unsound += 1
        else:
            yield found[1], int(found[2]), found[3]
    if unsound:
        log.warning("lines of the list of reads are damaged", path=str(path), lines=unsound)
