"""Deterministic CBOR for signed payloads: arrays, integers, text and bytes, nothing else.

A payload made only of those four has exactly one encoding (RFC 8949, 4.2.1: shortest lengths,
definite lengths, and no map whose keys could be ordered or doubled). cbor2's plain encoder gives
that encoding, so "is this canonical?" is one re-encoding and one comparison: no bomb of nesting,
no doubled key and no trailing byte survives it.
"""

from typing import Any, TypeVar

import cbor2
import msgspec

T = TypeVar("T")


class WireError(ValueError):
    """Bytes that are not the canonical form of what they should be."""


def encode(value: msgspec.Struct) -> bytes:
    """The canonical bytes of an array-like struct."""
    return cbor2.dumps(msgspec.to_builtins(value, builtin_types=(bytes,)))


def decode(data: bytes, shape: type[T], *, limit: int) -> T:
    """Build `shape` from its canonical bytes, every constraint checked.

    Raises WireError for more than `limit` bytes, bytes that are not CBOR, a shape or bound not
    kept, and any encoding but the canonical one.
    """
    if len(data) > limit:
        raise WireError(f"expected at most {limit} bytes, got {len(data)}")
    items = _loads(data)
    try:
        value = msgspec.convert(items, shape)
    except msgspec.ValidationError as error:
        raise WireError(str(error)) from error
    if cbor2.dumps(items) != data:
        raise WireError("not the canonical encoding")
    return value


def _loads(data: bytes) -> Any:
    try:
        return cbor2.loads(data)
    except (cbor2.CBORDecodeError, RecursionError) as error:
        raise WireError(f"not CBOR: {error}") from error
