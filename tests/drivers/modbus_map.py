"""Modbus meters in memory that keep just the registers they are given, and refuse all else."""

from collections.abc import Iterable, Mapping

from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse

from drivers.bus import CHARACTER_BITS
from drivers.modbus import frames
from tests.drivers.fake_line import Event, rtu

BAUD = 9600
Registers = Mapping[tuple[int, int], int]
"""What stands at a function and address."""


def at(function: int, address: int, words: Iterable[int]) -> dict[tuple[int, int], int]:
    return {(function, address + n): word for n, word in enumerate(words)}


def text(function: int, address: int, shown: str) -> dict[tuple[int, int], int]:
    data = shown.encode()
    words = [int.from_bytes(data[n : n + 2], "big") for n in range(0, len(data), 2)]
    return at(function, address, words)


def refusal(unit: int, code: int, function: int = 4) -> bytes:
    """An RTU exception as pymodbus's server side builds it."""
    pdu = ExceptionResponse(function, code, device_id=unit)
    return FramerRTU(DecodePDU(is_server=True)).buildFrame(pdu)


class MapMeters:
    """Meters on an RTU line, by address. One without a register of a request refuses it whole.

    An answer arrives when its last byte would on a line of `BAUD`. `longest` is how many registers
    a request may have; `asked` are the requests so far.
    """

    def __init__(self, meters: Mapping[int, Registers], *, longest: int = 125) -> None:
        self.meters = dict(meters)
        self.longest = longest
        self.delay_s = dict.fromkeys(meters, 0.02)
        self.asked: list[tuple[int, frames.Block]] = []

    def __call__(self, request: bytes) -> Iterable[Event]:
        asked = frames.parse_request(request)
        assert asked is not None
        self.asked.append((asked.unit, asked.block))
        if asked.unit not in self.meters:
            return []
        answer = self._answer(asked.unit, asked.block)
        wire_s = (len(request) + len(answer)) * CHARACTER_BITS / BAUD
        return [(self.delay_s[asked.unit] + wire_s, answer)]

    def _answer(self, unit: int, block: frames.Block) -> bytes:
        registers = self.meters[unit]
        places = [(block.function, address) for address in range(block.address, block.end)]
        if block.size > self.longest:
            return refusal(unit, 3, block.function)
        if not all(place in registers for place in places):
            return refusal(unit, 2, block.function)
        return rtu(unit, tuple(registers[place] for place in places), block.function)
