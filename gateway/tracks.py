"""What ingest remembers of registers between groups, so that an ordinary reading asks no SQL.

A *track* is one register's dial with its newest reading and its last accepted level. Tracks are
a cache of the store, bounded, loaded for a whole group at once, and dropped when the registry
changes, when a transaction fails, and when they become too many.
"""

from collections.abc import Iterable

from drivers.reading import Unit
from gateway.model import FOREVER_MS, Binding, Level, MeterCard, RegisterCard
from gateway.rules import stuck
from gateway.rules.subject import Dial
from gateway.store import FoundRow, Past, Store

# About 2 kB a meter with two registers: 100 MB for the meters of a hundred large houses.
METERS_MAX = 50_000
# What one device may bring that no registry names: a full M-Bus segment (250 meters) with
# sixteen registers each. More is a device that makes meters up.
FOUND_MAX = 4000

_BEFORE_ALL_MS = -1


class Track:
    """One register with its newest reading of any state and its last accepted level.

    While there is no accepted level, `mantissa` stands at the dial's capacity, where no reading
    passes the screen. `dial` is None for an unregistered register.
    """

    __slots__ = (
        "at_ms", "capacity", "dial", "exponent", "has_level", "initial", "limit_ms", "mantissa",
        "newest_ms", "rate_max_per_h", "register_no", "since_ms", "stuck_at_ms", "unit",
    )  # fmt: skip

    def __init__(self, register_no: int, dial: Dial | None, initial: Level | None = None) -> None:
        self.register_no = register_no
        self.dial = dial
        self.initial = initial
        self.newest_ms = self.at_ms = self.since_ms = self.stuck_at_ms = _BEFORE_ALL_MS
        self.has_level = False
        self.unit: Unit | None = None
        self.exponent = self.capacity = self.rate_max_per_h = self.limit_ms = 0
        if dial is not None:
            self.unit, self.exponent, self.capacity = dial.unit, dial.exponent, dial.capacity
            self.rate_max_per_h = dial.rate_max_per_h
            self.limit_ms = stuck.limit_ms(dial.resource)
        self.mantissa = self.capacity

    @property
    def level(self) -> Level | None:
        """The last accepted reading, or the value the register was installed with."""
        return Level(self.at_ms, self.mantissa) if self.has_level else None

    def load(self, past: Past | None) -> None:
        """Begin with what is stored, or with the value the register was installed with."""
        if past is not None:
            self.newest_ms = past.newest_ms
        if past is not None and past.accepted is not None:
            self.accept(Level(past.unchanged_since_ms, past.accepted.mantissa))
            self.accept(past.accepted)
        elif self.initial is not None:
            self.accept(self.initial)

    def accept(self, level: Level) -> None:
        """Note a new last accepted reading."""
        if not self.has_level or level.mantissa != self.mantissa:
            self.since_ms, self.stuck_at_ms = level.at_ms, level.at_ms + self.limit_ms
        elif level.at_ms >= self.stuck_at_ms:
            self.stuck_at_ms = FOREVER_MS
        self.has_level = True
        self.at_ms, self.mantissa = level


UNKNOWN_TRACK = Track(0, None)
"""Stands for a register the registry does not name; it passes no screen."""


class Meter:
    """One meter's registered tracks by OBIS; `bindings` newest last, the newest one unfolded."""

    __slots__ = ("bindings", "device_no", "from_ms", "to_ms", "tracks")

    def __init__(self, bindings: tuple[Binding, ...], tracks: dict[str, Track]) -> None:
        self.bindings = bindings
        self.tracks = tracks
        self.device_no, self.from_ms, self.to_ms = bindings[-1] if bindings else (0, 0, 0)


UNKNOWN_METER = Meter((), {})


class Tracks:
    """The cache."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._meters: dict[str, Meter] = {}
        self._found: dict[int, dict[FoundRow, Track]] = {}

    def clear(self) -> None:
        """Forget everything; it will be loaded again."""
        self._meters.clear()
        self._found.clear()

    def meters(self, serials: Iterable[str]) -> dict[str, Meter]:
        """The meters of a group, unregistered ones without tracks."""
        if len(self._meters) > METERS_MAX:
            self.clear()
        wanted = set(serials)
        fresh = wanted - self._meters.keys()
        if fresh:
            cards = self._store.registry.meters(fresh)
            made = {serial: _meter(card) for serial, card in cards.items()}
            self._load(track for meter in made.values() for track in meter.tracks.values())
            self._meters |= dict.fromkeys(fresh, UNKNOWN_METER) | made
        return self._meters

    def found(self, device_no: int) -> dict[FoundRow, Track]:
        """The tracks of the unregistered registers a device has brought."""
        if device_no not in self._found:
            numbers = self._store.registry.found_registers(device_no)
            self._keep_found(device_no, numbers)
        return self._found[device_no]

    def add_found(self, device_no: int, rows: list[FoundRow]) -> None:
        """Give unregistered registers tracks."""
        self.found(device_no)
        self._keep_found(device_no, self._store.registry.add_found(rows))

    def _keep_found(self, device_no: int, numbers: dict[FoundRow, int]) -> None:
        tracks = {row: Track(register_no, None) for row, register_no in numbers.items()}
        self._load(tracks.values())
        self._found.setdefault(device_no, {}).update(tracks)

    def _load(self, tracks: Iterable[Track]) -> None:
        tracks = list(tracks)
        limits = {track.register_no: track.limit_ms for track in tracks}
        pasts = self._store.ledger.pasts(limits) if limits else {}
        for track in tracks:
            track.load(pasts.get(track.register_no))


def _meter(card: MeterCard) -> Meter:
    tracks = {register.obis: _track(register, card) for register in card.registers}
    return Meter(card.bindings, tracks)


def _track(register: RegisterCard, card: MeterCard) -> Track:
    dial = Dial(
        Unit(register.unit),
        register.exponent,
        register.digits,
        register.rate_max_per_h,
        card.resource,
    )
    return Track(register.register_no, dial, register.initial)
