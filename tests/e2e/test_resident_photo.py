"""A photo on a resident's phone, read by the recogniser that ships: file, camera, corners by hand.

The meters are rendered (simulators/photo); the camera is Chromium's own, fed with such a picture.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, BrowserContext, Page, expect

from gateway.photo.looking import RECOGNISER
from tests.e2e import phone as phones
from tests.e2e.phone import (
    ARGS,
    CHROMIUM,
    COLD,
    PATIENCE_MS,
    PHONE,
    SIDE,
    STAND_IN,
    Street,
    come_in,
    shot,
    to_the_camera,
    water_meter,
    yes_to_all,
)
from tests.gateway.photo.photos import encoded

chromium, phone = phones.chromium, phones.phone
pytestmark = pytest.mark.chromium
SHOWN = "00128850"
OPEN = 6
"""The place of the digit over which something sticks."""
# Which others are left open is not the matter of this test, as long as none is read wrongly.
OPEN_MAX = 5
# A camera held upright; the register takes so much of the frame's width, which is 84 % of it.
CAMERA, FRAMED = (960, 1280), 0.8 * 0.84
CHECK = re.compile(r"/check\?photo=\d+$")
BESIDE = {"2718281": "hot-water", "1618033": "cold-water", "1414213": "hot-water"}


class Spoiled(NamedTuple):
    """A meter on which one digit cannot be read, as pixels and the corners of its register."""

    image: Image.Image
    corners: NDArray[np.float64]


@pytest.fixture(scope="module")
def spoiled() -> Spoiled:
    drawn = water_meter(8)
    image = Image.fromarray(drawn.pixels)
    a, b, c, d = drawn.corners
    # Something sticks over most of one digit: that there is one can be seen, and not which.
    left, right, top, bottom = (OPEN + 0.1) / 8, (OPEN + 0.9) / 8, 0.1, 0.62
    ends = [(left, top), (right, top), (right, bottom), (left, bottom)]
    blot = [(a + (b - a) * u) * (1 - v) + (d + (c - d) * u) * v for u, v in ends]
    ImageDraw.Draw(image).polygon([(float(x), float(y)) for x, y in blot], (90, 84, 80))
    return Spoiled(image, drawn.corners)


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Street]:
    """The pages with the recogniser that ships, in its own processes."""
    street = Street(tmp_path)
    with street.served(RECOGNISER):
        yield street
    street.block.town.store.close()


@pytest.fixture
def row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Street]:
    """Five meters in one flat, and a stand-in that reads at once."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    street = Street(tmp_path, BESIDE)
    with street.served(STAND_IN):
        yield street
    street.block.town.store.close()


@pytest.fixture
def filming(chromium: Browser, spoiled: Spoiled, tmp_path: Path) -> Iterator[BrowserContext]:
    """A phone whose camera sees the meter in the frame."""
    wide = float(np.hypot(*(spoiled.corners[1] - spoiled.corners[0]))) / FRAMED
    tall = wide * CAMERA[1] / CAMERA[0]
    x, y = spoiled.corners.mean(0)
    box = (x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2)
    seen = spoiled.image.transform(CAMERA, Image.Transform.EXTENT, box, Image.Resampling.BICUBIC)
    film = tmp_path / "film.mjpeg"
    film.write_bytes(encoded(seen, quality=95) * 3)
    browser = chromium.browser_type.launch(
        executable_path=CHROMIUM,
        args=[*ARGS, f"--use-file-for-fake-video-capture={film}"],
        timeout=PATIENCE_MS,
    )
    context = browser.new_context(**PHONE)
    context.set_default_timeout(PATIENCE_MS)
    context.grant_permissions(["camera"])
    yield context
    browser.close()


def proposed(page: Page) -> list[str]:
    return [one.input_value() for one in page.locator(".cell").all()]


def given(street: Street) -> list[int]:
    return [one for (one,) in street.block.rows("SELECT mantissa FROM claim ORDER BY claim_no")]


def correct_and_send(page: Page, street: Street) -> None:
    """Fill what was left open, put the last digit right, and confirm."""
    found = proposed(page)
    assert found[OPEN] == "", "nobody can read what is covered"
    assert all(one in {"", true} for one, true in zip(found, SHOWN, strict=True)), found
    assert found.count("") <= OPEN_MAX, found
    cells = page.locator(".cell")
    expect(cells.nth(found.index(""))).to_be_focused()
    for place, true in enumerate(SHOWN):
        if not found[place]:
            cells.nth(place).fill(true)
    cells.last.fill("4")
    page.get_by_role("button", name="передать").click()
    yes_to_all(page)
    assert given(street) == [128_854]


def test_digits_of_a_chosen_photo_are_read_and_the_one_nobody_can_read_is_left_open(
    phone: BrowserContext, reading: Street, spoiled: Spoiled, tmp_path: Path
) -> None:
    photo = tmp_path / "meter.jpg"
    photo.write_bytes(encoded(spoiled.image.resize((2400, 2400)), quality=95))
    page = phone.new_page()
    come_in(page, reading)
    to_the_camera(page)
    page.locator("#photo").set_input_files(photo)
    page.wait_for_url(CHECK)
    shot(page, "e-read")
    correct_and_send(page, reading)


def test_a_picture_of_the_camera_goes_with_its_frame_and_is_read(
    filming: BrowserContext, reading: Street
) -> None:
    page = filming.new_page()
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.post_data or "") if one.post_data else None)
    come_in(page, reading)
    to_the_camera(page)
    page.get_by_role("button", name="Открыть камеру").click()
    expect(page.locator("#frame")).not_to_have_css("top", "0px")
    page.wait_for_function("document.getElementById('view').videoWidth === 960")
    shot(page, "f-camera")
    page.get_by_role("button", name="Снять", exact=True).click()
    page.wait_for_url(CHECK)
    (frame,) = [found[1] for one in sent if (found := re.search(r"frame=([\d%C]+)", one))]
    left, top, right, _, _, bottom, _, _ = (int(one) for one in frame.split("%2C"))
    assert (left, right) == (pytest.approx(80, abs=15), pytest.approx(920, abs=15))
    assert top + bottom == pytest.approx(1000, abs=20)
    shot(page, "g-camera-read")
    correct_and_send(page, reading)


def test_of_two_meters_in_one_photo_the_resident_marks_the_right_one(
    phone: BrowserContext, reading: Street, spoiled: Spoiled, tmp_path: Path
) -> None:
    """The picture has a readable meter above, which is not the one that is asked for."""
    both = Image.new("RGB", (SIDE, 2 * SIDE))
    both.paste(Image.fromarray(water_meter(38).pixels), (0, 0))
    both.paste(spoiled.image, (0, SIDE))
    photo = tmp_path / "both.jpg"
    photo.write_bytes(encoded(both, quality=95))
    page = phone.new_page()
    come_in(page, reading)
    to_the_camera(page)
    page.locator("#photo").set_input_files(photo)
    page.wait_for_url(CHECK)
    put_corners(page, spoiled.corners + np.array([0, SIDE]), both.size)
    shot(page, "h-corners")
    # It comes back to the same address: only the way there tells that it has.
    with page.expect_navigation(url=CHECK):
        page.get_by_role("button", name="Прочитать ещё раз").click()
    correct_and_send(page, reading)


def put_corners(page: Page, corners: NDArray[np.float64], size: tuple[int, int]) -> None:
    """By tapping alone: choose a corner, tap its place; first about, then from near."""
    box = page.locator("#corners")
    if not box.evaluate("box => box.open"):
        box.locator("summary").click()
    expect(page.locator("#corners [name=frame]")).not_to_have_value("")
    for _ in range(8):
        box.get_by_role("button", name="Мельче").click()
    about = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    tap_all(page, corners + 150 * about, size)
    box.get_by_role("button", name="Прочитать ещё раз").scroll_into_view_if_needed()
    for _ in range(3):
        box.get_by_role("button", name="Крупнее").click()
    tap_all(page, corners, size)


def tap_all(page: Page, corners: NDArray[np.float64], size: tuple[int, int]) -> None:
    image = page.locator(".sheet img")
    for pin, (x, y) in zip(page.locator(".corner").all(), corners, strict=True):
        pin.evaluate("pin => pin.focus({ preventScroll: true })")
        expect(pin).to_have_attribute("aria-pressed", "true")
        shown = image.bounding_box()
        assert shown is not None
        across, down = x / size[0] * shown["width"], y / size[1] * shown["height"]
        page.mouse.click(shown["x"] + across, shown["y"] + down)


def test_corners_are_dragged_moved_by_keys_and_by_buttons(
    phone: BrowserContext, row: Street, spoiled: Spoiled, tmp_path: Path
) -> None:
    photo = tmp_path / "meter.jpg"
    photo.write_bytes(encoded(spoiled.image, quality=95))
    page = phone.new_page()
    come_in(page, row)
    page.goto(f"{row.url}/meter/2")
    expect(page.locator("html.scripted")).to_be_attached()
    page.locator("#photo").set_input_files(photo)
    page.wait_for_url(CHECK)
    page.get_by_text("Показать цифры на фото").click()
    frame = page.locator("#corners [name=frame]")
    expect(frame).to_have_value("100,400,900,400,900,600,100,600")
    pin = page.get_by_role("button", name="Левый верхний угол")
    page.get_by_role("button", name="Прочитать ещё раз").scroll_into_view_if_needed()
    box = pin.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (48, 48)
    page.mouse.move(box["x"] + 24, box["y"] + 24)
    page.mouse.down()
    page.mouse.move(box["x"] + 44, box["y"] + 34, steps=4)
    page.mouse.up()
    dragged = corners_in(frame.input_value())
    assert dragged[1:] == [(900, 400), (900, 600), (100, 600)]
    assert dragged[0][0] > 120
    assert dragged[0][1] > 410
    pin.focus()
    page.keyboard.press("Shift+ArrowUp")
    by_key = corners_in(frame.input_value())[0]
    assert (by_key[0], by_key[1] < dragged[0][1]) == (dragged[0][0], True)
    page.get_by_role("button", name="Правый нижний угол").focus()
    page.get_by_role("button", name="Влево", exact=True).click()
    by_button = corners_in(frame.input_value())
    assert by_button[2][0] < 900
    assert by_button[0] == by_key
    shot(page, "i-corners")
    with page.expect_navigation():
        page.get_by_role("button", name="Прочитать ещё раз").click()
    page.get_by_text("Показать цифры на фото").click()
    expect(frame).to_have_value(",".join(f"{x},{y}" for x, y in by_button))


def corners_in(text: str) -> list[tuple[int, int]]:
    numbers = [int(one) for one in text.split(",")]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def test_five_meters_in_a_cellar_without_a_line(
    phone: BrowserContext, row: Street, spoiled: Spoiled, tmp_path: Path
) -> None:
    page = phone.new_page()
    come_in(page, row)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    to_the_camera(page, COLD)
    expect(page.get_by_role("heading", name="Ещё ждём: 4")).to_be_visible()
    phone.set_offline(True)
    expect(page.locator("#offline")).to_be_visible()
    for number in range(1, 6):
        photo = tmp_path / f"{number}.jpg"
        photo.write_bytes(encoded(spoiled.image.rotate(number), quality=90))
        page.locator("#photo").set_input_files(photo)
        expect(page.locator("#progress-text")).to_contain_text("сохранено в телефоне")
        if number == 1:
            shot(page, "j-cellar")
        if number < 5:
            page.locator("#others a").first.click()
            expect(page.locator("#progress")).to_be_hidden()
            expect(page.locator("#kept")).to_contain_text(f"Фото ждут отправки: {number}")
    expect(page.locator("#others")).to_have_count(0)
    phone.set_offline(False)
    page.wait_for_url(CHECK)
    links = page.locator("#kept a")
    expect(links).to_have_count(4)
    shot(page, "k-five")
    for left in range(4, -1, -1):
        send_as_read(page)
        if left:
            expect(page.get_by_role("heading", name=f"Ждём показания: {left}")).to_be_visible()
            expect(links).to_have_count(left)
            shot(page, "l-next")
            links.first.click()
            page.wait_for_url(CHECK)
    expect(page.get_by_text("Всё передано")).to_be_visible()
    rows = row.block.rows("SELECT count(*), count(DISTINCT register_no) FROM submission")
    assert rows == [(5, 5)]


def send_as_read(page: Page) -> None:
    for cell in page.locator(".cell").all():
        if not cell.input_value():
            cell.fill("9")
    page.get_by_role("button", name="передать").click()
    yes_to_all(page)
