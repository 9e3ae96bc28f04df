"""A phone before the residents' pages: headless Chromium, the real listener, a real ledger."""

import asyncio
import contextlib
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from gateway.config import for_data
from gateway.config_resident import ResidentConfig
from gateway.photo.mask import Kind
from gateway.resident_web.server import serve
from gateway.web.server import bound
from simulators.photo import strips
from simulators.photo.drawn import register
from simulators.photo.scenes import Scene, View, scene
from tests.cloud_sync.brokers import HOST, free_port
from tests.gateway.photo.photos import encoded, exif
from tests.gateway.photo.readers import PLACE
from tests.gateway.resident.block import Block
from tests.gateway.town import GATEWAY_KEY, Dial, local

CHROMIUM = shutil.which("chromium")
ARGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    # A camera that shows a test picture, and nobody is asked for it.
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
)  # fmt: skip
# A page, a photo that is read, a paper that is set, on a machine that does seven other things.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
SIDE = 1000
COLD = "Холодная вода"
STAND_IN = "tests.gateway.photo.readers:Unsure"
SIZE = {"width": 390, "height": 844}
PHONE: dict[str, Any] = {
    "viewport": SIZE, "device_scale_factor": 2, "is_mobile": True, "has_touch": True,
    "locale": "ru-RU",
}  # fmt: skip
WATER = Dial("8-0:1.0.0", "m3", -3, 8, 100_000)
RATES = {"m3": 3_125, "kWh": 1_380}


class Street:
    """A flat with a water meter and an electricity meter that send nothing, and its pages.

    `more` are other water meters, by serial and resource.
    """

    def __init__(self, folder: Path, more: Mapping[str, str] = MappingProxyType({})) -> None:
        self.block = Block(folder, flats=0)
        town = self.block.town
        town.install("A1", town.point("P1", "1"))
        town.install("3141592", town.point("P2", "1", "cold-water"), WATER)
        for number, (serial, resource) in enumerate(more.items(), 3):
            town.install(serial, town.point(f"P{number}", "1", resource), WATER)
        with town.store.transaction() as connection:
            for unit, rate in RATES.items():
                connection.execute(
                    "UPDATE register SET rate_max_per_h = ? WHERE unit = ?", (rate, unit)
                )
        for day in range(2, 5):
            town.read("A1", local(9, day), 11_000 + 1_000 * day)
            for serial in ("3141592", *more):
                town.read(serial, local(9, day), 123_000 + 400 * day, WATER)
        town.send()
        self.block.contact(1)
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"

    @contextmanager
    def served(self, recogniser: str) -> Iterator[None]:
        """The listener for this street."""
        resident = ResidentConfig(host=HOST, port=self.port, public_url=self.url)
        with listening(self.block, resident, recogniser):
            yield

    async def _post(self) -> None:
        await self.block.postman.once()

    def code(self) -> str:
        """The code in the newest letter."""
        # Playwright's loop runs in this thread, so the postman goes in another one.
        with ThreadPoolExecutor(1) as executor:
            executor.submit(asyncio.run, self._post()).result()
        return next(word for word in self.block.box.letters[-1].text.split() if word.isdigit())


@contextmanager
def listening(block: Block, resident: ResidentConfig, recogniser: str) -> Iterator[None]:
    """The listener as `plomba-gateway run` has it, in a thread with its own loop."""
    config, loop = for_data(block.town.folder), asyncio.new_event_loop()
    with bound(resident) as listener:
        about = (listener, config, resident, GATEWAY_KEY, block.clock)
        task = loop.create_task(serve(*about, recogniser=recogniser))

        def run() -> None:
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(task)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            loop.call_soon_threadsafe(task.cancel)
            thread.join()
            loop.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH: make servers installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=ARGS, timeout=PATIENCE_MS
        )
        yield browser
        browser.close()


@pytest.fixture
def phone(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(**PHONE)
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


def water_meter(seed: int) -> Scene:
    """A photograph of a water meter that shows 128.850."""
    rng = np.random.default_rng(seed)
    shows = np.array([0, 0, 1, 2, 8, 8, 5, 0.2], dtype=np.float32)
    row = strips.draw(rng, strips.store(rng, 6, 1), Kind.ODOMETER, shows, 3)
    view = View(nearest=1.5, farthest=0.9, upright=1, little=6)
    return scene(rng, SIDE, register(row), Kind.ODOMETER, view)


@pytest.fixture(scope="module")
def drawn() -> Scene:
    """One of those."""
    return water_meter(8)


@pytest.fixture
def photo(drawn: Scene, tmp_path: Path) -> Path:
    """The same as large as phones take it, with all that a phone notes."""
    path = tmp_path / "meter.jpg"
    noted = exif("2026:09:20 11:58:00", "+03:00", with_gps=True)
    image = Image.fromarray(drawn.pixels).resize((2400, 2400))
    path.write_bytes(encoded(image, quality=100, exif=noted))
    assert path.stat().st_size > 500_000
    return path


@pytest.fixture
def street(drawn: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Street]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    ends = (*drawn.corners.min(axis=0), *drawn.corners.max(axis=0))
    monkeypatch.setenv(PLACE, " ".join(str(float(one) / SIDE) for one in ends))
    street = Street(tmp_path)
    with street.served(STAND_IN):
        yield street
    street.block.town.store.close()


def shot(page: Page, name: str) -> None:
    """A picture of the page for whoever wants to look: PLOMBA_SHOTS names a folder."""
    if folder := os.environ.get("PLOMBA_SHOTS"):
        page.wait_for_load_state()
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def come_in(page: Page, street: Street) -> None:
    page.goto(f"{street.url}/l/{street.block.mail_link()}")
    shot(page, "1-landing")
    page.get_by_role("button", name="Получить код").click()
    given = page.get_by_label("Код из сообщения")
    # The letter is there when this page is.
    expect(given).to_be_visible()
    given.fill(street.code())
    shot(page, "2-code")
    page.get_by_role("button", name="Войти").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ваши счётчики")
    shot(page, "3-meters")


def to_the_camera(page: Page, name: str = COLD) -> None:
    """Of the first meter of that name."""
    page.get_by_role("link", name=f"Сфотографировать {name}").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.locator("html.scripted")).to_be_attached()


def yes_to_all(page: Page) -> None:
    """Say to every question that the meter does show this, until the reading is accepted."""
    done, ask = page.get_by_role("heading", level=1, name="Показание принято"), page.locator(".ask")
    expect(done.or_(ask).first).to_be_visible()
    while ask.count():
        # The next question looks like this one: only the way there tells that it has come.
        with page.expect_navigation():
            page.get_by_role("button", name="Да, на счётчике так и есть").click()
        expect(done.or_(ask).first).to_be_visible()
    expect(done).to_be_visible()
