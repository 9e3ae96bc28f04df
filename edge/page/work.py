"""What goes on while nobody looks: one piece of work on the lines at a time, and the post.

A phone sleeps, reloads and walks out of reach; the work belongs to the device. What was under way
is noted on the disk, so that a search goes on by itself after a power cut.
"""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import structlog

from cloud_sync.certificates import CertificateError
from cloud_sync.signing import KeyFileError
from drivers.driver import DriverError
from edge import files
from edge.config import ConfigError
from edge.line_owner import LinesInUse
from edge.page.refusal import NotDone
from edge.spool import SpoolError
from edge.visit.core import VisitError

log = structlog.get_logger("edge.page")

FILE = "page-work.json"
_FILE_BYTES_MAX = 1024
# What work on the lines may end with; the text is for a person.
FAILURES = (
    *(CertificateError, ConfigError, DriverError, KeyFileError),
    *(LinesInUse, SpoolError, VisitError),
)
# A person who waits for the gateway sees within this time that it is there.
POST_EVERY_S = 10.0

Task = Coroutine[Any, Any, object]


class _Job(NamedTuple):
    """A piece of work: what it is, about which meter, how it is done, whether it outlives a cut."""

    what: str
    about: str
    task: Callable[[], Task]
    kept: bool


class Work:
    """One piece of work at a time; reads that a person wants meanwhile wait for their turn."""

    def __init__(self, state_dir: Path) -> None:
        self.failed: dict[str, str] = {}
        """What the last work of each kind ended with, where it did not end well."""
        self.ended: set[str] = set()
        """The kinds whose last work came to its end and did well."""
        self._path = state_dir / FILE
        self._job: _Job | None = None
        self._queue: list[_Job] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self._job is not None

    def doing(self, what: str, about: str = "") -> bool:
        """Whether this very work is under way, or waits for its turn."""
        jobs = (self._job, *self._queue)
        return any(one is not None and (one.what, one.about) == (what, about) for one in jobs)

    def waits(self, what: str, about: str) -> bool:
        """Whether this work waits for its turn."""
        return any((one.what, one.about) == (what, about) for one in self._queue)

    def begin(
        self,
        what: str,
        task: Callable[[], Task],
        *,
        about: str = "",
        kept: bool = False,
        queued: bool = False,
    ) -> None:
        """Begin work; NotDone while there is other work, unless it may be `queued`.

        `kept` goes on after a power cut.
        """
        if self.doing(what, about):
            return
        job = _Job(what, about, task, kept)
        if not self.busy:
            self._start(job)
        elif queued:
            # Each about a meter of its own, so there are as many as meters at most.
            self._queue.append(job)
        else:
            raise NotDone("busy", 409)

    async def stop(self) -> None:
        """End what is under way, as a person wants it; what waits begins."""
        if self._task is None or not self.busy:
            return
        stopped = self._task
        stopped.cancel()
        await asyncio.gather(stopped, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def give_up(self) -> None:
        """End all for good: what it was for is over."""
        await self.close()
        self.ended.clear()
        self.failed.clear()
        self._path.unlink(missing_ok=True)

    async def close(self) -> None:
        """End all as a power cut would, only cleaner: what is kept goes on next time."""
        self._queue.clear()
        if self._task is not None and self.busy:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def left(self) -> str:
        """What a power cut interrupted; empty if nothing."""
        try:
            with self._path.open("rb") as file:
                return msgspec.json.decode(file.read(_FILE_BYTES_MAX), type=str)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return ""

    def _start(self, job: _Job) -> None:
        self.failed.pop(job.what, None)
        self.ended.discard(job.what)
        if job.kept:
            files.replace(self._path, msgspec.json.encode(job.what))
        self._job = job
        self._task = asyncio.create_task(self._done(job))
        # Not in the task itself: one that is cancelled before its first step never ran.
        self._task.add_done_callback(self._next)

    def _next(self, _: asyncio.Task[None]) -> None:
        self._job = None
        if self._queue:
            self._start(self._queue.pop(0))

    async def _done(self, job: _Job) -> None:
        try:
            await job.task()
        except (*FAILURES, OSError) as error:
            log.warning("work failed", what=job.what, reason=str(error))
            self.failed[job.what] = str(error)
        else:
            self.ended.add(job.what)
        self._forget(job)

    def _forget(self, job: _Job) -> None:
        if job.kept:
            self._path.unlink(missing_ok=True)


class Post:
    """Sends what waits for the gateway whenever somebody looks, and says how that went."""

    def __init__(
        self, deliver: Callable[[], Coroutine[Any, Any, Any]], clock_s: Callable[[], float]
    ) -> None:
        self.failed = ""
        self._deliver = deliver
        self._clock_s = clock_s
        self._task: asyncio.Task[None] | None = None
        self._tried_s = -POST_EVERY_S

    def nudge(self) -> None:
        """Try soon, unless that was just done."""
        running = self._task is not None and not self._task.done()
        if running or self._clock_s() - self._tried_s < POST_EVERY_S:
            return
        self._task = asyncio.create_task(self._send())

    async def close(self) -> None:
        """Leave the rest for later."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _send(self) -> None:
        try:
            sent = await self._deliver()
            self.failed = next((one.detail for one in sent if not one.ok), "")
        except FAILURES as error:
            self.failed = str(error)
        self._tried_s = self._clock_s()
