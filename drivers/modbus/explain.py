"""What the bytes of a Modbus answer say, for a person's eyes: one line per register and hole.

The bytes are the evidence of a readout: every request followed by its response, as they stood on
the line. Which framing that was is seen from them.
"""

from collections.abc import Iterator
from decimal import Decimal

from drivers.bus import Framing
from drivers.driver import Detail, FrameError
from drivers.modbus import frames
from drivers.modbus.plan import Block
from drivers.modbus.profile import ModbusProfile, ModbusRegister, Part
from drivers.modbus.values import decode, words_to_bytes

Words = tuple[int, ...]
_TABLES = {3: "holding", 4: "input"}


def details(profile: ModbusProfile, raw: bytes) -> tuple[Detail, ...]:
    """Every place of every answer in `raw`, in the order in which they were asked for.

    FrameError if these are not requests with their responses.
    """
    return tuple(
        detail for block, words in _blocks(raw) for detail in _of_block(profile, block, words)
    )


def _blocks(raw: bytes) -> Iterator[tuple[Block, Words]]:
    at = 0
    while at < len(raw):
        rest = raw[at:]
        asked = frames.parse_request(rest)
        if asked is None:
            raise FrameError(f"expected a Modbus request, got {rest[:16].hex(' ')}", raw)
        framing, unit, block, number, request_bytes = asked
        yield block, _words(rest[request_bytes:], framing, unit, block, number)
        at += request_bytes + frames.answer_length(framing, block)


def _words(rest: bytes, framing: Framing, unit: int, block: Block, number: int) -> Words:
    answer = rest[: frames.answer_length(framing, block)]
    if frames.find(answer, framing, unit, block, number) != answer:
        raise FrameError(f"expected the answer for {block}, got {answer[:16].hex(' ')}", answer)
    return frames.registers(answer, framing, unit)


def _of_block(profile: ModbusProfile, block: Block, words: Words) -> Iterator[Detail]:
    """The parts that stand in a block, in ascending order, and what lies between them."""
    parts = sorted(
        (
            (part.place.address, number, register, part)
            for register in profile.registers
            for number, part in enumerate(register.parts)
            if block.holds(part.place)
        ),
        key=lambda found: found[:2],
    )
    at = block.address
    for address, number, register, part in parts:
        if address > at:
            yield _hole(block, words, at, address)
        yield _of_part(block, words, register, part, is_first=not number)
        at = max(at, address + part.place.count)
    if at < block.end:
        yield _hole(block, words, at, block.end)


def _of_part(
    block: Block, words: Words, register: ModbusRegister, part: Part, *, is_first: bool
) -> Detail:
    place = part.place
    own = block.cut(words, place)
    number = decode(own, place.kind, word_order=place.word_order, byte_order=place.byte_order)
    raw = words_to_bytes(own).hex(" ").upper()
    if number is None or raw.replace(" ", "") == register.absent:
        meaning = f"{place.kind}: no value"
    else:
        scaled = f" x {part.scale}" if part.scale != 1 else ""
        added = "" if is_first else "added: "
        meaning = f"{added}{place.kind} {_plain(number)}{scaled} {register.unit}"
    return Detail(_name(block, place.address), raw, meaning, register.obis)


def _hole(block: Block, words: Words, first: int, end: int) -> Detail:
    own = words[first - block.address : end - block.address]
    raw = words_to_bytes(own).hex(" ").upper()
    return Detail(_name(block, first), raw, "no register of the profile")


def _name(block: Block, address: int) -> str:
    return f"{_TABLES[block.function]} {address:#06x}"


def _plain(number: Decimal) -> str:
    """As a display would show it: a float's exact decimal is longer than anybody reads."""
    return f"{number:.9g}" if number != number.to_integral_value() else f"{number:f}"
