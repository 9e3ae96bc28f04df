"""Records on their way to a gateway that is away, refuses, lies, or takes them."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import msgspec
import pytest

from cloud_sync import points as wire_points
from cloud_sync import visit as wire_visit
from cloud_sync import visit_road as road
from cloud_sync.authority import Authority
from cloud_sync.enrolment import Refused, encode_answer
from cloud_sync.points import Points
from cloud_sync.signing import SigningKey
from cloud_sync.topics import visit_topic
from cloud_sync.visit_road import VisitAnswer
from drivers.reading import ClockState
from edge import config, enrolled
from edge.clock import SystemClock
from edge.config import EdgeConfig
from edge.enrolled import Enrolled
from edge.https import Away, Response
from edge.visit import delivering
from edge.visit.core import ANSWER, RECORD, VisitBook
from edge.visit.delivering import NotSent, deliver
from edge.visit.draft import Begun, Moment
from tests.cloud_sync.test_visit import INSTALL, a_visit
from tests.edge.visit.site import CONFIG, DEVICE, GATEWAY, KEY, START_MS, a_device

GATEWAY_URL = "https://gateway.example:8443"
WITH_TLS = CONFIG.replace(
    "without_tls = true", 'ca = "ca.pem"\ncert = "cert.pem"\ncert_key = "cert.key"'
)


def an_enrolled_device(folder: Path) -> EdgeConfig:
    path = a_device(folder, WITH_TLS)
    root = Authority.root("Test", START_MS, 30).certificate
    (folder / "ca.pem").write_text(root.pem)
    (folder / "state").mkdir()
    known = Enrolled(DEVICE, "House 1", GATEWAY_URL, "127.0.0.1", 8883)
    enrolled.save(folder / "state", known)
    return config.load(path)


def a_record(conf: EdgeConfig, *photos: bytes) -> VisitBook:
    """A device with one finished visit."""
    book = VisitBook(conf.device.state_dir)
    at = Moment(START_MS, 0, b"boot-one", ClockState.SYNCHRONISED)
    number = book.begin(Begun(0, "commissioning", "Ivan", "House 1", at)).number
    names = tuple(bytes.fromhex(book.keep_photo(photo)) for photo in photos)
    install = msgspec.structs.replace(INSTALL, photos=names)
    visit = a_visit(number=number, events=(install,))
    book.seal(KEY.seal(wire_visit.encode(visit), visit_topic(DEVICE)))
    return book


class Gateway:
    """The gateway's door: takes what is sealed by the device, and answers as it is told."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.key = GATEWAY
        self.is_away = False
        self.status = 200
        self.outcome = "kept"
        self.number: int | None = None
        self.body: bytes | None = None

    def post(self, url: str, path: str, body: bytes, roots: str, limit: int) -> Response:
        assert url == GATEWAY_URL
        assert urlsplit(url).scheme == "https"
        assert "BEGIN CERTIFICATE" in roots
        self.asked.append(path)
        if self.is_away:
            raise Away("gateway.example does not answer")
        if self.status != 200:
            return Response(self.status, self.body or b"")
        answer = self.body if self.body is not None else self._answer(path, body)
        assert len(answer) <= limit
        return Response(200, answer)

    def _answer(self, path: str, body: bytes) -> bytes:
        if path == road.POINTS_PATH:
            road.check(body, KEY.public, road.purpose(DEVICE, "points"))
            listed = Points(1, "House 1", DEVICE, START_MS, ())
            return wire_points.seal(listed, self.key)
        if path == road.PHOTO_PATH:
            head, parts = road.peek_photo(body)
            road.check(parts.head, KEY.public, road.purpose(DEVICE, "photo"))
            assert hashlib.sha256(parts.jpeg).digest() == head.sha256
            return self._sealed(head.number, head.sha256)
        road.check(body, KEY.public, visit_topic(DEVICE))
        return self._sealed(1, hashlib.sha256(body).digest())

    def _sealed(self, number: int, sha256: bytes) -> bytes:
        answer = VisitAnswer(
            1, DEVICE, self.number or number, sha256, self.outcome, "", START_MS, ()
        )  # type: ignore[arg-type]
        return road.sealed_answer(answer, self.key)


def test_a_record_and_its_photos_go_once(tmp_path: Path) -> None:
    conf = an_enrolled_device(tmp_path)
    book, gateway = a_record(conf, b"photo one", b"photo two"), Gateway()
    assert delivering.waits(book)
    sent = deliver(conf, book, gateway.post)
    assert [(one.what, one.ok, one.detail) for one in sent] == [
        ("record", True, "kept"),
        ("photo", True, "kept"),
        ("photo", True, "kept"),
    ]
    assert not delivering.waits(book)
    assert deliver(conf, book, gateway.post) == ()
    assert len(gateway.asked) == 3
    answer = book.answer(1)
    assert answer is not None
    assert answer.outcome == "kept"


def test_a_record_the_disk_spoiled_holds_up_none_after_it(tmp_path: Path) -> None:
    conf = an_enrolled_device(tmp_path)
    book, gateway = a_record(conf), Gateway()
    (book.place(1) / RECORD).write_bytes(b"spoiled")
    book = a_record(conf)
    gateway.number = 2
    spoiled, sent = deliver(conf, book, gateway.post)
    assert (spoiled.number, spoiled.ok) == (1, False)
    assert "visit 1 does not read" in spoiled.detail
    assert (sent.number, sent.ok) == (2, True)
    assert gateway.asked == [road.VISIT_PATH]


def test_a_refused_record_is_not_sent_again_nor_are_its_photos(tmp_path: Path) -> None:
    conf = an_enrolled_device(tmp_path)
    book, gateway = a_record(conf, b"photo"), Gateway()
    gateway.outcome = "refused"
    (one,) = deliver(conf, book, gateway.post)
    assert (one.ok, one.detail) == (True, "refused: ")
    assert not delivering.waits(book)


def _away(gateway: Gateway) -> None:
    gateway.is_away = True


def _foreign(gateway: Gateway) -> None:
    gateway.key = SigningKey.generate()


def _another(gateway: Gateway) -> None:
    gateway.number = 7


def _rubbish(gateway: Gateway) -> None:
    gateway.body = b"<html>"


def _busy(gateway: Gateway) -> None:
    gateway.status, gateway.body = 503, b"try later"


def _refuses(gateway: Gateway) -> None:
    gateway.status = 403
    gateway.body = encode_answer(Refused(1, "unknown-device", "who is this"))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_away, "does not answer"),
        (_foreign, "answered something else"),
        (_another, "answered about another record"),
        (_rubbish, "answered something else"),
        (_busy, "status 503"),
        (_refuses, "unknown-device: who is this"),
    ],
)
def test_what_is_no_answer_of_the_gateway_changes_nothing(
    tmp_path: Path, spoil: Callable[[Gateway], None], said: str
) -> None:
    conf = an_enrolled_device(tmp_path)
    book, gateway = a_record(conf, b"photo"), Gateway()
    spoil(gateway)
    (one,) = deliver(conf, book, gateway.post)
    assert not one.ok
    assert said in one.detail
    assert delivering.waits(book)
    assert all(sent.ok for sent in deliver(conf, book, Gateway().post))


def test_an_answer_that_the_disk_spoiled_is_asked_for_again(tmp_path: Path) -> None:
    conf = an_enrolled_device(tmp_path)
    book, gateway = a_record(conf), Gateway()
    deliver(conf, book, gateway.post)
    (book.place(1) / ANSWER).write_bytes(b"spoiled")
    assert delivering.waits(book)
    assert [one.ok for one in deliver(conf, book, gateway.post)] == [True]


def test_a_device_that_is_not_enrolled_waits(tmp_path: Path) -> None:
    conf = config.load(a_device(tmp_path))
    book = a_record(conf)
    (one,) = deliver(conf, book, Gateway().post)
    assert "not enrolled yet" in one.detail


def test_the_list_of_points_comes_anew(tmp_path: Path) -> None:
    conf, gateway = an_enrolled_device(tmp_path), Gateway()
    assert delivering.fetch_points(conf, START_MS, gateway.post) == 0
    gateway.key = SigningKey.generate()
    with pytest.raises(NotSent, match="answered something else"):
        delivering.fetch_points(conf, START_MS, gateway.post)
    assert (tmp_path / "state" / "points.cbor").exists()


async def test_the_agent_sends_it_as_soon_as_the_gateway_is_back(tmp_path: Path) -> None:
    conf, gateway = an_enrolled_device(tmp_path), Gateway()
    sending = asyncio.create_task(
        delivering.keep_delivering(
            tmp_path / "edge.toml", SystemClock(), post=gateway.post, look_s=0.01
        )
    )
    try:
        await asyncio.sleep(0.05)
        assert gateway.asked == []
        book = a_record(conf)
        async with asyncio.timeout(30):
            while delivering.waits(book):  # noqa: ASYNC110 - the sender wakes nobody
                await asyncio.sleep(0.01)
    finally:
        sending.cancel()


def test_points_that_a_record_bound_wait_no_more(tmp_path: Path) -> None:
    conf = an_enrolled_device(tmp_path)
    book, gateway = a_record(conf), Gateway()
    sent = deliver(conf, book, gateway.post, START_MS)
    assert [(one.what, one.ok, one.detail) for one in sent] == [
        ("record", True, "kept"),
        ("points", True, "0"),
    ]
    assert deliver(conf, book, gateway.post, START_MS) == ()


def test_waits_grow_and_are_never_all_the_same() -> None:
    chance = Random(1)
    waits = [delivering.wait_s(failures, chance) for failures in range(1, 40)]
    assert all(15 <= waits[0] <= 30 for _ in waits)
    assert all(one <= delivering.RETRY_S_MAX for one in waits)
    assert waits[-1] >= delivering.RETRY_S_MAX / 2
    assert len(set(waits)) == len(waits)
