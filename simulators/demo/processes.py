"""The demo's processes: started, watched, started again when they die, stopped in order.

A child that is killed comes back, as systemd would bring it back; that is what lets the demo be
shot at. Each child's output goes to a log file of its own, and its process id stands in a file
beside it, for whoever wants to shoot.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path

# Long enough for an agent to finish a poll and flush; a child that takes longer is killed.
STOP_S = 20.0
# A child that dies at once is not restarted in a tight loop.
RESTART_S = 0.3


class Child:
    """One process of the demo, kept alive until it is stopped."""

    def __init__(self, name: str, command: Sequence[str], data: Path) -> None:
        self.name = name
        self.starts = 0
        self._command = tuple(command)
        self._log = data / f"{name}.log"
        self._pid = data / f"{name}.pid"
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it, and from now on start it again whenever it ends."""
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.name}")

    @property
    def is_kept(self) -> bool:
        """Whether it is started again when it ends."""
        return self._keeper is not None and not self._keeper.done()

    async def stop(self) -> None:
        """Ask it to end, and insist after STOP_S."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _spawn(self) -> None:
        with self._log.open("ab") as log:
            # A session of its own: Ctrl-C reaches the supervisor, which stops children in order.
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
        self.starts += 1
        # Whoever looks just now finds the number before or this one, and never half of it.
        new = self._pid.with_suffix(".new")
        new.write_text(str(self._process.pid), "utf-8")
        new.replace(self._pid)

    async def _keep(self) -> None:
        while self._process is not None:
            await self._process.wait()
            await asyncio.sleep(RESTART_S)
            await self._spawn()
