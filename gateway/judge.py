"""From verified batches to the ledger: the register of a reading, and whether it is ordinary.

Nearly every reading is *ordinary*: newer than anything stored of its register and chained after
all that is stored of its device, of the expected unit, a possible step above the last accepted
value, from a clock in order, and not the first after a period of use that can be judged. The
screen passes those in a few comparisons. It never decides against a reading, it only knows that no
rule would; every other reading is brought to the rules (see docket.py). Batches that came as
columns are screened as columns (see panel.py), and only what is not ordinary in them comes here.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from drivers.reading import ClockState, Readout, RegisterValue, Source
from gateway.docket import Case, Docket
from gateway.layout import Columns
from gateway.model import Finding, Level, State
from gateway.opening import Taken
from gateway.panel import Bounds, Panels
from gateway.quarantine import Reason, Refusal
from gateway.rules import assignment, unit
from gateway.rules.order import Chained
from gateway.rules.parameters import Table
from gateway.rules.subject import MS_PER_H, Company, Shown
from gateway.store import FoundRow
from gateway.track import UNKNOWN_TRACK, Track
from gateway.tracks import FOUND_MAX, Meter, Tracks

# Names of this module, since a member of an enum costs more to reach than the rest of a comparison.
_SYNCHRONISED, _INFORMATIVE = ClockState.SYNCHRONISED, ClockState.INFORMATIVE
_INTERVAL = Source.INTERVAL


class Signed(NamedTuple):
    """A stored batch whose readings are to be entered."""

    device_no: int
    batch_no: int
    batch: Taken
    boot_started_at_ms: int | None
    """The start of the boot it was signed in, None while that is unknown."""
    leads: bool
    """Chained after all that is stored of its device."""


class Judge:
    """Enters the readings of one group's batches into its docket."""

    def __init__(
        self, tracks: Tracks, panels: Panels, docket: Docket, table: Table, now_ms: int
    ) -> None:
        self._tracks = tracks
        self._panels = panels
        self._docket = docket
        limits = table.limits(None, now_ms)
        self._bounds = Bounds(now_ms + limits.ahead_ms, limits.clock_error_s)
        self._meters: dict[str, Meter] = {}

    def expect(self, serials: Iterable[str]) -> None:
        """Load what is known of the meters of a group, all at once."""
        self._meters = self._tracks.meters(serials)

    def admit(self, device_no: int, batch: Taken) -> None:
        """Give the registers that no registry names numbers; Refusal if they are too many."""
        if isinstance(batch, Columns):
            panel = self._panels.panel(device_no, batch.layout, self._meters)
            if panel.knows_all:
                return
        strangers = set()
        for readout in batch.readouts:
            tracks = self._meters[readout.meter].tracks
            for value in readout.values:
                if value.register not in tracks:
                    strangers.add(_found_row(device_no, readout, value))
        if not strangers:
            return
        found = self._tracks.found(device_no)
        fresh = sorted(strangers - found.keys())
        if len(found) + len(fresh) > FOUND_MAX:
            raise Refusal(
                Reason.TOO_MANY_UNKNOWN_REGISTERS,
                f"{len(fresh)} new unknown registers beside {len(found)}, at most {FOUND_MAX} "
                "are kept for a device: register its meters",
            )
        self._tracks.add_found(device_no, fresh)

    def enter(self, signed: Signed, *, relative_only: bool = False) -> None:
        """Enter a batch; its readings in relative time only if the boot's start is known."""
        batch, doubtful = signed.batch, relative_only or not signed.leads
        if doubtful or not isinstance(batch, Columns):
            self._screen(signed, _numbered(batch.readouts), doubtful, relative_only)
            return
        panel = self._panels.panel(signed.device_no, batch.layout, self._meters)
        rows, others = panel.take(batch, signed.batch_no, self._bounds)
        self._docket.add_rows(rows)
        if others:
            starts = batch.layout.starts.tolist()
            left = [(starts[at], batch.readouts[at]) for at in others]
            self._screen(signed, left, doubtful, relative_only)

    def again(self, signed: Signed, readouts: Iterable[tuple[int, Readout]]) -> None:
        """Enter readouts of a stored batch anew, each with the position of its first value."""
        self._screen(signed, readouts, doubtful=True, relative_only=False)

    def _screen(
        self,
        signed: Signed,
        readouts: Iterable[tuple[int, Readout]],
        doubtful: bool,
        relative_only: bool,
    ) -> None:
        """Enter readouts, each with the position of its first value.

        One of the two hot loops of the gateway (the other is panel.py), hence one function: what
        reaches `add` is what every rule would pass in silence.
        """
        device_no, batch_no = signed.device_no, signed.batch_no
        meters, add = self._meters, self._docket.rows.append
        horizon_ms, clock_error_s = self._bounds
        for start, readout in readouts:
            meter, state, at_ms = meters[readout.meter], readout.clock_state, readout.captured_at_ms
            if meter.in_panel:
                meter.release()
            if doubtful or not (
                (state is _SYNCHRONISED or state is _INFORMATIVE)
                and readout.clock_error_s <= clock_error_s
                and at_ms <= horizon_ms
                and meter.from_ms <= at_ms < meter.to_ms
                and meter.device_no == device_no
                and (
                    (readout.source is _INTERVAL and not meter.sums) or meter.is_told_whole(readout)
                )
            ):
                self._doubt(signed, readout, start, relative_only=relative_only)
                continue
            tracks = meter.tracks
            for position, value in enumerate(readout.values, start):
                track, mantissa = tracks.get(value.register, UNKNOWN_TRACK), value.mantissa
                step = mantissa - track.mantissa
                if (
                    at_ms > track.newest_ms
                    and value.unit is track.unit
                    and value.exponent == track.exponent
                    and at_ms < track.judged_ms
                    and (step > 0 or (step == 0 and at_ms < track.stuck_at_ms))
                    and mantissa < track.capacity
                    and (step - 1) * MS_PER_H <= track.rate_max_per_h * (at_ms - track.at_ms)
                ):
                    track.prior_ms, track.prior_mantissa = track.at_ms, track.mantissa
                    track.newest_ms = track.at_ms = at_ms
                    if step:
                        track.mantissa, track.since_ms = mantissa, at_ms
                        track.stuck_at_ms = at_ms + track.still_ms
                    if at_ms >= track.period_end_ms:
                        track.open(Level(at_ms, mantissa))
                    add((track.register_no, at_ms, 0, mantissa, 0, 0, batch_no, position))
                else:
                    self._docket.bring(self._route(signed, readout, value, at_ms, position))

    def _doubt(
        self, signed: Signed, readout: Readout, position: int, *, relative_only: bool
    ) -> None:
        """Bring a whole readout to the rules, or leave it where it cannot be placed in time."""
        at_ms = readout.captured_at_ms
        if readout.clock_state is ClockState.RELATIVE:
            if signed.boot_started_at_ms is None:
                return
            at_ms += signed.boot_started_at_ms
        elif relative_only:
            return
        for place, value in enumerate(readout.values, position):
            self._docket.bring(self._route(signed, readout, value, at_ms, place))

    def _route(
        self, signed: Signed, readout: Readout, value: RegisterValue, at_ms: int, position: int
    ) -> Case:
        """Find the register a reading is to be stored under, and what speaks against it."""
        meter = self._meters[readout.meter]
        track = meter.tracks.get(value.register)
        mantissa, routed, state = value.mantissa, None, State.ACCEPTED
        if track is None or track.dial is None:
            track, state = self._found(signed.device_no, readout, value), State.REJECTED
            routed = assignment.unregistered(readout.meter, value.register)
        elif (misfit := unit.check(value, track.dial)) is not None:
            track, state = self._found(signed.device_no, readout, value), State.SUSPECT
            routed = misfit
        else:
            mantissa *= 10 ** (value.exponent - track.exponent)
        unbound = self._unbound(meter, signed, readout, at_ms)
        if unbound is not None and state is not State.REJECTED:
            routed, state = unbound, State.REJECTED
        company = _company(meter, readout, value, at_ms)
        chained = Chained(signed.device_no, signed.batch.sequence, position)
        return Case(
            track, at_ms, mantissa, readout, signed.batch_no, chained, routed, state, company,
            leads=signed.leads,
        )  # fmt: skip

    def _unbound(
        self, meter: Meter, signed: Signed, readout: Readout, at_ms: int
    ) -> Finding | None:
        if assignment.bound(meter.bindings, signed.device_no, at_ms) is not None:
            return None
        return assignment.not_bound(readout.meter, signed.batch.device, at_ms)

    def _found(self, device_no: int, readout: Readout, value: RegisterValue) -> Track:
        """The track of a register as it came, made where it is not there yet."""
        row = _found_row(device_no, readout, value)
        found = self._tracks.found(device_no)
        if row not in found:
            self._tracks.add_found(device_no, [row])
        return found[row]


def _numbered(readouts: Sequence[Readout]) -> Iterator[tuple[int, Readout]]:
    """Readouts with the positions of their first values in the batch."""
    position = 0
    for readout in readouts:
        yield position, readout
        position += len(readout.values)


def _company(meter: Meter, readout: Readout, value: RegisterValue, at_ms: int) -> Company:
    """What else stood in the answer that `value` came in."""
    tracks, shown, strange = meter.tracks, [], []
    for one in readout.values:
        track = tracks.get(one.register, UNKNOWN_TRACK)
        mantissa = None if track.dial is None else unit.canonical(one, track.dial)
        if track.dial is None or mantissa is None:
            strange.append(one.register)
        elif one is not value:
            initial = track.initial and track.initial.mantissa
            shown.append(Shown(one.register, track.dial, mantissa, initial, track.before(at_ms)))
    mine = tracks.get(value.register, UNKNOWN_TRACK).initial
    present = {one.register for one in readout.values}
    return Company(
        readout.source,
        mine and mine.mantissa,
        tuple(shown),
        tuple(sorted(tracks.keys() - present)),
        tuple(strange),
    )


def _found_row(device_no: int, readout: Readout, value: RegisterValue) -> FoundRow:
    return FoundRow(device_no, readout.meter, value.register, value.unit, value.exponent)
