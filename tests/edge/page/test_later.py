"""Later visits without a line of script: exchanged, taken away, typed, taken over."""

from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest

from cloud_sync.signing import SigningKey
from cloud_sync.visit_road import EventAnswer, VisitAnswer, sealed_answer
from edge import config
from edge.visit.core import VisitBook
from tests.edge.page.browser import busy, client, come_in, proof_on, send, settled, title_of, until
from tests.edge.page.site import DEVICE, HOST, METERS, POINTS, Hung, Site, Values, a_bus, a_folder

COLD, HOT, _ = METERS
NEW = Hung("zenner_edc_cold", 22000001, 14, 5)
OLD_KEY = SigningKey.from_seed(bytes(range(32)))
METER = """
[[lines.meters]]
serial = "{0.number}"
profile = "{0.model}"
address = "{0.number}"
"""


class Known(Site):
    """A device that reads two meters since long; a third hangs there anew."""

    def __init__(self, folder: Path) -> None:
        values = Values()
        values.of[NEW.number] = NEW.shows
        super().__init__(folder, bus=a_bus(values, (COLD, HOT, NEW), None))

    def configure(self) -> None:
        a_folder(self.folder, self.line_port, points=POINTS)
        text = self.config.read_text() + METER.format(COLD) + METER.format(HOT)
        self.config.write_text(text)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Known(tmp_path)


@pytest.fixture
def visit(site: Site) -> Iterator[httpx.Client]:
    with site.served(), client(site) as http:
        come_in(http)
        page = send(http, http.get("/begin"), "/begin", name="Анна Ким")
        assert page.url.path == "/check"
        yield http


def test_a_visit_to_a_device_that_reads_meters_is_no_commissioning(
    visit: httpx.Client, site: Site
) -> None:
    assert site.desk is not None
    assert site.desk.draft.begun.kind == "visit"
    page = visit.get("/more")
    assert "Обмен прибора" in page.text
    assert "Снять прибор" in page.text


def test_why_a_person_is_needed_is_said_in_the_installers_language(
    visit: httpx.Client, site: Site
) -> None:
    page = visit.get(f"/leaving/remove/meter?meter={HOT.number}")
    send(visit, page, "/leaving/remove/seen", v0="98,7")
    send(visit, visit.get("/finish"), "/finish", remark="")
    until(visit, "/visit/1", "Акт подписан")
    text = "The device's clock was not set"
    event = EventAnswer(0, "needs-a-person", "clock-not-set", text)
    answer = VisitAnswer(1, DEVICE, 1, bytes(32), "kept", "", 1_800_000_000_000, (event,))
    # Sealed by a key that the gateway has exchanged since: it was believed when it was kept.
    VisitBook(site.folder / "state").keep_answer(1, sealed_answer(answer, OLD_KEY))
    page = visit.get("/visit/1")
    assert "на проверке у оператора: 1" in page.text
    assert "Часы устройства не были установлены" in page.text
    assert text not in unescape(page.text)


def test_an_exchange_in_three_steps(visit: httpx.Client, site: Site) -> None:
    page = visit.get("/leaving/exchange")
    assert str(COLD.number) in page.text
    page = visit.get(f"/leaving/exchange/meter?meter={COLD.number}")
    assert "шаг 1 из 3" in page.text
    send(visit, page, "/leaving/exchange/read")
    page = settled(visit, f"/leaving/exchange/meter?meter={COLD.number}")
    assert "шаг 2 из 3" in page.text
    page = send(visit, page, "/leaving/exchange/same-place", serial=str(NEW.number), address="")
    path = page.url.path
    page = settled(visit, path)
    assert "00000,005" in page.text
    page = send(visit, page, f"{path}/same")
    page = send(visit, visit.get(f"{path}/point"), f"{path}/point", number="101")
    send(visit, visit.get("/finish"), "/finish", remark="")
    until(visit, "/visit/1", "Акт подписан")
    serials = {meter.serial for _, meter in config.load(site.config).meters}
    assert serials == {str(NEW.number), str(HOT.number)}


def test_an_old_meter_that_is_dead_goes_for_a_reason_and_may_stay_after_all(
    visit: httpx.Client, site: Site
) -> None:
    where = f"/leaving/exchange/meter?meter={COLD.number}"
    page = visit.get(where)
    assert send(visit, page, "/leaving/exchange/none", reason="").status_code == 422
    page = send(visit, page, "/leaving/exchange/none", reason="прибор не включается")
    assert "шаг 2 из 3" in page.text
    page = visit.get("/finish")
    assert "обмен без нового прибора" in page.text
    assert f'href="{where}"' in page.text
    page = send(visit, visit.get(where), "/leaving/exchange/stays")
    assert site.desk is not None
    assert not site.desk.draft.gone


def test_a_meter_is_taken_away_with_the_value_on_its_dial(visit: httpx.Client, site: Site) -> None:
    page = visit.get(f"/leaving/remove/meter?meter={HOT.number}")
    assert send(visit, page, "/leaving/remove/seen", v0="много").status_code == 409
    page = send(visit, page, "/leaving/remove/seen", v0="98,7")
    assert "Записано с циферблата" in page.text
    send(visit, visit.get("/finish"), "/finish", remark="")
    until(visit, "/visit/1", "Акт подписан")
    (meter,) = (meter for _, meter in config.load(site.config).meters)
    assert meter.serial == str(COLD.number)


def test_a_meter_is_typed_and_read(visit: httpx.Client) -> None:
    page = visit.get("/typed")
    given = {"serial": str(NEW.number), "model": NEW.model, "address": str(NEW.number)}
    told = send(visit, page, "/typed", **given)
    assert "00000,005" in settled(visit, told.url.path).text
    for wrong in ({"serial": "a b<"}, {"model": "none"}, {"address": "999"}, {"line": "roof"}):
        assert send(visit, page, "/typed", **(given | wrong)).status_code in {409, 422}, wrong


def test_the_old_devices_meters_come_over_from_its_file(visit: httpx.Client, site: Site) -> None:
    good = proof_on(visit.get("/take-over"))
    old = (
        site.config.read_text()
        .replace('"riser-1"', '"riser-0"')
        .replace(str(HOT.number), "77700077")
    )

    def sent(data: bytes) -> httpx.Response:
        files = {"old": ("edge.toml", data, "text/plain")}
        return visit.post("/take-over", data={"proof": good}, files=files)

    assert sent(b"x" * 300_000).status_code == 413
    assert sent(b"").status_code == 422
    assert sent(b"[device]").status_code == 409
    assert sent(old.encode()).url.path == "/meters"
    assert "С riser-0 перешло приборов: 2" in visit.get("/take-over").text


def test_nobody_reads_two_meters_at_once(visit: httpx.Client, site: Site) -> None:
    site.wire.held = True
    send(visit, visit.get("/scan"), "/scan")
    page = visit.get("/scan")
    assert busy(page)
    told = send(
        visit, visit.get(f"/leaving/remove/meter?meter={HOT.number}"), "/leaving/remove/read"
    )
    assert told.status_code == 409
    assert title_of(told) == "Устройство ещё занято"
    send(visit, page, "/scan/stop")


def test_only_meters_of_this_device_go(visit: httpx.Client) -> None:
    for serial in ("none", "../x", "", HOST):
        assert visit.get("/leaving/remove/meter", params={"meter": serial}).status_code == 404
