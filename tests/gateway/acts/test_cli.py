"""Acts and charges as a person meets them: commands over a ledger of their own."""

import csv
import json
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from gateway.config import LEDGER_FILE, WebConfig
from tests.gateway.shell import refusal, run, said
from tests.gateway.test_corrections import WATER, Flat, month_start, three_months
from tests.gateway.town import HOUR_MS, HOUSE, Town
from tests.servers.ledgers import create_app

COLUMNS = "kind,number,made_on,made_by,account,point,register,capacity_per_h,begun_on"
BYPASSED = "interference,17,2026-01-15,Петров,40112,P1,8-0:1.0.0,2.5,"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A flat with three closed months."""
    folder = tmp_path / "data"
    said("init", "--data", folder)
    town = Town(folder, targets=())
    town.install("W1", town.point("P1", resource="cold-water"), WATER)
    three_months(Flat(town, WATER))
    town.store.close()
    return folder


def entered(data: Path, *lines: str) -> Path:
    file = data.parent / "acts.csv"
    file.write_text("\n".join([COLUMNS, *lines]), encoding="utf-8")
    return file


def test_an_act_is_charged_confirmed_and_listed(data: Path) -> None:
    file = entered(data, BYPASSED, "inspection,9,2025-12-20,Петров,40112,,,,")
    by = ("--by", "Иванова", "--data", data)
    assert json.loads(said("registry", "acts", file, *by, "--json")) == {
        "file": str(file),
        "new": 2,
        "same": 0,
        "charged": 0,
        "to confirm": 1,
    }
    assert said("registry", "acts", file, *by).endswith(
        "acts.csv: 0 new, 2 same, 0 charged, 0 to confirm\n"
    )
    (charge,) = [
        json.loads(line) for line in said("charges", "list", *by[2:], "--json").split("\n")[:-1]
    ]
    # 26 days since the inspection: 2.5 · 24 · 26.
    assert (charge["charge_id"], charge["amount"], charge["first_on"]) == (
        *("x-000001", "1560.0"),
        "2025-12-20",
    )
    assert "x-000001" in said("charges", "list", *by[2:])
    assert "waits for another person" in said("charges", "list", *by[2:])
    own = refusal("charges", "confirm", "x-000001", "--why", "верно", *by)
    assert "another person must confirm it" in own
    told = said("charges", "confirm", "x-000001", "--by", "Орлов", "--why", "верно", *by[2:])
    assert told == "x-000001: 1560.0 m3 confirmed by Орлов\n"
    assert "with the next closing" in said("charges", "list", *by[2:])
    assert said("charges", "list", "--house", "Нигде", *by[2:], "--json") == ""
    assert "act confirm" in said("audit", "list", *by[2:])


def test_bad_files_are_refused_line_by_line(data: Path) -> None:
    file = entered(data, BYPASSED.replace("P1", "P9"), "inspection,9,never,Петров,40112,,,,")
    told = run("registry", "acts", file, "--data", data).stderr
    assert "2 problems, nothing was entered" in told
    assert "line 2, column point" in told
    assert "line 3, column made_on" in told
    assert "no charge x-9 waits" in refusal(
        "charges", "confirm", "x-9", "--why", "верно", "--by", "Орлов", "--data", data
    )
    assert run("charges", "confirm", "x-9", "--data", data).exit_code == 2


def test_the_clauses_and_the_codes_are_listed_with_their_sources() -> None:
    document = json.loads(said("rules", "--clauses", "--json"))
    clauses = {row["clause"] for row in document["clauses"]}
    assert clauses == {
        *("п. 59 «а»", "п. 59 «б»", "п. 59 «г»", "п. 59(1)"),
        *("п. 60(1)", "п. 60(3)", "п. 62"),
    }
    assert all(row["source"] and row["mark"] in "SMP" for row in document["clauses"])
    assert "norm × 1.5 after 2 acts, at once" in said("rules", "--clauses")
    codes = json.loads(said("rules", "--codes", "--json"))["codes"]
    (norm,) = (row for row in codes if row["code"] == "3.8.1001")
    assert (norm["aemo"], norm["mscons"], norm["gis"]) == (["63"], ["67"], "N")
    assert "known missing" in said("rules", "--codes")


def test_charges_have_a_file_of_their_own_in_csv(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "erp"
    said("init", "--data", data)
    town = Town(data, targets=())
    town.install("W1", town.point("P1", resource="cold-water"), WATER)
    Flat(town, WATER).read((9, 0))
    town.store.close()
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'data = "{data}"\n[[billing.targets]]\nkind = "csv"\nname = "erp"\ndirectory = "{out}"\n'
    )
    file = entered(data, BYPASSED)
    at = ("--config", config)
    said("registry", "acts", file, "--by", "Иванова", *at)
    said("charges", "confirm", "x-000001", "--by", "Орлов", "--why", "верно", *at)
    closed = json.loads(said("close-period", "2026-09", *at, "--json"))
    assert closed["charges"] == 1
    said("outbox", "deliver", *at)
    (written,) = out.glob("*-charges-x-000001-*.csv")
    (row,) = csv.DictReader(written.read_text(encoding="utf-8").splitlines())
    assert (row["charge_id"], row["charged_in"], row["method"]) == (
        *("x-000001", "2026-09"),
        "capacity",
    )


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("ru", ["Доначисления за вмешательство", "ждёт второго человека", "5\u202f520,0"]),
        ("en", ["Charged for interference", "waits for another person", "5\u202f520.0"]),
    ],
)
async def test_the_page_shows_what_waits_for_another_person(
    data: Path, language: str, words: list[str]
) -> None:
    said("registry", "acts", entered(data, BYPASSED), "--by", "Иванова", "--data", data)
    app = create_app(data / LEDGER_FILE, lambda: month_start(12) + HOUR_MS, WebConfig())
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        path = f"/fragment/billing?house={quote(HOUSE)}"
        page = (await http.get(path, headers={"accept-language": language})).text
    assert [word for word in words if word not in page] == []
