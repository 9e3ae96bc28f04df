"""Damage of every kind, in numbers: what no checksum stops, and what it must stop.

Everything is seeded, so a failure comes again. The material is every recorded telegram that is
there and a set of built ones, so that the numbers hold on a machine without the recorded ones too.
"""

import random
from collections.abc import Iterator

import pytest

from drivers.driver import FrameError
from drivers.mbus import frame, telegram
from drivers.mbus.frame import Long
from drivers.mbus.telegram import Telegram
from edge.decode import HexError
from simulators.bench_decode import built
from tests.drivers.telegrams import ERRORS, SOUND, UNUSUAL, telegram_bytes

MUTATIONS = 100_000
SINGLE_BITS = 10_000
KEY = bytes(range(16))

# One of each layout: high byte first, short header, none, fixed, encrypted both ways, an error.
LAYOUTS = [
    frame.long(frame.RSP_UD, 1, ci, bytes.fromhex(body))
    for ci, body in [
        (0x76, "12345678 4024 01 07 55 10 0000 04 03 00003039 0D FD11 02 4142"),
        (0x7A, "55 10 0000 0C 13 12345678 0D 78 E4 01020304 0D 13 D2 3412"),
        (0x78, "04 FC 03 48 52 25 74 22150000 0D FD11 C3 123456"),
        (0x73, "93929190 10 00 05 69 31650000 69000000"),
        (0x72, "78563412 2440 01 07 55 00 1005 232770803dffbdbae1159722d51c7dc0"),
        (0x90, "02 0000 78 04 13 39300000"),
        (0x70, "08"),
    ]
]


def _frames() -> list[bytes]:
    found = [*built(24), *LAYOUTS]
    for path in SOUND + ERRORS + UNUSUAL:
        try:
            one = telegram_bytes(path)
            frame.parse(one)
        except (HexError, FrameError):
            continue
        found.append(one)
    return found


FRAMES = _frames()


def _mutated(chance: random.Random) -> Iterator[bytes]:
    """Frames with sound lengths and checksum around a body that was damaged in one of five ways."""
    seeds = [one for one in map(frame.parse, FRAMES) if isinstance(one, Long)]
    while True:
        seed = chance.choice(seeds)
        body = bytearray(seed.body)
        for _ in range(chance.randint(1, 4)):
            _damage(body, chance)
        ci = seed.ci if chance.random() < 0.9 else chance.randrange(0x100)
        yield frame.long(seed.control, seed.address, ci, bytes(body[: frame.BODY_LENGTH_MAX]))


def _damage(body: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(body) + 1)
    until = min(len(body), at + chance.randint(1, 8))
    way = chance.randrange(5)
    if way == 0 and at < len(body):
        body[at] = chance.randrange(0x100)
    elif way == 1 and at < len(body):
        body[at] ^= 1 << chance.randrange(8)
    elif way == 2:
        del body[at:until]
    elif way == 3:
        body[at:at] = chance.randbytes(until - at)
    else:
        body[at:at] = body[at:until]


def _decoded(data: bytes, key: bytes | None) -> Telegram | FrameError:
    try:
        return telegram.decode(data, key=key)
    except FrameError as error:
        return error


def _check(found: Telegram) -> None:
    """That what was decoded is whole: places in order, every byte kept, a value or a reason."""
    assert [one.index for one in found.records] == list(range(len(found.records)))
    assert found.damage is None or ("\n" not in found.damage and found.damage)
    for one in found.records:
        assert one.quantity
        said = (one.value, one.time, one.text, one.problem)
        assert any(part is not None for part in said)
        assert one.value is None or one.value.is_finite()
        assert one.time is None or one.value is None


@pytest.mark.timeout(300)
def test_a_hundred_thousand_mutated_telegrams_decode_or_raise_frame_error() -> None:
    mutated = _mutated(random.Random(13757))
    outcomes = {"refused": 0, "damaged": 0, "whole": 0}
    for count in range(MUTATIONS):
        data = next(mutated)
        found = _decoded(data, KEY if count % 2 else None)
        if isinstance(found, Telegram):
            _check(found)
            outcomes["damaged" if found.damage else "whole"] += 1
        else:
            assert found.received == data
            assert "\n" not in str(found)
            outcomes["refused"] += 1
    # All three must have been reached, or the mutations were too tame or too wild.
    assert min(outcomes.values()) > MUTATIONS // 50, outcomes


def test_ten_thousand_single_bit_errors_are_all_refused() -> None:
    chance = random.Random(60870)
    for _ in range(SINGLE_BITS):
        data = bytearray(chance.choice(FRAMES))
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        with pytest.raises(FrameError):
            frame.parse(bytes(data))


def test_no_pair_of_damaged_bytes_of_the_frame_itself_is_accepted() -> None:
    # Lengths, starts, checksum and stop byte, two at a time: what the sum alone would let pass.
    chance = random.Random(5)
    for _ in range(SINGLE_BITS):
        data = bytearray(chance.choice(FRAMES))
        for place in chance.sample([0, 1, 2, 3, -1], 2):
            data[place] ^= chance.randint(1, 255)
        with pytest.raises(FrameError):
            frame.parse(bytes(data))
