"""The demo's wall clock: the system's, started elsewhere in the calendar and running faster.

A month that lasts a month is no demonstration. Every process of the demo reads the same small
file and agrees on what time it is in the house; timeouts, back-offs and everything else that
waits for the real world stay real. Only the demo knows this clock; the agent and the gateway
take a clock as an argument and are given the system's everywhere else.
"""

import json
import time
from pathlib import Path

CLOCK_FILE = "clock.json"


class ScaledClock:
    """`now_ms()` runs `speed` times as fast as the system clock, from `start_ms` at `anchor_ms`."""

    def __init__(self, *, anchor_ms: int, start_ms: int, speed: int) -> None:
        self._anchor_ms = anchor_ms
        self.start_ms = start_ms
        self.speed = speed

    @classmethod
    def starting_now(cls, *, start_ms: int, speed: int) -> "ScaledClock":
        """A clock that shows `start_ms` at this moment."""
        return cls(anchor_ms=time.time_ns() // 1_000_000, start_ms=start_ms, speed=speed)

    @classmethod
    def load(cls, data: Path) -> "ScaledClock":
        """The clock the demo's supervisor has set for this data directory."""
        return cls(**json.loads((data / CLOCK_FILE).read_text("utf-8")))

    def save(self, data: Path) -> None:
        """Set the clock for every process of this data directory."""
        state = {"anchor_ms": self._anchor_ms, "start_ms": self.start_ms, "speed": self.speed}
        (data / CLOCK_FILE).write_text(json.dumps(state), "utf-8")

    def now_ms(self) -> int:
        """The demo's time in milliseconds since the epoch."""
        return self.start_ms + (time.time_ns() // 1_000_000 - self._anchor_ms) * self.speed
