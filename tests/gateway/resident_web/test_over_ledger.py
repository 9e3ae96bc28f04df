"""The resident's pages over a real ledger: from the link in a letter to the act and the dispute."""

import io
import re

import httpx
import pypdf
from fastapi import FastAPI

from gateway.resident.links import CODE_TRIES_MAX, CODES_AN_HOUR_MAX
from gateway.resident.model import Purpose
from gateway.sql.claims import SqlClaims
from tests.gateway.photo.photos import encoded, exif, scene
from tests.gateway.resident.block import Block, account, token_in
from tests.gateway.resident_web.browser import client, fields_on, proof_on, shown
from tests.gateway.resident_web.memory import sha
from tests.gateway.town import DAY_MS, local

PHOTO = encoded(scene(), exif=exif("2026:09:20 11:59:00", "+03:00"))


async def in_by_letter(http: httpx.AsyncClient, block: Block) -> httpx.Response:
    token = block.mail_link()
    page = await http.get(f"/l/{token}")
    assert "f***@mail.example" in page.text
    assert account(1) not in shown(page)
    sent = {"proof": proof_on(page)}
    await http.post(f"/l/{token}/code", data=sent)
    code = next(word for word in (await sent_now(block)).split() if word.isdigit())
    return await http.post(f"/l/{token}/enter", data=sent | {"code": code}, follow_redirects=True)


async def sent_now(block: Block) -> str:
    await block.postman.once()
    return block.box.letters[-1].text


async def test_a_photo_becomes_an_act_that_can_be_read_back(street: FastAPI, block: Block) -> None:
    block.read(1, local(9, 5), 12_000)
    async with client(street) as http:
        meters = await in_by_letter(http, block)
        assert "Ждём показания: 1" in meters.text
        assert "120,00 кВт·ч" in meters.text
        camera = await http.get("/meter/1")
        check = await http.post(
            "/meter/1/photo",
            data={"proof": proof_on(camera)},
            files={"photo": ("../../x.jpg", PHOTO)},
            follow_redirects=True,
        )
        cells = fields_on(check, "/meter/1/check")
        assert [cells[f"d{at}"] for at in range(8)] == ["0", "0", "0", "1", "6", "", "5", "0"]
        assert check.text.count("autofocus") == 1
        picture = await http.get(f"/photo/{cells['photo']}")
        assert picture.content.startswith(b"\xff\xd8")
        done = await http.post("/meter/1/check", data=cells | {"d5": "2"}, follow_redirects=True)
        assert "Показание принято" in done.text
        assert "162,50 кВт·ч" in done.text
        number = str(done.url).rpartition("/")[2]
        act = await http.get(f"/a/{number}")
        assert number in act.text
        pdf = await http.get(f"/a/{number}.pdf")
        pages = pypdf.PdfReader(io.BytesIO(pdf.content)).pages
        text = "".join(page.extract_text() for page in pages)
        assert number in text
        assert "162,50" in text
        (claim,) = SqlClaims(block.town.store.database.connection).claims(None, 0, 2**60, 9)
        assert claim.source == "photo"
        meters = await http.get("/meters")
        assert "Всё передано" in meters.text


async def test_an_unlikely_value_is_asked_about_and_taken(street: FastAPI, block: Block) -> None:
    block.read(1, local(9, 5), 12_000)
    async with client(street) as http:
        await in_by_letter(http, block)
        typed = await http.get("/meter/1/check")
        digits = {f"d{at}": one for at, one in enumerate("00000500")}
        asked = await http.post("/meter/1/check", data=fields_on(typed, "/meter/1/check") | digits)
        assert "меньше, чем было в прошлый раз" in asked.text
        answer = fields_on(asked, "/meter/1/confirm")
        back = await http.post(
            "/meter/1/confirm", data=answer | {"a_lower": "no"}, follow_redirects=True
        )
        cells = fields_on(back, "/meter/1/check")
        assert "".join(cells[f"d{at}"] for at in range(8)) == "00000500"
        page = asked
        while button := re.search(r'<button[^>]*name="a_([^"]*)" value="yes"', page.text):
            answer, code = fields_on(page, "/meter/1/confirm"), button[1]
            page = await http.post(
                "/meter/1/confirm", data=answer | {f"a_{code}": "yes"}, follow_redirects=True
            )
        assert "посмотрит человек" in page.text
        assert block.rows("SELECT mantissa FROM claim") == [(500,)]


async def test_red_digits_may_be_left_out(street: FastAPI, block: Block) -> None:
    block.read(1, local(9, 5), 12_000)
    async with client(street) as http:
        await in_by_letter(http, block)
        typed = await http.get("/meter/1/check")
        digits = {f"d{at}": one for at, one in enumerate("000130")}
        done = await http.post(
            "/meter/1/check",
            data=fields_on(typed, "/meter/1/check") | digits,
            follow_redirects=True,
        )
        assert "130 кВт·ч" in done.text
        (row,) = block.rows("SELECT mantissa, step FROM claim")
        assert row == (13_000, 100)


async def test_sent_in_pieces_it_is_the_same_photo(street: FastAPI, block: Block) -> None:
    block.read(1, local(9, 5), 12_000)
    async with client(street) as http:
        await in_by_letter(http, block)
        proof = (await http.get("/proof")).json()["proof"]
        about = {"proof": proof, "register": "1", "size": str(len(PHOTO)), "sha256": sha(PHOTO)}
        made = await http.post("/upload", data=about)
        where, at = made.headers["location"], 0
        while at < len(PHOTO):
            headers = {"upload-offset": str(at), "x-proof": proof}
            added = await http.patch(where, content=PHOTO[at : at + 65_536], headers=headers)
            at = int(added.headers["upload-offset"])
        first = await http.post(f"{where}/done", data={"proof": proof})
        again = await http.post(f"{where}/done", data={"proof": proof})
        assert first.json() == again.json()
        assert not list((block.town.folder / "uploads").glob("*.part"))
        ((sha256,),) = block.rows("SELECT sha256 FROM photo")
        assert bytes(sha256).hex() == sha(PHOTO)


async def test_a_link_on_paper_takes_the_accounts_number(street: FastAPI, block: Block) -> None:
    token = block.paper_link()
    async with client(street) as http:
        page = await http.get(f"/l/{token}")
        assert "Номер лицевого счёта" in page.text
        assert account(1) not in shown(page)
        sent = {"proof": proof_on(page)}
        wrong = await http.post(f"/l/{token}/enter", data=sent | {"code": "4012"})
        assert wrong.status_code == 422
        assert "Номер лицевого счёта не подошёл" in wrong.text
        right = await http.post(
            f"/l/{token}/enter", data=sent | {"code": account(1)}, follow_redirects=True
        )
        assert "Ваши счётчики" in right.text


async def test_a_neighbour_sees_nothing_of_it(street: FastAPI, block: Block) -> None:
    block.contact(2)
    block.read(1, local(9, 5), 12_000)
    async with client(street) as owner, client(street) as other:
        await in_by_letter(owner, block)
        camera = await owner.get("/meter/1")
        check = await owner.post(
            "/meter/1/photo", data={"proof": proof_on(camera)}, files={"photo": ("x", PHOTO)},
            follow_redirects=True,
        )  # fmt: skip
        photo = fields_on(check, "/meter/1/check")["photo"]
        done = await owner.post(
            "/meter/1/check",
            data=fields_on(check, "/meter/1/check") | {"d5": "2"},
            follow_redirects=True,
        )
        number = str(done.url).rpartition("/")[2]
        token = block.paper_link(2)
        page = await other.get(f"/l/{token}")
        sent = {"proof": proof_on(page), "code": account(2)}
        await other.post(f"/l/{token}/enter", data=sent)
        proof = (await other.get("/proof")).json()["proof"]
        for path in (
            "/meter/1",
            "/meter/1/check",
            f"/meter/1/check?photo={photo}",
            f"/photo/{photo}",
            f"/done/{number}",
            f"/a/{number}",
            f"/a/{number}.pdf",
        ):
            assert (await other.get(path)).status_code == 404, path
        digits = {f"d{at}": "1" for at in range(8)}
        for path, sent in (
            ("/meter/1/check", digits),
            ("/meter/1/confirm", {"value": "1"}),
            ("/upload", {"register": "1", "size": "9", "sha256": "0" * 64}),
        ):
            answer = await other.post(path, data=sent | {"proof": proof})
            assert answer.status_code == 404, path
        mine = await other.post("/meter/2/check", data=digits | {"proof": proof, "photo": photo})
        assert mine.status_code == 410
        assert len(block.rows("SELECT * FROM claim")) == 1


async def test_a_used_link_opens_nothing_and_offers_a_new_one(
    street: FastAPI, block: Block
) -> None:
    async with client(street) as http, client(street) as thief:
        await in_by_letter(http, block)
        link = block.ledger.link_by_number(1)
        assert link is not None
        token = block.links.token_of(link)
        assert (await http.get(f"/l/{token}")).headers["location"] == "/meters"
        used = await thief.get(f"/l/{token}")
        assert used.status_code == 410
        await thief.post(f"/l/{token}/again", data={"proof": proof_on(used)})
        assert "/l/" in await sent_now(block)
        assert "уже использована" in used.text


async def test_who_has_no_code_left_is_offered_another_one_there(
    street: FastAPI, block: Block
) -> None:
    token = block.mail_link()
    async with client(street) as http:
        page = await http.get(f"/l/{token}")
        sent = {"proof": proof_on(page), "code": "none"}
        await http.post(f"/l/{token}/code", data=sent)
        for _ in range(CODE_TRIES_MAX):
            tried = await http.post(f"/l/{token}/enter", data=sent)
        assert tried.status_code == 410
        assert "больше не действует" in tried.text
        fields_on(tried, f"/l/{token}/code")
        assert f"/l/{token}/enter" not in tried.text, "there is no code to type"
        for _ in range(CODES_AN_HOUR_MAX):
            asked = await http.post(f"/l/{token}/code", data=sent)
        assert asked.status_code == 429
        assert "последний из присланных" in asked.text
        fields_on(asked, f"/l/{token}/enter")
        for told in (tried, asked):
            assert "/meters" not in told.text, "nobody is in yet"
            assert "/leave" not in told.text


async def test_a_link_that_came_as_a_text_says_how_to_stop_them(
    street: FastAPI, block: Block
) -> None:
    block.contact(2, "sms")
    block.sweep()
    await block.postman.once()
    text = next(one for one in block.box.letters if one.address.startswith("+"))
    async with client(street) as http:
        landing = await http.get("/l/" + token_in(text))
        stop = re.search(r'href="(/u/[^"]+)"', landing.text)
        assert stop is not None
        form = await http.get(stop[1])
        stopped = await http.post(stop[1], data={"proof": proof_on(form)})
        assert "*** 02" in stopped.text
        assert "/u/" not in (await http.get("/l/" + token_in(text))).text, "they are stopped"
        assert "/u/" not in (await http.get(f"/l/{block.paper_link()}")).text


async def test_a_session_ends_by_itself_and_by_leaving(street: FastAPI, block: Block) -> None:
    async with client(street) as http:
        await in_by_letter(http, block)
        page = await http.get("/meters")
        left = await http.post("/leave", data={"proof": proof_on(page)})
        assert left.headers["clear-site-data"] == '"storage"'
        assert (await http.get("/meters")).status_code == 401
        block.now_ms += DAY_MS
        page = await in_by_letter(http, block)
        assert page.status_code == 200
        block.now_ms += DAY_MS
        assert (await http.get("/meters")).status_code == 401


async def test_a_dispute_has_a_number_a_term_and_a_state(street: FastAPI, block: Block) -> None:
    async with client(street) as http:
        await in_by_letter(http, block)
        page = await http.get("/dispute?register=1")
        sent = {"proof": proof_on(page), "kind": "wrong-meter", "register": "1", "text": "Не мой"}
        told = await http.post("/dispute", data=sent, follow_redirects=True)
        assert "Обращение принято" in told.text
        assert "получено" in told.text
        ((subject,),) = block.rows("SELECT subject FROM dispute")
        assert subject == "A1"


async def test_messages_stop_with_one_click(street: FastAPI, block: Block) -> None:
    (contact,) = block.ledger.contacts(block.account_no(1))
    with block.town.store.transaction():
        made = block.links.make(
            contact.account_no, "2026-09", block.now_ms + DAY_MS, contact.contact_no, Purpose.STOP
        )
    async with client(street) as http:
        asked = await http.get(f"/u/{made.token}")
        assert "Больше не присылать" in asked.text
        (before,) = block.ledger.contacts(block.account_no(1))
        assert before.unsubscribed_ms is None
        told = await http.post(f"/u/{made.token}", data={"List-Unsubscribe": "One-Click"})
        assert "Сообщений больше не будет" in told.text
        (after,) = block.ledger.contacts(block.account_no(1))
        assert after.unsubscribed_ms is not None
