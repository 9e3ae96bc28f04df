"""Modbus and M-Bus meters on one line, as behind a converter that has both kinds of terminals.

Every meter hears every byte. What is a request of one protocol is noise to the other, and noise
ends with silence: a pause between requests makes each bus forget what it half heard, and an answer
makes all of them.
"""

from collections.abc import Sequence

from simulators import wires
from simulators.lines import Bus
from simulators.wires import Sent


class SharedBus:
    """Buses on one line: a `simulators.lines.Bus`."""

    def __init__(self, buses: Sequence[Bus]) -> None:
        self.buses = tuple(buses)
        self.turnaround_s = 0.0

    def feed(self, data: bytes, now_ms: int) -> bytes:
        """What is heard after `data`; two protocols that answer at once spoil each other's."""
        answers = [(bus, bus.feed(data, now_ms)) for bus in self.buses]
        sent = [(bus, answer) for bus, answer in answers if answer]
        if not sent:
            return b""
        self.reset()
        self.turnaround_s = min(bus.turnaround_s for bus, _ in sent)
        return wires.heard([Sent(0, answer) for _, answer in sent])

    def reset(self) -> None:
        """Forget half a request."""
        for bus in self.buses:
            bus.reset()
