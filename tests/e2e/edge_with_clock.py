"""The agent as a process on a machine whose clock somebody vouches for, wherever the test runs.

With `--wait` after the configuration as `plomba-edge run --wait`.
"""

import asyncio
import sys
from pathlib import Path

from drivers.reading import ClockState
from edge import app, config
from edge.clock import Stamp, SystemClock
from edge.commands.common import log_to_stderr
from edge.waiting import run_waiting


class Vouched(SystemClock):
    """The system's clock, believed."""

    def now(self) -> Stamp:
        return super().now()._replace(state=ClockState.SYNCHRONISED, error_s=1)


if __name__ == "__main__":
    log_to_stderr()
    path = Path(sys.argv[1])
    if sys.argv[2:] == ["--wait"]:
        asyncio.run(run_waiting(path, clock=Vouched()))
    else:
        asyncio.run(app.run(config.load(path), clock=Vouched()))
