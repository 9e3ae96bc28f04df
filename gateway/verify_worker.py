"""One verifying worker: frames of messages in, frames of what is sound out, until the input ends.

It is a program of its own, so that it loads nothing but what it needs and dies with who asked it;
gateway/verifying.py starts it and speaks the other side.
"""

import sys
from functools import lru_cache
from typing import IO

import msgspec

from cloud_sync import batch as wire_batch
from cloud_sync import signing
from cloud_sync.batch import Batch
from cloud_sync.signing import SealError, VerifyKey
from cloud_sync.wire import WireError

# A frame is at most a group of messages and their decoded form (ingest.GROUP_BYTES_MAX), and a
# length that says more is not a length.
FRAME_BYTES_MAX = 64 * 1024 * 1024
_LENGTH_BYTES = 4


class Task(msgspec.Struct, frozen=True, array_like=True):
    """A message with the public key that it should be signed with."""

    public_key: bytes
    topic: str
    message: bytes
    decode: bool


class Finding(msgspec.Struct, frozen=True, array_like=True):
    """What is sound: the hash of the message, and its batch where it was to be decoded."""

    hash: bytes
    batch: Batch | None


Findings = list[Finding | None]
TASKS = msgspec.msgpack.Decoder(list[Task])
FINDINGS = msgspec.msgpack.Decoder(Findings)
ENCODER = msgspec.msgpack.Encoder()


def put(pipe: IO[bytes] | None, body: bytes) -> None:
    """Write a frame."""
    if pipe is None:
        raise EOFError("no pipe")
    pipe.write(len(body).to_bytes(_LENGTH_BYTES, "big"))
    pipe.write(body)
    pipe.flush()


def take(pipe: IO[bytes] | None) -> bytes:
    """Read a frame; EOFError where there is none."""
    head = b"" if pipe is None else pipe.read(_LENGTH_BYTES)
    length = int.from_bytes(head, "big")
    if pipe is None or len(head) < _LENGTH_BYTES or length > FRAME_BYTES_MAX:
        raise EOFError("it ended")
    body = pipe.read(length)
    if len(body) < length:
        raise EOFError("it ended within an answer")
    return body


def examine(task: Task) -> Finding | None:
    """What a worker does with one message."""
    try:
        sealed = signing.parse(task.message)
        _key(task.public_key).verify(sealed, task.topic)
        batch = wire_batch.decode(sealed.payload) if task.decode else None
    except (SealError, WireError, ValueError):
        return None
    return Finding(wire_batch.chain_hash(task.message), batch)


# As many devices as one collector hears in a minute; a key object is about 1 kB.
@lru_cache(maxsize=16_384)
def _key(public_bytes: bytes) -> VerifyKey:
    return VerifyKey(public_bytes)


def work(source: IO[bytes], target: IO[bytes]) -> None:
    """Answer frames until there are no more."""
    while True:
        try:
            tasks = TASKS.decode(take(source))
        except EOFError:
            return
        put(target, ENCODER.encode([examine(task) for task in tasks]))


if __name__ == "__main__":
    work(sys.stdin.buffer, sys.stdout.buffer)
