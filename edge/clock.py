"""What time it is, and how far that can be believed.

A Pi has no battery behind its clock: after a power cut it starts with the time of its shutdown,
which looks sound and is wrong by the length of the cut. So a time counts only if something
vouches for it:

- S, synchronised: the kernel says a time daemon disciplines the clock (adjtimex, STA_UNSYNC);
- I, informative: it was set in this boot, by a daemon that has gone silent or by a real-time
  clock, and has only drifted since;
- R, relative: nobody vouches for it. Readings carry the time since boot, which the gateway turns
  into real time as soon as one batch of the same boot is signed with a known clock;
- U, unsynchronised: the kernel cannot be asked.

Everything here takes its facts from the kernel; `agent` and `schedule` get a `Clock` handed in.
"""

import asyncio
import ctypes
import time
import uuid
from pathlib import Path
from typing import NamedTuple, Protocol

from drivers.reading import ClockState

# No clock of a device that runs this software can be before this: 2026-01-01T00:00:00Z.
BUILD_MS = 1_767_225_600_000
# The kernel's own assumption of how far an undisciplined clock drifts (MAXFREQ, 500 ppm).
DRIFT_PPM = 500
# A real-time clock's crystal drifts by 20 ppm: five minutes in half a year on a shelf.
RTC_ERROR_S = 300
# What is said where nothing is known; the largest error the wire format can hold.
UNKNOWN_ERROR_S = 2**31 - 1
# A jump of the clock is noticed within this time, so that no schedule sleeps past it.
JUMP_NOTICED_S = 10.0

_STA_UNSYNC = 0x0040  # linux/timex.h
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_RTC_SET_THE_CLOCK = Path("/sys/class/rtc/rtc0/hctosys")
# Where the kernel does not, the package's set-clock does at boot, and leaves this note.
_RTC_NOTE = Path("/run/plomba-clock/rtc")
# systemd-timesyncd touches this file, which does not survive a boot, at every synchronisation.
_LAST_SYNC = Path("/run/systemd/timesync/synchronized")


class Stamp(NamedTuple):
    """One look at the clock. `error_s` is the largest possible error of `utc_ms`."""

    utc_ms: int
    uptime_ms: int
    boot: bytes
    state: ClockState
    error_s: int

    @property
    def time_ms(self) -> int:
        """The time a reading carries: milliseconds since boot while the state is RELATIVE."""
        return self.uptime_ms if self.state is ClockState.RELATIVE else self.utc_ms


class Clock(Protocol):
    """Where the agent gets its time from, and waits on it."""

    def now(self) -> Stamp:
        """The time and how it stands."""

    async def sleep(self, duration_ms: int) -> None:
        """Wait that long on this clock, or less where the clock may have been set meanwhile."""


class Kernel(NamedTuple):
    """What the kernel says of its clock; None where it cannot be asked."""

    synchronised: bool
    error_us: int


class SystemClock:
    """The machine's clock."""

    def __init__(self) -> None:
        self._boot = boot_id()
        # Uptime in ms at the last moment the clock was known to be disciplined, and its error.
        self._disciplined: tuple[int, int] | None = None

    def now(self) -> Stamp:
        """The time and how it stands."""
        utc_ms = time.time_ns() // 1_000_000
        uptime_ms = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
        if self._disciplined is None:
            self._disciplined = _set_in_this_boot(utc_ms, uptime_ms)
        kernel = ask_kernel()
        if kernel is not None and kernel.synchronised:
            self._disciplined = (uptime_ms, _ceil(kernel.error_us, 1_000_000))
        state, error_s = judge(utc_ms, uptime_ms, kernel, self._disciplined)
        return Stamp(utc_ms, uptime_ms, self._boot, state, error_s)

    async def sleep(self, duration_ms: int) -> None:
        """Wait that long, or JUMP_NOTICED_S if that is shorter."""
        await asyncio.sleep(min(duration_ms / 1000, JUMP_NOTICED_S))


def judge(
    utc_ms: int, uptime_ms: int, kernel: Kernel | None, disciplined: tuple[int, int] | None
) -> tuple[ClockState, int]:
    """State and largest error in seconds; `disciplined` is when (uptime) and how well, if ever."""
    if utc_ms < BUILD_MS:
        return ClockState.RELATIVE, UNKNOWN_ERROR_S
    if kernel is not None and kernel.synchronised:
        return ClockState.SYNCHRONISED, _ceil(kernel.error_us, 1_000_000)
    if disciplined is not None:
        at_ms, error_s = disciplined
        drift_s = _ceil(max(uptime_ms - at_ms, 0) * DRIFT_PPM, 1_000_000_000)
        return ClockState.INFORMATIVE, error_s + drift_s
    if kernel is None:
        return ClockState.UNSYNCHRONISED, UNKNOWN_ERROR_S
    return ClockState.RELATIVE, UNKNOWN_ERROR_S


def boot_id() -> bytes:
    """Eight bytes that are new with every boot."""
    return uuid.UUID(_BOOT_ID.read_text("ascii").strip()).bytes[:8]


def ask_kernel() -> Kernel | None:
    """The kernel's view of its clock, without changing it; None where there is no adjtimex."""
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    if adjtimex is None:
        return None
    timex = _Timex()
    if adjtimex(ctypes.byref(timex)) < 0:
        return None
    return Kernel(not timex.status & _STA_UNSYNC, timex.maxerror)


class _Timex(ctypes.Structure):
    """struct timex of linux/timex.h as far as it is read here; the rest is room for the kernel."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


def _set_in_this_boot(utc_ms: int, uptime_ms: int) -> tuple[int, int] | None:
    """When and how well the clock was set before this process began, if that left a trace."""
    try:
        synced_ms = int(_LAST_SYNC.stat().st_mtime * 1000)
        return max(uptime_ms - max(utc_ms - synced_ms, 0), 0), 1
    except OSError:
        pass  # No timesyncd here: the real-time clock may still vouch.
    if _RTC_NOTE.exists():
        return 0, RTC_ERROR_S
    try:
        if _RTC_SET_THE_CLOCK.read_text("ascii").strip() == "1":
            return 0, RTC_ERROR_S
    except OSError:
        pass  # No real-time clock, as on most Pis.
    return None


def _ceil(value: int, unit: int) -> int:
    return -(-value // unit)
