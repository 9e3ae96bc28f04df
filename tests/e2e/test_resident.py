"""A resident with a phone: link, code, photo, digits, questions, the act; also without a line."""

import io
import re
from pathlib import Path

import pypdf
import pytest
from playwright.sync_api import BrowserContext, Response, Route, expect

from tests.e2e import phone as phones
from tests.e2e.phone import SIZE, Street, come_in, shot, to_the_camera, yes_to_all

chromium, drawn, photo, street = phones.chromium, phones.drawn, phones.photo, phones.street
phone = phones.phone
pytestmark = pytest.mark.chromium
BYTES_BEFORE_THE_PHOTO = 100 * 1024
WATER = phones.COLD


def test_link_code_photo_digit_question_act(
    phone: BrowserContext, street: Street, photo: Path
) -> None:
    fetched: list[Response] = []
    phone.on("response", lambda response: fetched.append(response))  # noqa: PLW0108 - no builtins
    page = phone.new_page()
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    come_in(page, street)
    to_the_camera(page)
    shot(page, "4-capture")
    before = sum(map(size, fetched)) + size_of_worker(phone, street)
    assert 0 < before <= BYTES_BEFORE_THE_PHOTO
    page.locator("#photo").set_input_files(photo)
    page.wait_for_url(re.compile(r"/check\?photo=\d+$"))
    cells = page.locator(".cell")
    expect(cells).to_have_count(8)
    expect(cells.nth(4)).to_be_focused()
    assert [one.input_value() for one in cells.all()] == ["0", "0", "1", "2", "", "8", "5", "0"]
    expect(page.get_by_label("Цифра 6 из 8, красная, после запятой")).to_have_value("8")
    shot(page, "5-check")
    page.keyboard.press("9")
    expect(cells.nth(5)).to_be_focused()
    page.get_by_label("Цифра 4 из 8").fill("9")
    shot(page, "6-corrected")
    page.get_by_role("button", name="передать").click()
    expect(page.locator(".ask")).to_contain_text("?")
    shot(page, "7-question")
    yes_to_all(page)
    shot(page, "8-done")
    number = page.locator("dd.number").inner_text()
    with page.expect_download() as download:
        page.get_by_role("link", name="Скачать акт (PDF)").click()
    reader = pypdf.PdfReader(io.BytesIO(download.value.path().read_bytes()))
    text = "".join(one.extract_text() for one in reader.pages)
    assert number in text
    assert "199,850" in text
    page.get_by_role("link", name="Открыть электронный акт").click()
    expect(page.locator("main")).to_contain_text(number)
    shot(page, "9-act")
    ((mantissa, taken_ms),) = street.block.rows(
        "SELECT claim.mantissa, photo.taken_at_ms FROM submission"
        " JOIN claim USING (claim_no) JOIN photo USING (photo_no)"
    )
    assert mantissa == 199_850
    assert taken_ms == street.block.now_ms - 120_000, "the phone's time came along"
    assert not wrong


def size_of_worker(phone: BrowserContext, street: Street) -> int:
    """What the service worker keeps for later: it fetches that once more, and nobody sees it."""
    worker = phone.request.get(f"{street.url}/worker.js").text()
    kept = re.findall(r'"(/[a-z/.]+)"', worker.partition("];")[0])
    assert "/static/corners.js" in kept
    return sum(int(phone.request.get(street.url + one).headers["content-length"]) for one in kept)


def size(response: Response) -> int:
    """What an answer weighed on the line; what the service worker had weighs nothing."""
    if response.from_service_worker:
        return 0
    sizes = response.request.sizes()
    # Of "not modified" the body is told as less than nothing.
    return max(0, sizes["responseBodySize"]) + sizes["responseHeadersSize"]


def test_without_a_line_the_photo_waits_and_goes_by_itself(
    phone: BrowserContext,
    street: Street,
    photo: Path,
) -> None:
    page = phone.new_page()
    come_in(page, street)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    to_the_camera(page)
    phone.set_offline(True)
    expect(page.locator("#offline")).to_be_visible()
    page.locator("#photo").set_input_files(photo)
    expect(page.locator("#progress-text")).to_contain_text("сохранено в телефоне")
    shot(page, "a-offline")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Нет связи")
    expect(page.locator("#kept")).to_contain_text("Фото ждут отправки: 1")
    shot(page, "b-shell")
    assert not street.block.rows("SELECT * FROM photo")
    phone.set_offline(False)
    link = page.get_by_role("link", name=f"Проверить цифры: {WATER}")
    expect(link).to_be_visible()
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Проверьте цифры")
    expect(page.locator("#kept")).to_be_hidden()
    assert len(street.block.rows("SELECT * FROM photo")) == 1


def test_what_is_refused_after_all_is_told_wherever_its_taker_is_by_then(
    phone: BrowserContext, street: Street, tmp_path: Path
) -> None:
    spoiled = tmp_path / "spoiled.jpg"
    spoiled.write_bytes(b"no photo at all")
    page = phone.new_page()
    come_in(page, street)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    to_the_camera(page)
    phone.set_offline(True)
    page.locator("#photo").set_input_files(spoiled)
    expect(page.locator("#progress-text")).to_contain_text("сохранено в телефоне")
    page.reload()
    expect(page.locator("#kept")).to_contain_text("Фото ждут отправки: 1")
    phone.set_offline(False)
    page.goto(f"{street.url}/meters")
    expect(page.locator("#kept")).to_contain_text("Это фото не открылось")
    shot(page, "e-refused")
    page.reload()
    again = page.get_by_role("link", name=f"Снять ещё раз: {WATER}")
    with page.expect_navigation():
        again.click()
    expect(page.locator("#kept")).to_contain_text("Это фото не открылось")
    page.reload()
    expect(page.locator("html.scripted")).to_be_attached()
    expect(page.locator("#kept")).to_be_hidden()


def test_who_leaves_takes_the_photos_along_also_on_an_old_phone(
    phone: BrowserContext, street: Street, photo: Path
) -> None:
    page = phone.new_page()
    come_in(page, street)
    to_the_camera(page)
    phone.route("**/upload", lambda asked: asked.abort())
    page.locator("#photo").set_input_files(photo)
    expect(page.locator("#progress-text")).to_contain_text("сохранено в телефоне")

    def old(route: Route) -> None:
        """A browser that does not know Clear-Site-Data."""
        answer = route.fetch(max_redirects=0)
        known = {key: one for key, one in answer.headers.items() if key != "clear-site-data"}
        route.fulfill(response=answer, headers=known)

    phone.route("**/leave", old)
    page.get_by_role("button", name="Выйти").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Откройте ссылку из сообщения")
    kept = """new Promise((done) => {
      const asked = indexedDB.open("plomba");
      asked.onsuccess = () => done(
        [...asked.result.objectStoreNames].includes("photos") && new Promise((count) => {
          const all = asked.result.transaction("photos").objectStore("photos").count();
          all.onsuccess = () => count(all.result);
        }));
    })"""
    assert not page.evaluate(kept)


def test_an_upload_that_breaks_goes_on_where_it_was(
    phone: BrowserContext,
    street: Street,
    photo: Path,
) -> None:
    page = phone.new_page()
    come_in(page, street)
    to_the_camera(page)
    pieces: list[str] = []

    def broken(route, request) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
        pieces.append(request.headers.get("upload-offset", ""))
        if len(pieces) == 3:
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route(re.compile(r"/upload/[^/]+$"), broken)
    page.locator("#photo").set_input_files(photo)
    expect(page.locator("#progress-text")).to_contain_text("сохранено в телефоне")
    page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_url(re.compile(r"/check\?photo=\d+$"))
    offsets = [one for one in pieces if one]
    assert offsets[:3] == ["0", "65536", "131072"]
    assert offsets[3] == "131072"


def test_the_camera_shows_a_frame_and_takes_a_picture(
    phone: BrowserContext,
    street: Street,
) -> None:
    phone.grant_permissions(["camera"])
    page = phone.new_page()
    come_in(page, street)
    to_the_camera(page)
    page.get_by_role("button", name="Открыть камеру").click()
    expect(page.locator("#frame")).to_be_visible()
    expect(page.locator("#frame")).not_to_have_css("top", "0px")
    # The first pictures of a camera that has just begun may be of another shape.
    page.wait_for_function("document.getElementById('view').videoWidth >= 320")
    frame, view = page.locator("#frame").bounding_box(), page.locator("#view").bounding_box()
    assert frame is not None
    assert view is not None
    assert view["y"] < frame["y"]
    assert frame["y"] + frame["height"] < view["y"] + view["height"]
    shot(page, "c-camera")
    page.get_by_role("button", name="Снять", exact=True).click()
    page.wait_for_url(re.compile(r"/check\?photo=\d+$"))


def test_what_can_be_touched_is_large_enough_and_text_may_be_doubled(
    phone: BrowserContext,
    street: Street,
) -> None:
    page = phone.new_page()
    come_in(page, street)
    for path in ("/meters", "/meter/2", "/meter/2/check", "/dispute"):
        page.goto(street.url + path)
        for one in page.locator("a, button, select, .choice, .cell").all():
            box = one.bounding_box()
            name = one.inner_text()
            if box is None or box["x"] < 0:
                continue
            least = 24 if "cell" in (one.get_attribute("class") or "") else 48
            assert box["height"] >= min(least, 48), (path, name, box)
            assert box["width"] >= 24, (path, name, box)
        page.evaluate("document.documentElement.style.fontSize = '225%'")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= SIZE["width"], path
        shot(page, f"d-large{path.replace('/', '-')}")


def test_by_keyboard_alone_the_way_is_the_same(
    phone: BrowserContext,
    street: Street,
) -> None:
    page = phone.new_page()
    come_in(page, street)
    page.goto(f"{street.url}/meter/2/check")
    expect(page.locator(".cell").first).to_be_focused()
    page.keyboard.type("00128500")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Показание принято")
