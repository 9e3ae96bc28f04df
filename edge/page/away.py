"""What a device can tell of its surroundings without asking anybody for long."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from edge import enrolled
from edge.config import ConfigError, EdgeConfig
from edge.https import PORT

_ROUTES = Path("/proc/net/route")
_EVERYWHERE = "00000000"
# One look in this time; a phone that watches a screen asks every other second.
LOOKED_EVERY_S = 15.0
# A mobile link's worst connection; nobody waits for it, since it is asked for beside the screens.
CONNECT_S = 8.0


def has_route() -> bool:
    """Whether there is a way out of this network at all."""
    try:
        lines = _ROUTES.read_text("ascii").splitlines()[1:]
    except OSError:
        return False
    return any(line.split()[1:2] == [_EVERYWHERE] for line in lines)


def gateway_of(config: EdgeConfig) -> str:
    """The gateway's address as enrolment left it; empty before."""
    try:
        known = enrolled.load(config.device.state_dir)
    except ConfigError:
        return ""
    return "" if known is None else known.gateway


class Reach:
    """Whether the gateway's door opens, looked at now and then in the background."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self.open: bool | None = None
        self._clock_s = clock_s
        self._looked_s = -LOOKED_EVERY_S
        self._task: asyncio.Task[None] | None = None

    def look(self, url: str) -> bool | None:
        """What is known now; None before the first answer. Looks again if that is old."""
        running = self._task is not None and not self._task.done()
        if url and not running and self._clock_s() - self._looked_s >= LOOKED_EVERY_S:
            self._task = asyncio.create_task(self._knock(url))
        return self.open if url else False

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _knock(self, url: str) -> None:
        parts = urlsplit(url)
        try:
            async with asyncio.timeout(CONNECT_S):
                _, writer = await asyncio.open_connection(parts.hostname, parts.port or PORT)
            writer.close()
            self.open = True
        except (OSError, TimeoutError, ValueError):
            self.open = False
        self._looked_s = self._clock_s()
