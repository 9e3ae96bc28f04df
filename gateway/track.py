"""What ingest remembers of one register: its dial, its newest reading, its last accepted levels.

Everything in a track can be read from the ledger again, and after a restart it is.
"""

from collections.abc import Iterable
from typing import Protocol

from drivers.reading import Unit
from gateway.model import FOREVER_MS, Level
from gateway.rules import tariffs, usage
from gateway.rules.parameters import Limits
from gateway.rules.subject import Dial
from gateway.store import Past

_BEFORE_ALL_MS = -1


class Holder(Protocol):
    """Who keeps what a track remembers while it is with them (gateway/panel.py)."""

    def release(self, track: "Track") -> None:
        """Give the track back what it remembers."""


class Track:
    """One register with its newest reading of any state and its last accepted level.

    While there is no accepted level, `mantissa` stands at the dial's capacity, where no reading
    passes the screen. `prior` is the accepted level before it. `openings` are the first accepted
    readings of the last periods of use; a reading from `period_end_ms` on belongs to the next one,
    and one from `judged_ms` on has a period to be judged with it. `dial` is None for an
    unregistered register.
    """

    __slots__ = (
        "at_ms", "capacity", "dial", "exponent", "final", "has_level", "initial", "judged_ms",
        "limits", "mantissa", "newest_ms", "obis", "openings", "panel", "period_end_ms", "place",
        "prior_mantissa", "prior_ms", "rate_max_per_h", "register_no", "since_ms", "still_ms",
        "stuck_at_ms", "unit",
    )  # fmt: skip

    def __init__(
        self,
        register_no: int,
        dial: Dial | None,
        initial: Level | None = None,
        obis: str = "",
        limits: Limits | None = None,
    ) -> None:
        self.register_no = register_no
        self.obis = obis
        self.dial = dial
        self.initial = initial
        self.final: Level | None = None
        self.newest_ms = self.at_ms = self.since_ms = self.stuck_at_ms = _BEFORE_ALL_MS
        self.prior_ms = self.period_end_ms = _BEFORE_ALL_MS
        self.prior_mantissa = 0
        self.openings: tuple[Level, ...] = ()
        self.judged_ms = FOREVER_MS
        self.has_level = False
        self.unit: Unit | None = None
        self.exponent = self.capacity = self.rate_max_per_h = 0
        self.limits, self.still_ms = limits, 0 if limits is None else limits.still_ms
        if dial is not None:
            self.unit, self.exponent, self.capacity = dial.unit, dial.exponent, dial.capacity
            self.rate_max_per_h = dial.rate_max_per_h
        self.mantissa = self.capacity
        self.panel: Holder | None = None
        self.place = 0

    def release(self) -> None:
        """Take it out of a panel, so that its attributes tell the truth again."""
        if self.panel is not None:
            self.panel.release(self)

    @property
    def level(self) -> Level | None:
        """The last accepted reading, or the value the register was installed with."""
        return Level(self.at_ms, self.mantissa) if self.has_level else None

    @property
    def parts(self) -> tuple[tariffs.Part, ...]:
        """The register as a part of a sum; nothing for an unregistered one."""
        initial = None if self.initial is None else self.initial.mantissa
        return () if self.dial is None else (tariffs.Part(self.obis, self.dial, initial),)

    def before(self, at_ms: int) -> Level | None:
        """The last accepted level before a reading, as far as the track remembers."""
        if self.at_ms < at_ms:
            return self.level
        return self.prior_to(at_ms) if self.at_ms == at_ms else None

    def prior_to(self, at_ms: int) -> Level | None:
        """The accepted level before the last, if it lies before that instant."""
        if _BEFORE_ALL_MS < self.prior_ms < at_ms:
            return Level(self.prior_ms, self.prior_mantissa)
        return None

    def load(self, past: Past | None, openings: tuple[Level, ...]) -> None:
        """Begin with what is stored, or with the value the register was installed with."""
        if past is not None:
            self.newest_ms = past.newest_ms
        if past is not None and past.accepted is not None:
            self._raise(Level(past.unchanged_since_ms, past.accepted.mantissa))
            self._raise(past.accepted)
            self._precede(past.prior or self.initial)
            # A meter that came back counts from the value it was put up with again.
            if self.initial is not None and self.initial.at_ms > past.accepted.at_ms:
                self._raise(self.initial)
        elif self.initial is not None:
            self._raise(self.initial)
        if openings:
            self._open(openings)

    def accept(self, level: Level) -> None:
        """Note a new last accepted reading."""
        self._raise(level)
        if level.at_ms >= self.period_end_ms:
            self.open(level)

    def open(self, level: Level) -> None:
        """Note an accepted reading that is the first of a period of use."""
        self._open((*self.openings, level))

    def accept_late(self, level: Level) -> None:
        """Note an accepted reading from before the last one: it may open a period of use."""
        if self.prior_ms < level.at_ms < self.at_ms:
            self._precede(level)
        others = [one for one in self.openings if usage.period(one.at_ms) != _period(level)]
        mine = [one for one in self.openings if usage.period(one.at_ms) == _period(level)]
        if self.openings and not (mine and mine[0] < level):
            self._open(sorted((*others, level)))

    def _precede(self, level: Level | None) -> None:
        """Keep the level before the last."""
        self.prior_ms, self.prior_mantissa = (_BEFORE_ALL_MS, 0) if level is None else level

    def _open(self, openings: Iterable[Level]) -> None:
        """Keep the first readings of the last periods."""
        *_, last = kept = tuple(openings)
        first = _period(last) - usage.PERIODS_KEPT
        self.openings = tuple(one for one in kept if _period(one) > first)
        self.period_end_ms = (_period(last) + 1) * usage.PERIOD_MS
        judged = self.limits is not None and usage.can_judge(len(self.openings), self.limits)
        self.judged_ms = self.period_end_ms if judged else FOREVER_MS

    def _raise(self, level: Level) -> None:
        if not self.has_level or level.mantissa != self.mantissa:
            self.since_ms, self.stuck_at_ms = level.at_ms, level.at_ms + self.still_ms
        elif level.at_ms >= self.stuck_at_ms:
            self.stuck_at_ms = FOREVER_MS
        self.prior_ms, self.prior_mantissa = self.at_ms, self.mantissa
        self.has_level = True
        self.at_ms, self.mantissa = level


UNKNOWN_TRACK = Track(0, None)
"""Stands for a register the registry does not name; it passes no screen."""


def _period(level: Level) -> int:
    return usage.period(level.at_ms)
