"""How a device fetches the files of a release, and says what became of it: the device's door.

A question is sealed by the device's key for a purpose of its own. A file comes in parts, each under
a head that the gateway seals for that device and that names file, place and SHA-256: a part cannot
be taken for one of another file or another device. What counts in the end is the manifest's hash of
the whole file, and the statement's of the manifest (cloud_sync/release.py).
"""

import hashlib
from typing import Annotated, Literal, TypeVar

from msgspec import Meta, Struct

from cloud_sync import signing, wire
from cloud_sync.batch import SEQUENCE_MAX
from cloud_sync.release import RELEASE_BYTES_MAX, FileName, Software
from cloud_sync.signing import Sealer, SealError, VerifyKey
from cloud_sync.topics import DeviceId
from cloud_sync.wire import WireError
from drivers.reading import Sha256, TimeMs

RELEASE_PATH = "/v1/release"
# Over 50 kbit/s twenty seconds: a connection of the door lives for sixty.
PART_BYTES_MAX = 128 * 1024
HEAD_BYTES_MAX = 1024
ASK_BYTES_MAX = 2048
ANSWER_BYTES_MAX = PART_BYTES_MAX + HEAD_BYTES_MAX + 16
REASON_MAX = 300

Offset = Annotated[int, Meta(ge=0, le=RELEASE_BYTES_MAX)]
Step = Literal["fetching", "running", "rolled-back", "refused"]
"""Where an update stands on a device."""
T = TypeVar("T")


class RoadError(ValueError):
    """A question or an answer that is not what it should be; the text is for a log."""


class Asked(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="part"):
    """Give me a part of a file of the release with that manifest."""

    version: Literal[1]
    device: DeviceId
    asked_at_ms: TimeMs
    manifest: Sha256
    file: FileName
    offset: Offset


class Told(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="told"):
    """What became of the update that command `number` offered. `runs`: the version that runs."""

    version: Literal[1]
    device: DeviceId
    told_at_ms: TimeMs
    number: Annotated[int, Meta(ge=1, le=SEQUENCE_MAX)]
    manifest: Sha256
    software: Software
    runs: Annotated[str, Meta(max_length=64)]
    step: Step
    reason: Annotated[str, Meta(max_length=REASON_MAX)]


class Head(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Which part follows. `total`: bytes of the whole file; `sha256`: of the part."""

    version: Literal[1]
    device: DeviceId
    manifest: Sha256
    file: FileName
    offset: Offset
    total: Annotated[int, Meta(ge=1, le=RELEASE_BYTES_MAX)]
    sha256: Sha256


class Heard(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The gateway has noted what it was told."""

    version: Literal[1]
    device: DeviceId
    number: Annotated[int, Meta(ge=1, le=SEQUENCE_MAX)]
    step: Step


class Part(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A sealed head and the bytes it vouches for."""

    head: Annotated[bytes, Meta(min_length=1, max_length=HEAD_BYTES_MAX)]
    data: Annotated[bytes, Meta(min_length=1, max_length=PART_BYTES_MAX)]


def purpose(device: str, what: Literal["ask", "part", "heard"]) -> str:
    """What a seal of the road is bound to."""
    return f"plomba/v1/{device}/release/{what}"


def sealed_ask(asked: Asked | Told, key: Sealer) -> bytes:
    """The body of a question, or of what is told."""
    return key.seal(wire.encode(asked), purpose(asked.device, "ask"))


def peek_ask(body: bytes) -> Asked | Told:
    """A question that is not believed yet; RoadError."""
    if len(body) > ASK_BYTES_MAX:
        raise RoadError(f"expected at most {ASK_BYTES_MAX} bytes, got {len(body)}")
    payload = _parsed(body).payload
    try:
        found: Asked | Told = wire.decode(payload, Asked | Told, limit=ASK_BYTES_MAX)  # type: ignore[arg-type]
    except WireError as error:
        raise RoadError(str(error)) from error
    return found


def key_id(body: bytes) -> bytes:
    """Which key a question names; RoadError if it is none."""
    return _parsed(body).key_id


def check(message: bytes, key: VerifyKey, bound_to: str) -> None:
    """RoadError unless `key` sealed this message for that purpose."""
    try:
        key.verify(_parsed(message), bound_to)
    except SealError as error:
        raise RoadError(str(error)) from error


def sealed_part(asked: Asked, data: bytes, total: int, key: Sealer) -> bytes:
    """The answer to a question: a part of the file from its offset on."""
    sha256 = hashlib.sha256(data).digest()
    head = Head(1, asked.device, asked.manifest, asked.file, asked.offset, total, sha256)
    return wire.encode(Part(key.seal(wire.encode(head), purpose(asked.device, "part")), data))


def opened_part(body: bytes, asked: Asked, gateway: VerifyKey) -> tuple[bytes, int]:
    """The bytes that answer just that question, and the file's size; RoadError otherwise."""
    part = _decoded(body, Part, ANSWER_BYTES_MAX)
    check(part.head, gateway, purpose(asked.device, "part"))
    head = _decoded(_parsed(part.head).payload, Head, HEAD_BYTES_MAX)
    wanted = (asked.device, asked.manifest, asked.file, asked.offset)
    if (head.device, head.manifest, head.file, head.offset) != wanted:
        raise RoadError(f"asked for {asked.file} from {asked.offset}, got {head.file}")
    if hashlib.sha256(part.data).digest() != head.sha256:
        raise RoadError(f"{head.file}: the part is not what its head names")
    if head.offset + len(part.data) > head.total:
        raise RoadError(f"{head.file}: a part beyond the end")
    return part.data, head.total


def sealed_heard(told: Told, key: Sealer) -> bytes:
    """The answer to what was told."""
    heard = Heard(1, told.device, told.number, told.step)
    return key.seal(wire.encode(heard), purpose(told.device, "heard"))


def check_heard(body: bytes, told: Told, gateway: VerifyKey) -> None:
    """RoadError unless the gateway says that it has noted just that."""
    if len(body) > HEAD_BYTES_MAX:
        raise RoadError(f"expected at most {HEAD_BYTES_MAX} bytes, got {len(body)}")
    check(body, gateway, purpose(told.device, "heard"))
    heard = _decoded(_parsed(body).payload, Heard, HEAD_BYTES_MAX)
    if (heard.device, heard.number, heard.step) != (told.device, told.number, told.step):
        raise RoadError("an answer about something else")


def _parsed(message: bytes) -> signing.Sealed:
    try:
        return signing.parse(message)
    except SealError as error:
        raise RoadError(str(error)) from error


def _decoded(data: bytes, shape: type[T], limit: int) -> T:
    try:
        return wire.decode(data, shape, limit=limit)
    except WireError as error:
        raise RoadError(str(error)) from error
