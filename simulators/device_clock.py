"""The clock of a simulated device: it may be unset after a power cut, or wrong without knowing it.

The world's time is the event loop's; what a device believes is something else. After a power cut
the device knows only how long it has been up, until a time daemon has answered. And for a while
a device may run on a clock that was set wrongly and that nothing vouches for.
"""

import asyncio
from collections.abc import Callable
from random import Random

from drivers.reading import ClockState
from edge.clock import UNKNOWN_ERROR_S, Stamp
from simulators.truth import Span

# Network time over a mobile link.
SYNCHRONISED_ERROR_S = 1
BOOT_BYTES = 8


class DeviceClock:
    """An `edge.clock.Clock` in virtual time. It outlives the agent's process, not a power cut."""

    def __init__(self, now_ms: Callable[[], int], random: Random) -> None:
        self._now_ms = now_ms
        self._random = random
        self.wrong: Span | None = None
        """While it lasts the clock is unsynchronised, and wrong by `wrong_by_ms`."""
        self.wrong_by_ms = 0
        self.boot(unset_ms=0)

    def boot(self, *, unset_ms: int) -> None:
        """Begin a new boot whose time of day becomes known after `unset_ms`."""
        self._boot = self._random.randbytes(BOOT_BYTES)
        self._booted_ms = self._now_ms()
        self._known_from_ms = self._booted_ms + unset_ms

    def now(self) -> Stamp:
        """The time as the device believes it."""
        true_ms = self._now_ms()
        uptime_ms = true_ms - self._booted_ms
        if true_ms < self._known_from_ms:
            # The time of the shutdown, going on from there; nobody vouches for it.
            return Stamp(uptime_ms, uptime_ms, self._boot, ClockState.RELATIVE, UNKNOWN_ERROR_S)
        if self.wrong is not None and true_ms in self.wrong:
            believed_ms = true_ms + self.wrong_by_ms
            state = ClockState.UNSYNCHRONISED
            return Stamp(believed_ms, uptime_ms, self._boot, state, UNKNOWN_ERROR_S)
        state = ClockState.SYNCHRONISED
        return Stamp(true_ms, uptime_ms, self._boot, state, SYNCHRONISED_ERROR_S)

    async def sleep(self, duration_ms: int) -> None:
        """Wait that long, or until the next change of what the device believes."""
        true_ms = self._now_ms()
        changes = [self._known_from_ms]
        if self.wrong is not None:
            changes += [self.wrong.start_ms, self.wrong.end_ms]
        ahead = [change - true_ms for change in changes if change > true_ms]
        await asyncio.sleep(min(duration_ms, *ahead, duration_ms) / 1000)
