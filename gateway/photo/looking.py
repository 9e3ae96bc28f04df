"""Looking at photos: decoding and reading them in processes that may die of it.

Whoever asks waits for one of a few processes (gateway/photo/looking_worker.py). One that hangs is
killed after ANSWER_S; one that died, or has looked at TASKS_MAX photos, is followed by a new one.
The photo it died of is refused, everybody else's is looked at by the next. None of them outlives
the gateway: they end with their input.
"""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Protocol, Self

import msgspec
import structlog

from gateway.photo.frame import Frame
from gateway.photo.intake import BYTES_MAX, PhotoError, Why
from gateway.photo.looking_worker import ANSWER, ENCODER, Answer, Sight, Task
from gateway.photo.mask import Mask, Prior
from gateway.verify_worker import put, take

# The time of one photo on a processor (looking_worker.CPU_S_MAX), and as much for others beside it.
ANSWER_S = 45.0
# So long a page waits for its turn; a house's residents do not all send in one minute.
TURN_S = 60.0
# What a decoder left behind in memory is gone after so many photos.
TASKS_MAX = 200
# Each takes some 300 MB, the largest photos 1 GB; more than four are of use to a district only.
WORKERS_MAX = 4
RECOGNISER = "gateway.photo.recognition:Recogniser"

log = structlog.get_logger()


class Looker(Protocol):
    """Whoever can look at photos."""

    def look(
        self, data: bytes, mask: Mask | None, frame: Frame | None, prior: Prior | None
    ) -> Sight:
        """What is to be seen; PhotoError where the bytes are no photo or nobody had time."""


def workers_of_machine() -> int:
    """One process for each core, and no more than WORKERS_MAX."""
    return min(WORKERS_MAX, len(os.sched_getaffinity(0)))


class Looking:
    """`Looker` over processes of its own; to be entered as a context, asked by any thread.

    A process starts with the first photo. `recogniser` is a `module:class` that reads registers.
    """

    def __init__(
        self,
        workers: int,
        recogniser: str = RECOGNISER,
        *,
        answer_s: float = ANSWER_S,
        turn_s: float = TURN_S,
    ) -> None:
        self._recogniser = recogniser
        self._answer_s, self._turn_s = answer_s, turn_s
        self._seats: SimpleQueue[_Worker | None] = SimpleQueue()
        self._count = max(1, workers)
        for _ in range(self._count):
            self._seats.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the processes; a photo that is looked at now is waited for."""
        for _ in range(self._count):
            with suppress(Empty):
                worker = self._seats.get(timeout=self._answer_s)
                if worker is not None:
                    worker.end()

    def look(
        self, data: bytes, mask: Mask | None, frame: Frame | None, prior: Prior | None
    ) -> Sight:
        """See `Looker`."""
        if len(data) > BYTES_MAX:
            raise PhotoError(
                Why.TOO_LARGE, f"expected at most {BYTES_MAX >> 20} MiB, got {len(data) >> 20} MiB"
            )
        task = Task(data, mask, frame, prior)
        try:
            worker = self._seats.get(timeout=self._turn_s)
        except Empty:
            said = "too many photos are looked at just now: send it again in a minute"
            raise PhotoError(Why.BUSY, said) from None
        kept = None
        try:
            worker = worker or _Worker(self._recogniser)
            answer = worker.ask(task, self._answer_s)
            kept = worker if worker.tasks < TASKS_MAX else None
        except (OSError, EOFError, ValueError, msgspec.DecodeError) as error:
            log.warning("a process that looked at a photo died", error=str(error), size=len(data))
            raise PhotoError(
                Why.DAMAGED, "the photo cannot be looked at: take it again, or type the reading"
            ) from error
        finally:
            if worker is not None and kept is None:
                worker.end()
            self._seats.put(kept)
        if answer.sight is None:
            raise PhotoError(Why(answer.why), answer.said)
        if answer.trouble:
            log.warning("a photo was taken unread", error=answer.trouble)
        return answer.sight


class _Worker:
    """One process, asked by one thread at a time."""

    def __init__(self, recogniser: str) -> None:
        self.tasks = 0
        self._process = subprocess.Popen(  # noqa: S603 - a class of ours, named by our own code
            [sys.executable, "-P", "-m", "gateway.photo.looking_worker", recogniser],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A person's Ctrl-C is for the gateway, which ends its processes when it is done.
            start_new_session=True,
            # The nets take one core; a pool of threads for each would only take memory.
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )

    def ask(self, task: Task, answer_s: float) -> Answer:
        """What it says of a photo; EOFError or OSError if it died or hung."""
        self.tasks += 1
        watch = threading.Timer(answer_s, self._process.kill)
        watch.daemon = True
        watch.start()
        try:
            put(self._process.stdin, ENCODER.encode(task))
            return ANSWER.decode(take(self._process.stdout))
        finally:
            watch.cancel()

    def end(self) -> None:
        """Kill the process, if it lives, and wait for its end."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what it was not given any more
                    pipe.close()
