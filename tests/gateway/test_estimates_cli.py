"""Estimates as a person meets them: commands and the page, over one corrected winter."""

import csv
import json
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from gateway.config import LEDGER_FILE, WebConfig
from tests.gateway.shell import refusal, run, said
from tests.gateway.test_corrections import WATER, Flat, month_start, norms, three_months
from tests.gateway.town import HOUR_MS, HOUSE, Town
from tests.servers.ledgers import create_app


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three measured months, two by average; December is corrected, January still open."""
    folder = tmp_path / "data"
    said("init", "--data", folder)
    town = Town(folder, targets=())
    town.install("W1", town.point("P1", resource="cold-water"), WATER)
    flat = Flat(town, WATER)
    three_months(flat)
    flat.close(12)
    flat.read((13, 40_000))
    town.close(now_ms=month_start(14) + HOUR_MS)
    town.store.close()
    return folder


def lines(told: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in told.splitlines()]


def test_closing_says_how_much_of_it_is_estimated_and_corrected(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    said("init", "--data", folder)
    town = Town(folder, targets=())
    town.install("W1", town.point("P1", resource="cold-water"), WATER)
    flat = Flat(town, WATER)
    flat.read((9, 0))
    norms(town, f"house,account,register,unit,since,amount\n{HOUSE},,8-0:1.0.0,m3,2026-01,6.5")
    town.store.close()
    closed = json.loads(said("close-period", "2026-09", "--data", folder, "--json"))
    counts = {"lines": 1, "estimated": 1, "corrections": 0, "charges": 0}
    assert closed == {"house": HOUSE, "period": "2026-09", **counts}
    told = said("close-period", "2026-10", "--data", folder)
    assert told == f"{HOUSE}: closed 2026-10 with 1 lines (1 estimated)\n"


def test_the_estimates_are_listed_with_what_became_of_them(data: Path) -> None:
    january, december = lines(said("estimates", "--data", data, "--json"))
    assert (december["billed"], december["method"], december["settled_in"]) == (
        *("11.000", "average"),
        "2027-01",
    )
    assert december["difference"] == "-4.000"
    assert (january["line_id"], january["settled_in"]) == ("2027-01-000001", "")
    (still,) = lines(said("estimates", "--open", "--data", data, "--json"))
    assert still == january
    table = said("estimates", "--house", HOUSE, "--data", data)
    assert "11.000 m3  average  2027-01     -4.000" in table
    assert said("estimates", "--house", "Нигде", "--data", data, "--json") == ""


def test_the_corrections_of_a_period_name_their_lines(data: Path) -> None:
    (one,) = lines(said("corrections", "--period", "2027-01", "--data", data, "--json"))
    assert (one["correction_id"], one["line_id"], one["period"]) == (
        *("2026-12-000001-c1", "2026-12-000001"),
        "2026-12",
    )
    assert said("corrections", "--period", "2026-12", "--data", data, "--json") == ""
    assert "2026-12-000001-c1  2027-01" in said("corrections", "--data", data)


def test_the_trace_of_an_estimate_tells_its_rule_and_its_correction(data: Path) -> None:
    told = said("trace", "2026-12-000001", "--data", data)
    assert "average of 3 measured months, unread period 1 of 3 (ПП 354 п. 59 «б»)" in told
    assert "corrected 2026-12-000001-c1 in 2027-01: 7.000 m3 by actual (-4.000)\n" in told
    document = json.loads(said("trace", "2026-12-000001", "--data", data, "--json"))
    assert document["correction"]["difference"] == "-4.000"
    document = json.loads(said("trace", "2027-01-000001", "--data", data, "--json"))
    assert document["correction"] is None


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("ru", ["Начислено без показаний", "по среднему", "10,000", "перерасчётов: 1"]),
        ("en", ["Billed without a reading", "by average", "10.000", "corrections: 1"]),
    ],
)
async def test_the_page_shows_what_is_open_and_what_was_corrected(
    data: Path, language: str, words: list[str]
) -> None:
    app = create_app(data / LEDGER_FILE, lambda: month_start(14) + HOUR_MS, WebConfig())
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        path = f"/fragment/billing?house={quote(HOUSE)}"
        page = (await http.get(path, headers={"accept-language": language})).text
    assert [word for word in words if word not in page] == []
    # December is settled, only January waits.
    why = {"ru": "за период нет принятого показания", "en": "no accepted reading in the period"}
    assert page.count(f'class="note">{why[language]}') == 1


def test_norms_and_seasons_are_entered_from_files(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "norms.csv"
    file.write_text(
        f"house,account,register,unit,since,amount\n{HOUSE},,8-0:1.0.0,m3,2027-01,6.5\n"
    )
    assert json.loads(said("registry", "norms", file, "--data", data, "--json"))["new"] == 1
    assert said("registry", "norms", file, "--data", data).endswith("0 new, 0 changed, 1 same\n")
    file.write_text(f"house,starts_on,ends_on\n{HOUSE},2026-10-01,\nНигде,2026-10-01,\n")
    result = run("registry", "seasons", file, "--data", data)
    assert result.exit_code == 1
    assert "1 problem, nothing was entered" in result.stderr
    assert "line 3, column house" in result.stderr
    file.write_text(f"house,starts_on,ends_on\n{HOUSE},2026-10-01,\n")
    assert json.loads(said("registry", "seasons", file, "--data", data, "--json"))["new"] == 1


def test_a_meter_is_put_out_of_order_and_found_fit(data: Path) -> None:
    since = ("--from", "2027-02-01T12:00+03:00", "--data", data)
    told = said("registry", "out-of-order", "W1", "expired", *since)
    assert told == "W1: expired since 2027-02-01 09:00 UTC, not billed by\n"
    assert "out of order already" in refusal("registry", "out-of-order", "W1", "failed", *since)
    early = ("--at", "2027-01-01T12:00+03:00", "--data", data)
    assert "only after" in refusal("registry", "fit", "W1", *early)
    assert said("registry", "fit", "W1", *since[2:], "--at", "2027-03-01T00:00+03:00") == (
        "W1: fit, all its readings count\n"
    )
    assert run("registry", "out-of-order", "W1", "missing", *since).exit_code == 2


def test_an_estimated_period_is_exported_as_what_it_is(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "january.csv"
    said("export", "csv", "--period", "2027-01", "--data", data, "--out", out)
    (row,) = csv.DictReader(out.read_text(encoding="utf-8").splitlines())
    assert (row["method"], row["consumption"], row["closing_value"]) == (
        *("average", "10.000"),
        "40.000",
    )
    told = refusal("export", "gis-zhkh", "--period", "2027-01", "--data", data, "--out", out)
    assert "nothing to export" in told
