"""Visits at the keyboard: the list, one record, the decision and its entry, the paper."""

import json
from pathlib import Path

import pytest

from cloud_sync import points
from cloud_sync.signing import VerifyKey
from gateway.audit import check
from gateway.sql.audit import SqlAudit
from gateway.visits.model import PhotoRow
from tests.gateway.shell import refusal, said
from tests.gateway.visits.installer import NOW_MS, PLANS, Site, install, m3, remove
from tests.servers.ledgers import open_store


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with a record of which two events wait."""
    site = Site(tmp_path)
    site.bring(install(), install("W3", ""), remove("W1"), remarks="подвал залит")
    site.estate.store.close()
    return tmp_path


def acts(data: Path) -> list[tuple[str, str, str]]:
    store = open_store(data / "ledger.sqlite")
    log = SqlAudit(store.database.connection)
    check(log.entries())
    found = [(one.act.actor, one.act.act, one.act.why) for one in log.entries()]
    store.close()
    return found


def test_the_list_says_how_each_record_stands(data: Path) -> None:
    (line,) = [one for one in said("visit", "list", "--data", data).splitlines() if "edge" in one]
    assert line.split()[:2] == ["edge-1/1", "A"]
    assert line.split()[-5:] == ["3", "1", "2", "0", "0"]
    assert said("visit", "list", "--house", "B", "--data", data).count("\n") == 1
    (told,) = said("visit", "list", "--waiting", "--json", "--data", data).splitlines()
    assert json.loads(told)["visit"] == "edge-1/1"


def test_one_record_is_shown_whole(data: Path) -> None:
    told = json.loads(said("visit", "show", "edge-1/1", "--json", "--data", data))
    assert [one["outcome"] for one in told["events"]] == [
        "applied", "needs-a-person", "needs-a-person",
    ]  # fmt: skip
    assert [one["code"] for one in told["events"]] == ["", "no-point", "no-value"]
    assert told["remarks"] == "подвал залит"
    shown = said("visit", "show", "edge-1/1", "--data", data)
    assert "first 8-0:1.0.0 = 1.500 m3" in shown


def test_the_list_knows_the_photos_that_came_as_the_record_does(tmp_path: Path) -> None:
    site, picture = Site(tmp_path), bytes(32)
    site.bring(install(photos=(picture, bytes(31) + b"\1")))
    with site.store.transaction():
        site.office.visits.add_photo(1, PhotoRow(picture, picture, "00/a.jpg", NOW_MS, b""))
    site.estate.store.close()
    for words in (("list",), ("show", "edge-1/1")):
        told = json.loads(said("visit", *words, "--json", "--data", tmp_path))
        assert [one["came"] for one in told["photos"]] == [True, False]


def test_a_person_applies_what_waits_and_refuses_the_rest(data: Path) -> None:
    why = ("--why", "звонили монтажнику", "--by", "Орлова", "--data", data)
    out = said("visit", "apply", "edge-1/1", "--event", 2, "--point", "A-3-W", *why)
    assert out == "event 2: applied\n"
    assert said("visit", "refuse", "edge-1/1", *why) == "event 3: refused: звонили монтажнику\n"
    assert acts(data)[-2:] == [
        ("Орлова", "visit install", "звонили монтажнику"),
        ("Орлова", "visit refuse", "звонили монтажнику"),
    ]
    listed = json.loads(said("registry", "waiting", "--house", "A", "--json", "--data", data))
    (third,) = [one for one in listed if one["point"] == "A-3-W"]
    assert third["serial"] == "W3"


def test_a_final_value_that_a_person_found_out_is_enough(data: Path) -> None:
    out = said(
        *("visit", "apply", "edge-1/1", "--event", 3, "--final", "8-0:1.0.0=5.000"),
        *("--why", "по фото", "--by", "Орлова", "--data", data),
    )
    assert out == "event 3: applied\n"


@pytest.mark.parametrize("name", ["edge-1", "edge-1/x", "/1", "edge-9/1", "edge-1/9"])
def test_a_visit_that_is_not_there_is_said_in_a_line(data: Path, name: str) -> None:
    assert "visit" in refusal("visit", "show", name, "--data", data)


def test_the_paper_is_written_in_both_languages(data: Path, tmp_path: Path) -> None:
    for language in ("ru", "en"):
        out = tmp_path / f"{language}.pdf"
        said("visit", "pdf", "edge-1/1", "--out", out, "--lang", language, "--data", data)
        assert out.read_bytes().startswith(b"%PDF")


def test_points_are_entered_listed_sealed_and_printed(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "points.csv"
    file.write_text(PLANS, encoding="utf-8")
    said("init", "--data", data)
    assert "3 point" in said("registry", "points", file, "--by", "Орлова", "--data", data)
    card, sheet = tmp_path / "points.cbor", tmp_path / "labels.pdf"
    out = said(
        *("registry", "waiting", "--house", "A", "--out", card, "--labels", sheet, "--data", data)
    )
    assert "кухня" in out
    key = VerifyKey.from_pem((data / "gateway.pem").read_bytes())
    found = points.opened(card.read_bytes(), key)
    assert [one.point for one in found.points] == ["A-2-W", "A-3-W"]
    assert sheet.read_bytes().startswith(b"%PDF")
    assert "house" in refusal("registry", "waiting", "--house", "Z", "--data", data)
    assert m3(1).obis in {one.obis for point in found.points for one in point.registers}
