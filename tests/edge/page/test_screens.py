"""A whole visit without a line of script: every form is sent as it stands on its page."""

import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pypdf
import pytest
from msgspec.structs import replace
from PIL import Image

from cloud_sync import points as wire
from cloud_sync.points import Points
from drivers.reading import ClockState, Resource
from edge import config
from edge.page.work import FILE as WORK_FILE
from edge.visit.draft import Put
from simulators.mbus_bus import MbusBus
from simulators.shared_bus import SharedBus
from tests.e2e.edge_with_clock import Vouched
from tests.edge.page.browser import busy, client, come_in, proof_on, send, settled, title_of, until
from tests.edge.page.site import GATEWAY, HOUSE, POWER, Site, Unset, waiting

PAGE_BYTES_MAX = 60 * 1024


@pytest.fixture
def found(inside: httpx.Client) -> httpx.Client:
    """A visit that has searched the line for M-Bus meters, and read them."""
    send(inside, inside.get("/begin"), "/begin", name="Иван Петров")
    send(inside, inside.get("/scan"), "/scan")
    assert "Найдено: 3" in settled(inside, "/scan").text
    return inside


def a_jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "gray").save(out, "JPEG")
    return out.getvalue()


def take_in(http: httpx.Client, page: httpx.Response, serial: str = "") -> httpx.Response:
    """Through the screens of the meter that `page` shows; the page after them."""
    at = page.url.path.split("/")[2]
    page = settled(http, f"/meter/{at}")
    if page.url.path.endswith("/serial"):
        send(http, page, f"/meter/{at}/serial", serial=serial)
        page = settled(http, f"/meter/{at}")
    page = send(http, page, f"/meter/{at}/same")
    assert page.url.path == f"/meter/{at}/point"
    page = http.get(f"/meter/{at}/point")
    page = send(http, page, f"/meter/{at}/point")
    assert page.url.path == f"/meter/{at}/details"
    return send(http, page, f"/meter/{at}/details", then="next")


@pytest.fixture
def with_power(tmp_path: Path) -> Iterator[tuple[Site, httpx.Client]]:
    """A line with a meter behind the M-Bus ones that tells no number."""
    with Site(tmp_path, power=POWER).served() as site, client(site) as http:
        come_in(http)
        yield site, http


def test_from_the_code_to_the_record(with_power: tuple[Site, httpx.Client]) -> None:
    site, inside = with_power
    page = inside.get("/")
    assert title_of(page) == "Лесная ул., 5"
    page = send(inside, inside.get("/begin"), "/begin", name="Иван Петров")
    send(inside, page, "/check")
    page = settled(inside, "/check")
    assert "приборы отвечают" in page.text
    send(inside, inside.get("/scan"), "/scan")
    settled(inside, "/scan")
    page = send(inside, inside.get("/meters"), "/next")
    for _ in range(4):
        page = take_in(inside, page, serial="22310042")
    assert page.url.path == "/meters"
    assert "Все приборы готовы" in page.text
    send(inside, inside.get("/finish"), "/finish", remark="Щит закрыт")
    until(inside, "/visit/1", "Акт подписан")
    meters = {meter.serial: meter for _, meter in config.load(site.config).meters}
    assert set(meters) == {"11020431", "11020432", "67305512", "22310042"}
    for language, word in (("ru", "Иван Петров"), ("en", "Иван Петров")):
        told = inside.get(f"/visit/1/record-{language}.pdf")
        assert told.headers["content-type"] == "application/pdf"
        text = "".join(
            one.extract_text() for one in pypdf.PdfReader(io.BytesIO(told.content)).pages
        )
        assert word in text
        assert all(serial in text for serial in meters)


def test_a_dial_that_differs_is_asked_about_and_written_with_a_reason(
    found: httpx.Client, site: Site
) -> None:
    page = send(found, found.get("/meters"), "/meter/0/open")
    page = settled(found, "/meter/0")
    assert "00123,456" in page.text
    page = send(found, found.get("/meter/0/dial"), "/meter/0/dial", v0="1234,56")
    assert "Разница ровно в 10 раз" in page.text
    page = send(found, page, "/meter/0/dial", v0="дом")
    assert page.status_code == 422
    page = send(found, found.get("/meter/0/dial"), "/meter/0/dial", v0="123,4")
    assert page.url.path == "/meter/0/point", "fewer digits than the meter sends are no difference"
    page = send(found, found.get("/meter/0/dial"), "/meter/0/dial", v0="150", remark="после замены")
    (meter, *_) = site.desk.draft.meters.values() if site.desk else ()
    assert (meter.dial[0].mantissa, meter.remark) == (150, "после замены")


def test_what_was_shown_is_what_is_confirmed(found: httpx.Client, site: Site) -> None:
    send(found, found.get("/meters"), "/meter/0/open")
    page = settled(found, "/meter/0")
    site.values.of[11020431] = 123_999
    send(found, page, "/meter/0/read")
    settled(found, "/meter/0")
    told = send(found, page, "/meter/0/same")
    assert told.url.path == "/meter/0", "the value had changed under the tap"
    assert "00123,999" in told.text
    assert send(found, told, "/meter/0/same").url.path == "/meter/0/point"


def test_a_points_label_binds_the_meter_in_hand_or_asks_which(found: httpx.Client) -> None:
    found.get("/meter/2")
    page = found.get("/point/102")
    assert "Прибор 11020432 стоит здесь?" in page.text
    page = send(found, page, "/point/102")
    assert "кв. 12, санузел" in page.text
    page = found.get("/point/102")
    assert "Здесь уже прибор 11020432" in page.text
    page = found.get("/point/101")
    assert "Какой прибор стоит здесь?" in page.text
    assert page.text.index("11020431") < page.text.index("67305512"), "the expected one first"
    page = found.get("/point/555")
    assert "нет в списке" in page.text


def test_a_search_goes_on_by_itself_after_a_restart_and_nobody_has_to_come_in_again(
    tmp_path: Path,
) -> None:
    first = Site(tmp_path, power=POWER)
    first.wire.held = True
    with first.served(), client(first) as http:
        come_in(http)
        send(http, http.get("/begin"), "/begin", name="Иван Петров")
        send(http, http.get("/scan"), "/scan")
        assert busy(until(http, "/scan", "Найдено: 3"))
        cookies = dict(http.cookies)
    assert (tmp_path / "state" / WORK_FILE).exists()
    second = Site(tmp_path, power=POWER)
    second.wire.held = True
    with second.served(), client(second) as http:
        http.cookies.update(cookies)
        assert busy(http.get("/scan"))
        second.wire.held = False
        assert "Найдено: 4" in settled(http, "/scan").text
    assert not (tmp_path / "state" / WORK_FILE).exists()


def test_a_device_without_a_time_notes_the_phones_and_nothing_else(tmp_path: Path) -> None:
    site = Site(tmp_path, clock=Unset())
    with site.served(), client(site) as http:
        come_in(http)
        assert site.desk is not None
        page = http.get("/begin")
        assert "Записать в акт время телефона" in page.text
        send(http, page, "/begin", name="Иван Петров", phone="1795326600000")
        (phone,) = site.desk.draft.checks
        assert phone.said == ("phone-time", "2026-11-22 08:50 +0300")
        # The clock itself stays what it is, and what the doctor finds stands beside it.
        assert site.desk.draft.begun.at.state is ClockState.RELATIVE
        send(http, http.get("/doctor"), "/doctor")
        settled(http, "/doctor")
        assert {"phone", "clock"} <= {one.what for one in site.desk.draft.checks}


def test_a_device_that_knows_the_time_asks_no_phone(tmp_path: Path) -> None:
    site = Site(tmp_path, clock=Vouched())
    with site.served(), client(site) as http:
        come_in(http)
        page = http.get("/begin")
        assert "время телефона" not in page.text
        send(http, page, "/begin", name="Иван Петров", phone="1795326600000")
        assert site.desk is not None
        assert site.desk.draft.checks == ()


def test_a_refusal_leads_back_to_the_form_it_is_about(found: httpx.Client, site: Site) -> None:
    found.headers["referer"] = f"{site.url}/meter/0/point?find=12"
    page = found.get("/meter/0/point")
    told = send(found, page, "/meter/0/point", number="777")
    assert told.status_code == 422
    assert '<a class="main" href="/meter/0/point?find=12">Назад</a>' in told.text
    for elsewhere in ("http://other.example/meter/0", f"{site.url}//other.example/"):
        found.headers["referer"] = elsewhere
        told = send(found, page, "/meter/0/point", number="777")
        assert '<a class="main" href="/">' in told.text


def test_a_meter_at_a_point_of_another_resource_is_told_before_the_signature(
    found: httpx.Client,
) -> None:
    send(found, found.get("/meter/0"), "/meter/0/same")
    told = send(found, found.get("/meter/0/point"), "/meter/0/point", number="105")
    assert "Точка ждёт другой ресурс: Электричество" in told.text
    page = found.get("/finish")
    assert "считают не то, чего ждёт их точка" in page.text


def test_a_search_that_nobody_answers_says_so_and_what_to_do(tmp_path: Path) -> None:
    site = Site(tmp_path, bus=SharedBus([MbusBus()]))
    with site.served(), client(site) as http:
        come_in(http)
        send(http, http.get("/begin"), "/begin", name="Иван Петров")
        assert "Начать поиск" in http.get("/scan").text
        send(http, http.get("/scan"), "/scan")
        page = settled(http, "/scan")
        assert "Поиск окончен: никто не ответил" in page.text
        assert "A и B местами" in page.text
        send(http, http.get("/give-up"), "/give-up")
        send(http, http.get("/begin"), "/begin", name="Иван Петров")
        assert "никто не ответил" not in http.get("/scan").text


def test_a_search_that_is_stopped_keeps_what_it_found(inside: httpx.Client, site: Site) -> None:
    site.wire.held = True
    send(inside, inside.get("/begin"), "/begin", name="Иван Петров")
    send(inside, inside.get("/scan"), "/scan")
    page = until(inside, "/scan", "Найдено: 3")
    assert busy(page)
    assert send(inside, page, "/scan/stop").url.path == "/meters"
    assert "Приборы: 3" in settled(inside, "/meters").text
    assert "00123,456" in inside.get("/meter/0").text
    page = inside.get("/scan")
    assert "Найдено: 3" in page.text
    assert "Искать дальше" in page.text
    # Whoever has found meters without a check goes on with them.
    assert '<a class="main" href="/meters">' in inside.get("/").text


def test_a_record_the_disk_spoiled_keeps_nobody_from_the_next(
    inside: httpx.Client, site: Site
) -> None:
    spoiled = site.folder / "state/visits/000001"
    spoiled.mkdir(parents=True)
    (spoiled / "record.cose").write_bytes(b"spoiled")
    page = inside.get("/begin")
    assert title_of(page) == "Кто проводит работы?"
    assert inside.get("/visit/1").status_code == 409
    assert title_of(send(inside, page, "/begin", name="Иван Петров")) == "Проверка линии"


def test_meters_the_registry_expects_are_taken_in_at_once(found: httpx.Client) -> None:
    page = found.get("/meters")
    assert "Принять без осмотра те, что ждёт реестр: 2" in page.text
    page = send(found, page, "/expected")
    assert page.text.count("кв. 12, санузел") + page.text.count("подвал, ИТП") >= 2
    assert "Принят без осмотра" in found.get("/meter/0").text


def test_a_meter_is_left_out_for_a_reason_and_taken_in_again(found: httpx.Client) -> None:
    page = found.get("/meter/0/leave-out")
    assert send(found, page, "/meter/0/leave-out", reason="").status_code == 422
    send(found, page, "/meter/0/leave-out", reason="не относится к этому дому")
    page = found.get("/meter/0")
    assert "Пропущен: не относится к этому дому" in page.text
    assert "На приборе то же самое?" in send(found, page, "/meter/0/take-in").text


def test_photos_are_kept_shown_and_dropped(found: httpx.Client) -> None:
    data = {"proof": proof_on(found.get("/meter/0/photo"))}
    files = {"photo": ("x.jpg", a_jpeg(), "image/jpeg")}
    told = found.post("/meter/0/photo", data=data, files=files)
    assert told.status_code == 200
    source = told.text.split('<img class="photo" src="')[1].split('"')[0]
    picture = found.get(source)
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.content.startswith(b"\xff\xd8")
    page = send(found, told, "/meter/0/photo/drop")
    assert '<img class="photo"' not in page.text
    assert found.get(source).status_code == 404


def test_pages_are_small_also_in_a_tower(found: httpx.Client, site: Site) -> None:
    assert site.desk is not None
    book, (first, *_) = site.desk.visiting.book, site.desk.draft.meters.values()
    for number in range(60):
        book.note(Put(replace(first, key=f"k{number}", serial=f"{30_000_000 + number}")))
    tower = tuple(
        waiting(5000 + n, str(n), "санузел, стояк 2", Resource.COLD_WATER, f"{30_000_000 + n}")
        for n in range(1200)
    )
    listed = Points(1, HOUSE, "", 1_795_326_600_000, tower)
    (site.folder / "state/points.cbor").write_bytes(wire.seal(listed, GATEWAY))
    page = found.get("/meter/0/point")
    assert "Ещё 1160: уточните поиск." in page.text
    page = found.get("/meter/0/point", params={"find": "кв. 1177"})
    assert page.text.count("стояк 2") == 1
    for path in ("/", "/meters", "/meter/0", "/meter/0/point", "/finish", "/static/page.css"):
        assert len(found.get(path).content) <= PAGE_BYTES_MAX, path
    around = sum(
        len(found.get(f"/static/{one}").content) for one in ("page.css", "page.js", "seal.svg")
    )
    assert around <= PAGE_BYTES_MAX


def test_giving_up_leaves_no_record_and_no_settings(found: httpx.Client, site: Site) -> None:
    before = site.config.read_bytes()
    page = send(found, found.get("/give-up"), "/give-up")
    assert title_of(page) == "Лесная ул., 5"
    assert site.config.read_bytes() == before
    assert found.get("/visit/1").status_code == 404


def test_the_doctor_looks_without_a_visit(inside: httpx.Client) -> None:
    send(inside, inside.get("/doctor"), "/doctor")
    page = settled(inside, "/doctor")
    assert "отпечаток" in page.text
