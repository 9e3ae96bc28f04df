from pathlib import Path

import pytest

from gateway.resident_web.ports import NotDone
from gateway.resident_web.uploads import AGE_MS_MAX, OF_SESSION_MAX, PIECE_BYTES_MAX, Uploads
from tests.gateway.resident_web.memory import NOW_MS, sha

DATA = bytes(range(256)) * 400
ME, OTHER = "my-secret", "other-secret"


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "uploads")


def begin(uploads: Uploads, secret: str = ME, now_ms: int = NOW_MS, data: bytes = DATA) -> str:
    return uploads.create(secret, 1, len(data), sha(data), now_ms)


def refused(kind: str) -> object:
    return pytest.raises(NotDone, match=f"^{kind}$")


def test_pieces_become_the_photo_also_after_a_restart(uploads: Uploads, tmp_path: Path) -> None:
    name = begin(uploads)
    at = uploads.add(name, ME, 0, DATA[:PIECE_BYTES_MAX])
    again = Uploads(tmp_path / "uploads")
    assert again.offset(name, ME) == (at, len(DATA))
    again.add(name, ME, at, DATA[at:])
    assert again.whole(name, ME) == DATA


def test_a_piece_elsewhere_than_at_the_end_is_told_where_the_end_is(uploads: Uploads) -> None:
    name = begin(uploads)
    uploads.add(name, ME, 0, DATA[:100])
    for at in (0, 50, 101, 10**9):
        with pytest.raises(NotDone) as caught:
            uploads.add(name, ME, at, b"x" * 10)
        assert (caught.value.kind, caught.value.detail) == ("offset", "100")


def test_no_more_than_was_announced(uploads: Uploads) -> None:
    name = begin(uploads, data=DATA[:100])
    with refused("too_large"):
        uploads.add(name, ME, 0, DATA[:101])
    with refused("too_large"):
        uploads.add(name, ME, 0, b"x" * (PIECE_BYTES_MAX + 1))
    for size in (0, -1, 13 * 1024 * 1024):
        with refused("too_large"):
            uploads.create(ME, 1, size, sha(DATA), NOW_MS)
    with refused("not_understood"):
        uploads.create(ME, 1, 10, "../../x", NOW_MS)


def test_unfinished_or_spoiled_it_is_no_photo(uploads: Uploads) -> None:
    name = begin(uploads, data=DATA[:100])
    uploads.add(name, ME, 0, DATA[:99])
    with refused("offset"):
        uploads.whole(name, ME)
    uploads.add(name, ME, 99, b"?")
    with refused("spoiled"):
        uploads.whole(name, ME)
    with refused("no_upload"):
        uploads.offset(name, ME)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a", "", "." * 22, "/" * 22, "a" * 21 + "/", "a" * 22 + "\n"]
)
def test_a_name_is_matched_before_it_is_a_path(uploads: Uploads, name: str) -> None:
    with refused("no_upload"):
        uploads.offset(name, ME)


def test_another_session_does_not_see_it(uploads: Uploads) -> None:
    name = begin(uploads)
    for act in (uploads.offset, uploads.whole, uploads.find):
        with refused("no_upload"):
            act(name, OTHER)


def test_they_are_bounded_in_number_and_age(uploads: Uploads, tmp_path: Path) -> None:
    names = [begin(uploads) for _ in range(OF_SESSION_MAX)]
    with refused("too_many_photos"):
        begin(uploads)
    begin(uploads, OTHER)
    (tmp_path / "uploads" / "broken.json").write_text("{")
    begin(uploads, now_ms=NOW_MS + AGE_MS_MAX + 1)
    for name in names:
        with refused("no_upload"):
            uploads.find(name, ME)
    assert len(list((tmp_path / "uploads").iterdir())) == 2


def test_what_was_read_is_remembered_without_its_bytes(uploads: Uploads, tmp_path: Path) -> None:
    name = begin(uploads, data=b"x")
    uploads.add(name, ME, 0, b"x")
    uploads.done(name, ME, 7)
    assert uploads.find(name, ME).photo_no == 7
    assert uploads.offset(name, ME) == (1, 1)
    assert not list((tmp_path / "uploads").glob("*.part"))
