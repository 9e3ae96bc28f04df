"""A line in memory: what was asked is answered by a function, as late and as noisy as it likes.

Everything runs in virtual time (`simulators.clock`), so a second of waiting costs nothing and the
same seed gives the same run. A telling meter counts its questions and answers with the count, so
that an answer to any other question than the last one is seen in the value.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any, TypeVar

from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersResponse,
    ReadInputRegistersResponse,
)

from drivers.driver import LinkDown
from drivers.modbus.values import encode
from simulators.clock import run

T = TypeVar("T")
Event = tuple[float, bytes]
Answerer = Callable[[bytes], Iterable[Event]]


def in_virtual_time(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    return run(lambda _: main(), 0)


def now_s() -> float:
    return asyncio.get_running_loop().time()


class FakeLink:
    """A `drivers.driver.Link` whose far end is `answer`: request -> (delay, bytes) events."""

    def __init__(self, answer: Answerer, *, packs: bool = False) -> None:
        self.answer = answer
        self.packs = packs
        self.asked: list[tuple[float, bytes]] = []
        self.opened = 0
        self.is_open = False
        self._arrived = bytearray()
        self._something = asyncio.Event()

    async def open(self) -> None:
        if not self.is_open:
            self.opened += 1
            self.is_open = True

    async def close(self) -> None:
        self.is_open = False
        self._arrived.clear()
        self._something.set()

    async def write(self, data: bytes) -> None:
        if not self.is_open:
            raise LinkDown("closed")
        self.asked.append((now_s(), data))
        for delay_s, answer in self.answer(data):
            asyncio.get_running_loop().call_later(delay_s, self.arrive, answer)

    async def read(self, timeout_s: float) -> bytes:
        if not self._arrived and self.is_open:
            self._something.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._something.wait()
            except TimeoutError:
                return b""
        if not self.is_open:
            raise LinkDown("closed")
        data = bytes(self._arrived)
        self._arrived.clear()
        return data

    def arrive(self, data: bytes) -> None:
        self._arrived += data
        self._something.set()

    def hang_up(self) -> None:
        self.is_open = False
        self._something.set()


def rtu(unit: int, words: tuple[int, ...], function: int = 4) -> bytes:
    """An RTU answer as pymodbus's server side builds it."""
    return FramerRTU(DecodePDU(is_server=True)).buildFrame(_response(unit, words, function))


def tcp(unit: int, words: tuple[int, ...], number: int, function: int = 4) -> bytes:
    """A Modbus TCP answer as pymodbus's server side builds it."""
    pdu = _response(unit, words, function)
    pdu.transaction_id = number
    return FramerSocket(DecodePDU(is_server=True)).buildFrame(pdu)


def _response(unit: int, words: tuple[int, ...], function: int) -> ReadHoldingRegistersResponse:
    kind = ReadInputRegistersResponse if function == 4 else ReadHoldingRegistersResponse
    return kind(registers=list(words), dev_id=unit)


@dataclass
class TellingMeters:
    """Modbus meters of 4 registers at 0x0048 whose value tells unit and number of the question."""

    framing: str = "rtu"
    echoes_number: bool = True
    dead: frozenset[int] = frozenset()
    asked: dict[int, int] = field(default_factory=dict)

    def __call__(self, request: bytes) -> Iterable[Event]:
        unit = request[0] if self.framing == "rtu" else request[6]
        if unit in self.dead:
            return []
        self.asked[unit] = self.asked.get(unit, 0) + 1
        words = encode(self.value(unit), "float32") + encode(self.value(unit) + 1, "float32")
        return [(0.02, self._frame(unit, words, request))]

    def value(self, unit: int) -> Decimal:
        return Decimal(10_000 * unit + self.asked.get(unit, 0))

    def _frame(self, unit: int, words: tuple[int, ...], request: bytes) -> bytes:
        if self.framing == "rtu":
            return rtu(unit, words)
        number = int.from_bytes(request[:2], "big") if self.echoes_number else 0
        return tcp(unit, words, number)


@dataclass
class Unreliable:
    """Puts the faults of a bad line over `answer`; probabilities per answer."""

    answer: Answerer
    random: Random
    late: float = 0.0
    late_s_max: float = 0.0
    noise: float = 0.0
    trailing: float = 0.0
    lost: float = 0.0
    corrupt: float = 0.0
    split: float = 0.0
    dirty: int = 0
    """How many answers were touched."""

    def __call__(self, request: bytes) -> list[Event]:
        return [event for one in self.answer(request) for event in self._spoil(*one)]

    def _spoil(self, delay_s: float, data: bytes) -> list[Event]:
        before = len(data), delay_s
        if self._happens(self.lost):
            self.dirty += 1
            return []
        if self._happens(self.corrupt):
            at = self.random.randrange(len(data))
            data = data[:at] + bytes((data[at] ^ 1 << self.random.randrange(8),)) + data[at + 1 :]
            self.dirty += 1
        if self._happens(self.noise):
            data = self.random.randbytes(self.random.randint(1, 6)) + data
        if self._happens(self.trailing):
            data += self.random.randbytes(self.random.randint(1, 3))
        if self._happens(self.late):
            delay_s += self.random.uniform(0.0, self.late_s_max)
        self.dirty += before != (len(data), delay_s)
        if self._happens(self.split) and len(data) > 1:
            cut = self.random.randrange(1, len(data))
            return [(delay_s, data[:cut]), (delay_s + 0.004, data[cut:])]
        return [(delay_s, data)]

    def _happens(self, probability: float) -> bool:
        return self.random.random() < probability
