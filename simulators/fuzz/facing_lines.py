"""Parsers of what comes over a bus or a serial line: from meters, converters and whoever shares it.

Frames are fed as they are, and again with lengths and checksums that fit, since a changed byte
would otherwise never be seen behind them.
"""

import struct
from collections.abc import Iterator
from decimal import Decimal

from pymodbus.framer import FramerRTU

from drivers import profile
from drivers.driver import DriverError, FrameError
from drivers.mbus import address, afl, explaining, fixed, flags, frame, records, telegram
from drivers.mbus.picking import pick
from drivers.mbus.profile import MbusProfile
from drivers.mbus.readout import cut, find_response, whole
from drivers.mbus.records import Record
from drivers.mbus.telegram import Telegram
from drivers.modbus import explain, frames, values
from drivers.modbus.plan import Block
from drivers.modbus.profile import ModbusProfile
from edge import decode
from edge.decode import HexError
from simulators.fuzz.engine import Parser

_KEY = bytes(range(16))
_MBUS_WORDS = (
    b"\x68", b"\x16", b"\xe5", b"\x2f", b"\x0f", b"\x1f", b"\x0d\xfd\x11", b"\x04\x03",
    b"\x8c\x40\x06", b"\x02\x6c", b"\x04\x6d", b"\x06\x6d", b"\x7c\x03abc", b"\xfc\x03abc\x74",
    b"\xfd\x97\x1d", b"\xfb\x00", b"\xff\xff\x7f", b"\x80\x80\x80\x00", b"\xbf", b"\xc0",
    b"\xe9", b"\xf8\xf5", b"\x72", b"\x73", b"\x90", b"\x05\x13\x00\x00\xc0\x7f",
)  # fmt: skip
_BLOCK = Block(3, 0, 4)
_UNIT = 1
_KINDS = values.KINDS


def parsers() -> Iterator[Parser]:
    """The rows of the table."""
    yield from _mbus()
    yield from _modbus()
    yield Parser(
        "hex", lambda data: list(decode.split(decode.parse_hex(data.decode("latin-1")))),
        (HexError,), (b"68 03 03 68 08 01 72 7B 16", b"E5"),
        (b"0x", b"#", b"\n", b":", b"telegram="),
    )  # fmt: skip


def _meter(*given: Record) -> Telegram:
    said = given or (
        records.build(b"\x04", b"\x03", index=0, value=Decimal(12_345)),
        Record(1, "text", dib=b"\x0d", vib=b"\xfd\x11", data=b"\x02AB"),
        Record(2, "date", dib=b"\x02", vib=b"\x6c", data=b"\x5e\x3b"),
        Record(3, "flags", dib=b"\x02", vib=b"\xfd\x17", data=b"\x05\x00"),
        Record(4, "own", dib=b"\x0f", data=b"\x01\x02"),
    )
    return Telegram(
        address=1, identification="12345678", manufacturer="PAD", version=1, medium="water",
        access_number=85, status=16, configuration=0, records=said,
    )  # fmt: skip


def _mbus() -> Iterator[Parser]:
    plain = telegram.encode(_meter())
    mode_5 = telegram.encode(_meter(), key=_KEY)
    mode_7 = telegram.encode(_meter(), key=_KEY, counter=7)
    every = (plain, mode_5, mode_7, bytes((frame.ACK,)), frame.short(frame.REQ_UD2, 1))
    old = bytes.fromhex("73 78563412 0A00 E97E 01000000 35010000")
    bodies = (plain[6:-2], mode_5[6:-2], mode_7[6:-2], old, bytes((0x70, 8)))
    refuses = (FrameError,)
    yield Parser("mbus-frame", frame.parse, refuses, every, _MBUS_WORDS)
    yield Parser("mbus-heard", _heard, refuses, (*every, plain + mode_5), _MBUS_WORDS)
    yield Parser("mbus-telegram", _telegram, refuses, bodies, _MBUS_WORDS)
    yield Parser("mbus-opened", _opened, refuses, (bodies[0][13:],), _MBUS_WORDS)
    yield Parser(
        "mbus-records", _records,
        (), (bodies[0][13:], b"\x05\x13" + struct.pack("<f", 12.5)), _MBUS_WORDS,
    )  # fmt: skip
    yield Parser("mbus-fixed", _fixed, refuses, (bodies[3][1:],))
    yield Parser("mbus-authentication", afl.parse, refuses, (mode_7[7:-2],))
    heard = tuple(one for model in _mbus_models() for one in _samples(model))
    yield Parser(
        "mbus-answer", _mbus_answer, (DriverError,), (plain, plain + plain, *heard), _MBUS_WORDS
    )


def _mbus_models() -> Iterator[MbusProfile]:
    """Some of the meters, with flags and without, whose samples stand in their profiles."""
    for name in ("kamstrup_multical", "zenner_edc_cold"):
        model = profile.load(name)
        if isinstance(model, MbusProfile):
            yield model


def _samples(model: MbusProfile) -> Iterator[bytes]:
    yield from (bytes.fromhex(one.response) for one in model.samples if one.response)


def _heard(data: bytes) -> object:
    """What a reader of a line asks of bytes as they come in, and of the frames found in them."""
    found = find_response(data, lambda _one: True)
    one = whole(data)
    selected = one and (address.of(one), address.mask_of(one))
    return frame.expected_length(data), found, selected, cut(data)


def _telegram(data: bytes) -> object:
    """CI field and body of a frame that is sound in itself."""
    ci, body = data[0] if data else 0, data[1 : 1 + frame.BODY_LENGTH_MAX]
    return telegram.decode(frame.long(frame.RSP_UD, 1, ci, body), key=_KEY)


def _opened(data: bytes) -> object:
    """Records as a meter encrypts them whose key is good."""
    said = Record(0, "any", dib=data[:200])
    sealed = telegram.encode(_meter(said), key=_KEY, counter=7)
    return telegram.decode(sealed, key=_KEY), telegram.decode(sealed)


def _records(data: bytes) -> object:
    """As much as a frame holds: longer ones never come, and would take the time of a hundred."""
    held = data[: frame.BODY_LENGTH_MAX]
    return records.decode(held), records.decode(held, high_first=True)


def _fixed(data: bytes) -> object:
    return fixed.decode(data, high_first=False), fixed.decode(data, high_first=True)


def _mbus_answer(data: bytes) -> object:
    told: list[object] = []
    for model in _mbus_models():
        told.append(explaining.explain(model, data))
        telegrams = [telegram.decode(one) for one in cut(data)]
        told.append(flags.told(model, telegrams))
        told.append(_picked(model, telegrams, data))
    return told


def _picked(model: MbusProfile, telegrams: list[Telegram], data: bytes) -> object:
    """What a profile reads in telegrams; one that they do not fit keeps no other from its turn."""
    try:
        return pick(model, telegrams, data)
    except DriverError as error:
        return str(error)


def _modbus() -> Iterator[Parser]:
    words = struct.pack(">4H", 0x4366, 0x3334, 0xFFFF, 0x7FC0)
    pdu = bytes((3, 8)) + words
    rtu, tcp = _rtu(bytes((_UNIT,)) + pdu), _tcp(pdu)
    asked = {one: frames.request(one, _UNIT, _BLOCK, 7) for one in ("rtu", "tcp")}
    yield Parser(
        "modbus-heard", _modbus_heard, (DriverError,), (rtu, tcp, b"\0" + rtu), (rtu[:3], tcp[:9])
    )
    yield Parser("modbus-answer", _modbus_answer, (DriverError,), (pdu, b"\x83\x02", b"\x83\x06"))
    yield Parser(
        "modbus-evidence", _modbus_evidence, (FrameError,),
        (asked["rtu"] + rtu, asked["tcp"] + tcp), (rtu, tcp),
    )  # fmt: skip
    yield Parser("modbus-values", _modbus_values, (), (words, words * 2))


def _rtu(data: bytes) -> bytes:
    return data + FramerRTU.compute_CRC(data).to_bytes(2, "big")


def _tcp(pdu: bytes) -> bytes:
    return struct.pack(">HHHB", 7, 0, len(pdu) + 1, _UNIT) + pdu


def _modbus_heard(data: bytes) -> object:
    told = []
    for framing in ("rtu", "tcp"):
        found = frames.find(data, framing, _UNIT, _BLOCK, 7)
        told.append(None if found is None else frames.registers(found, framing, _UNIT))
    return told


def _modbus_answer(data: bytes) -> object:
    """A PDU in envelopes that fit."""
    return _modbus_heard(_rtu(bytes((_UNIT,)) + data[:253])), _modbus_heard(_tcp(data[:253]))


def _modbus_evidence(data: bytes) -> object:
    models = [profile.load(name) for name in profile.names()]
    return [explain.details(one, data) for one in models if isinstance(one, ModbusProfile)][:1]


def _modbus_values(data: bytes) -> object:
    words = values.bytes_to_words(data[: len(data) // 2 * 2])
    return [
        values.decode(words[: values.width(kind)], kind, word_order="little", byte_order="little")
        for kind in _KINDS
        if len(words) >= values.width(kind)
    ]
