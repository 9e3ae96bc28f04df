"""Virtual time: an event loop that sleeps by moving its clock.

Nothing real is waited for. When every task waits for a timer, the selector that would sleep until
then moves the loop's time there at once; a simulated month passes as fast as its callbacks run.

Two rules keep that honest. A thread at work or a socket in flight looks like idleness, and timers
would fire early: both are refused. And when every task waits and there is no timer at all,
nothing can ever happen again: that is a deadlock, and it is raised where a real loop would hang.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Deadlock(RuntimeError):
    """Every task waits and no timer is set."""


class _TimeSelector(selectors.SelectSelector):
    """Waiting is advancing; no file is ever ready."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        # The loop's own wake-up pipe comes first; anything after it is real I/O.
        if self.get_map():
            raise RuntimeError("virtual time has no sockets: use the in-memory links and broker")
        return super().register(fileobj, events, data)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock(f"at {self.now_s:.3f} s every task waits and no timer is set")
        if timeout > 0:
            self.now_s += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time; `now_ms` is its wall clock, starting at `start_ms`."""

    def __init__(self, start_ms: int) -> None:
        self._virtual = _TimeSelector()
        self._start_ms = start_ms
        super().__init__(self._virtual)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._virtual.now_s

    def now_ms(self) -> int:
        """The true time of the world, milliseconds since the epoch, UTC."""
        return self._start_ms + round(self._virtual.now_s * 1000)

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Refused: a thread's work takes no virtual time."""
        del executor, args
        raise RuntimeError(f"virtual time has no threads: call {func!r} directly")


def run(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]], start_ms: int) -> T:
    """Run `main(loop)` to its end in virtual time that begins at `start_ms`."""
    loop = VirtualLoop(start_ms)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main(loop))
