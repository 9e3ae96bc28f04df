"""Modbus frames on the wire: the read request, and how its answer is found among other bytes.

pymodbus builds and takes apart the PDUs and envelopes. Finding the answer is done here, because
its clients take the first frame that parses for the answer, and give up on noise before it. An
answer must carry the unit, the function and the byte count of the question, and the checksum (RTU)
or the transaction number (TCP). A gateway may answer with transaction number 0 to anything; that
is taken too, and safe by the same rules as RTU (see `drivers/bus.py`).
"""

from collections.abc import Iterator

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
    """The registers of a found frame; Refused or NoAnswer for an exception in it."""
    _, pdu = _FRAMERS[framing].handleFrame(frame, 0, 0)
    if isinstance(pdu, ExceptionResponse):
        code = pdu.exception_code
        reason = _EXCEPTIONS.get(code, "it does not say why")
        error = NoAnswer if code in _PASSING else Refused
        raise error(f"unit {unit} refused to answer: {reason} (Modbus exception {code})")
    if pdu is None:
        raise FrameError(f"expected a Modbus answer, got {frame.hex(' ')}", frame)
    return tuple(pdu.registers)


def _candidates(heard: bytes, framing: Framing, unit: int, block: Block) -> Iterator[bytes]:
    """Every complete piece of `heard` that starts and ends where an answer would."""
    function, size = block.function, 2 * block.size
    heads = (bytes((unit, function, size)), bytes((unit, function | _EXCEPTION)))
    lengths = (answer_length(framing, block), _ENVELOPE[framing] + 2)
    for start in range(len(heard)):
        for head, length in zip(heads, lengths, strict=True):
            prefix = b"" if framing == "rtu" else (length - 6).to_bytes(4, "big")
            at = start if framing == "rtu" else start + 2
            if heard.startswith(prefix + head, at) and start + length <= len(heard):
                yield heard[start : start + length]


def _crc_fits(frame: bytes) -> bool:
    return FramerRTU.check_CRC(frame[:-2], int.from_bytes(frame[-2:], "big"))
