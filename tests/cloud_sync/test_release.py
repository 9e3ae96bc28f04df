"""Statements and manifests of releases: what is believed, and every way of not being."""

import json
from typing import Any

import pytest

from cloud_sync import command, release, release_road, topics, wire
from cloud_sync.command import Command, Update
from cloud_sync.release import Release, ReleaseError
from cloud_sync.release_road import Asked, RoadError, Told
from cloud_sync.signing import SigningKey

KEY = SigningKey.from_seed(b"r" * 32)
OTHER = SigningKey.from_seed(b"o" * 32)
GATEWAY = SigningKey.from_seed(b"g" * 32)
HEX = "0" * 64


def a_release(**changes: Any) -> Release:
    fields: dict[str, Any] = {
        "version": 1,
        "software": "0.2.0",
        "arch": "arm64",
        "manifest": bytes(32),
        "files": 3,
        "bytes": 1000,
        "spool": 1,
        "made_at_ms": 1_793_480_400_000,
        "remarks": "новое",
    }
    return Release(**(fields | changes))


def manifest(**changes: object) -> bytes:
    files = {"wheels/a-1.whl": HEX, "wheels/b-1.whl": HEX}
    said: dict[str, object] = {"format": 1, "version": "0.2.0", "arch": "arm64", "files": files}
    return json.dumps(said | changes).encode()


def test_a_statement_is_believed_by_its_key_alone() -> None:
    statement = release.seal(a_release(), KEY)
    assert release.opened(statement, KEY.public) == a_release()
    with pytest.raises(ReleaseError, match="not sealed by the release key"):
        release.opened(statement, OTHER.public)
    with pytest.raises(ReleaseError, match="not sealed"):
        release.opened(statement[:-1] + bytes([statement[-1] ^ 1]), KEY.public)
    moved = KEY.seal(wire.encode(a_release()), topics.command_topic("edge-1"))
    with pytest.raises(ReleaseError, match="not sealed"):
        release.opened(moved, KEY.public)


@pytest.mark.parametrize(
    "changes",
    [
        {"software": "0.2"},
        {"software": "0.2.0rc1"},
        {"software": "00.2.0"},
        {"software": "0.2.0\n"},
        {"software": "٠.٢.٠"},
        {"arch": "riscv64"},
        {"manifest": bytes(31)},
        {"files": 0},
        {"files": release.FILES_MAX + 1},
        {"bytes": release.RELEASE_BYTES_MAX + 1},
        {"spool": 0},
        {"remarks": "x" * (release.REMARKS_MAX + 1)},
        {"version": 2},
    ],
)
def test_a_statement_out_of_bounds_is_none(changes: dict[str, object]) -> None:
    statement = KEY.seal(wire.encode(a_release(**changes)), release.TOPIC)
    with pytest.raises(ReleaseError):
        release.opened(statement, KEY.public)


def test_a_statement_cut_or_grown_is_none() -> None:
    statement = release.seal(a_release(), KEY)
    for broken in (statement[:-1], statement + b"\0", b"", b"\xd2", b"x" * 5000):
        with pytest.raises(ReleaseError):
            release.opened(broken, KEY.public)


def test_versions_compare_as_numbers() -> None:
    assert release.number("0.10.0") > release.number("0.9.9")
    for wrong in ("1", "1.2.3.4", "1.2.x", "", "1.2.3 "):
        with pytest.raises(ReleaseError):
            release.number(wrong)


@pytest.mark.parametrize(
    "name",
    [
        "../etc/passwd",
        "/etc/passwd",
        "wheels/../a.whl",
        "wheels/.hidden.whl",
        "wheels/a/b.whl",
        "wheels/a.whl\n",
        "manifest.json",
        "wheels/a.zip",
        "wheels/" + "a" * 300 + ".whl",
    ],
)
def test_a_manifest_names_wheels_in_its_folder_and_nothing_else(name: str) -> None:
    with pytest.raises(ReleaseError):
        release.read_manifest(manifest(files={name: HEX}))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        manifest(format=2),
        manifest(files={}),
        manifest(files={"wheels/a.whl": "0" * 63}),
        manifest(files={"wheels/a.whl": HEX.upper().replace("0", "A")}),
        manifest(files={f"wheels/{n}.whl": HEX for n in range(release.FILES_MAX)}),
        b" " * (release.MANIFEST_BYTES_MAX + 1),
    ],
)
def test_what_is_no_manifest(raw: bytes) -> None:
    with pytest.raises(ReleaseError):
        release.read_manifest(raw)


def test_manifest_and_statement_have_to_say_the_same() -> None:
    release.check_manifest(release.read_manifest(manifest()), a_release())
    for other in ({"version": "0.2.1"}, {"arch": "amd64"}, {"files": {"wheels/a.whl": HEX}}):
        with pytest.raises(ReleaseError, match="the statement of"):
            release.check_manifest(release.read_manifest(manifest(**other)), a_release())


def test_a_command_carries_a_statement() -> None:
    given = Command(1, "edge-1", 5, 1, 2, Update(release.seal(a_release(), KEY)))
    assert command.decode(command.encode(given)) == given
    assert given.kind == "update"
    with pytest.raises(wire.WireError):
        command.decode(command.encode(Command(1, "edge-1", 5, 1, 2, Update(b"x" * 5000))))


ASKED = Asked(1, "edge-1", 7, bytes(32), "wheels/a-1.whl", 4)


def test_a_part_answers_its_own_question_and_no_other() -> None:
    body = release_road.sealed_part(ASKED, b"data", 8, GATEWAY)
    assert release_road.opened_part(body, ASKED, GATEWAY.public) == (b"data", 8)
    for other in (
        Asked(1, "edge-2", 7, bytes(32), "wheels/a-1.whl", 4),
        Asked(1, "edge-1", 7, bytes(31) + b"1", "wheels/a-1.whl", 4),
        Asked(1, "edge-1", 7, bytes(32), "wheels/b-1.whl", 4),
        Asked(1, "edge-1", 7, bytes(32), "wheels/a-1.whl", 0),
    ):
        with pytest.raises(RoadError):
            release_road.opened_part(body, other, GATEWAY.public)
    with pytest.raises(RoadError):
        release_road.opened_part(body, ASKED, OTHER.public)
    with pytest.raises(RoadError):
        release_road.opened_part(body.replace(b"data", b"datA"), ASKED, GATEWAY.public)
    with pytest.raises(RoadError, match="beyond the end"):
        release_road.opened_part(
            release_road.sealed_part(ASKED, b"data!", 8, GATEWAY), ASKED, GATEWAY.public
        )
    large = release_road.sealed_part(
        ASKED, b"x" * (release_road.PART_BYTES_MAX + 1), 2**20, GATEWAY
    )
    with pytest.raises(RoadError):
        release_road.opened_part(large, ASKED, GATEWAY.public)


def test_a_question_names_a_file_of_a_release() -> None:
    key = SigningKey.from_seed(b"d" * 32)
    assert release_road.peek_ask(release_road.sealed_ask(ASKED, key)) == ASKED
    for name in ("../ledger.sqlite", "wheels/../../gateway.key", "manifest.json/x", ""):
        wrong = Asked(1, "edge-1", 7, bytes(32), name, 0)
        with pytest.raises(RoadError):
            release_road.peek_ask(release_road.sealed_ask(wrong, key))


def test_what_was_told_is_confirmed_for_just_that() -> None:
    told = Told(1, "edge-1", 7, 5, bytes(32), "0.2.0", "0.2.0", "running", "")
    body = release_road.sealed_heard(told, GATEWAY)
    release_road.check_heard(body, told, GATEWAY.public)
    other = Told(1, "edge-1", 7, 6, bytes(32), "0.2.0", "0.2.0", "running", "")
    for answer, about in ((body, other), (body[:-1], told), (b"x" * 2000, told)):
        with pytest.raises(RoadError):
            release_road.check_heard(answer, about, GATEWAY.public)
    assert release_road.peek_ask(release_road.sealed_ask(told, OTHER)) == told
