"""What waits of the visits goes to the gateway: records first, then their photos, then news.

An answer counts only with the gateway's seal. It is kept beside what it answers, so nothing is
sent twice once it is answered, and a record that was refused is not sent again: a person has to
look. A gateway that is away is asked again later, ever more seldom.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random, SystemRandom
from typing import NamedTuple

import structlog

from cloud_sync import enrolment as words
from cloud_sync import points as wire_points
from cloud_sync import visit_road as road
from cloud_sync.certificates import CertificateError, load_certificates
from cloud_sync.enrolment import EnrolmentError
from cloud_sync.points import PointsError
from cloud_sync.signing import KeyFileError, Sealer, VerifyKey
from cloud_sync.visit_road import PhotoHead, PointsAsked, RoadError, VisitAnswer
from edge import config, enrolled, files, https, identity
from edge.clock import Clock
from edge.config import ConfigError, EdgeConfig
from edge.enrolment import Post
from edge.https import Away
from edge.visit.binding import place_of
from edge.visit.core import VisitBook, VisitError

log = structlog.get_logger("edge.visit")

# Asked again: a network that was away is back in minutes; after an hour of failures hourly.
RETRY_S, RETRY_S_MAX = 30.0, 3600.0
# The page and the terminal send at once; this is for what they could not. A look reads the
# configuration, which a small machine should not do all the time.
LOOK_S = 60.0
# Of a wait this share is left to chance, so that a street of devices does not ask as one.
_JITTER = 0.5
_OK = 200


class Sent(NamedTuple):
    """What became of one thing that waited."""

    number: int
    what: str
    """"record", "photo" or "points"."""
    ok: bool
    detail: str
    is_damaged: bool = False
    """Whether it is this device's disk that failed: what comes after it goes all the same."""


class NotSent(Exception):
    """The gateway did not take it now; the text says why. Asking later may go well."""


class Road(NamedTuple):
    """With what this device speaks to the gateway's door."""

    device: str
    url: str
    roots: str
    key: Sealer
    gateway_key: VerifyKey
    post: Post

    def ask(self, path: str, body: bytes, limit: int) -> bytes:
        """The bytes of a good answer, not believed yet; NotSent otherwise."""
        try:
            response = self.post(self.url, path, body, self.roots, limit)
        except Away as error:
            raise NotSent(str(error)) from error
        if response.status == _OK:
            return response.body
        try:
            refused = words.decode_refused(response.body)
        except EnrolmentError:
            raise NotSent(f"{self.url} answered with status {response.status}") from None
        raise NotSent(f"the gateway refused: {refused.reason}: {refused.detail}")


def road_of(conf: EdgeConfig, post: Post = https.post) -> Road:
    """The way to the gateway; NotSent while the device is not enrolled."""
    try:
        known = enrolled.load(conf.device.state_dir)
        if known is None or conf.broker.ca is None:
            raise NotSent("not enrolled yet: it goes by itself once the device is")
        roots = "".join(one.pem for one in load_certificates(conf.broker.ca))
        keys = identity.load(conf.device)
    except (CertificateError, ConfigError, KeyFileError) as error:
        raise NotSent(str(error)) from error
    return Road(conf.device.name, known.gateway, roots, keys.key, keys.gateway_key, post)


def waits(book: VisitBook) -> bool:
    """Whether anything has to go."""
    return any(_is_open(book, number) for number in book.numbers())


def deliver(
    conf: EdgeConfig, book: VisitBook, post: Post = https.post, now_ms: int | None = None
) -> tuple[Sent, ...]:
    """Send what waits, oldest first, until it is all answered or something fails.

    Where the time is given, the list of points comes anew after a record: what it bound waits no
    more.
    """
    found: list[Sent] = []
    open_ones = [number for number in book.numbers() if _is_open(book, number)]
    if not open_ones:
        return ()
    try:
        way = road_of(conf, post)
    except NotSent as error:
        return (Sent(open_ones[0], "record", ok=False, detail=str(error)),)
    for number in open_ones:
        for one in _send(way, book, number):
            found.append(one)
            if not one.ok and not one.is_damaged:
                return tuple(found)
    if now_ms is not None and any(one.ok and one.what == "record" for one in found):
        found.append(_points(conf, found[-1].number, now_ms, post))
    return tuple(found)


def _points(conf: EdgeConfig, number: int, now_ms: int, post: Post) -> Sent:
    try:
        count = fetch_points(conf, now_ms, post)
    except NotSent as error:
        return Sent(number, "points", ok=False, detail=str(error))
    return Sent(number, "points", ok=True, detail=str(count))


def fetch_points(conf: EdgeConfig, now_ms: int, post: Post = https.post) -> int:
    """Get the list of waiting points anew; how many there are. NotSent if it does not come."""
    way = road_of(conf, post)
    body = road.sealed_ask(PointsAsked(1, way.device, now_ms), way.key)
    message = way.ask(road.POINTS_PATH, body, road.POINTS_ANSWER_MAX)
    try:
        points = wire_points.opened(message, way.gateway_key)
        files.replace(place_of(conf), message)
    except PointsError as error:
        raise NotSent(f"{way.url} answered something else: {error}") from error
    except OSError as error:
        raise NotSent(f"cannot write {place_of(conf)}: {error.strerror}") from error
    return len(points.points)


async def keep_delivering(
    path: Path,
    clock: Clock,
    *,
    post: Post = https.post,
    random: Random | None = None,
    look_s: float = LOOK_S,
) -> None:
    """Send what waits, again and again, until cancelled."""
    chance = random or SystemRandom()
    failures, said = 0, ""
    while True:
        reason = await asyncio.to_thread(_try, path, clock, post)
        failures = failures + 1 if reason else 0
        if reason and reason != said:
            log.warning("visit not sent yet", reason=reason)
        said = reason
        await asyncio.sleep(wait_s(failures, chance) if failures else look_s)


def wait_s(failures: int, chance: Random) -> float:
    """How long to wait after so many failures, half of it left to chance."""
    # 2**12 times half a minute is beyond the bound already.
    full_s: float = min(RETRY_S * 2 ** min(failures - 1, 12), RETRY_S_MAX)
    return full_s * (1 - _JITTER * chance.random())


def _try(path: Path, clock: Clock, post: Post) -> str:
    """Why something still waits; "" if nothing does."""
    try:
        conf = config.load(path)
        book = VisitBook(conf.device.state_dir)
        sent = deliver(conf, book, post, clock.now().utc_ms)
    except (ConfigError, VisitError) as error:
        return str(error)
    for one in sent:
        if one.ok:
            log.info("visit sent", visit=one.number, what=one.what, answer=one.detail)
    return next((one.detail for one in sent if not one.ok and one.what != "points"), "")


def _is_open(book: VisitBook, number: int) -> bool:
    return next(_open_parts(book, number), None) is not None


def _open_parts(book: VisitBook, number: int) -> Iterator[str]:
    """What of a visit the gateway has not answered: "" for the record, photos by their SHA-256."""
    answer = book.answer(number)
    if answer is None:
        yield ""
        return
    if answer.outcome == "refused":
        return
    try:
        photos = book.finished(number).visit.photos
    except VisitError:
        # Damaged on the disk after the gateway had it: its photos are named by nobody now.
        return
    for sha256 in photos:
        name = sha256.hex()
        if not book.photo_answered(number, name) and book.photo(number, name) is not None:
            yield name


def _send(way: Road, book: VisitBook, number: int) -> Iterator[Sent]:
    try:
        if book.answer(number) is None:
            answer = _record(way, book, number)
            yield Sent(number, "record", ok=True, detail=_said(answer))
        for name in list(_open_parts(book, number)):
            answer = _photo(way, book, number, name)
            yield Sent(number, "photo", ok=True, detail=_said(answer))
    except NotSent as error:
        yield Sent(number, "record", ok=False, detail=str(error))
    except VisitError as error:
        yield Sent(number, "record", ok=False, detail=str(error), is_damaged=True)


def _record(way: Road, book: VisitBook, number: int) -> VisitAnswer:
    finished = book.finished(number)
    message = way.ask(road.VISIT_PATH, finished.sealed, road.ANSWER_BYTES_MAX)
    answer = _believed(way, message, number, finished.digest)
    book.keep_answer(number, message)
    return answer


def _photo(way: Road, book: VisitBook, number: int, name: str) -> VisitAnswer:
    jpeg = book.photo(number, name) or b""
    head = PhotoHead(1, way.device, number, bytes.fromhex(name))
    message = way.ask(
        road.PHOTO_PATH, road.sealed_photo(head, jpeg, way.key), road.ANSWER_BYTES_MAX
    )
    answer = _believed(way, message, number, head.sha256)
    book.keep_answer(number, message, name)
    return answer


def _believed(way: Road, message: bytes, number: int, sha256: bytes) -> VisitAnswer:
    try:
        answer = road.opened_answer(message, way.device, way.gateway_key)
    except RoadError as error:
        raise NotSent(f"{way.url} answered something else: {error}") from error
    if (answer.number, answer.sha256) != (number, sha256):
        raise NotSent(f"{way.url} answered about another record")
    return answer


def _said(answer: VisitAnswer) -> str:
    return answer.outcome if answer.outcome == "kept" else f"refused: {answer.reason}"
