"""What ingest remembers of registers between groups, so that an ordinary reading asks no SQL.

A *track* is one register's dial with its newest reading and its last accepted level. Tracks are
a cache of the store, bounded, loaded for a whole group at once, and dropped when the registry
changes, when a transaction fails, when a number of the rules changes, and when they become too
many.
"""

from collections.abc import Iterable

from drivers.reading import Readout, RegisterValue, Source, Unit
from gateway.model import FOREVER_MS, Binding, MeterCard, RegisterCard
from gateway.rules import tariffs, usage
from gateway.rules.parameters import Limits, Table
from gateway.rules.subject import Dial
from gateway.store import FoundRow, Store
from gateway.track import Track

# About 4 kB a meter with two registers: 200 MB for the meters of a hundred large houses.
METERS_MAX = 50_000
# What one device may bring that no registry names: a full M-Bus segment (250 meters) with
# sixteen registers each. More is a device that makes meters up.
FOUND_MAX = 4000


class Meter:
    """One meter's registered tracks by OBIS; `bindings` newest last.

    `device_no`, `from_ms` and `to_ms` are the newest binding, as far as it lies in the `epoch` in
    which no number of the rules changes.
    """

    __slots__ = ("bindings", "device_no", "from_ms", "sums", "to_ms", "tracks")

    def __init__(
        self,
        bindings: tuple[Binding, ...],
        tracks: dict[str, Track],
        epoch: tuple[int, int] = (0, FOREVER_MS),
    ) -> None:
        self.bindings = bindings
        self.tracks = tracks
        self.device_no, from_ms, to_ms = bindings[-1] if bindings else (0, 0, 0)
        self.from_ms, self.to_ms = max(from_ms, epoch[0]), min(to_ms, epoch[1])
        self.sums = tuple(tariffs.sums(part for track in tracks.values() for part in track.parts))

    def is_told_whole(self, readout: Readout) -> bool:
        """Whether neither V-SIB nor V-TOU has anything against an answer of registered registers.

        Asked of an interval reading only for the sums.
        """
        shown = {value.register: value for value in readout.values}
        if readout.source is not Source.INTERVAL and not self.tracks.keys() <= shown.keys():
            return False
        return not self.sums or self._adds_up(shown)

    def _adds_up(self, shown: dict[str, RegisterValue]) -> bool:
        for value in shown.values():
            track = self.tracks.get(value.register)
            if track is None or (value.unit, value.exponent) != (track.unit, track.exponent):
                return False
        mantissas = {value.register: value.mantissa for value in shown.values()}
        return all(one.agrees(mantissas) for one in self.sums if one.names <= shown.keys())


UNKNOWN_METER = Meter((), {})


class Tracks:
    """The cache."""

    def __init__(self, store: Store, table: Table) -> None:
        self._store = store
        self._table = table
        self._epoch = (0, 0)
        self._meters: dict[str, Meter] = {}
        self._found: dict[int, dict[FoundRow, Track]] = {}

    def clear(self) -> None:
        """Forget everything; it will be loaded again."""
        self._meters.clear()
        self._found.clear()

    def meters(self, serials: Iterable[str], now_ms: int) -> dict[str, Meter]:
        """The meters of a group, unregistered ones without tracks."""
        epoch = self._table.epoch(now_ms)
        if len(self._meters) > METERS_MAX or epoch != self._epoch:
            self.clear()
            self._epoch = epoch
        wanted = set(serials)
        fresh = wanted - self._meters.keys()
        if fresh:
            cards = self._store.registry.meters(fresh)
            made = {serial: self._meter(card) for serial, card in cards.items()}
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
        limits = {track.register_no: track.still_ms for track in tracks}
        if not limits:
            return
        ledger = self._store.ledger
        pasts = ledger.pasts(limits)
        judged = [number for number, past in pasts.items() if past.accepted is not None]
        openings = ledger.openings(judged, usage.PERIOD_MS, usage.PERIODS_KEPT)
        for track in tracks:
            track.load(pasts.get(track.register_no), openings.get(track.register_no, ()))

    def _meter(self, card: MeterCard) -> Meter:
        limits = self._table.limits(card.resource, self._epoch[0])
        tracks = {register.obis: _track(register, card, limits) for register in card.registers}
        return Meter(card.bindings, tracks, self._epoch)


def _track(register: RegisterCard, card: MeterCard, limits: Limits) -> Track:
    dial = Dial(
        Unit(register.unit),
        register.exponent,
        register.digits,
        register.rate_max_per_h,
        card.resource,
    )
    track = Track(register.register_no, dial, register.initial, register.obis, limits)
    track.final = register.final
    return track
