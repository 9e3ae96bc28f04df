"""The rows of one group: readings with their states, verdicts, and what came late.

A reading in order is decided at once. One that came late, by time or by its place in the chain,
waits until the rest of the group is written; then one question to the store tells what stands
around each of them, and they are decided from the oldest on, so that late readings of one group
see each other.
"""

from collections import Counter
from typing import NamedTuple

import numpy as np

from drivers.reading import ClockState, Readout
from gateway import disorder, rules
from gateway.disorder import Late
from gateway.layout import Numbers
from gateway.model import Finding, Flag, Level, Severity, State
from gateway.rules import inactive
from gateway.rules.order import Chained
from gateway.rules.parameters import Table
from gateway.rules.subject import Candidate, Company, History, advance
from gateway.store import Around, Instant, LedgerPort, StoredCopy, VerdictRow
from gateway.track import Track


class Case(NamedTuple):
    """A reading with the register it will be stored under, `mantissa` at its exponent.

    `routed` is what was found on the way there: another unit, or not to be read here. `state` is
    what follows from that alone. `company` is what else stood in the same answer. `leads`: its
    batch is chained after all that is stored of its device, so no earlier one contradicts it.
    """

    track: Track
    at_ms: int
    mantissa: int
    readout: Readout
    batch_no: int
    chained: Chained
    routed: Finding | None
    state: State
    company: Company
    leads: bool

    @property
    def instant(self) -> Instant:
        """Where in the ledger it belongs."""
        return Instant(self.track.register_no, self.at_ms)


class Docket:
    """What one group adds to the ledger.

    `rows` are readings; the screen appends ordinary ones itself. Many come as arrays of rows.
    `counts` are for the totals.
    """

    def __init__(self, ledger: LedgerPort, table: Table, now_ms: int) -> None:
        self._ledger = ledger
        self._table = table
        self._now_ms = now_ms
        self.rows: list[tuple[int, ...]] = []
        self._blocks: list[Numbers] = []
        self._verdicts: list[VerdictRow] = []
        self._late: list[Case] = []
        self._flags: dict[Instant, int] = {}
        self._entered = 0
        self.counts: Counter[str] = Counter()

    def add_rows(self, rows: Numbers) -> None:
        """Take rows of ordinary readings."""
        self._blocks.append(rows)

    def bring(self, case: Case) -> None:
        """Decide a reading, now or at the end of the group."""
        track = case.track
        if case.at_ms <= track.newest_ms or not case.leads:
            self._late.append(case)
            return
        self._decide(case, _newest(case), copy=0)

    def finish(self) -> None:
        """Write the group's readings and verdicts and complete the counts."""
        self._flush()
        if self._late:
            placed = self._decide_late()
            self._flush()
            self._verdicts += disorder.verdicts(self._ledger, placed, self._now_ms)
        self._ledger.add_verdicts(self._verdicts)
        self._ledger.set_flags(self._flags)
        doubtful = self.counts["suspect"] + self.counts["rejected"]
        self.counts["accepted"] = self._entered - doubtful

    def _flush(self) -> None:
        if self._blocks:
            if self.rows:
                self._blocks.append(np.array(self.rows, np.int64))
            rows = np.concatenate(self._blocks)
            # Each register's rows in the order of time: where the store's keys stand.
            rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
            self._ledger.add_block(memoryview(rows.tobytes()).cast("q"))
            self._entered += len(rows)
        else:
            self._ledger.add_readings(self.rows)
            self._entered += len(self.rows)
        self._blocks.clear()
        self.rows.clear()

    def _decide_late(self) -> list[Late]:
        """Those of them that are accepted."""
        placed = []
        for case in self._late:
            case.track.release()  # a later batch of the group may have taken it into a panel
        stored = self._ledger.around({case.instant for case in self._late})
        copies = {instant: list(around.copies) for instant, around in stored.items()}
        newest_late: dict[int, Level] = {}
        for case in sorted(self._late, key=_by_time):
            here, around = copies[case.instant], stored[case.instant]
            rivals = [copy for copy in here if _rival(copy, case)]
            if any(copy.mantissa == case.mantissa for copy in rivals):
                self.counts["repeated"] += 1
                continue
            before = _latest(around.before, newest_late.get(case.track.register_no), case)
            values = tuple(copy.mantissa for copy in rivals)
            state = self._decide(case, _history(case, values, before, around.after), len(here))
            here.append(StoredCopy(case.mantissa, state))
            if state is State.ACCEPTED:
                newest_late[case.track.register_no] = Level(case.at_ms, case.mantissa)
                placed.append(Late(case.instant, len(here) - 1, case.chained))
                self._move_rollover(case, around)
        return placed

    def _move_rollover(self, case: Case, around: Around) -> None:
        """Keep one flag to one rollover: it belongs to the first reading after it."""
        dial, after = case.track.dial, around.after
        if dial is None or after is None or not around.after_flags & Flag.ROLLED:
            return
        if not advance(case.mantissa, after.mantissa, dial).rolled:
            instant = Instant(case.track.register_no, after.at_ms)
            self._flags[instant] = around.after_flags & ~Flag.ROLLED

    def _decide(self, case: Case, history: History, copy: int) -> State:
        track = case.track
        findings = self._findings(case, history)
        state = case.state
        if state is State.ACCEPTED and any(f.severity is Severity.ERROR for f in findings):
            state = State.SUSPECT
        flags = _flags(case, history) if state is State.ACCEPTED else Flag.NONE
        place = (track.register_no, case.at_ms, copy)
        self.rows.append(
            (*place, case.mantissa, int(state), int(flags), case.batch_no, case.chained.position)
        )
        self._verdicts += [
            VerdictRow(*place, *finding, self._now_ms, rules.VERSION) for finding in findings
        ]
        self._note(case, state)
        return state

    def _findings(self, case: Case, history: History) -> list[Finding]:
        if case.routed is not None or case.track.dial is None:
            return _on_the_way(case)
        candidate = Candidate(
            dial=case.track.dial,
            at_ms=case.at_ms,
            mantissa=case.mantissa,
            clock_state=case.readout.clock_state,
            clock_error_s=case.readout.clock_error_s,
            now_ms=self._now_ms,
            limits=self._table.limits(case.track.dial.resource, case.at_ms),
            obis=case.track.obis,
            company=case.company,
        )
        return rules.judge(candidate, history)

    def _note(self, case: Case, state: State) -> None:
        """Keep the track and the counts in step with the row."""
        track = case.track
        track.newest_ms = max(track.newest_ms, case.at_ms)
        if state is not State.ACCEPTED:
            self.counts[state.name.lower()] += 1
        elif case.at_ms >= track.at_ms:
            track.accept(Level(case.at_ms, case.mantissa))
        else:
            track.accept_late(Level(case.at_ms, case.mantissa))


def _on_the_way(case: Case) -> list[Finding]:
    """What was found before the rules could be asked."""
    dial, shown = case.track.dial, Level(case.at_ms, case.mantissa)
    counting = None if dial is None else inactive.check(dial, case.track.final, shown)
    return [finding for finding in (case.routed, counting) if finding is not None]


def _by_time(case: Case) -> tuple[int, int, int, int]:
    return (*case.instant, case.batch_no, case.chained.position)


def _rival(copy: StoredCopy, case: Case) -> bool:
    """Whether a stored value competes with a case for its instant.

    What was rejected competes only with what is rejected too: a device must not be able to take
    the place of a reading that is another device's to send.
    """
    return copy.state != State.REJECTED or case.state is State.REJECTED


def _latest(stored: Level | None, late: Level | None, case: Case) -> Level | None:
    """The accepted level nearest before a late case, from the store, the group or the registry."""
    initial = case.track.initial
    if initial is not None and initial.at_ms > case.at_ms:
        initial = None
    return max((level for level in (stored, late, initial) if level), default=None)


def _newest(case: Case) -> History:
    """What stands before a case that is captured after all that is stored of its register."""
    track = case.track
    # Nothing is stored of its instant, so a level there is what the meter was installed with. From
    # before such an act that is the newest known (a meter put up again): what was read before that.
    before = track.level if case.at_ms >= track.at_ms else track.prior_to(case.at_ms)
    return History((), before, None, before and track.since_ms, track.openings)


def _history(
    case: Case, values: tuple[int, ...], before: Level | None, after: Level | None
) -> History:
    """What stands around a late case."""
    if case.at_ms > case.track.newest_ms:
        return _newest(case)
    return History(values, before, after)


def _flags(case: Case, history: History) -> Flag:
    flags = Flag.NONE
    if case.readout.clock_state is ClockState.RELATIVE:
        flags |= Flag.CORRECTED
    before, dial = history.before, case.track.dial
    if before is not None and dial is not None:
        rolled = advance(before.mantissa, case.mantissa, dial).rolled
        flags |= Flag.ROLLED if rolled else Flag.NONE
    return flags
