"""The mirror's way along the stream: take a portion, send it, and only then move the cursor.

Killed between sending and moving it sends again, which no target minds. It reads the ledger
through a look of its own in a thread of its own, so ingest waits for nothing but the writing of a
cursor. What a target does not take stays in the ledger: there is no queue to run over.
"""

from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from gateway.mirror.lines import Liner
from gateway.mirror.points import MirrorLook, points
from gateway.mirror.target import Sink
from gateway.stream import Cursor, Position, is_at, portion
from gateway.wiring import Clock

NAME = "mirror"
"""The follower's name in the ledger."""


class Plan(NamedTuple):
    """From where to where."""

    cursor: Cursor
    horizon: Position

    @property
    def behind(self) -> int:
        """How many batches are to be mirrored yet."""
        return self.horizon.batch_no - self.cursor.position.batch_no


class CursorStore(Protocol):
    """Where the cursor is kept."""

    def cursor(self, name: str) -> Cursor | None:
        """Where a follower is."""

    def horizon(self) -> Position:
        """The end of the stream."""

    def start(self, name: str, now_ms: int) -> Cursor:
        """Let it begin."""

    def move(self, name: str, was: Cursor, now: Cursor) -> bool:
        """Note that it has come further."""


class Looks(Protocol):
    """Looks at the ledger as it stands on the server that is written."""

    def __call__(self) -> AbstractContextManager[MirrorLook]:
        """One look."""


class Follower:
    """Carries the stream to `sink`. `plan` and `moved` go where the ledger is written."""

    def __init__(
        self, cursors: CursorStore, looks: Looks, sink: Sink, gateway: str, clock: Clock
    ) -> None:
        self._cursors = cursors
        self._looks = looks
        self._sink = sink
        self._liner = Liner(gateway, sink.kind)
        self._clock = clock
        self._horizon: Position | None = None

    def plan(self) -> Plan:
        """What is to be done; the first time with everything that is stored."""
        cursor = self._cursors.cursor(NAME) or self._cursors.start(NAME, self._clock())
        if self._horizon is None or is_at(cursor, self._horizon):
            self._horizon = self._cursors.horizon()
        return Plan(cursor, self._horizon)

    def carry(self, plan: Plan) -> Cursor | None:
        """Send one portion; where that leads, None if there was none. MirrorError if it fails."""
        with self._looks() as look:
            found = portion(look, plan.cursor, plan.horizon)
            if found is None:
                return None
            lines = [line for point in points(look, found) for line in self._liner.reading(point)]
        now_ms, sent = self._clock(), plan.cursor.sent + len(lines)
        reached = found.cursor._replace(sent=sent, moved_at_ms=now_ms)
        position = reached.position
        behind = plan.horizon.batch_no - position.batch_no
        self._sink.write([*lines, self._liner.status(position.batch_no, behind, sent, now_ms)])
        return reached

    def moved(self, plan: Plan, reached: Cursor) -> bool:
        """Note it; False if somebody else moved the cursor meanwhile, and nothing is lost."""
        return self._cursors.move(NAME, plan.cursor, reached)

    def step(self) -> bool:
        """All of it at once, for who has no thread to spare; whether there was anything."""
        plan = self.plan()
        reached = self.carry(plan)
        if reached is not None:
            self.moved(plan, reached)
        return reached is not None

    def rebuild(self) -> None:
        """Empty the target and begin anew; cut off in the middle, it is to be done again."""
        self._cursors.start(NAME, self._clock())
        self._sink.forget()
        self._cursors.start(NAME, self._clock())
