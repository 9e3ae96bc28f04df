"""Telling systemd that the agent is up and that its loops still turn (sd_notify(3), WatchdogSec).

A timer that pings whatever happens would keep a dead agent alive. So each loop says, before it
waits or asks anybody anything, within what time it will be back; the ping goes out only while
nobody is overdue. One line's polling or the road to the gateway that stands still ends the pings,
and systemd starts the agent anew. Bad luck is not standing still: a line that is down, a broker
that is away and a meter that is silent are all asked again, and that is a loop that turns.

Without systemd (NOTIFY_SOCKET unset) nothing is told to anybody.
"""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress

import structlog

log = structlog.get_logger("edge.pulse")

# What a loop may take beyond the wait it announced: a card that is busy holds a write for seconds.
SLACK_S = 60.0
# How often it is looked where systemd asks for no pings: only the log would tell.
LOOK_S = 60.0
# Three pings within systemd's patience, so that one that comes late is no death.
PINGS = 3
# systemd reads within milliseconds; while it does not, meters are read all the same.
TELL_S = 2.0


class Pulse:
    """Which part of the agent has promised to be back by when."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._due_s: dict[str, float] = {}

    def expect(self, part: str, within_s: float) -> None:
        """`part` will be heard of again within that time, and its own slack."""
        self._due_s[part] = self._now_s() + within_s + SLACK_S

    def forget(self, part: str) -> None:
        """`part` has come to its end; nothing more is expected of it."""
        self._due_s.pop(part, None)

    def overdue(self) -> list[str]:
        """The parts that have not kept their word."""
        now_s = self._now_s()
        return sorted(part for part, due_s in self._due_s.items() if due_s < now_s)


class Notifier:
    """The socket on which systemd listens, if there is one."""

    def __init__(self, environ: Mapping[str, str] = os.environ, patience_s: float = TELL_S) -> None:
        self._patience_s = patience_s
        name = environ.get("NOTIFY_SOCKET", "")
        # An @ stands for the zero byte of a name that is no file.
        self._address = "\0" + name[1:] if name.startswith("@") else name
        asked_us = environ.get("WATCHDOG_USEC", "")
        meant = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.ping_s = int(asked_us) / 1e6 / PINGS if asked_us.isdigit() and meant else None

    def tell(self, message: str) -> None:
        """Say something; a systemd that does not listen is said in the log."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.settimeout(self._patience_s)
                out.connect(self._address)
                out.send(message.encode())
        except OSError as error:
            log.warning("systemd cannot be told", message=message, reason=str(error))


async def beat(pulse: Pulse, notifier: Notifier) -> None:
    """Ping while all turns, until cancelled; say once who does not."""
    told: list[str] = []
    while True:
        late = pulse.overdue()
        if not late and notifier.ping_s is not None:
            notifier.tell("WATCHDOG=1")
        if late and late != told:
            log.error("stands still: systemd is not told any more that all is well", parts=late)
        told = late
        await asyncio.sleep(notifier.ping_s or LOOK_S)


@asynccontextmanager
async def telling(pulse: Pulse, notifier: Notifier | None = None) -> AsyncIterator[None]:
    """Tell systemd that the agent is up, then how it is, then that it stops."""
    notifier = notifier or Notifier()
    notifier.tell("READY=1")
    beating = asyncio.create_task(beat(pulse, notifier))
    try:
        yield
    finally:
        notifier.tell("STOPPING=1")
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating
