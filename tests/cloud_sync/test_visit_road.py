"""Questions and answers on the device door: what each seal is good for, and for nothing else."""

import hashlib
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from cloud_sync import visit_road
from cloud_sync.signing import SigningKey
from cloud_sync.visit import EVENTS_MAX, PHOTO_BYTES_MAX
from cloud_sync.visit_road import (
    EventAnswer,
    PhotoBody,
    PhotoHead,
    PointsAsked,
    RoadError,
    VisitAnswer,
)
from cloud_sync.wire import encode

DEVICE_KEY = SigningKey.from_seed(b"d" * 32)
GATEWAY_KEY = SigningKey.from_seed(b"g" * 32)
DEVICE = "edge-1"
JPEG = b"\xff\xd8\xff a photo"
HEAD = PhotoHead(1, DEVICE, 3, hashlib.sha256(JPEG).digest())
ANSWER = VisitAnswer(
    1, DEVICE, 3, bytes(32), "kept", "", 1_793_480_400_000, (EventAnswer(0, "applied", "", ""),)
)
BOMBS = [b"", b"\x80", b"\x81" * 50_000, b"\x9b" + b"\xff" * 8, b"\x82\x5a\xff\xff\xff\xff"]


def test_a_photo_travels_with_the_head_that_vouches_for_it() -> None:
    head, parts = visit_road.peek_photo(visit_road.sealed_photo(HEAD, JPEG, DEVICE_KEY))
    assert (head, parts.jpeg) == (HEAD, JPEG)
    visit_road.check(parts.head, DEVICE_KEY.public, visit_road.purpose(DEVICE, "photo"))


def test_the_largest_photo_fits_and_a_larger_one_does_not() -> None:
    most = visit_road.sealed_photo(HEAD, bytes(PHOTO_BYTES_MAX), DEVICE_KEY)
    assert len(most) <= visit_road.PHOTO_BODY_MAX
    visit_road.peek_photo(most)
    more = PhotoBody(DEVICE_KEY.seal(encode(HEAD), "x"), bytes(PHOTO_BYTES_MAX + 1))
    with pytest.raises(RoadError):
        visit_road.peek_photo(encode(more))


def test_a_question_for_points_is_read_before_it_is_believed() -> None:
    asked = PointsAsked(1, DEVICE, 1_793_480_400_000)
    assert visit_road.peek_ask(visit_road.sealed_ask(asked, DEVICE_KEY)) == asked


def test_an_answer_is_the_gateways_to_that_device() -> None:
    sealed = visit_road.sealed_answer(ANSWER, GATEWAY_KEY)
    assert visit_road.opened_answer(sealed, DEVICE, GATEWAY_KEY.public) == ANSWER
    for device, key in ((DEVICE, DEVICE_KEY), ("edge-2", GATEWAY_KEY)):
        with pytest.raises(RoadError):
            visit_road.opened_answer(sealed, device, key.public)


def test_an_answer_to_another_inside_the_right_seal_is_refused() -> None:
    sealed = GATEWAY_KEY.seal(
        encode(replace(ANSWER, device="edge-2")), visit_road.purpose(DEVICE, "answer")
    )
    with pytest.raises(RoadError, match="edge-2"):
        visit_road.opened_answer(sealed, DEVICE, GATEWAY_KEY.public)


def test_a_seal_for_one_purpose_serves_no_other() -> None:
    asked = visit_road.sealed_ask(PointsAsked(1, DEVICE, 0), DEVICE_KEY)
    with pytest.raises(RoadError):
        visit_road.check(asked, DEVICE_KEY.public, visit_road.purpose(DEVICE, "photo"))


def test_the_longest_answer_fits() -> None:
    events = tuple(
        EventAnswer(at, "needs-a-person", "no-point", "ё" * visit_road.TEXT_MAX)
        for at in range(EVENTS_MAX)
    )
    sealed = visit_road.sealed_answer(replace(ANSWER, events=events), GATEWAY_KEY)
    assert len(sealed) <= visit_road.ANSWER_BYTES_MAX
    visit_road.opened_answer(sealed, DEVICE, GATEWAY_KEY.public)


@pytest.mark.parametrize("read", [visit_road.peek_photo, visit_road.peek_ask, visit_road.key_id])
@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_and_other_encodings_are_refused(
    read: Callable[[bytes], object], bomb: bytes
) -> None:
    with pytest.raises(RoadError):
        read(bomb)


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_under_a_good_seal_are_refused(bomb: bytes) -> None:
    with pytest.raises(RoadError):
        visit_road.peek_ask(DEVICE_KEY.seal(bomb, visit_road.purpose(DEVICE, "points")))
