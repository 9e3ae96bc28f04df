"""The agent as its unit starts it, on a machine whose clock somebody vouches for, and in a hurry.

Run by the Python of an installed version: everything of the edge comes from there.
"""

import asyncio
import sys
from pathlib import Path

from drivers.reading import ClockState
from edge import waiting
from edge.clock import Stamp, SystemClock
from edge.commands.common import log_to_stderr
from edge.update.keeping import Pace


class Vouched(SystemClock):
    """The system's clock, believed."""

    def now(self) -> Stamp:
        return super().now()._replace(state=ClockState.SYNCHRONISED, error_s=1)


if __name__ == "__main__":
    log_to_stderr()
    pace = Pace(part_s=0.1, copy_s=0.02, look_s=0.5)
    asyncio.run(waiting.run_waiting(Path(sys.argv[1]), clock=Vouched(), pace=pace))
