import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi import FastAPI

from gateway.resident_web.ports import Question
from gateway.resident_web.texts import TEXTS, Speech
from tests.gateway.resident_web.browser import client, come_in, fields_on, proof_on
from tests.gateway.resident_web.memory import HEAT, JPEG, TOKEN, WATER, Memory

ROOT = Path(__file__).parents[3] / "gateway/resident_web"


async def test_the_language_is_the_browsers_until_one_is_chosen(app: FastAPI) -> None:
    async with client(app) as http:
        assert "Показания счётчиков" in (await http.get(f"/l/{TOKEN}")).text
        english = await http.get(f"/l/{TOKEN}", headers={"accept-language": "en-GB"})
        assert 'lang="en"' in english.text
        assert "Meter readings" in english.text
        chosen = await http.get(f"/l/{TOKEN}?lang=en")
        assert f'href="/l/{TOKEN}?lang=ru"' in chosen.text
        assert "Meter readings" in (await http.get(f"/l/{TOKEN}")).text


async def test_the_list_says_what_is_asked_until_when_and_what_is_not(app: FastAPI) -> None:
    async with client(app) as http:
        page = (await come_in(http)).text
    assert "Ждём показания: 2" in page
    assert "счётчик №\u00a0W1" in page
    assert "123,456 м³" in page
    assert "до 25 ноя 13:00" in page
    assert "Если ничего не передать" in page
    assert page.index("Делать ничего не нужно") > page.index("счётчик №\u00a0E1")
    assert page.index("счётчик №\u00a0H1") > page.index("Делать ничего не нужно")


async def test_several_meters_in_one_go_without_a_script(app: FastAPI, house: Memory) -> None:
    house.digits = (0, 0, 1, 3, 0, 7, 5, 6)
    async with client(app) as http:
        page = await come_in(http)
        for number, what in ((1, "Следующий: Электроэнергия, тариф 1"), (2, "Всё передано")):
            camera = await http.get(f"/meter/{number}")
            assert 'accept="image/*" capture="environment"' in camera.text
            check = await http.post(
                f"/meter/{number}/photo",
                data={"proof": proof_on(camera)},
                files={"photo": ("a.jpg", JPEG)},
                follow_redirects=True,
            )
            if number == 2:
                check = await http.get("/meter/2/check")
            sent = {f"d{at}": "1" for at in range(8)} | fields_on(check, f"/meter/{number}/check")
            sent |= {f"d{at}": "1" for at in range(8) if not sent[f"d{at}"]}
            page = await http.post(f"/meter/{number}/check", data=sent, follow_redirects=True)
            assert what in page.text
    assert [one[0] for one in house.confirmed] == [1, 2]


async def test_one_question_after_another_each_with_one_tap(app: FastAPI, house: Memory) -> None:
    house.doubts = (Question("lower", "Меньше?", "Less?"), Question("serial", "Номер?", "No.?"))
    async with client(app) as http:
        await come_in(http)
        page = await http.get("/meter/1/check")
        sent = fields_on(page, "/meter/1/check") | {f"d{at}": "1" for at in range(8)}
        first = await http.post("/meter/1/check", data=sent)
        assert "Вопрос 1 из 2" in first.text
        assert "Меньше?" in first.text
        assert not house.confirmed
        answer = fields_on(first, "/meter/1/confirm") | {"a_lower": "yes"}
        second = await http.post("/meter/1/confirm", data=answer)
        assert "Вопрос 2 из 2" in second.text
        no = fields_on(second, "/meter/1/confirm") | {"a_serial": "no"}
        back = await http.post("/meter/1/confirm", data=no)
        assert back.headers["location"] == "/meter/1/check?value=11111.111"
        yes = fields_on(second, "/meter/1/confirm") | {"a_serial": "yes"}
        done = await http.post("/meter/1/confirm", data=yes, follow_redirects=True)
        assert "посмотрит человек" in done.text
    ((_, _, _, answers),) = house.confirmed
    assert answers == {"lower": "yes", "serial": "yes"}


async def test_an_answer_that_is_none_of_ours_is_not_passed_on(app: FastAPI, house: Memory) -> None:
    house.doubts = (Question("lower", "Меньше?", "Less?"),)
    async with client(app) as http:
        proof = proof_on(await come_in(http))
        sent = {"proof": proof, "value": "1.5", "a_lower": "maybe"}
        assert "Один вопрос" in (await http.post("/meter/1/confirm", data=sent)).text
    assert not house.confirmed


async def test_a_missing_digit_is_named_and_the_others_stay(app: FastAPI) -> None:
    async with client(app) as http:
        page = await come_in(http)
        sent = {"proof": proof_on(page), "d0": "0", "d2": "7", "d3": "1", "d4": "2"}
        wrong = await http.post("/meter/1/check", data=sent)
        assert wrong.status_code == 422
        assert 'role="alert"' in wrong.text
        assert "Заполнены не все цифры" in wrong.text
        assert fields_on(wrong, "/meter/1/check")["d2"] == "7"


async def test_another_language_is_the_same_page(app: FastAPI, house: Memory) -> None:
    house.photos[1] = JPEG
    async with client(app) as http:
        await come_in(http)
        for path in ("/meter/1/check?photo=1", "/dispute?about=N-1&kind=reading&lang=ru"):
            page = await http.get(path)
            (turned,) = re.findall(r'class="language" href="([^"]+)"', page.text)
            assert turned.endswith("lang=en")
            other = await http.get(unescape(turned))
            assert '<html lang="en">' in other.text
            for kept in ("/photo/1", "N-1"):
                assert (kept in page.text) == (kept in other.text), (path, kept)


@pytest.mark.parametrize("path", ["/meters", f"/l/{'x' * 46}", "/nope", "/signin/nobody"])
async def test_who_is_not_in_is_shown_the_way_to_the_first_page(app: FastAPI, path: str) -> None:
    async with client(app) as http:
        page = (await http.get(path)).text
        main = page.partition("<main")[2]
        assert 'href="/"' in main
        assert "/meters" not in main
        assert "/leave" not in page
        await come_in(http)
        assert 'href="/meters"' in (await http.get("/nope")).text


async def test_the_shell_speaks_both_languages(app: FastAPI) -> None:
    async with client(app) as http:
        http.headers["accept-language"] = "en"
        page = (await http.get("/offline")).text
    assert page.index("No connection") < page.index("Нет связи"), "its own first"


async def test_an_over_link_offers_a_new_one(app: FastAPI, house: Memory) -> None:
    house.over = "link_expired"
    async with client(app) as http:
        page = await http.get(f"/l/{TOKEN}")
        assert page.status_code == 410
        sent = await http.post(f"/l/{TOKEN}/again", data={"proof": proof_on(page)})
        assert "Новая ссылка отправлена" in sent.text


class Labels(HTMLParser):
    """What a screen reader would miss on a page."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.wanting: list[tuple[str, str]] = []
        self.level = 0
        self.inside_label = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        if (name := has.get("id")) is not None:
            assert name not in self.ids, name
            self.ids.append(name)
        if tag == "label":
            self.inside_label = True
            self.labelled.add(has.get("for") or "")
        fields = {"input", "select", "textarea"}
        if tag in fields and has.get("type") != "hidden" and not self.inside_label:
            self.wanting.append((has.get("id") or "", has.get("aria-label") or ""))
        if tag == "img":
            assert "alt" in has
        if tag in {"h1", "h2", "h3"}:
            assert int(tag[1]) <= self.level + 1
            self.level = int(tag[1])

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self.inside_label = False


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_every_field_has_a_label_and_every_page_one_heading(
    app: FastAPI, house: Memory, language: str
) -> None:
    house.doubts = (Question("lower", "Меньше?", "Less?"),)
    async with client(app) as http:
        http.headers["accept-language"] = language
        pages = [await http.get("/"), await http.get(f"/l/{TOKEN}"), await come_in(http)]
        proof = proof_on(pages[-1])
        sent = {"proof": proof} | {f"d{at}": "1" for at in range(8)}
        pages.append(await http.post("/meter/1/check", data=sent))
        paths = ("/meter/1", "/meter/1/check", "/dispute", "/nope", "/offline")
        pages += [await http.get(path) for path in paths]
    for page in pages:
        found = Labels()
        found.feed(page.text)
        assert page.text.count("<h1") == 1, page.url
        assert f'<html lang="{language}">' in page.text
        for name, label in found.wanting:
            assert label or name in found.labelled, (page.url, name)


def test_the_usual_value_is_told_where_it_is_known() -> None:
    assert Speech("ru").expected(WATER) == "около 140,000 м³"
    assert Speech("en").expected(WATER) == "about 140.000 m³"
    assert Speech("ru").expected(HEAT) == ""


def test_every_text_is_there_in_both_languages_and_every_key_has_one() -> None:
    for key, both in TEXTS.items():
        assert all(both), key
        assert both[0].count("{}") == both[1].count("{}"), key
        if key.startswith("sorry_") and not key.endswith("_do"):
            assert f"{key}_do" in TEXTS
    words = Speech("ru")
    for file in ROOT.glob("templates/*.html"):
        for key in re.findall(r'\bt\(["\'](\w+)["\']', file.read_text("utf-8")):
            begins = key.endswith("_") and any(one.startswith(key) for one in TEXTS)
            assert begins or words.has(key), (file.name, key)
    used = re.compile(r'NotDone\("(\w+)"')
    for file in ROOT.glob("*.py"):
        for key in used.findall(file.read_text("utf-8")):
            assert f"sorry_{key}" in TEXTS, (file.name, key)


def test_colours_can_be_told_apart() -> None:
    """WCAG 2.2, 1.4.3: text against what it stands on, 4.5 to 1."""
    css = (ROOT / "static/resident.css").read_text("utf-8")
    named = dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6})", css))
    for ink, ground in (
        *(("ink", "ground"), ("ink", "card"), ("soft", "ground"), ("soft", "card")),
        *(("focus", "card"), ("focus", "ground"), ("card", "go"), ("go", "ground")),
        *(("ink", "warn"), ("ink", "ok"), ("focus", "warn")),
    ):
        assert contrast(named[ink], named[ground]) >= 4.5, (ink, ground)
    for ink, ground in (("#fff", "#111"), ("#fff", "#a51d17"), ("#8c1d18", "#fff")):
        assert contrast(ink, ground) >= 4.5


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    text = colour[1:] if len(colour) == 7 else "".join(two * 2 for two in colour[1:])
    parts = [int(text[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
