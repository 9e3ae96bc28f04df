"""Verifying ahead: signatures and decoding in worker processes, while the ledger is written.

A verification is the dearest thing that a batch costs and needs nothing but the message and a
public key, so it is done beside the thread that writes: a group's messages go to the workers as
one piece each, and come back as "sound" with what was decoded. A worker decides nothing else. What
it did not find sound, and all that a worker took with it when it died, is looked at in the ledger's
thread as if there were no workers (gateway/opening.py). Nor is its key trusted here: who may sign
what is asked of the registry when the group is entered.

A worker is a process of its own that reads frames from its input and writes frames to its output,
and ends with its input: whatever happens to the gateway, none is left behind. On one core there
are none.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Self

import msgspec
import structlog

from gateway.opening import Sound
from gateway.verify_worker import ENCODER, FINDINGS, Findings, Task, put, take

# Below this a worker's way there and back is not made up for.
MESSAGES_MIN = 4
# A worker that says nothing for so long about messages it does in milliseconds hangs.
ANSWER_S = 30.0
# More writers than readers of one ledger are of no use, however many cores there are.
WORKERS_MAX = 16

log = structlog.get_logger()


def workers_of_machine() -> int:
    """One worker for each core beside the one that writes."""
    return min(WORKERS_MAX, len(os.sched_getaffinity(0)) - 1)


class Verifier:
    """The workers; to be entered as a context."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool = ThreadPoolExecutor(max(1, workers), "verifier")
        self._local = threading.local()
        self._running: list[_Worker] = []
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the workers; what they still have is not waited for."""
        self._ended = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._end_all()
        self._pool.shutdown()
        self._end_all()  # one may have been starting just now

    def _end_all(self) -> None:
        for worker in list(self._running):
            worker.end()

    def start(self, tasks: Sequence[Task]) -> list[Future[list[Sound | None]]]:
        """Have tasks done, a share by each worker; the futures hold the parts in their order."""
        share = max(MESSAGES_MIN, -(-len(tasks) // self.workers))
        parts = [tasks[at : at + share] for at in range(0, len(tasks), share)]
        return [self._pool.submit(self._do, part) for part in parts]

    def _do(self, tasks: Sequence[Task]) -> list[Sound | None]:
        worker: _Worker | None = getattr(self._local, "worker", None)
        if self._ended:
            return [None] * len(tasks)
        try:
            if worker is None:
                worker = self._local.worker = _Worker()
                self._running.append(worker)
            findings = worker.ask(tasks)
        # ValueError: its pipes were closed under it, at the end of the gateway.
        except (OSError, EOFError, ValueError, msgspec.DecodeError) as error:
            if not self._ended:
                said = "a verifying worker died; its messages are verified here"
                log.warning(said, messages=len(tasks), error=str(error))
            self._bury(worker)
            return [None] * len(tasks)
        return [
            None if found is None else Sound(task.public_key, found.hash, found.batch)
            for task, found in zip(tasks, findings, strict=True)
        ]

    def _bury(self, worker: "_Worker | None") -> None:
        self._local.worker = None
        if worker is not None:
            worker.end()
            self._running.remove(worker)


class _Worker:
    """One process, asked by one thread."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "gateway.verify_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A person's Ctrl-C is for the gateway, which ends its workers when it is done.
            start_new_session=True,
        )

    def ask(self, tasks: Sequence[Task]) -> Findings:
        """What of the tasks is sound; EOFError or OSError if the process died or hung."""
        watch = threading.Timer(ANSWER_S, self._process.kill)
        watch.daemon = True
        watch.start()
        try:
            put(self._process.stdin, ENCODER.encode(tasks))
            findings = FINDINGS.decode(take(self._process.stdout))
        finally:
            watch.cancel()
        if len(findings) != len(tasks):
            raise EOFError("it answered something else")
        return findings

    def end(self) -> None:
        """Kill the process, if it lives, and wait for its end."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what it was not given any more
                    pipe.close()
