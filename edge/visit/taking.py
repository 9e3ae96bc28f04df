"""The lines of this device for a visit: asked of the agent, held while used, given back by itself.

An installer who walks off must not leave the meters unread: some time after the last question the
lines are let go, and the agent takes them again. A process that dies lets go with its end.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from edge.line_owner import LinesInUse, owning_lines, wanting_lines

# A person who reads a dial on a ladder is back within this; then the agent goes on.
LINGER_S = 180.0
# The agent looks each second, finishes its read (a slow meter takes half a minute) and says
# goodbye to the broker.
WAIT_S = 60.0
_LOOK_S = 0.2
# Whoever only looks whether the lines are wanted holds the lock for an instant.
_TRIES, _TRY_S = 10, 0.02


class Lines:
    """One process's hold of the lines of the device whose state is in `state_dir`."""

    def __init__(
        self, state_dir: Path, *, linger_s: float = LINGER_S, wait_s: float = WAIT_S
    ) -> None:
        self._state_dir = state_dir
        self._linger_s = linger_s
        self._wait_s = wait_s
        self._hold: ExitStack | None = None
        self._one_at_a_time = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def are_held(self) -> bool:
        """Whether they are this process's now."""
        return self._hold is not None

    @property
    def are_used(self) -> bool:
        """Whether something is being asked."""
        return self._one_at_a_time.locked()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Use the lines, one user after the other; LinesInUse if they cannot be had."""
        async with self._one_at_a_time:
            self._cancel_timer()
            try:
                if self._hold is None:
                    self._hold = await self._taken()
                yield
            finally:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(self._linger_s, self._give_back)

    def let_go(self) -> None:
        """Give them back now, unless they are being used."""
        if not self.are_used:
            self._cancel_timer()
            self._give_back()

    def _give_back(self) -> None:
        if self._hold is not None:
            self._hold.close()
            self._hold = None

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _taken(self) -> ExitStack:
        stack = ExitStack()
        try:
            await self._want(stack)
            await self._own(stack)
        except OSError as error:
            stack.close()
            raise LinesInUse(
                f"cannot use {self._state_dir}: {error.strerror}; use the agent's user "
                "(sudo -u plomba …) or root"
            ) from error
        except BaseException:
            stack.close()
            raise
        return stack

    async def _want(self, stack: ExitStack) -> None:
        for left in reversed(range(_TRIES)):
            try:
                stack.enter_context(wanting_lines(self._state_dir))
            except LinesInUse:
                if not left:
                    raise
                await asyncio.sleep(_TRY_S)
            else:
                return

    async def _own(self, stack: ExitStack) -> None:
        """Wait until the agent has let go; one that was started without --wait never does."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._wait_s
        while True:
            try:
                stack.enter_context(owning_lines(self._state_dir))
            except LinesInUse:
                if loop.time() >= until_s:
                    raise
                await asyncio.sleep(_LOOK_S)
            else:
                return
