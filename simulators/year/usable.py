"""Which readings the gateway could use at an instant: told from the truth and the road alone.

A reading counts from when its batch arrived, its time could be known, its meter was entered, and,
where it was in doubt, a person decided. All of that is known outside of the gateway. From it
follows for every line whether it had to be closed by a reading, and by which.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from drivers.reading import ClockState
from simulators.truth import HOUR_MS
from simulators.year.device import Night
from simulators.year.evidence import Evidence
from simulators.year.model import Hanging, House, Place, Trouble
from simulators.year.operator import ARCHIVE_MS, good_from

NEVER_MS = 2**62
TOLERANCE_MS = 15 * 60_000
"""How long after a period's end a reading closes it."""


class Known(NamedTuple):
    """A true reading of a place: when it was captured, and from when on it counts."""

    at_ms: int
    from_ms: int
    serial: str


class Usable:
    """Answers for places, each worked out once."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._decided = good_from(evidence.done)
        self._placed: dict[tuple[str, int], int] = defaultdict(lambda: NEVER_MS)
        for house in evidence.town:
            for night in evidence.nights[house.name].values():
                if night.clock is ClockState.SYNCHRONISED:
                    boot = house.name, night.boot
                    self._placed[boot] = min(self._placed[boot], self._arrival(house, night))
        self._injected = {one[1:4] for one in evidence.injected}
        self._of_register: dict[tuple[str, str], list[Known]] = {}

    def readings(self, house: House, place: Place, obis: str) -> list[Known]:
        """The true readings of a place's register in order of time."""
        key = place.name, obis
        if key not in self._of_register:
            self._of_register[key] = sorted(self._found(house, place, obis))
        return self._of_register[key]

    def entered_ms(self, hanging: Hanging) -> int:
        """When the registry learned of a meter."""
        if not hanging.entered_ms:
            return 0
        return self._evidence.entered.get((hanging.meter.serial, "registered"), NEVER_MS)

    def barred(self, place: Place, at_ms: int) -> tuple[int, int] | None:
        """From when until when the place's meter does not count, as known at an instant."""
        one = place.barred
        if one is None:
            return None
        entered = self._evidence.entered
        declared_ms = entered.get((one.serial, "out of order"), NEVER_MS)
        fit_ms = entered.get((one.serial, "found fit"), NEVER_MS)
        if declared_ms <= at_ms < fit_ms:
            return one.from_ms, NEVER_MS
        return None if at_ms < fit_ms or one.until_ms is None else (one.from_ms, one.until_ms)

    def decided_ms(self, serial: str, obis: str, at_ms: int) -> int:
        """When a person let a reading of an instant count."""
        return self._decided.get((serial, obis, at_ms), NEVER_MS)

    def _found(self, house: House, place: Place, obis: str) -> Iterator[Known]:
        for night in self._evidence.nights[house.name].values():
            if night.clock is ClockState.UNSYNCHRONISED:
                continue
            if not any(night.day in one for one in place.silent):
                yield from self._of_night(house, place, obis, night)
            if night.hourly and place.name.endswith("electricity"):
                yield from self._hours(house, place, night)

    def _of_night(self, house: House, place: Place, obis: str, night: Night) -> Iterator[Known]:
        hanging = place.hanging_at(night.at_ms)
        if night.at_ms not in hanging.span:
            return
        serial, at_ms = hanging.meter.serial, night.at_ms
        from_ms = self._entered(house, night, hanging)
        wrong = place.wrong(night.day)
        if wrong is not None and (serial, obis, at_ms) in self._injected:
            if wrong.trouble is not Trouble.RIVAL:
                at_ms += ARCHIVE_MS
            if wrong.trouble is not Trouble.RIVAL or self._after(house, night) < from_ms:
                from_ms = self._decided.get((serial, obis, at_ms), NEVER_MS)
        if from_ms < NEVER_MS:
            yield Known(at_ms, from_ms, serial)

    def _entered(self, house: House, night: Night, hanging: Hanging) -> int:
        """When a night's readings entered the ledger; never if nobody had entered the meter yet."""
        from_ms = self._arrival(house, night)
        if night.clock is ClockState.RELATIVE:
            from_ms = max(from_ms, self._placed[house.name, night.boot])
        return NEVER_MS if from_ms < self.entered_ms(hanging) else from_ms

    def _hours(self, house: House, place: Place, night: Night) -> Iterator[Known]:
        hanging = place.hanging_at(night.at_ms)
        arrived_ms = self._arrival(house, night)
        was_silent = any(night.day in one or night.day - 1 in one for one in place.silent)
        is_new = place.hanging_at(night.at_ms - 24 * HOUR_MS) is not hanging
        if arrived_ms < self.entered_ms(hanging) or was_silent or is_new:
            return
        for hour in range(1, 24):
            at_ms = night.at_ms - hour * HOUR_MS
            if at_ms in hanging.span:
                yield Known(at_ms, arrived_ms, hanging.meter.serial)

    def _after(self, house: House, night: Night) -> int:
        """When the batch after a night's arrived, which brings the rivals of that night."""
        after = [n for day, n in self._evidence.nights[house.name].items() if day > night.day]
        return min((self._arrival(house, n) for n in after[:1]), default=NEVER_MS)

    def _arrival(self, house: House, night: Night) -> int:
        return self._evidence.arrived.get((house.device, night.sequence), NEVER_MS)
