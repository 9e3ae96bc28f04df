"""The stream of changes: every reading that came into the ledger or changed there, in portions.

A reading is not logged when it is stored: that would cost the hot path. It is found again through
what is numbered anyway, each of these rising:

- *batches*: decoding one says which registers and instants it brought;
- *changes*, which triggers write for what is rare: a reading's state or flags became others, a
  claim was taken back, a batch whose readings had waited for their time was placed (and what
  writes a claim among the readings says so there);
- *decisions*, which may bring a reading that a person took at the meter.

A follower keeps its place in all three and asks what lies between that and the *horizon*, below
which nothing can appear any more. It is told places (register and instant) and looks up what
stands there **now**, so a place told twice does no harm, and what changed twice is right at once.
One who starts goes through everything stored first, from a place taken before that.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from cloud_sync import batch as wire_batch
from cloud_sync import signing
from drivers.reading import ClockState

# About a hundred batches of a hundred readings: half a second of work, 10 MB.
READINGS_MAX = 10_000
BATCHES_MAX = 200
# Changes are rare; one may name a batch of 512 readouts.
CHANGES_MAX = 100


class Position(NamedTuple):
    """A place in the stream: all that is numbered up to here."""

    batch_no: int
    change_no: int
    decision_no: int


class Place(NamedTuple):
    """One register at one instant."""

    register_no: int
    at_ms: int


class Scan(NamedTuple):
    """How far a follower has gone through what was stored before it began."""

    register_no: int
    at_ms: int
    copy: int


class Cursor(NamedTuple):
    """A follower's place; `scan` is None once it has gone through all that was there before."""

    position: Position
    scan: Scan | None
    sent: int
    moved_at_ms: int


class Stored(NamedTuple):
    """A reading as it stands now."""

    register_no: int
    at_ms: int
    copy: int
    mantissa: int
    state: int
    batch_no: int

    @property
    def key(self) -> Scan:
        """Its primary key."""
        return Scan(*self[:3])


class Sent(NamedTuple):
    """A stored batch; `started_at_ms` is its boot's start, None while that is unknown."""

    batch_no: int
    device_no: int
    message: bytes
    started_at_ms: int | None
    reading_count: int


class Change(NamedTuple):
    """A reading that left the state `before` (None: it left none), or a batch placed in time."""

    change_no: int
    batch_no: int | None
    register_no: int | None
    at_ms: int | None
    copy: int | None
    before: int | None


class Brought(NamedTuple):
    """A decision, and the instant of the reading that it brought, None if it brought none."""

    decision_no: int
    register_no: int
    at_ms: int | None


Name = tuple[int, str, str]
"""A device's number, and the meter and register as it names them."""


class StreamLook(Protocol):
    """What the stream asks of a look at the ledger."""

    def batches(self, after_no: int, upto_no: int, limit: int) -> Iterable[Sent]:
        """Batches by number."""

    def changes(self, after_no: int, upto_no: int, limit: int) -> Sequence[Change]:
        """Changes by number."""

    def decisions(self, after_no: int, upto_no: int, limit: int) -> Sequence[Brought]:
        """Decisions by number."""

    def registers(self, names: Collection[Name]) -> Mapping[Name, Sequence[int]]:
        """The registers that readings under those names may be stored under."""

    def readings(self, places: Collection[Place]) -> Sequence[Stored]:
        """What stands at those places."""

    def scan(self, after: Scan, limit: int) -> Sequence[Stored]:
        """What stands after a reading, by register and time."""


class Portion(NamedTuple):
    """Where something came or changed, what left its state, and the cursor behind it all."""

    places: frozenset[Place]
    changes: tuple[Change, ...]
    cursor: Cursor


def is_at(cursor: Cursor, horizon: Position) -> bool:
    """Whether a follower has come to a horizon.

    Until it has, the horizon it knows is good enough: taking a new one holds up everybody who
    writes for a moment.
    """
    reached = all(one >= end for one, end in zip(cursor.position, horizon, strict=True))
    return cursor.scan is None and reached


def portion(
    look: StreamLook, cursor: Cursor, horizon: Position, readings_max: int = READINGS_MAX
) -> Portion | None:
    """The next portion of a follower; None when it has come to the horizon."""
    if cursor.scan is not None:
        return _scanned(look, cursor, cursor.scan, readings_max)
    if is_at(cursor, horizon):
        return None
    at = cursor.position
    changes = look.changes(at.change_no, horizon.change_no, CHANGES_MAX)
    late = [one.batch_no for one in changes if one.batch_no is not None]
    sent = _bounded(look.batches(at.batch_no, horizon.batch_no, BATCHES_MAX), readings_max)
    placed = [one for no in late for one in look.batches(no - 1, no, 1)]
    places = _of_batches(look, [*sent, *placed])
    places |= {
        Place(one.register_no, one.at_ms)
        for one in changes
        if one.register_no is not None and one.at_ms is not None
    }
    decisions = look.decisions(at.decision_no, horizon.decision_no, CHANGES_MAX)
    places |= {Place(one.register_no, one.at_ms) for one in decisions if one.at_ms is not None}
    reached = Position(
        _end(at.batch_no, horizon.batch_no, [one.batch_no for one in sent]),
        _end(at.change_no, horizon.change_no, [one.change_no for one in changes]),
        _end(at.decision_no, horizon.decision_no, [one.decision_no for one in decisions]),
    )
    moved = tuple(one for one in changes if one.register_no is not None)
    return Portion(frozenset(places), moved, cursor._replace(position=reached))


def _end(at: int, horizon: int, numbers: Sequence[int]) -> int:
    """Up to where numbers were gone through; where there are none left, the horizon itself."""
    return numbers[-1] if numbers else max(at, horizon)


def _scanned(look: StreamLook, cursor: Cursor, scan: Scan, limit: int) -> Portion:
    rows = look.scan(scan, limit)
    end = rows[-1].key if rows else None
    places = frozenset(Place(one.register_no, one.at_ms) for one in rows)
    return Portion(places, (), cursor._replace(scan=end))


def _bounded(batches: Iterable[Sent], readings_max: int) -> list[Sent]:
    """As many as hold so many readings together, one at least."""
    found: list[Sent] = []
    readings = 0
    for one in batches:
        readings += one.reading_count
        if found and readings > readings_max:
            break
        found.append(one)
    return found


def _of_batches(look: StreamLook, batches: Sequence[Sent]) -> set[Place]:
    """The registers and instants those batches brought; what waits for its time has none yet."""
    named = {(name, at_ms) for one in batches for name, at_ms in _named(one)}
    registers = look.registers({name for name, _ in named})
    return {
        Place(register_no, at_ms)
        for name, at_ms in named
        for register_no in registers.get(name, ())
    }


def _named(sent: Sent) -> Iterable[tuple[Name, int]]:
    batch = wire_batch.decode(signing.parse(sent.message).payload)
    for readout in batch.readouts:
        at_ms = readout.captured_at_ms
        if readout.clock_state is ClockState.RELATIVE:
            if sent.started_at_ms is None:
                continue
            at_ms += sent.started_at_ms
        for value in readout.values:
            yield (sent.device_no, readout.meter, value.register), at_ms
