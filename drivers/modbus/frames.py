"""Modbus frames on the wire: the read request, and how its answer is found among other bytes.

pymodbus builds and takes apart the PDUs and envelopes. Finding the answer is done here, because
its clients take the first frame that parses for the answer, and give up on noise before it. An
answer must carry the unit, the function and the byte count of the question, and the checksum (RTU)
or the transaction number (TCP). A gateway may answer with transaction number 0 to anything; that
is taken too, and safe by the same rules as RTU (see `drivers/bus.py`).
"""

from collections.abc import Iterator
from typing import NamedTuple

from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.framer.base import FramerBase
from pymodbus.pdu import DecodePDU, ExceptionResponse
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

from drivers.bus import Framing
from drivers.driver import FrameError, NoAnswer, Refused
from drivers.modbus.plan import Block

_EXCEPTION = 0x80
_REQUESTS = {3: ReadHoldingRegistersRequest, 4: ReadInputRegistersRequest}
_DECODER = DecodePDU(is_server=False)
_FRAMERS: dict[Framing, FramerBase] = {"rtu": FramerRTU(_DECODER), "tcp": FramerSocket(_DECODER)}
# Registers of one request (Modbus Application Protocol 1.1b3, 6.3 and 6.4).
_SIZE_MAX = 125
# Bytes around the PDU: address and CRC, or the MBAP header.
_ENVELOPE = {"rtu": 3, "tcp": 7}

# Modbus Application Protocol 1.1b3, 7. Those a later try may not see again are no refusal.
_EXCEPTIONS = {
    1: "it does not know this function",
    2: "it has no such registers",
    3: "it cannot read so many registers at once",
    4: "it failed while answering",
    5: "it needs more time",
    6: "it is busy",
    10: "the gateway has no path to it",
    11: "it did not answer the gateway",
}
_PASSING = {4, 5, 6, 10, 11}


class Refusal(Refused):
    """The unit answered with an exception that asking again will not change; `code` says which."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Busy(NoAnswer):
    """The unit, or the gateway before it, answered with an exception that may pass; see `code`."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def request(framing: Framing, unit: int, block: Block, number: int) -> bytes:
    """The bytes that ask `unit` for `block`, with transaction `number` over TCP."""
    pdu = _REQUESTS[block.function](
        address=block.address, count=block.size, dev_id=unit, transaction_id=number
    )
    return _FRAMERS[framing].buildFrame(pdu)


def answer_length(framing: Framing, block: Block) -> int:
    """How many bytes a good answer has."""
    return _ENVELOPE[framing] + 2 + 2 * block.size


def find(heard: bytes, framing: Framing, unit: int, block: Block, number: int) -> bytes | None:
    """The first frame in `heard` that answers the request, with values or an exception."""
    for frame in _candidates(heard, framing, unit, block):
        if framing == "rtu" and _crc_fits(frame):
            return frame
        if framing == "tcp" and int.from_bytes(frame[:2], "big") in (number, 0):
            return frame
    return None


def registers(frame: bytes, framing: Framing, unit: int) -> tuple[int, ...]:
    """The registers of a found frame; Refusal or Busy for an exception in it."""
    _, pdu = _FRAMERS[framing].handleFrame(frame, 0, 0)
    if isinstance(pdu, ExceptionResponse):
        code = pdu.exception_code
        reason = _EXCEPTIONS.get(code, "it does not say why")
        message = f"unit {unit} refused to answer: {reason} (Modbus exception {code})"
        raise (Busy if code in _PASSING else Refusal)(message, code)
    if pdu is None:
        raise FrameError(f"expected a Modbus answer, got {frame.hex(' ')}", frame)
    return tuple(pdu.registers)


class Asked(NamedTuple):
    """A read request found in bytes, and how many of them it takes."""

    framing: Framing
    unit: int
    block: Block
    number: int
    length: int


def parse_request(data: bytes) -> Asked | None:
    """The read request that `data` begins with, in either framing; None if there is none."""
    rtu, tcp = data[:8], data[:12]
    asked = None
    if len(rtu) == 8 and rtu[1] in _REQUESTS and _crc_fits(rtu):
        asked = Asked("rtu", rtu[0], _block(rtu[1:6]), 0, 8)
    elif len(tcp) == 12 and tcp[2:6] == b"\x00\x00\x00\x06" and tcp[7] in _REQUESTS:
        asked = Asked("tcp", tcp[6], _block(tcp[7:12]), int.from_bytes(tcp[:2], "big"), 12)
    # No answer could say how many bytes more registers have.
    return asked if asked and 0 < asked.block.size <= _SIZE_MAX else None


def _block(pdu: bytes) -> Block:
    return Block(pdu[0], int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big"))


def _candidates(heard: bytes, framing: Framing, unit: int, block: Block) -> Iterator[bytes]:
    """Every complete piece of `heard` that begins as an answer would, the earliest first."""
    function, size = block.function, 2 * block.size
    heads = (bytes((unit, function, size)), bytes((unit, function | _EXCEPTION)))
    lengths = (answer_length(framing, block), _ENVELOPE[framing] + 2)
    pieces = []
    for head, length in zip(heads, lengths, strict=True):
        # Over TCP the head follows the transaction number, two zeros and the length.
        before = b"" if framing == "rtu" else (length - 6).to_bytes(4, "big")
        number_bytes = 0 if framing == "rtu" else 2
        at = heard.find(before + head, number_bytes)
        while 0 <= at <= len(heard) - length + number_bytes:
            pieces.append((at - number_bytes, length))
            at = heard.find(before + head, at + 1)
    for start, length in sorted(pieces):
        yield heard[start : start + length]


def _crc_fits(frame: bytes) -> bool:
    return FramerRTU.check_CRC(frame[:-2], int.from_bytes(frame[-2:], "big"))
