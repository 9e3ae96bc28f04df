"""Parsers of releases: statements, manifests, and both sides of the road by which files come.

Each is also fed payloads that are sealed here, as a device or a gateway with a good key could.
"""

from collections.abc import Iterator

from cloud_sync import release, release_road
from cloud_sync.release import Release, ReleaseError
from cloud_sync.release_road import Asked, Head, Heard, Part, RoadError, Told
from cloud_sync.signing import SigningKey
from cloud_sync.wire import encode
from edge.update import judging
from edge.update.judging import Unwanted, Wish
from simulators.fuzz.engine import Parser

_DEVICE = "edge-1"
_KEY = SigningKey.from_seed(bytes(range(32)))
_NOW_MS = 1_793_480_400_000
_SHA256 = bytes(32)
_MANIFEST = (
    b'{"format": 1, "version": "0.2.0", "arch": "arm64", "spool": 1, "files": {"wheels/a-1.whl": "'
    + b"0" * 64
    + b'"}}'
)
_ASKED = Asked(1, _DEVICE, _NOW_MS, _SHA256, "wheels/a-1.whl", 4)
_TOLD = Told(1, _DEVICE, _NOW_MS, 5, _SHA256, "0.2.0", "0.1.0", "rolled-back", "it hangs")


def parsers() -> Iterator[Parser]:
    """The rows of the table."""
    said = Release(1, "0.2.0", "arm64", _SHA256, 2, 1000, 1, _NOW_MS, "new")
    statement = release.seal(said, _KEY)
    yield Parser("release-statement", release.peek, (ReleaseError,), (statement,), is_cbor=True)
    yield Parser("release-sealed", _statement, (ReleaseError,), (encode(said),), is_cbor=True)
    yield Parser("release-manifest", release.read_manifest, (ReleaseError,), (_MANIFEST,))
    yield Parser(
        "release-number", lambda data: release.number(data.decode("latin-1")), (ReleaseError,),
        (b"0.2.0", b"10.0.99999"), (b".", b"\xb2", b"-1", b"\n", b"9" * 17),
    )  # fmt: skip
    wish = judging.encode(Wish(1, 5, statement))
    yield Parser("update-note", judging.decode, (Unwanted,), (wish,), is_cbor=True)
    asked, told = encode(_ASKED), encode(_TOLD)
    yield Parser("release-asked", _ask, (RoadError,), (asked, told), is_cbor=True)
    sealed = release_road.sealed_ask(_ASKED, _KEY)
    yield Parser("release-ask", release_road.peek_ask, (RoadError,), (sealed,), is_cbor=True)
    yield Parser("release-key", release_road.key_id, (RoadError,), (sealed,), is_cbor=True)
    part = release_road.sealed_part(_ASKED, b"data", 8, _KEY)
    yield Parser("release-part", _part, (RoadError,), (part,), is_cbor=True)
    head = encode(Head(1, _DEVICE, _SHA256, "wheels/a-1.whl", 4, 8, _SHA256))
    yield Parser("release-part-head", _head, (RoadError,), (head,), is_cbor=True)
    heard = release_road.sealed_heard(_TOLD, _KEY)
    yield Parser("release-heard", _heard, (RoadError,), (heard,), is_cbor=True)
    payload = encode(Heard(1, _DEVICE, 5, "rolled-back"))
    yield Parser("release-heard-sealed", _heard_payload, (RoadError,), (payload,), is_cbor=True)


def _statement(payload: bytes) -> object:
    return release.opened(_KEY.seal(payload, release.TOPIC), _KEY.public)


def _ask(payload: bytes) -> object:
    return release_road.peek_ask(_KEY.seal(payload, release_road.purpose(_DEVICE, "ask")))


def _part(body: bytes) -> object:
    return release_road.opened_part(body, _ASKED, _KEY.public)


def _head(payload: bytes) -> object:
    seal = _KEY.seal(payload, release_road.purpose(_DEVICE, "part"))
    return _part(encode(Part(seal, b"data")))


def _heard(body: bytes) -> None:
    release_road.check_heard(body, _TOLD, _KEY.public)


def _heard_payload(payload: bytes) -> None:
    _heard(_KEY.seal(payload, release_road.purpose(_DEVICE, "heard")))
