"""What a stranger may try at the residents' pages, and that nothing of it is let in."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from starlette.types import Message

from gateway.resident.model import Dwelling
from gateway.resident_web.app import create_app
from gateway.resident_web.door import harden
from gateway.resident_web.limits import CODES, MISSES, PAGES
from gateway.resident_web.meters import WHOLE_OF_SESSION_MAX
from gateway.resident_web.ports import Item, Question
from tests.gateway.resident_web.browser import HOST, client, come_in, fields_on, proof_on
from tests.gateway.resident_web.memory import (
    HEAT,
    JPEG,
    ORIGIN,
    POWER,
    TOKEN,
    WATER,
    Memory,
    Watch,
    front_of,
    sha,
)

NASTY = "<script>alert('&\"1')</script>"
FOREIGN = "https://evil.example"
POSTS = (
    f"/l/{TOKEN}/code", f"/l/{TOKEN}/again", f"/l/{TOKEN}/enter", "/leave", "/meter/1/photo",
    "/meter/1/check", "/meter/1/confirm", "/upload", "/upload/x/done", "/dispute",
)  # fmt: skip
PAGES_INSIDE = (
    "/meters", "/meter/1", "/meter/1/check", "/meter/1/check?photo=1", "/dispute", "/photo/1",
    "/done/N-1", "/a/N-1", "/a/N-1.pdf", "/dispute/D-1", "/proof", "/upload/x",
)  # fmt: skip


@pytest.mark.parametrize("path", PAGES_INSIDE)
async def test_nothing_inside_is_shown_without_a_session(app: FastAPI, path: str) -> None:
    async with client(app) as http:
        answer = await http.request("HEAD" if "upload" in path else "GET", path)
        assert answer.status_code == 401
        http.cookies.set("__Host-session", "x" * 43, domain=HOST)
        answer = await http.request("HEAD" if "upload" in path else "GET", path)
        assert answer.status_code == 401


@pytest.mark.parametrize("path", POSTS)
async def test_a_form_from_elsewhere_does_nothing(app: FastAPI, house: Memory, path: str) -> None:
    async with client(app) as http:
        page = await come_in(http)
        proof, codes, tries = proof_on(page), house.codes, house.tries
        told: dict[str, str] = {"proof": proof, "kind": "reading", "text": "text", "value": "1"}
        told |= {"register": "1", "size": "1", "sha256": sha(b"x"), "code": "1"}
        for headers, data in (
            ({"origin": FOREIGN}, told),
            ({"origin": "null"}, told),
            ({"sec-fetch-site": "cross-site"}, told),
            ({"sec-fetch-site": "same-site"}, told),
            ({}, told | {"proof": "0" * 64}),
            ({}, told | {"proof": ""}),
            ({}, told | {"proof": "й"}),
        ):
            files = {"photo": ("a", JPEG)} if path.endswith("photo") else None
            form = {"proof": data["proof"]} if files else data
            answer = await http.post(path, headers=headers, data=form, files=files)
            assert answer.status_code == 403, (headers, data)
        http.cookies.delete("__Host-form")
        assert (await http.post(path, data=told)).status_code in {400, 403}
    assert (house.codes, house.tries) == (codes, tries)
    assert not house.confirmed
    assert not house.complaints
    assert not house.photos
    assert house.sessions


async def test_a_piece_of_an_upload_needs_the_proof_too(app: FastAPI) -> None:
    async with client(app) as http:
        proof = proof_on(await come_in(http))
        about = {"proof": proof, "register": "1", "size": "4", "sha256": sha(b"four")}
        where = (await http.post("/upload", data=about)).headers["location"]
        headers = {"upload-offset": "0", "x-proof": proof}
        for change in ({"x-proof": "0" * 64}, {"origin": FOREIGN}):
            answer = await http.patch(where, content=b"four", headers=headers | change)
            assert answer.status_code == 403
        assert (await http.head(where)).headers["upload-offset"] == "0"


async def test_cookies_are_kept_from_scripts_and_other_sites(app: FastAPI) -> None:
    async with client(app) as http:
        page = await http.get(f"/l/{TOKEN}")
        sent = {"proof": proof_on(page), "code": "123456"}
        answer = await http.post(f"/l/{TOKEN}/enter", data=sent)
        cookies = answer.headers.get_list("set-cookie") + page.headers.get_list("set-cookie")
    assert {one.partition("=")[0] for one in cookies} == {"__Host-session", "__Host-form"}
    for one in cookies:
        assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/"} <= set(one.split("; "))
        assert "Domain" not in one


async def test_a_form_secret_from_before_is_not_taken_into_the_session(app: FastAPI) -> None:
    async with client(app) as http:
        before = proof_on(await http.get(f"/l/{TOKEN}"))
        assert proof_on(await come_in(http)) != before


async def test_links_cannot_be_enumerated(app: FastAPI, watch: Watch) -> None:
    async with client(app) as http, client(app, at="192.0.2.2") as other:
        codes = [(await http.get(f"/l/{n:046d}")).status_code for n in range(100)]
        assert codes[: int(MISSES.burst)] == [404] * int(MISSES.burst)
        assert set(codes[int(MISSES.burst) :]) == {429}
        assert (await http.get(f"/l/{TOKEN}")).status_code == 429
        assert (await other.get(f"/l/{TOKEN}")).status_code == 200
        watch.now_s += 120
        assert (await http.get(f"/l/{TOKEN}")).status_code == 200


async def test_a_thousand_tries_at_a_code(app: FastAPI, house: Memory) -> None:
    async with client(app) as http:
        page = await http.get(f"/l/{TOKEN}")
        seen = set()
        for number in range(1000):
            sent = {"proof": proof_on(page), "code": f"{number:06d}"}
            seen.add((await http.post(f"/l/{TOKEN}/enter", data=sent)).status_code)
    assert seen == {422, 429}
    assert house.tries <= CODES.burst
    assert not house.sessions


async def test_a_subscribers_addresses_are_one(app: FastAPI) -> None:
    near = [client(app, at=f"2001:db8:1:2::{at:x}") for at in range(1, 4)]
    far = client(app, at="2001:db8:1:3::1")
    for at in range(int(MISSES.burst)):
        assert (await near[at % 3].get(f"/l/{at:046d}")).status_code == 404
    assert (await near[0].get(f"/l/{TOKEN}")).status_code == 429
    assert (await far.get(f"/l/{TOKEN}")).status_code == 200
    for one in (*near, far):
        await one.aclose()


async def test_a_flood_from_one_address_ends_at_the_door(app: FastAPI) -> None:
    async with client(app) as http, client(app, at="192.0.2.2") as other:
        for _ in range(int(PAGES.burst)):
            assert (await http.get("/static/resident.css")).status_code == 200
        assert (await http.get("/static/resident.css")).status_code == 429
        assert (await other.get("/")).status_code == 200


def nasty_house() -> Memory:
    items: tuple[Item, ...] = tuple(
        one._replace(serial=NASTY, obis=NASTY, unit=NASTY, resource=NASTY)
        for one in (WATER, POWER, HEAT)
    )
    house = Memory(Dwelling(1, NASTY, NASTY, NASTY, "Europe/Moscow"), items)
    house.contact = house.said = NASTY
    house.doubts = (Question("lower", NASTY, NASTY), Question(NASTY, NASTY, NASTY))
    return house


async def test_no_text_becomes_a_script(tmp_path: Path, watch: Watch) -> None:
    house = nasty_house()
    app = create_app(front_of(house, tmp_path, watch), (HOST,))
    pages: list[httpx.Response] = []
    async with client(app) as http:
        pages.append(await http.get(f"/l/{TOKEN}"))
        pages.append(await http.post(f"/l/{TOKEN}/code", data={"proof": proof_on(pages[0])}))
        wrong = {"proof": proof_on(pages[0]), "code": NASTY}
        pages.append(await http.post(f"/l/{TOKEN}/enter", data=wrong))
        proof = proof_on(await come_in(http))
        files = {"photo": (NASTY, JPEG)}
        pages.append(
            await http.post(
                "/meter/1/photo", data={"proof": proof}, files=files, follow_redirects=True
            )
        )
        asked = await http.post("/meter/1/check", data=digits(proof) | {"photo": "1"})
        pages.append(asked)
        pages.append(await http.post("/meter/1/check", data={"proof": proof, "d0": NASTY}))
        pages.append(await http.post("/meter/1/check", data={"proof": proof, "photo": NASTY}))
        confirmed = fields_on(asked, "/meter/1/confirm") | {"a_lower": "yes", f"a_{NASTY}": "yes"}
        pages.append(await http.post("/meter/1/confirm", data=confirmed, follow_redirects=True))
        sent = {"proof": proof, "kind": "reading", "register": NASTY, "text": NASTY}
        pages.append(await http.post("/dispute", data=sent, follow_redirects=True))
        pages.append(await http.post(f"/u/{TOKEN}", data={"x": NASTY}))
        paths = (
            *("/meters", "/meter/1", "/meter/2", f"/dispute?register={NASTY}", f"/{NASTY}"),
            *("/a/N-1", f"/a/{NASTY}", f"/done/{NASTY}", f"/meters?lang={NASTY}", f"/l/{NASTY}"),
            *(f"/meter/{NASTY}", f"/dispute/{NASTY}", f"/meter/1/check?photo={NASTY}"),
        )
        pages += [await http.get(path) for path in paths]
        pages.append(await http.get("/meters", headers={"accept-language": NASTY}))
    for page in pages:
        assert "<script>alert" not in page.text, page.url
        assert len(re.findall(r"<script", page.text)) == 1
        assert "alert('" not in page.text
        assert "'unsafe" not in page.headers["content-security-policy"]
    assert sum("&lt;script&gt;" in page.text for page in pages) > 10


def digits(proof: str) -> dict[str, str]:
    return {"proof": proof} | {f"d{at}": "1" for at in range(8)}


async def test_every_answer_is_hardened(app: FastAPI) -> None:
    async with client(app) as http:
        for path in ("/", "/nope", f"/l/{TOKEN}", "/static/resident.js", "/worker.js", "/meters"):
            headers = (await http.get(path)).headers
            policy = headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
            assert "form-action 'self'" in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["strict-transport-security"]
            assert headers["referrer-policy"] == "same-origin"
            if not path.startswith("/static/"):
                assert headers["cache-control"] == "no-store"


async def test_a_fault_of_ours_is_a_page_of_ours(app: FastAPI, house: Memory) -> None:
    async with client(app) as http:
        await come_in(http)
        house.registers.append(WATER._replace(closes_ms="?"))  # type: ignore[arg-type]
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url=ORIGIN, cookies=http.cookies
        ) as anybody:
            page = await anybody.get("/meters", headers={"accept-language": "ru"})
    assert page.status_code == 500
    assert "<h1>Что-то сломалось у нас</h1>" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


async def test_nothing_of_a_page_is_inline() -> None:
    templates = Path(__file__).parents[3] / "gateway/resident_web/templates"
    for file in templates.glob("*.html"):
        text = file.read_text("utf-8")
        assert not re.search(r"\son\w+=|\sstyle=|javascript:|\|\s*safe|<style", text), file.name


async def test_another_host_name_is_not_answered(app: FastAPI) -> None:
    async with client(app) as http:
        answer = await http.get("/", headers={"host": "evil.example"})
        assert answer.status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/upload/..%2f..%2fledger.sqlite",
        "/upload/" + "a" * 5000,
        "/static/..%2fapp.py",
        "/static/../app.py",
        "/photo/99999999999999999999999",
        "/photo/-1",
        "/meter/99999999999999999999999999",
        "/l/" + "a" * 5000,
        "/a/..%2f..%2f.pdf",
    ],
)
async def test_odd_paths_are_no_pages(app: FastAPI, path: str) -> None:
    async with client(app) as http:
        await come_in(http)
        answer = await http.request("HEAD" if path.startswith("/upload") else "GET", path)
        assert answer.status_code in {404, 405}


async def test_large_bodies_are_refused_before_they_are_read(app: FastAPI) -> None:
    async with client(app) as http:
        proof = proof_on(await come_in(http))
        large = {"proof": proof, "kind": "reading", "text": "x" * 40_000}
        assert (await http.post("/dispute", data=large)).status_code == 413
        headers = {"content-length": str(10**12), "content-type": "multipart/form-data; boundary=X"}
        answer = await http.post("/meter/1/photo", content=b"x", headers=headers)
        assert answer.status_code == 413
        about = {"proof": proof, "register": "1", "size": str(13 * 2**20), "sha256": sha(b"")}
        assert (await http.post("/upload", data=about)).status_code == 413
        about["size"] = str(2**17)
        where = (await http.post("/upload", data=about)).headers["location"]
        headers = {"upload-offset": "0", "x-proof": proof}
        answer = await http.patch(where, content=bytes(2**16 + 1), headers=headers)
        assert answer.status_code == 413
        for odd in ("-1", "x", "9" * 20, ""):
            answer = await http.patch(
                where, content=b"x", headers={"upload-offset": odd, "x-proof": proof}
            )
            assert answer.status_code == 400
        assert (await http.head(where)).headers["upload-offset"] == "0"


async def test_photos_in_one_piece_are_gathered_few_at_a_time(app: FastAPI) -> None:
    coming, go, begun = asyncio.Semaphore(0), asyncio.Event(), 0

    async def slowly() -> AsyncIterator[bytes]:
        yield b"x"
        coming.release()
        await go.wait()

    async with client(app) as http:
        await come_in(http)

        def send() -> Coroutine[None, None, httpx.Response]:
            kind = {"content-type": "multipart/form-data; boundary=b"}
            return http.post("/meter/1/photo", content=slowly(), headers=kind)

        held = []
        while begun < WHOLE_OF_SESSION_MAX:
            held.append(asyncio.create_task(send()))
            await coming.acquire()
            begun += 1
        assert (await send()).status_code == 503
        go.set()
        assert {one.status_code for one in await asyncio.gather(*held)} == {400}
        assert (await send()).status_code == 400, "there is room again"


async def test_a_photo_is_read_for_one_who_asks_at_a_time(
    house: Memory, watch: Watch, tmp_path: Path
) -> None:
    looking, go, looks = asyncio.Event(), asyncio.Event(), 0

    async def slowly(question: Callable[[], Any]) -> Any:
        nonlocal looks
        looks += 1
        looking.set()
        await go.wait()
        return question()

    front = front_of(house, tmp_path, watch, aside=slowly)
    photo = JPEG[:1000]
    async with client(create_app(front, (HOST,))) as http:
        proof = {"proof": proof_on(await come_in(http))}
        about = {"register": "1", "size": str(len(photo)), "sha256": sha(photo)}
        where = (await http.post("/upload", data=proof | about)).headers["location"]
        headers = {"upload-offset": "0", "x-proof": proof["proof"]}
        await http.patch(where, content=photo, headers=headers)
        first = asyncio.create_task(http.post(f"{where}/done", data=proof))
        await looking.wait()
        beside = await http.post(f"{where}/done", data=proof)
        assert beside.status_code == 503
        go.set()
        assert (await first).json() == (await http.post(f"{where}/done", data=proof)).json()
    assert looks == 1


async def test_what_is_no_photo_is_told_in_plain_words(app: FastAPI, house: Memory) -> None:
    async with client(app) as http:
        page = await come_in(http)
        sent = {"proof": proof_on(page)}
        for content in (b"<svg onload=alert(1)>", b"PK\x03\x04", b"x"):
            answer = await http.post(
                "/meter/1/photo", data=sent, files={"photo": ("a.jpg", content, "image/svg+xml")}
            )
            assert answer.status_code == 422
            assert "Это фото не открылось" in answer.text
        answer = await http.post("/meter/1/photo", data=sent, files={"photo": ("", b"")})
        assert "Фото не выбрано" in answer.text
    assert not house.photos


async def test_a_script_is_told_in_json(app: FastAPI) -> None:
    async with client(app) as http:
        answer = await http.get("/meters", headers={"accept": "application/json"})
        assert answer.status_code == 401
        assert answer.json()["kind"] == "signed_out"
        assert answer.json()["do"]


async def test_where_it_is_from_is_told_by_the_origin_alone(app: FastAPI, house: Memory) -> None:
    async with client(app) as http:
        page = await http.get(f"/l/{TOKEN}")
        del http.headers["origin"]
        sent = {"proof": proof_on(page)}
        old = await http.post(f"/l/{TOKEN}/code", data=sent)
        assert old.status_code == 200, "a browser that tells no origin has the proof"
        new = await http.post(f"/l/{TOKEN}/code", data=sent, headers={"origin": ORIGIN})
        assert new.status_code == 200
    assert house.codes == 2


async def test_who_hangs_up_hides_no_error_of_ours() -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def call(_request: Request) -> Response:
        raise error

    request = Request({"type": "http", "method": "GET", "path": "/", "headers": []}, gone)
    error = RuntimeError("No response returned.")
    assert (await harden(request, call)).status_code == 408
    error = RuntimeError("a bug of ours")
    with pytest.raises(RuntimeError, match="a bug of ours"):
        await harden(request, call)
