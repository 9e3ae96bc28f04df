"""Panels: the screen of gateway/judge.py for a whole batch of one form, in operations on arrays.

A panel holds the tracks of all registers that a layout names, as columns beside the columns of a
batch, so that a hundred readings are compared, and their tracks moved on, by some thirty
operations. It decides exactly as the screen does for one reading (a property test shows it): it
only ever says of a readout that no rule would find anything in any of its values. Every other
readout is left to the screen and the rules.

While a track is in a panel its own attributes are stale. Whoever wants to look at it (or at its
meter) releases it first; the panel takes it back with the next batch.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from drivers.reading import Source
from gateway.layout import READINGS_KEPT_MAX, Columns, Layout, Numbers, Values
from gateway.model import FOREVER_MS, Level
from gateway.rules.subject import MS_PER_H
from gateway.track import UNKNOWN_TRACK, Track
from gateway.tracks import UNKNOWN_METER, Meter, Tracks

# What is larger goes the full way, which knows no bounds: here the products must fit into 63 bits.
# 2^40 last digits are more than any dial moves between two readings; 2^33 ms are three months;
# 2^29 last digits an hour are 5 GW in units of 0.01 kWh.
_STEP_MAX, _SPAN_MAX_MS, _RATE_MAX = 2**40, 2**33, 2**29

# The attributes of a track that readings move, in the order of the rows of `_state`.
_MOVING = (
    "newest_ms", "at_ms", "mantissa", "since_ms", "stuck_at_ms", "prior_ms", "prior_mantissa",
    "period_end_ms", "judged_ms",
)  # fmt: skip
_ROW_COLUMNS = 8
_AT, _MANTISSA, _BATCH_NO = 1, 3, 6


class Bounds(NamedTuple):
    """What the screen asks of every readout."""

    horizon_ms: int
    clock_error_s: int


class Panel:
    """The tracks of a layout's registers, in the order of its values."""

    def __init__(self, layout: Layout, device_no: int, meters: Mapping[str, Meter]) -> None:
        self.layout = layout
        self._meters = [meters.get(values.meter, UNKNOWN_METER) for values in layout.readouts]
        pairs = list(zip(layout.readouts, self._meters, strict=True))
        self.knows_all = all(_names(values, meter) for values, meter in pairs)
        fit = [_fits(values, meter, device_no) for values, meter in pairs]
        self._fit = np.array(fit)
        self._with_sums = [at for at, (_, meter) in enumerate(pairs) if fit[at] and meter.sums]
        self._from_ms = np.array([meter.from_ms for meter in self._meters])
        self._to_ms = np.array([meter.to_ms for meter in self._meters])
        self._tracks = [
            meter.tracks[name] if fit[at] else UNKNOWN_TRACK
            for at, (values, meter) in enumerate(pairs)
            for name in values.registers
        ]
        self._capacity = np.array([track.capacity for track in self._tracks])
        self._rate = np.array([track.rate_max_per_h for track in self._tracks])
        self._still = np.array([track.still_ms for track in self._tracks])
        self._rows = np.zeros((len(self._tracks), _ROW_COLUMNS), np.int64)
        self._rows[:, 0] = [track.register_no for track in self._tracks]
        self._rows[:, 7] = range(len(self._tracks))
        # A register that is left to the screen never passes here: everything is before its newest.
        self._state = np.full((len(_MOVING), len(self._tracks)), FOREVER_MS)
        own = range(len(self._tracks))
        self._out = [place for place in own if self._tracks[place] is not UNKNOWN_TRACK]

    def take(
        self, columns: Columns, batch_no: int, bounds: Bounds
    ) -> tuple[Numbers, Sequence[int]]:
        """The ledger's rows of all plain readouts, their tracks moved on; which others there are.

        The batch must be chained after all that is stored of its device.
        """
        if self._out:
            self._take_back()
        at = columns.captured_ms.take(self.layout.readout_of)
        values = self._plain(at, columns.mantissas)
        readouts = self._in_order(columns, bounds)
        if self._with_sums:
            self._add_up(columns.mantissas, readouts)
        if values.all() and readouts.all():
            self._move(at, columns.mantissas)
            return self._ledger_rows(at, columns.mantissas, batch_no), ()
        readouts &= np.logical_and.reduceat(values, self.layout.starts)
        plain = np.flatnonzero(readouts.take(self.layout.readout_of))
        self._move(at[plain], columns.mantissas[plain], plain)
        rows = self._ledger_rows(at, columns.mantissas, batch_no)[plain]
        return rows, np.flatnonzero(~readouts).tolist()

    def _in_order(self, columns: Columns, bounds: Bounds) -> npt.NDArray[np.bool_]:
        captured = columns.captured_ms
        in_order: npt.NDArray[np.bool_] = (
            self._fit
            & (columns.clock_errors_s <= bounds.clock_error_s)
            & (captured <= bounds.horizon_ms)
            & (captured >= self._from_ms)
            & (captured < self._to_ms)
        )
        return in_order

    def _plain(self, at: Numbers, mantissas: Numbers) -> npt.NDArray[np.bool_]:
        """The screen's comparisons of a value with its track."""
        newest, last_at, last, _, stuck_at, _, _, _, judged = self._state
        step = mantissas - last
        # Negative before the meter was put up. (np.clip takes five times as long.)
        span = np.maximum(np.minimum(at - last_at, _SPAN_MAX_MS), -_SPAN_MAX_MS)
        plain: npt.NDArray[np.bool_] = (
            (at > newest)
            & (at < judged)
            & (mantissas < self._capacity)
            & ((step > 0) | ((step == 0) & (at < stuck_at)))
            & (step <= _STEP_MAX)
            & ((step - 1) * MS_PER_H <= self._rate * span)
        )
        return plain

    def _add_up(self, mantissas: Numbers, readouts: npt.NDArray[np.bool_]) -> None:
        for place in self._with_sums:
            names, start = self.layout.readouts[place].registers, self.layout.starts[place]
            shown = dict(zip(names, mantissas[start : start + len(names)].tolist(), strict=True))
            sums = self._meters[place].sums
            if not all(one.agrees(shown) for one in sums if one.names <= shown.keys()):
                readouts[place] = False

    def _move(self, at: Numbers, mantissas: Numbers, plain: Numbers | None = None) -> None:
        """Note accepted readings, of all registers or of those at `plain`."""
        chosen = slice(None) if plain is None else plain
        state = self._state[:, chosen]
        newest, last_at, last, since, stuck_at, prior_at, prior, period_end, _ = state
        moved = mantissas > last
        prior_at[:], prior[:] = last_at, last
        newest[:] = last_at[:] = at
        last[:] = mantissas
        np.copyto(since, at, where=moved)
        np.copyto(stuck_at, at + self._still[chosen], where=moved)
        if plain is not None:
            self._state[:, plain] = state
        places = np.flatnonzero(at >= period_end)
        for place in places.tolist():
            own = place if plain is None else int(plain[place])
            track = self._tracks[own]
            track.open(Level(int(at[place]), int(mantissas[place])))
            self._state[7:, own] = track.period_end_ms, track.judged_ms

    def _ledger_rows(self, at: Numbers, mantissas: Numbers, batch_no: int) -> Numbers:
        rows = self._rows.copy()
        rows[:, _AT] = at
        rows[:, _MANTISSA] = mantissas
        rows[:, _BATCH_NO] = batch_no
        return rows

    def _take_back(self) -> None:
        """Take the tracks in that were released, or were never here."""
        for place in self._out:
            track = self._tracks[place]
            track.release()  # from another panel that names it, too
            track.panel, track.place = self, place
        values = [[getattr(self._tracks[at], name) for name in _MOVING] for at in self._out]
        self._state[:, self._out] = np.array(values).T
        self._out.clear()
        for meter, fits in zip(self._meters, self._fit.tolist(), strict=True):
            meter.in_panel |= fits

    def release(self, track: Track) -> None:
        """Give a track its attributes back, and leave it outside until the next batch."""
        for name, value in zip(_MOVING, self._state[:, track.place].tolist(), strict=True):
            setattr(track, name, value)
        self._out.append(track.place)
        track.panel = None

    def release_all(self) -> None:
        """Give all tracks in it their attributes back."""
        for track in self._tracks:
            if track.panel is self:
                self.release(track)


def _names(values: Values, meter: Meter) -> bool:
    return all(name in meter.tracks for name in values.registers)


def _fits(values: Values, meter: Meter, device_no: int) -> bool:
    """Whether the readouts of that form can be plain at all."""
    if meter.device_no != device_no or not _names(values, meter):
        return False
    tracks = [meter.tracks[name] for name in values.registers]
    told_whole = values.source is Source.INTERVAL or meter.tracks.keys() <= set(values.registers)
    return told_whole and all(
        track.unit is unit and track.exponent == exponent and track.rate_max_per_h <= _RATE_MAX
        for track, (unit, exponent) in zip(tracks, values.forms, strict=True)
    )


class Panels:
    """The panels of all devices, cached beside `tracks`."""

    def __init__(self, tracks: Tracks) -> None:
        self._tracks = tracks
        self._generation = tracks.generation
        self._panels: dict[int, dict[Layout, Panel]] = {}
        self._readings = 0

    def clear(self) -> None:
        """Forget all of them; the tracks in them have to be forgotten, too."""
        self._panels.clear()
        self._readings = 0

    def forget(self, device_no: int) -> None:
        """Forget those of a device; the tracks that stand with it have to be forgotten, too."""
        gone = self._panels.pop(device_no, {})
        self._readings -= sum(layout.reading_count for layout in gone)

    def panel(self, device_no: int, layout: Layout, meters: Mapping[str, Meter]) -> Panel:
        """The panel for batches of that form; `meters` holds all that it names."""
        if self._generation != self._tracks.generation:
            self.clear()
            self._generation = self._tracks.generation
        panel = self._panels.get(device_no, {}).get(layout)
        if panel is None:
            if self._readings > READINGS_KEPT_MAX:
                self._release()
            panel = Panel(layout, device_no, meters)
            self._panels.setdefault(device_no, {})[layout] = panel
            self._readings += layout.reading_count
        return panel

    def _release(self) -> None:
        """Forget all panels, but nothing of what they hold."""
        for panels in self._panels.values():
            for panel in panels.values():
                panel.release_all()
        self.clear()
