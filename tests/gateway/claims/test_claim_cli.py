"""Claims as a person types them."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from click.testing import CliRunner, Result

from drivers.reading import from_ms
from gateway.__main__ import main
from gateway.claims.csv import Place, read_claims, read_policies
from gateway.claims.model import ClaimSource
from gateway.config import LEDGER_FILE, WebConfig
from gateway.csv_lines import RegistryError
from tests.gateway.town import HOUSE, Dial, Town, local
from tests.servers.ledgers import create_app

HEAD = "meter,register,time,value,reference\n"
COLD, HOT = Dial("8-0:1.0.0", "m3", -3, 8, 100_000), Dial("9-0:1.0.0", "m3", -3, 8, 60_000)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    folder = tmp_path / "data"
    said("init", "--data", folder)
    town = Town(folder)
    town.install("C1", town.point("P1", resource="cold-water"), COLD)
    town.install("H1", town.point("P2", resource="hot-water"), HOT)
    yield town
    town.store.close()


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def said(*arguments: object, status: int = 0) -> str:
    result = run(*arguments)
    assert result.exit_code == status, result.output
    return result.stdout


def brought(town: Town, *lines: str, status: int = 0) -> dict[str, object]:
    file = town.folder.parent / "claims.csv"
    file.write_text(HEAD + "\n".join(lines), encoding="utf-8")
    options = ("--source", "resident", "--by", "Петров", "--data", town.folder, "--json")
    document = json.loads(said("claims", "import", file, *options, status=status))
    assert isinstance(document, dict)
    return document


def listed(town: Town) -> list[dict[str, object]]:
    rows = said("claims", "list", "--data", town.folder, "--json").splitlines()
    return [json.loads(row) for row in rows]


def test_from_the_file_to_the_line_and_back(town: Town) -> None:
    made = brought(town, "40112,8-0:1.0.0,2026-09-24,105.5,", "H1,9-0:1.0.0,2026-09-24,62,карточка")
    assert made == {"taken": ["claim-1", "claim-2"], "repeated": 0, "refused": []}
    again = brought(town, "C1,8-0:1.0.0,2026-09-24,105.5,", "H1,9-0:1.0.0,2026-09-24,62,карточка")
    assert (again["taken"], again["repeated"]) == ([], 2)
    lines = town.close("2026-09", now_ms=local(10, 1, 2)).lines
    assert [(one.source, one.closing_value) for one in lines] == [
        ("resident", Decimal("105.500")), ("resident", Decimal("62.000")),
    ]  # fmt: skip
    row = next(row for row in listed(town) if row["claim"] == "claim-1")
    assert (row["value"], row["at"], row["state"]) == ("105.5", "2026-09-24T20:59:59Z", "chosen")
    traced = said("trace", lines[0].line_id, "--data", town.folder)
    assert "claim-1 resident: 105.5 m3" in traced
    assert "no device has signed it" in traced
    entries = said("audit", "list", "--data", town.folder)
    assert "claims import" in entries


def test_what_is_refused_is_told_and_the_rest_is_taken(town: Town) -> None:
    made = brought(
        town, "C1,8-0:1.0.0,2026-09-24,105.5,a", "C1,8-0:1.0.0,2026-09-25,123456.5,b", status=1
    )
    assert made["taken"] == ["claim-1"]
    assert "at most the 8 digits" in json.dumps(made["refused"])


def test_a_bad_file_is_refused_whole_with_every_line_named(town: Town) -> None:
    file = town.folder.parent / "bad.csv"
    file.write_text(HEAD + "C9,8-0:1.0.0,2026-09-24,1,\nC1,8-0:1.0.0,gestern,1,\n", "utf-8")
    result = run("claims", "import", file, "--source", "photo", "--data", town.folder)
    assert result.exit_code == 1
    assert "line 2, column meter: expected one meter or account" in result.stderr
    assert "line 3, column time: expected a time like 2026-10-24" in result.stderr
    assert listed(town) == []


def test_review_takes_a_claim_by_its_name(town: Town) -> None:
    brought(town, "C1,8-0:1.0.0,2026-09-24,105.5,a")
    data = ("--data", town.folder)
    assert "claim-1 resident" in said("review", "show", "claim-1", *data)
    why = ("--why", "фото не той квартиры", "--by", "Иванова")
    assert "done" in said("review", "reject", "claim-1", *why, *data)
    assert listed(town)[0]["state"] == "rejected"
    assert "rejected by Иванова" in said("review", "show", "claim-1", *data)
    result = run("review", "accept", "claim-9", *why, *data)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "there is no claim-9" in result.stderr


def test_a_figure_for_the_wrong_tap_is_asked_about(town: Town) -> None:
    brought(town, "C1,8-0:1.0.0,2026-09-24,60.000,a")
    assert "V-SWAP" in json.dumps(listed(town)[0]["findings"])


def test_a_house_believes_in_its_own_order(town: Town) -> None:
    file = town.folder.parent / "policies.csv"
    order = "resident > gis-zhkh > photo > inspection"
    file.write_text(
        "house,since,sources,fresh_days,tolerance_units,tolerance_percent\n"
        f"{HOUSE},2026-09,{order},3,1,2\n",
        encoding="utf-8",
    )
    said("registry", "policies", file, "--data", town.folder, "--by", "Иванова")
    rows = [
        json.loads(row)
        for row in said("registry", "policies", "--data", town.folder, "--json").splitlines()
    ]
    assert [(row["house"], row["sources"].split(" > ")[0]) for row in rows] == [
        ("", "inspection"), (HOUSE, "resident"),
    ]  # fmt: skip
    brought(town, "C1,8-0:1.0.0,2026-09-24,105.5,a")
    photo = town.folder.parent / "claims.csv"
    photo.write_text(HEAD + "C1,8-0:1.0.0,2026-09-24,105.9,b", encoding="utf-8")
    said("claims", "import", photo, "--source", "photo", "--data", town.folder)
    line = town.close("2026-09", now_ms=local(10, 1, 2)).lines[0]
    assert (line.source, line.closing_value) == ("resident", Decimal("105.500"))


BAD_POLICIES = [
    ("L5,2026,inspection > photo > resident > gis-zhkh,3,1,2", "since: expected a period"),
    ("L5,2026-09,inspection > photo,3,1,2", "sources: expected each of"),
    ("L5,2026-09,inspection > photo > resident > gis-zhkh,-1,1,2", "fresh_days: expected"),
    (f"L5,2026-09,inspection > photo > resident > gis-zhkh,{'9' * 5000},1,2", "fresh_days: exp"),
    ("L5,2026-09,inspection > photo > resident > gis-zhkh,3,1e9,2", "tolerance_units: expected"),
]


@pytest.mark.parametrize(("line", "why"), BAD_POLICIES)
def test_bad_policies(line: str, why: str) -> None:
    head = "house,since,sources,fresh_days,tolerance_units,tolerance_percent\n"
    with pytest.raises(RegistryError, match=why):
        read_policies((head + line).encode())


@pytest.mark.parametrize("value", ["105,5", "105.5"])
def test_a_table_from_excel_is_taken_as_it_is(town: Town, value: str) -> None:
    file = town.folder.parent / "excel.csv"
    head = HEAD.replace(",", ";").replace("\n", "\r\n")
    file.write_bytes(f"\ufeff{head}C1;8-0:1.0.0;2026-09-24;{value};акт 7\r\n;;;;\r\n".encode())
    options = ("--source", "inspection", "--by", "Петров", "--data", town.folder, "--json")
    assert json.loads(said("claims", "import", file, *options))["taken"] == ["claim-1"]
    assert listed(town)[0]["value"] == "105.5"


BAD_LINES = [
    ("C1,8-0:1.0.0,2026-09-24,105,5,a", "line 2: expected one field per column, got 6 fields"),
    ("C1,8-0:1.0.0,2026-09-24", "line 2: expected one field per column, got 3 fields"),
    *[
        (f"C1,8-0:1.0.0,2026-09-24,{value},a", "line 2, column value: expected a number like")
        for value in (
            "-1",
            "+1",
            "1e3",
            "1_000",
            "1 000",
            "NaN",
            "٣",
            "",
            "9" * 19,
            "0." + "1" * 19,
        )
    ],
    ("C1,8-0:1.0.0,9999-12-31,1,a", "line 2, column time: expected a time like"),
    ("C1,8-0:1.0.0,0001-01-01T00:00+14:00,1,a", "line 2, column time: expected a time like"),
    ("C1,1.8.0.0.0.0.0,2026-09-24,1,a", "line 2, column register: expected an OBIS code"),
    ("'; DROP TABLE claim; --,8-0:1.0.0,2026-09-24,1,a", "which 0 standing meters have"),
]


@pytest.mark.parametrize(("line", "why"), BAD_LINES)
def test_a_line_that_says_something_else_is_named(town: Town, line: str, why: str) -> None:
    file = town.folder.parent / "bad.csv"
    file.write_text(HEAD + line, "utf-8")
    result = run("claims", "import", file, "--source", "photo", "--data", town.folder)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert why in result.stderr
    assert listed(town) == []


def test_bytes_that_are_no_utf_8_are_named(town: Town) -> None:
    file = town.folder.parent / "bad.csv"
    file.write_bytes(HEAD.encode() + "C1,8-0:1.0.0,2026-09-24,1,акт".encode("cp1251"))
    result = run("claims", "import", file, "--source", "photo", "--data", town.folder)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "expected UTF-8" in result.stderr


class _OneMeter:
    def places(self, name: str, _obis: str) -> list[Place]:
        return [Place(name, "Asia/Yekaterinburg")]


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ("2026-10-24", "2026-10-24T23:59:59+05:00"),
        ("2026-10-24T20:15", "2026-10-24T20:15:00+05:00"),
        ("2026-10-24T20:15+03:00", "2026-10-24T22:15:00+05:00"),
        # Today is not over: the figure is of now.
        ("2026-10-31", "2026-10-31T12:00:00+05:00"),
    ],
)
def test_times_are_of_the_house(time: str, at: str) -> None:
    now_ms = local(10, 31, 10)
    data = f"{HEAD}C1,8-0:1.0.0,{time},1.5,x".encode()
    (claim,) = read_claims(data, _OneMeter(), ClaimSource.RESIDENT, "П", now_ms)
    assert from_ms(claim.at_ms).astimezone(ZoneInfo("Asia/Yekaterinburg")).isoformat() == at


@pytest.mark.parametrize(
    ("language", "words"),
    [("ru", ("показание жильца", "на разборе", "передал(а) Петров")), ("en", ("in review",))],
)
async def test_the_page_tells_what_became_of_claims(
    town: Town, language: str, words: tuple[str, ...]
) -> None:
    brought(town, "C1,8-0:1.0.0,2026-09-24,60.000,a", "H1,9-0:1.0.0,2026-09-24,61,<b>")
    town.close("2026-09", now_ms=local(10, 1, 2))
    app = create_app(town.folder / LEDGER_FILE, lambda: local(10, 1, 3), WebConfig())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/claims", params={"lang": language})
    assert answer.status_code == 200
    assert "<b></b>" not in answer.text
    for word in (*words, "review show claim-1", "V-NEG"):
        assert word in answer.text
