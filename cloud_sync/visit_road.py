"""How a visit's record reaches the gateway: three questions on the device's door, over HTTPS.

The record and every question are sealed by the device's key, each for a purpose of its own; every
answer is sealed by the gateway's key for that device. A record is asked about by its bytes: sent
again it gets the very answer it got before. Photos come one by one, after their record, which names
their SHA-256; that hash is what the seal vouches for, so the picture itself is not signed again.
"""

from typing import Annotated, Literal, TypeVar

from msgspec import Meta, Struct

from cloud_sync import signing, wire
from cloud_sync.batch import SEQUENCE_MAX
from cloud_sync.signing import Sealer, SealError, VerifyKey
from cloud_sync.topics import DeviceId
from cloud_sync.visit import EVENTS_MAX, PHOTO_BYTES_MAX
from cloud_sync.wire import WireError
from drivers.reading import Sha256, TimeMs

VISIT_PATH = "/v1/visit"
PHOTO_PATH = "/v1/visit/photo"
POINTS_PATH = "/v1/points"

# What the largest sealed record takes (cloud_sync/signing.py bounds any sealed message so).
VISIT_BODY_MAX = signing.MESSAGE_BYTES_MAX
HEAD_BYTES_MAX = 1024
PHOTO_BODY_MAX = PHOTO_BYTES_MAX + HEAD_BYTES_MAX + 16
POINTS_BODY_MAX = 1024
# One line for every event of a visit, and some words around.
ANSWER_BYTES_MAX = 192 * 1024
POINTS_ANSWER_MAX = signing.MESSAGE_BYTES_MAX
# A line on a phone's screen, told whole.
TEXT_MAX = 300

Number = Annotated[int, Meta(ge=1, le=SEQUENCE_MAX)]
"""A visit's number: 1, 2, 3 on each device."""
T = TypeVar("T")


class RoadError(ValueError):
    """A question or an answer that is not what it should be; the text is for a log."""


class EventAnswer(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What became of an event, by its place in the record, from 0."""

    index: Annotated[int, Meta(ge=0, lt=EVENTS_MAX)]
    outcome: Literal["applied", "needs-a-person"]
    code: Annotated[str, Meta(max_length=64)]
    """Why a person is needed, a stable word of `visit_doubts`; empty where it was applied."""
    text: Annotated[str, Meta(max_length=TEXT_MAX)]
    """The same as one line of English; where it was applied a remark, mostly empty."""


class VisitAnswer(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What became of a record, or of a photo (without events). `sha256`: of what was sent.

    Of a record: the body as sent. Of a photo: the JPEG. A refusal is final, the text is one line.
    """

    version: Literal[1]
    device: DeviceId
    number: Number
    sha256: Sha256
    outcome: Literal["kept", "refused"]
    reason: Annotated[str, Meta(max_length=TEXT_MAX)]
    answered_at_ms: TimeMs
    events: Annotated[tuple[EventAnswer, ...], Meta(max_length=EVENTS_MAX)]


class PhotoHead(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Which photo of which visit follows, sealed by the device."""

    version: Literal[1]
    device: DeviceId
    number: Number
    sha256: Sha256


class PhotoBody(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A sealed head and the picture it vouches for."""

    head: Annotated[bytes, Meta(min_length=1, max_length=HEAD_BYTES_MAX)]
    jpeg: Annotated[bytes, Meta(min_length=1, max_length=PHOTO_BYTES_MAX)]


class PointsAsked(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A device asks for the waiting points of the house it hangs in."""

    version: Literal[1]
    device: DeviceId
    asked_at_ms: TimeMs


def purpose(device: str, what: Literal["photo", "points", "answer"]) -> str:
    """What a seal of the road is bound to; the record itself is bound to `topics.visit_topic`."""
    return f"plomba/v1/{device}/visit/{what}"


def sealed_photo(head: PhotoHead, jpeg: bytes, key: Sealer) -> bytes:
    """The body of a photo."""
    return wire.encode(PhotoBody(key.seal(wire.encode(head), purpose(head.device, "photo")), jpeg))


def peek_photo(body: bytes) -> tuple[PhotoHead, PhotoBody]:
    """A photo's head that is not believed yet, and its parts; RoadError."""
    parts = _decoded(body, PhotoBody, PHOTO_BODY_MAX)
    return _decoded(_payload(parts.head), PhotoHead, HEAD_BYTES_MAX), parts


def sealed_ask(asked: PointsAsked, key: Sealer) -> bytes:
    """The body of a question for points."""
    return key.seal(wire.encode(asked), purpose(asked.device, "points"))


def peek_ask(body: bytes) -> PointsAsked:
    """A question that is not believed yet; RoadError."""
    return _decoded(_payload(body), PointsAsked, POINTS_BODY_MAX)


def key_id(message: bytes) -> bytes:
    """Which key a sealed message names; RoadError if it is none."""
    return _parsed(message).key_id


def check(message: bytes, key: VerifyKey, bound_to: str) -> None:
    """RoadError unless `key` sealed this message for that purpose."""
    try:
        key.verify(_parsed(message), bound_to)
    except SealError as error:
        raise RoadError(str(error)) from error


def sealed_answer(answer: VisitAnswer, key: Sealer) -> bytes:
    """An answer sealed by the gateway."""
    return key.seal(wire.encode(answer), purpose(answer.device, "answer"))


def opened_answer(message: bytes, device: str, gateway: VerifyKey) -> VisitAnswer:
    """The gateway's answer to `device`; RoadError for anything else."""
    if len(message) > ANSWER_BYTES_MAX:
        raise RoadError(f"expected at most {ANSWER_BYTES_MAX} bytes, got {len(message)}")
    check(message, gateway, purpose(device, "answer"))
    answer = _decoded(_payload(message), VisitAnswer, ANSWER_BYTES_MAX)
    if answer.device != device:
        raise RoadError(f"an answer to {answer.device}")
    return answer


def _parsed(message: bytes) -> signing.Sealed:
    try:
        return signing.parse(message)
    except SealError as error:
        raise RoadError(str(error)) from error


def _payload(message: bytes) -> bytes:
    return _parsed(message).payload


def _decoded(data: bytes, shape: type[T], limit: int) -> T:
    try:
        return wire.decode(data, shape, limit=limit)
    except WireError as error:
        raise RoadError(str(error)) from error
