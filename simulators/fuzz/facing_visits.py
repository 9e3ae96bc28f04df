"""Parsers of what installers' devices bring to the door, and of what they are answered.

Each is also fed payloads that are sealed here, as a device with a good key could.
"""

import hashlib
from collections.abc import Iterator
from functools import partial

from cloud_sync import points, visit_road
from cloud_sync.points import Expected, Points, PointsError, WaitingPoint
from cloud_sync.signing import SigningKey
from cloud_sync.visit_road import EventAnswer, PhotoHead, PointsAsked, RoadError, VisitAnswer
from cloud_sync.wire import encode
from drivers.reading import Resource, Unit
from gateway.csv_lines import RegistryError
from gateway.visits import plan_csv
from gateway.visits.deciding import named
from gateway.visits.model import VisitError
from simulators.fuzz.engine import Parser

_DEVICE = "edge-1"
_KEY = SigningKey.from_seed(bytes(range(32)))
_JPEG = b"\xff\xd8\xff what a phone took"
_CSV_WORDS = (b",", b";", b'"', b"\n", b"-9", b"1e9", b"A", b"\xef\xbb\xbf", b"1/0", "ё".encode())
_PLANS = (
    b"house,address,timezone,account,dwelling,point,kind,resource,register,unit,exponent,digits,"
    b"rate_max_per_h,place,serial,model,factor\n"
    b"A,Street 1,Europe/Moscow,1,1,A-1,dwelling,cold-water,8-0:1.0.0,m3,-3,8,3.1,hall,W1,Pulse,1\n"
)


def parsers() -> Iterator[Parser]:
    """The rows of the table."""
    register = Expected("8-0:1.0.0", Unit.M3, -3, 8)
    one = WaitingPoint(7, "A-1", "1", "hall", Resource.COLD_WATER, "W1", "Pulse", (register,))
    waiting = Points(1, "A", _DEVICE, 1_793_480_400_000, (one,))
    yield Parser("points", points.decode, (PointsError,), (points.encode(waiting),), is_cbor=True)
    sealed = points.seal(waiting, _KEY)
    opened = partial(points.opened, gateway=_KEY.public)
    yield Parser("points-sealed", opened, (PointsError,), (sealed,), is_cbor=True)
    head = PhotoHead(1, _DEVICE, 3, hashlib.sha256(_JPEG).digest())
    photo = visit_road.sealed_photo(head, _JPEG, _KEY)
    yield Parser("visit-photo", visit_road.peek_photo, (RoadError,), (photo,), is_cbor=True)
    yield Parser("visit-photo-head", _photo_head, (RoadError,), (encode(head),), is_cbor=True)
    asked = PointsAsked(1, _DEVICE, 1_793_480_400_000)
    ask = visit_road.sealed_ask(asked, _KEY)
    yield Parser("points-asked", visit_road.peek_ask, (RoadError,), (ask,), is_cbor=True)
    yield Parser("points-asked-sealed", _ask, (RoadError,), (encode(asked),), is_cbor=True)
    told = VisitAnswer(
        1,
        _DEVICE,
        3,
        bytes(32),
        "kept",
        "",
        1_793_480_400_000,
        (EventAnswer(0, "applied", "", ""),),
    )
    answer = visit_road.sealed_answer(told, _KEY)
    yield Parser("visit-answer", _answer, (RoadError,), (answer,), is_cbor=True)
    yield Parser("visit-answer-sealed", _sealed_answer, (RoadError,), (encode(told),), is_cbor=True)
    yield Parser("visit-key", visit_road.key_id, (RoadError,), (answer,), is_cbor=True)
    yield Parser("point-plans", plan_csv.parse_plans, (RegistryError,), (_PLANS,), _CSV_WORDS)
    yield Parser(
        "visit-name", lambda data: named(data.decode("latin-1")), (VisitError,),
        (b"edge-1/3", b"/"), (b"/", b"\xb2", b"-1", b"9" * 17),
    )  # fmt: skip


def _photo_head(payload: bytes) -> object:
    seal = _KEY.seal(payload, visit_road.purpose(_DEVICE, "photo"))
    return visit_road.peek_photo(encode(visit_road.PhotoBody(seal, _JPEG)))


def _ask(payload: bytes) -> object:
    return visit_road.peek_ask(_KEY.seal(payload, visit_road.purpose(_DEVICE, "points")))


def _answer(data: bytes) -> object:
    return visit_road.opened_answer(data, _DEVICE, _KEY.public)


def _sealed_answer(payload: bytes) -> object:
    return _answer(_KEY.seal(payload, visit_road.purpose(_DEVICE, "answer")))
