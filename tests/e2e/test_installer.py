"""An installer with a phone in a riser: from the label's code to a record the gateway has.

The page is served by the device over a simulated bus, searched and read by the real drivers. The
gateway is away until the record is signed; then it comes, and the page tells that all has arrived.
"""

import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pypdf
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.cloud_sync.brokers import free_port, needs_mosquitto
from tests.e2e import phone as phones
from tests.e2e.installer_house import House
from tests.edge.page.site import CODE, POWER, Site, Unset

chromium = phones.chromium
pytestmark = pytest.mark.chromium
SIZE = {"width": 390, "height": 844}
SMALL = {"width": 320, "height": 640}
PAGE_BYTES_MAX = 60 * 1024
# Broker, gateway and agent start, the device enrols, and the gateway looks at a photo.
PATIENCE_MS = 180_000


def context_of(chromium: Browser, size: dict[str, int]) -> BrowserContext:
    context = chromium.new_context(
        viewport=size, device_scale_factor=2, is_mobile=True, has_touch=True, locale="ru-RU"
    )
    context.set_default_timeout(phones.PATIENCE_MS)
    return context


@pytest.fixture
def phone(chromium: Browser) -> Iterator[BrowserContext]:
    context = context_of(chromium, SIZE)
    yield context
    context.close()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A picture as a phone's camera takes it, far above what is kept."""
    path = tmp_path / "meter.jpg"
    noise = Image.effect_noise((3000, 2250), 80).convert("RGB")
    noise.save(path, "JPEG", quality=95)
    assert path.stat().st_size > 4_000_000
    return path


def shot(page: Page, name: str) -> None:
    """A picture of the page for whoever wants to look: PLOMBA_SHOTS names a folder."""
    if folder := os.environ.get("PLOMBA_SHOTS"):
        page.wait_for_load_state()
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def title(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text, timeout=PATIENCE_MS)


def tap(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).or_(page.get_by_role("link", name=name)).first.click()


def go(page: Page, name: str) -> None:
    """Tap, and be on the next screen: one that is asked for meanwhile would cross this one."""
    with page.expect_navigation():
        tap(page, name)


def come_in(page: Page, site: Site) -> None:
    """As the label's QR code opens it."""
    page.goto(f"{site.url}/enter#{CODE}")
    page.wait_for_url(f"{site.url}/")


def begin(page: Page) -> None:
    tap(page, "Начать")
    page.get_by_label("Монтажник").fill("Иван Петров")
    shot(page, "02-name")
    tap(page, "Дальше")
    title(page, "Проверка линии")
    tap(page, "Проверить")
    expect(page.locator("main")).to_contain_text("приборы отвечают", timeout=PATIENCE_MS)
    shot(page, "03-check")
    tap(page, "Искать приборы")


def search(page: Page, site: Site) -> None:
    site.wire.held = True
    tap(page, "Начать поиск")
    expect(page.locator("main")).to_contain_text("Найдено: 3", timeout=PATIENCE_MS)
    shot(page, "04-searching")
    # The phone is put away; the device goes on.
    page.goto("about:blank")
    site.wire.held = False
    page.go_back()
    expect(page.locator("main")).to_contain_text("К приборам", timeout=PATIENCE_MS)
    expect(page.locator("main")).to_contain_text("Найдено: 4")
    shot(page, "05-found")
    tap(page, "К приборам")


def opened(page: Page, serial: str) -> None:
    """Open a meter from the list and wait for its value."""
    page.get_by_role("button", name=re.compile(serial)).first.click()
    title(page, serial)
    expect(page.locator(".value").first).to_be_visible(timeout=PATIENCE_MS)


def cold_meter(page: Page, photo: Path) -> None:
    """One tap, the expected point, a seal, a photo."""
    opened(page, "11020431")
    expect(page.locator(".value")).to_contain_text("00123,456")
    expect(page.locator("main")).to_contain_text("По реестру это кв. 12, санузел")
    shot(page, "06-value")
    tap(page, "Да, то же")
    title(page, "Куда относится прибор?")
    shot(page, "07-point")
    page.locator("button.main", has_text="кв. 12, санузел").click()
    page.get_by_label("Номер пломбы").fill("А 0012345")
    shot(page, "08-seal")
    tap(page, "Сфотографировать")
    # A screen that no script has seen yet would leave the picture where it is.
    page.locator("html.scripted #photo").set_input_files(photo)
    expect(page.locator("img.photo")).to_be_visible()
    shot(page, "09-photo")
    go(page, "Следующий прибор")


def hot_meter(page: Page, site: Site) -> None:
    """Another model, another value on the dial, the point by its label."""
    page.goto(f"{site.url}/meters")
    opened(page, "11020432")
    tap(page, "Это другая модель")
    page.get_by_role("button", name=re.compile("hot")).click()
    expect(page.locator(".value").first).to_be_visible(timeout=PATIENCE_MS)
    tap(page, "Нет, другое")
    page.get_by_label("Показание").fill("987,65")
    tap(page, "Дальше")
    expect(page.locator("#hints")).to_contain_text("Разница ровно в 10 раз")
    shot(page, "10-differs")
    page.get_by_label("Показание").fill("98,7")
    tap(page, "Записать так")
    title(page, "Куда относится прибор?")
    number = page.locator("li", has_text="Горячая вода").locator("[name=number]")
    page.goto(f"{site.url}/point/{number.get_attribute('value')}")
    expect(page.locator("main")).to_contain_text("Прибор 11020432 стоит здесь?")
    shot(page, "11-label")
    tap(page, "Да, привязать")
    title(page, "Место и пломба")
    go(page, "Следующий прибор")


def heat_meter(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/meters")
    opened(page, "67305512")
    tap(page, "Да, то же")
    page.locator("button.main", has_text="подвал").click()
    title(page, "Место и пломба")
    go(page, "Следующий прибор")


def foreign_meter(page: Page, site: Site) -> None:
    """The neighbours' meter is none of ours."""
    page.goto(f"{site.url}/meters")
    page.get_by_role("button", name="house/1").first.click()
    title(page, "Какой номер на приборе?")
    shot(page, "12-serial")
    tap(page, "Пропустить этот прибор")
    page.get_by_text("не относится к этому дому").click()
    tap(page, "Пропустить этот прибор")


@pytest.mark.processes
@pytest.mark.timeout(900)
@needs_mosquitto[0]
@needs_mosquitto[1]
def test_a_visit_offline_and_all_that_is_accepted_once_the_gateway_comes(
    phone: BrowserContext, photo: Path, tmp_path: Path
) -> None:
    house = House(tmp_path / "house")
    wrong: list[str] = []
    with house.site.served() as site:
        page = phone.new_page()
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        come_in(page, site)
        shot(page, "01-home")
        begin(page)
        search(page, site)
        shot(page, "05-meters")
        cold_meter(page, photo)
        hot_meter(page, site)
        heat_meter(page, site)
        foreign_meter(page, site)
        expect(page.locator("main")).to_contain_text("Все приборы готовы")
        shot(page, "13-glance")
        go(page, "Завершить и подписать")
        shot(page, "14-finish")
        tap(page, "Подписать")
        title(page, "Акт подписан")
        expect(page.locator("main")).to_contain_text("Акт ждёт отправки")
        shot(page, "15-signed")
        text = record(page)
        for word in ("Иван Петров", "11020431", "123,456", "98,7", "А 0012345", "67305512"):
            assert word in text, word
        with house.network():
            title(page, "Всё принято шлюзом")
            expect(page.locator("main")).to_contain_text("Первые показания приняты шлюзом")
            expect(page.locator("main")).to_contain_text("приборы внесены в реестр")
            expect(page.locator("main")).to_contain_text("Работа закончена, можно уезжать")
            shot(page, "16-arrived")
    kept = json.loads(house.office.ok("visit", "show", "riser-1/1", "--json"))
    assert (kept["visit"], kept["installer"]) == ("riser-1/1", "Иван Петров")
    assert {one["meter"]: one["point"] for one in kept["events"]} == {
        "11020431": "A-12-CW", "11020432": "A-12-HW", "67305512": "A-HEAT",
    }  # fmt: skip
    assert {one["outcome"] for one in kept["events"]} == {"applied"}
    assert [one["came"] for one in kept["photos"]] == [True]
    assert not wrong


def record(page: Page) -> str:
    with page.expect_download() as download:
        page.get_by_role("link", name="Скачать акт (PDF)").click()
    reader = pypdf.PdfReader(io.BytesIO(download.value.path().read_bytes()))
    return "".join(one.extract_text() for one in reader.pages)


@pytest.fixture
def riser(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path).served() as site:
        yield site


def begun(page: Page, site: Site) -> None:
    """A visit with three meters found and read."""
    come_in(page, site)
    tap(page, "Начать")
    page.get_by_label("Монтажник").fill("Иван Петров")
    tap(page, "Дальше")
    title(page, "Проверка линии")
    page.goto(f"{site.url}/scan")
    site.wire.held = True
    tap(page, "Начать поиск")
    expect(page.locator("main")).to_contain_text("Найдено: 3", timeout=PATIENCE_MS)
    tap(page, "Остановить поиск")
    title(page, "Приборы: 3")
    expect(page.locator("main")).not_to_contain_text("Читаем показания", timeout=PATIENCE_MS)


def test_a_tap_confirms_the_point_is_one_more_and_the_next_meter_comes_by_itself(
    phone: BrowserContext, riser: Site
) -> None:
    page = phone.new_page()
    begun(page, riser)
    tap(page, "Следующий прибор")
    seen = []
    for _ in range(3):
        expect(page.locator(".ask", has_text="то же самое")).to_be_visible(timeout=PATIENCE_MS)
        seen.append(page.locator("h1").inner_text())
        tap(page, "Да, то же")
        title(page, "Куда относится прибор?")
        page.locator("button.main, ul.list button.row").first.click()
        title(page, "Место и пломба")
        tap(page, "Следующий прибор")
    assert sorted(seen) == ["11020431", "11020432", "67305512"]
    expect(page.locator("main")).to_contain_text("Все приборы готовы")


@pytest.mark.parametrize("size", [SIZE, SMALL], ids=["390", "320"])
def test_what_can_be_touched_is_large_and_text_may_be_doubled(
    chromium: Browser, riser: Site, size: dict[str, int]
) -> None:
    context = context_of(chromium, size)
    page = context.new_page()
    begun(page, riser)
    screens = ("/", "/check", "/scan", "/meters", "/meter/0", "/meter/0/dial", "/meter/0/point")
    more = ("/meter/0/details", "/meter/0/photo", "/point/101", "/finish", "/more", "/typed")
    for path in (*screens, *more, "/doctor", "/give-up", "/meter/0/leave-out"):
        page.goto(riser.url + path)
        assert len(page.content().encode()) <= PAGE_BYTES_MAX, path
        for one in page.locator("main a, main button, main select, summary, .choice").all():
            box = one.bounding_box()
            if box is None or box["x"] < 0 or not box["height"]:
                continue
            assert box["height"] >= 48, (path, one.inner_text(), box)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
        page.evaluate("document.documentElement.style.fontSize = '225%'")
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
        shot(page, f"large-{size['width']}{path.replace('/', '-')}")
    context.close()


def test_the_phone_may_sleep_and_the_device_lose_its_power(
    phone: BrowserContext, tmp_path: Path
) -> None:
    page = phone.new_page()
    first = Site(tmp_path, power=POWER, clock=Unset())
    first.port = free_port()
    first.wire.held = True
    with first.served():
        come_in(page, first)
        tap(page, "Начать")
        page.get_by_label("Монтажник").fill("Иван Петров")
        expect(page.get_by_text("Записать в акт время телефона")).to_be_visible()
        shot(page, "21-no-time")
        tap(page, "Дальше")
        title(page, "Проверка линии")
        assert first.desk is not None
        assert [one.said[0] for one in first.desk.draft.checks] == ["phone-time"]
        page.goto(f"{first.url}/scan")
        tap(page, "Начать поиск")
        expect(page.locator("main")).to_contain_text("Найдено: 3", timeout=PATIENCE_MS)
    expect(page.locator("#away")).to_be_visible(timeout=PATIENCE_MS)
    shot(page, "20-away")
    second = Site(tmp_path, power=POWER)
    second.port = first.port
    with second.served():
        expect(page.locator("#away")).to_be_hidden(timeout=PATIENCE_MS)
        expect(page.locator("main")).to_contain_text("Найдено: 4", timeout=PATIENCE_MS)
        expect(page.locator("main")).to_contain_text("К приборам")


def test_by_a_label_the_code_is_not_typed_and_a_colleague_types_it(
    phone: BrowserContext, chromium: Browser, riser: Site
) -> None:
    page = phone.new_page()
    come_in(page, riser)
    assert "#" not in page.url
    other = context_of(chromium, SMALL)
    page = other.new_page()
    page.goto(f"{riser.url}/point/102")
    page.wait_for_url(re.compile(r"/enter\?next=/point/102$"))
    page.get_by_label("Код").fill(CODE.lower())
    tap(page, "Войти")
    page.wait_for_url(f"{riser.url}/")
    other.close()
