"""Spoiling inputs: what transmission, clumsiness and malice do to bytes, from a seeded source.

Bytes are spoiled as bytes; where a format is CBOR its items are spoiled as well, and written again
in ways that no canonical encoder would choose. A spoiled CBOR text reaches the checks behind the
decoder, which spoiled bytes nearly never do.
"""

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import cbor2

# The largest message a device may send is 256 KiB; what breaks a parser does so in less.
INPUT_BYTES_MAX = 16 * 1024
# Deeper than the recursion limit of Python and of every library under the parsers.
_REPEATS = (2, 3, 16, 300, 3000)
_EDGES = bytes((0x00, 0x01, 0x7F, 0x80, 0x81, 0x9F, 0xBF, 0xC0, 0xFE, 0xFF))
_LENGTHS = (0, 1, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1)
_DIGITS = re.compile(rb"[0-9]+")
_NUMBERS = (b"0", b"-1", b"1e9999", b"0001", b"9999", b"99999999999999999999", b"9" * 5000)
# Numbers at the edges of what CBOR, a JSON double and 64 bits hold, and values of other kinds.
_ITEMS: tuple[Any, ...] = (
    0, -1, 2**53, 2**63, 2**64 - 1, 2**64, -(2**70), "", "\x00", "я" * 70, b"", bytes(33),
    None, True, 1.5, float("nan"), [], {}, {1: 2}, cbor2.CBORTag(2, b"\xff" * 40),
)  # fmt: skip

Spoil = Callable[[Random, bytes, Sequence[bytes]], bytes]


def spoiled(random: Random, data: bytes, tokens: Sequence[bytes], *, is_cbor: bool) -> bytes:
    """`data` after one to four changes; `tokens` are words of its format and other inputs."""
    for _ in range(random.randint(1, 4)):
        if is_cbor and random.random() < 0.5:
            data = _spoiled_items(random, data)
        else:
            data = random.choice(_WAYS)(random, data, tokens)
    return data[:INPUT_BYTES_MAX]


def _flip(random: Random, data: bytes, _tokens: Sequence[bytes]) -> bytes:
    at = random.randrange(len(data) * 8 or 1)
    return _put(data, at // 8, bytes(one ^ 1 << at % 8 for one in data[at // 8 : at // 8 + 1]))


def _edge(random: Random, data: bytes, _tokens: Sequence[bytes]) -> bytes:
    return _put(data, _place(random, data), bytes((random.choice(_EDGES),)))


def _cut(random: Random, data: bytes, _tokens: Sequence[bytes]) -> bytes:
    first, last = sorted((_place(random, data), _place(random, data)))
    return data[:first] + data[last:]


def _truncate(random: Random, data: bytes, _tokens: Sequence[bytes]) -> bytes:
    return data[: _place(random, data)]


def _repeat(random: Random, data: bytes, _tokens: Sequence[bytes]) -> bytes:
    at = _place(random, data)
    piece = data[at : at + random.randint(1, 40)]
    return data[:at] + (piece * random.choice(_REPEATS))[:INPUT_BYTES_MAX] + data[at:]


def _token(random: Random, data: bytes, tokens: Sequence[bytes]) -> bytes:
    at = _place(random, data)
    token = random.choice(tokens) if tokens else random.randbytes(random.randint(1, 8))
    times = random.choice(_REPEATS) if random.random() < 0.1 else 1
    return data[:at] + (token * times)[:INPUT_BYTES_MAX] + data[at:]


def _splice(random: Random, data: bytes, tokens: Sequence[bytes]) -> bytes:
    other = random.choice(tokens) if tokens else data
    return data[: _place(random, data)] + other[_place(random, other) :]


def _length(random: Random, data: bytes, _tokens: Sequence[bytes]) -> bytes:
    size = random.choice((1, 2, 4, 8))
    number = random.choice(_LENGTHS) % (1 << 8 * size)
    written = number.to_bytes(size, random.choice(("big", "little")))
    return _put(data, _place(random, data), written)


def _number(random: Random, data: bytes, _tokens: Sequence[bytes]) -> bytes:
    found = list(_DIGITS.finditer(data))
    if not found:
        return data
    first, last = random.choice(found).span()
    return data[:first] + random.choice(_NUMBERS) + data[last:]


_WAYS: tuple[Spoil, ...] = (
    _flip, _edge, _cut, _truncate, _repeat, _token, _splice, _length, _number,
)  # fmt: skip


def _place(random: Random, data: bytes) -> int:
    return random.randint(0, len(data))


def _put(data: bytes, at: int, piece: bytes) -> bytes:
    return data[:at] + piece + data[at + len(piece) :]


def _spoiled_items(random: Random, data: bytes) -> bytes:
    try:
        items = cbor2.loads(data)
        return _loosely(random, _changed(random, items))
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError):
        # What was spoiled before is no CBOR any more, or holds what cannot be written again.
        return b"\x81" * random.choice(_REPEATS) + data


def _changed(random: Random, item: Any) -> Any:
    """One item somewhere in it exchanged, doubled, dropped or wrapped."""
    if isinstance(item, cbor2.CBORTag) and random.random() > 0.1:
        return cbor2.CBORTag(item.tag, _changed(random, item.value))
    if not isinstance(item, list) or not item or random.random() < 0.1:
        return random.choice((*_ITEMS, [item], [item, item]))
    at = random.randrange(len(item))
    way = random.randrange(4)
    if way == 0:
        return item[:at] + item[at + 1 :]
    if way == 1:
        return item[: at + 1] + item[at:]
    return [*item[:at], _changed(random, item[at]), *item[at + 1 :]]


def _loosely(random: Random, items: Any) -> bytes:
    """CBOR of it: mostly as it should be, else with an encoding that is sound and not canonical."""
    way = random.randrange(8)
    plain = cbor2.dumps(items)
    if way == 0 and isinstance(items, list):
        return b"\x9f" + b"".join(map(cbor2.dumps, items)) + b"\xff"  # of no stated length
    if way == 1 and isinstance(items, list) and len(items) < 24:
        return bytes((0x98, len(items))) + plain[1:]  # a length longer than it need be
    if way == 2:
        return b"\xa2\x01" + plain + b"\x01" + plain  # a key twice
    return plain
