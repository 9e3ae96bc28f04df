"""Seats: what only one process may do, and which share of the devices each one serves.

Any number of collectors work on one ledger. Seat 0 is the leader's: closing, hand-off and the
like are done by whoever sits there. Where the broker cannot share a subscription (NATS), each
partition of the devices is a seat too (docs/collectors.md), and a process takes as many of those as
its share is. A seat is held for as long as its holder lives and is connected; then it is free at
once. So nobody appoints anybody, and a leader that is killed has a successor with the next look.

Every act is a transaction of its own that begins with what the ledger says, so two leaders for a
moment would do nothing twice in it. What leaves the ledger carries an idempotency key.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import structlog

from gateway.handoff.pump import Caller
from gateway.store import StoreError

LEADER = 0
"""The leader's seat; partition n of the devices is seat n + 1."""
# Within this a successor takes over, once the seat is free.
LOOK_S = 1.0

log = structlog.get_logger()


class Table(Protocol):
    """Where the seats are. After a StoreError all that were held are lost."""

    def take(self, seat: int) -> bool:
        """Sit down, unless another process sits there."""

    def leave(self, seat: int) -> None:
        """Get up."""

    def present(self) -> int:
        """How many processes share the partitions, this one among them."""

    def close(self) -> None:
        """Leave the table, and every seat with it."""


class OwnTable:
    """A ledger in a file: all seats are for the one process that runs."""

    def __init__(self, file: Path) -> None:
        try:
            self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(f"cannot open {file}: {error.strerror}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise StoreError(
                f"another plomba-gateway runs on this ledger (it holds {file}): one at a time, or "
                "a ledger on PostgreSQL (docs/collectors.md)"
            ) from error
        except OSError as error:
            self.close()
            raise StoreError(f"cannot lock {file}: {error.strerror}") from error

    def take(self, seat: int) -> bool:  # noqa: ARG002 - there is nobody else
        """Always."""
        return True

    def leave(self, seat: int) -> None:
        """Nobody waits for it."""

    def present(self) -> int:
        """One."""
        return 1

    def close(self) -> None:
        """Let another process in."""
        os.close(self._descriptor)


class Share:
    """The seats of one process, look by look.

    `leads`: whether it would be the leader. Of `partitions` it takes as many as everybody's share
    is, and gives back what is more when others come. A seat to be given back is got up from with
    the next look, when whoever worked there has ended.
    """

    def __init__(self, join: Callable[[], Table], partitions: int, *, leads: bool) -> None:
        self._join = join
        self._partitions = range(LEADER + 1, partitions + LEADER + 1)
        self._leads = leads
        self._table: Table | None = None
        self._leaving: list[int] = []
        self.held: set[int] = set()

    def look(self) -> set[int]:
        """The seats held from now on; StoreError when none is."""
        try:
            if self._table is None:
                self._table = self._join()
            self._rise(self._table)
            self._settle(self._table)
        except StoreError:
            self._table = None
            self._leaving = []
            self.held = set()
            raise
        return set(self.held)

    def close(self) -> None:
        """Leave all of them."""
        if self._table is not None:
            self._table.close()

    def _rise(self, table: Table) -> None:
        while self._leaving:
            table.leave(self._leaving.pop())

    def _settle(self, table: Table) -> None:
        if self._leads and LEADER not in self.held and table.take(LEADER):
            self.held.add(LEADER)
        share = -(-len(self._partitions) // max(1, table.present()))
        mine = sorted(self.held - {LEADER})
        self._leaving = mine[share:]
        self.held.difference_update(self._leaving)
        for seat in self._partitions:
            if len(self.held - {LEADER}) >= share:
                return
            if seat not in self.held and seat not in self._leaving and table.take(seat):
                self.held.add(seat)


class Seating:
    """Looks again and again, and has work done where this process sits."""

    def __init__(self, share: Share, call: Caller, held: set[int], look_s: float = LOOK_S) -> None:
        self._share = share
        self._call = call
        self._look_s = look_s
        self._held = held
        self._changed = asyncio.Condition()

    def holds(self, seat: int) -> bool:
        """Whether this process sits there now."""
        return seat in self._held

    async def run(self) -> None:
        """Look until cancelled."""
        complaint = ""
        while True:
            said = ""
            try:
                held = await self._call(self._share.look)
            except StoreError as error:
                held, said = set(), str(error)
            if said not in ("", complaint):
                log.error("no seat without the ledger: leader's tasks wait", error=said)
            complaint = said
            await self._note(held)
            await asyncio.sleep(self._look_s)

    async def _note(self, held: set[int]) -> None:
        if held == self._held:
            return
        if LEADER in held ^ self._held:
            log.info("leads" if LEADER in held else "leads no more")
        async with self._changed:
            self._held = held
            self._changed.notify_all()

    async def sit(self, seat: int, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Do `work` while the seat is held, each time that it is; ended at once when it is not."""
        while True:
            await self._until(seat, held=True)
            working = asyncio.create_task(work())
            losing = asyncio.create_task(self._until(seat, held=False))
            try:
                await asyncio.wait([working, losing], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (working, losing):
                    task.cancel()
                await asyncio.wait([working, losing])
                failure = None if working.cancelled() else working.exception()
            if failure is not None:
                raise failure

    async def _until(self, seat: int, *, held: bool) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: (seat in self._held) is held)


@asynccontextmanager
async def seating_of(
    join: Callable[[], Table], partitions: int, *, leads: bool
) -> AsyncIterator[Seating]:
    """A seating with a thread of its own: a long act in the ledger's must not hold up a look.

    StoreError if there is no table to sit down at.
    """
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, "seats") as executor:
        share = Share(join, partitions, leads=leads)
        try:
            # Whoever cannot sit down at all says so before anything has started.
            first = await loop.run_in_executor(executor, share.look)
            yield Seating(share, lambda work: loop.run_in_executor(executor, work), held=first)
        finally:
            await loop.run_in_executor(executor, share.close)
