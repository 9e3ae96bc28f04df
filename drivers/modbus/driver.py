"""Reads a Modbus meter: the blocks of its profile, one after another, into exact values.

The same driver serves RTU on a serial port, RTU over a transparent gateway and Modbus TCP; the
line says which (`Line.framing`). A read is whole or it fails: registers of one answer belong to
one moment, and half of them would be billed as if the other half had not changed.
"""

from functools import partial

from drivers.bus import Line
from drivers.driver import Answer, FrameError, Refused, WrongMeter
from drivers.modbus import frames, plan
from drivers.modbus.plan import Block
from drivers.modbus.profile import ModbusProfile, ModbusRegister, Place
from drivers.modbus.values import decode, is_float, words_to_bytes
from drivers.profile import MeterProfile
from drivers.reading import MeterStatus, RegisterValue
from drivers.register import EXACT

Words = tuple[int, ...]
# Modbus over Serial Line 1.02, 2.2: 0 is the broadcast address, 248 to 255 are reserved. Over TCP
# a meter that is its own gateway often wants 255, or 0.
_UNITS = {"rtu": range(1, 248), "tcp": range(256)}


class ModbusDriver:
    """`drivers.driver`'s contract for Modbus."""

    async def read(
        self, line: Line, profile: MeterProfile, address: int, *, expect_id: str | None = None
    ) -> Answer:
        """All registers of `profile` from the meter at `address`.

        `expect_id` is the serial number the meter must show, where the profile knows its place.
        """
        if not isinstance(profile, ModbusProfile):
            raise Refused(f"{profile.name} speaks {profile.protocol}, this line Modbus")
        if address not in _UNITS[line.framing]:
            units = _UNITS[line.framing]
            raise Refused(
                f"expected a Modbus address from {units[0]} to {units[-1]}, got {address}"
            )
        extra = _identification(profile, expect_id)
        raw = bytearray()
        read: dict[Block, Words] = {}
        for block in plan.blocks(profile, extra):
            question, answer = await _exchange(line, address, block)
            raw += question + answer
            read[block] = frames.registers(answer, line.framing, address)
        identification = _check_identity(read, extra, address, expect_id)
        return _answer(profile, read, bytes(raw), identification)


def value(register: ModbusRegister, words: Words) -> RegisterValue | None:
    """The value of a register in its words; None where the meter has none.

    ValueError if it is beyond what a counter can hold.
    """
    if words_to_bytes(words).hex().upper() == register.absent:
        return None
    number = decode(
        words,
        register.kind,
        word_order=register.word_order,
        byte_order=register.byte_order,
    )
    if number is None:
        return None
    scaled = EXACT.multiply(number, register.scale)
    return register.rounded(scaled) if is_float(register.kind) else register.exactly(scaled)


async def _exchange(line: Line, unit: int, block: Block) -> tuple[bytes, bytes]:
    number = line.number()
    question = frames.request(line.framing, unit, block, number)
    match = partial(frames.find, framing=line.framing, unit=unit, block=block, number=number)
    timeout_s = line.timeout_s(len(question), frames.answer_length(line.framing, block))
    return question, await line.exchange(unit, question, match, timeout_s)


def _identification(profile: ModbusProfile, expect_id: str | None) -> tuple[Place, ...]:
    if expect_id is None:
        return ()
    if profile.identification is None:
        raise Refused(f"{profile.name} tells no serial number: remove the expected {expect_id}")
    return (profile.identification,)


def _check_identity(
    read: dict[Block, Words], extra: tuple[Place, ...], address: int, expect_id: str | None
) -> str | None:
    for place in extra:
        words = _find(read, place)
        shown = decode(words, place.kind, word_order=place.word_order, byte_order=place.byte_order)
        if str(shown).lstrip("0") != str(expect_id).lstrip("0"):
            raise WrongMeter(f"expected meter {expect_id} at address {address}, got {shown}")
    return expect_id


def _answer(
    profile: ModbusProfile, read: dict[Block, Words], raw: bytes, identification: str | None
) -> Answer:
    """The values of an answer. A register the meter has no value for is left out and told so."""
    try:
        found = [value(register, _find(read, register.place)) for register in profile.registers]
    except ValueError as error:
        raise FrameError(str(error), raw) from error
    values = tuple(one for one in found if one is not None)
    if not values:
        raise Refused(f"the meter has no value for any register of {profile.name}")
    status = MeterStatus.OK if len(values) == len(found) else MeterStatus.TEMPORARY_ERROR
    return Answer(values, status, raw, identification)


def _find(read: dict[Block, Words], place: Place) -> Words:
    return next(block.cut(words, place) for block, words in read.items() if block.holds(place))
