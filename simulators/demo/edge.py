"""The demo's edge process: the real agent on the demo's clock.

python -m simulators.demo.edge DATA
"""

import asyncio
import sys
from pathlib import Path

from cloud_sync.signing import KeyFileError
from drivers.reading import ClockState
from edge import app
from edge.clock import Stamp, boot_id
from edge.config import ConfigError, load
from edge.spool import SpoolError
from simulators.demo.clock import ScaledClock

CLOCK_ERROR_S = 1
# The wall clock of the demo jumps when a machine wakes from sleep; no wait goes past this.
SLEEP_S_MAX = 5.0


class FastClock:
    """An `edge.clock.Clock` on the demo's time; uptime runs as fast as the rest."""

    def __init__(self, clock: ScaledClock) -> None:
        self._clock = clock
        self._boot = boot_id()

    def now(self) -> Stamp:
        """The demo's time, which is as good as synchronised: all of the demo shares it."""
        now_ms = self._clock.now_ms()
        uptime_ms = max(now_ms - self._clock.start_ms, 0)
        return Stamp(now_ms, uptime_ms, self._boot, ClockState.SYNCHRONISED, CLOCK_ERROR_S)

    async def sleep(self, duration_ms: int) -> None:
        """Wait that long in the demo's time."""
        await asyncio.sleep(min(duration_ms / 1000 / self._clock.speed, SLEEP_S_MAX))


def main() -> None:
    """Run until SIGTERM."""
    data = Path(sys.argv[1])
    try:
        config = load(data / "edge.toml")
        asyncio.run(app.run(config, clock=FastClock(ScaledClock.load(data))))
    except (ConfigError, KeyFileError, SpoolError) as error:
        sys.exit(f"demo edge: {error}")


if __name__ == "__main__":
    main()
