"""What comes from outside: hostile meters, hostile forms, hostile addresses."""

from pathlib import Path
from socket import create_connection

import httpx
import pytest
from msgspec.structs import replace

from cloud_sync.visit import PHOTO_BYTES_MAX
from drivers.driver import Found
from edge.page.forms import FORM_BYTES_MAX
from edge.visit.draft import MeterDraft, Put
from tests.edge.page.browser import client, come_in, proof_on, send
from tests.edge.page.site import HOST, Site

EVIL = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'{{ 7*7 }}"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"


@pytest.fixture
def visit(site: Site, inside: httpx.Client) -> httpx.Client:
    """A visit with one meter whose every text is hostile."""
    send(inside, inside.get("/begin"), "/begin", name=EVIL[:64])
    assert site.desk is not None
    found = Found(
        "mbus", EVIL, identification=EVIL, manufacturer=EVIL, medium=EVIL, remark=EVIL,
        profiles=("zenner_edc_cold",),
    )  # fmt: skip
    meter = MeterDraft(
        key="riser/mbus/1", line="riser", found=found, serial=EVIL, place=EVIL, seal=EVIL,
        profile="zenner_edc_cold", asked=1, problem=EVIL, remark=EVIL,
    )  # fmt: skip
    site.desk.visiting.book.note(Put(meter))
    unknown = replace(meter, key="riser/mbus/2", profile="", found=found._replace(profiles=()))
    site.desk.visiting.book.note(Put(unknown))
    left = replace(meter, key="riser/mbus/3", left_out=EVIL)
    site.desk.visiting.book.note(Put(left))
    return inside


def test_a_meters_text_is_text_on_every_screen(visit: httpx.Client) -> None:
    for path in (
        *("/", "/check", "/scan", "/meters", "/finish", "/point/101", "/give-up"),
        *(f"/meter/{at}" for at in range(3)),
        *(f"/meter/{at}/{what}" for at in range(3) for what in ("point", "details", "photo")),
        *("/meter/0/dial", "/meter/1/model", "/meter/0/leave-out", "/meter/0/serial"),
    ):
        page = visit.get(path)
        assert page.status_code == 200, path
        assert "<script>alert" not in page.text, path
        assert "<img src=x" not in page.text, path
    for path in ("/meters", "/meter/0", "/scan", "/finish"):
        assert "&lt;script&gt;alert(1)" in visit.get(path).text, path
        assert "{{ 7*7 }}" in visit.get(path).text, path


@pytest.mark.parametrize(
    "path",
    [
        *("/meter/3", "/meter/-1", "/meter/00000000000000", "/meter/x", "/meter/١"),
        *("/point/99999999999999999", "/point/x", "/visit/7", "/visit/0", "/visit/..%2f1"),
        *("/visit/1/record-de.pdf", "/meter/0/photo/..%2fjournal", "/meter/0/photo/" + "0" * 64),
        *("/leaving/burn", "/leaving/remove/meter?meter=..", "/static/..%2fdoor.py", "/nothing"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said_and_not_looked_for(visit: httpx.Client, path: str) -> None:
    assert visit.get(path).status_code == 404, path


def test_texts_have_their_bounds(visit: httpx.Client) -> None:
    page = visit.get("/meter/0/details")
    for field, length in (("place", 121), ("seal", 65)):
        told = send(
            visit, page, "/meter/0/details", **{"place": "", "seal": "", field: "я" * length}
        )
        assert told.status_code == 422, field
    told = send(
        visit, page, "/meter/0/details", place="a\x00b\r\nc\u202e", seal=" 1  2 ", then="next"
    )
    assert told.status_code == 200
    assert 'value="a b c"' in visit.get("/meter/0/details").text
    assert 'value="1 2"' in visit.get("/meter/0/details").text


def test_forms_have_their_bounds(visit: httpx.Client) -> None:
    good = proof_on(visit.get("/meter/0/details"))
    told = visit.post("/meter/0/details", data={"proof": good, "place": "a" * FORM_BYTES_MAX})
    assert told.status_code == 413
    many = {f"f{n}": "" for n in range(40)}
    assert visit.post("/meter/0/details", data={"proof": good} | many).status_code == 400
    assert (
        visit.post("/meter/0/details", content=b"x", headers={"content-type": "a/b"}).status_code
        == 400
    )
    for number in ("-5", "1e3", "٣", "9" * 30, "0", "77"):
        told = visit.post("/meter/0/point", data={"proof": good, "number": number})
        assert told.status_code == 422, number


def test_a_photo_has_its_bound_and_must_be_one(visit: httpx.Client) -> None:
    good = proof_on(visit.get("/meter/0/photo"))

    def sent(data: bytes, name: str = "photo", proof: str = good) -> int:
        files = {name: ("../../x.jpg", data, "image/jpeg")}
        return visit.post("/meter/0/photo", data={"proof": proof}, files=files).status_code

    assert sent(JPEG + bytes(PHOTO_BYTES_MAX)) == 413
    assert sent(b"<svg onload=alert(1)>") == 409
    assert sent(b"") == 422
    assert sent(JPEG, name="else") == 400
    assert sent(JPEG, proof="0" * 64) == 403
    kind = {"content-type": "multipart/form-data"}
    assert visit.post("/meter/0/photo", content=b"x" * 100, headers=kind).status_code == 400


def test_a_body_that_lies_about_its_length_is_cut_off(site: Site) -> None:
    with create_connection((HOST, site.port), timeout=30) as connection:
        connection.sendall(
            b"POST /enter HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        piece = b"2000\r\n" + b"a" * 0x2000 + b"\r\n"
        connection.sendall(piece * 3)
        assert b" 413 " in connection.recv(100)


def test_two_visits_are_not_begun_and_nothing_is_done_without_one(
    site: Site, inside: httpx.Client
) -> None:
    for path in ("/check", "/scan", "/meters", "/finish", "/leaving/exchange"):
        assert inside.get(path).status_code == 409, path
    first = inside.get("/begin")
    assert send(inside, first, "/begin", name="Анна").url.path == "/check"
    assert send(inside, first, "/begin", name="Борис").url.path == "/check"
    assert site.desk is not None
    assert site.desk.draft.begun.installer == "Анна"
    assert send(inside, first, "/begin", name="  ").status_code == 422


def test_the_page_says_when_there_is_no_code(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with site.served():
        (tmp_path / "state" / "page-code").unlink()
        with client(site) as http:
            assert "--new-code" in http.get("/enter").text
            page = http.get("/enter")
            assert 'name="code"' not in page.text
            (tmp_path / "state" / "page-code").touch(mode=0o600)
            (tmp_path / "state" / "page-code").write_text("K7TD-4MPX")
            assert come_in(http).url.path == "/", "a new code needs no restart"


def test_a_card_that_cannot_be_written_is_a_screen_and_no_crash(site: Site) -> None:
    # Nothing can be put in the place of a folder.
    (site.folder / "state" / "page-tries.json").mkdir()
    with client(site) as http:
        told = come_in(http, "WRONG-22")
        assert (told.status_code, "Карта памяти не пишется" in told.text) == (507, True)
        assert come_in(http).status_code == 507, "what cannot be counted does not open"
        assert http.get("/enter").status_code == 200
