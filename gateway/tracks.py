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
    which no number of the rules changes. `in_panel`: some of its tracks may be in a panel.
    """

    __slots__ = ("bindings", "device_no", "from_ms", "in_panel", "sums", "to_ms", "tracks")

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
        self.in_panel = False
        self.sums = tuple(tariffs.sums(part for track in tracks.values() for part in track.parts))

    def release(self) -> None:
        """Take its tracks out of a panel."""
        for track in self.tracks.values():
            track.release()
        self.in_panel = False

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
    """The cache. `generation` changes whenever all of it is forgotten.

    What stands in it of a meter is kept with the device that reads it, its owner.
    """

    def __init__(self, store: Store, table: Table, meters_max: int = METERS_MAX) -> None:
        self._store = store
        self._table = table
        self._meters_max = meters_max
        self._epoch = (0, 0)
        self.generation = 0
        self._cards: dict[str, MeterCard] = {}
        self._meters: dict[str, Meter] = {}
        self._owned: dict[int, set[str]] = {}
        self._found: dict[int, dict[FoundRow, Track]] = {}

    def clear(self) -> None:
        """Forget everything; it will be loaded again."""
        self.generation += 1
        self._cards.clear()
        self._meters.clear()
        self._owned.clear()
        self._found.clear()

    def forget(self, device_no: int) -> None:
        """Forget what stands with a device; it will be loaded again."""
        for serial in self._owned.pop(device_no, ()):
            self._meters.pop(serial, None)
        self._found.pop(device_no, None)

    def owners(self, serials: Iterable[str]) -> set[int]:
        """The devices that registered meters among `serials` are bound to."""
        known = self._meters
        fresh = [serial for serial in serials if serial not in known]
        if fresh:
            self._cards = self._store.registry.meters(fresh)
        cards = [self._cards[serial] for serial in fresh if serial in self._cards]
        bound = {card.bindings[-1].device_no for card in cards if card.bindings}
        return bound | {known[serial].device_no for serial in serials if serial in known} - {0}

    def meters(self, serials: Iterable[str]) -> dict[str, Meter]:
        """The meters of a group, unregistered ones without tracks."""
        fresh = set(serials) - self._meters.keys()
        if fresh:
            cards = {serial: self._cards[serial] for serial in fresh if serial in self._cards}
            unseen = fresh - cards.keys()
            cards |= self._store.registry.meters(unseen) if unseen else {}
            self._cards = {}
            made = {serial: self._meter(card) for serial, card in cards.items()}
            self._load(track for meter in made.values() for track in meter.tracks.values())
            self._meters |= dict.fromkeys(fresh, UNKNOWN_METER) | made
            for serial, meter in made.items():
                self._owned.setdefault(meter.device_no, set()).add(serial)
        return self._meters

    def keep_bounds(self, now_ms: int) -> None:
        """Forget everything if it is too much or of another epoch.

        To be asked before a group: what is forgotten in the midst of one is loaded again without
        the readings of the group.
        """
        epoch = self._table.epoch(now_ms)
        if len(self._meters) > self._meters_max or epoch != self._epoch:
            self.clear()
            self._epoch = epoch

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
