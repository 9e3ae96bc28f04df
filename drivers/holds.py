"""Who must not be asked: units whose last answer is missing and may still come.

An answer without a number looks like the answer to any later question of its kind. So a unit that
owes one is on hold until it has arrived, and been thrown away, or can no longer come.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from drivers.driver import Address

Match = Callable[[bytes], bytes | None]
"""Finds the answer in all that came since the question; None if it is not there yet."""

# Shorter rests of a wait are rounding: a clock in floats may not move by them.
TICK_S = 1e-6


class Unit(NamedTuple):
    """Who is asked. Modbus unit 5 and M-Bus address 5 on one line are two units."""

    protocol: str
    address: Address

    def __str__(self) -> str:
        kind = "meter" if isinstance(self.address, str) else "unit"
        return f"{kind} {self.address}"


class Hold(NamedTuple):
    """A question whose answer has not come: how it would look, and when it no longer can."""

    match: Match
    asked_s: float
    until_s: float


class Holds:
    """The holds of one line, one of a unit; times are the event loop's."""

    def __init__(self) -> None:
        self._holds: dict[Unit, Hold] = {}

    def put(self, unit: Unit, hold: Hold) -> None:
        """Put `unit` on hold, in the place of an earlier hold."""
        self._holds[unit] = hold

    def left_s(self, unit: Unit, now_s: float) -> float:
        """How long `unit` is still on hold; 0 for one that may be asked."""
        hold = self._holds.get(unit)
        if hold is None:
            return 0.0
        left_s = hold.until_s - now_s
        if left_s > TICK_S:
            return left_s
        del self._holds[unit]
        return 0.0

    def release(self, stray: bytes) -> Iterator[tuple[Unit, Hold]]:
        """Lift the holds whose missing answers are among the bytes thrown away, and tell them."""
        for unit, hold in list(self._holds.items()):
            if stray and hold.match(stray) is not None:
                del self._holds[unit]
                yield unit, hold
