"""A line over a fake link whose bytes take no time, and the shortest way to ask on it."""

from typing import Any

from drivers.bus import Line, Match, Unit
from tests.drivers.fake_line import FakeLink

TIMEOUT_S = 0.1


def expect(word: bytes) -> Match:
    return lambda heard: word if word in heard else None


def a_line(link: FakeLink, **settings: Any) -> Line:
    """A line whose bytes take no time worth speaking of, so that a timeout is its turnaround."""
    return Line(link, **({"baud": 10_000_000, "turnaround_s": TIMEOUT_S} | settings))


def modbus(address: int) -> Unit:
    return Unit("modbus", address)


async def ask(line: Line, word: bytes, unit: int = 1) -> bytes:
    return await line.exchange(modbus(unit), word, expect(b"<" + word + b">"), len(word) + 2)
