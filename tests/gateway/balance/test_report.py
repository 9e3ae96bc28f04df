"""The balance of a house from signed readings to the command and the page."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from click.testing import CliRunner, Result

from drivers.reading import MeterStatus
from gateway.__main__ import main
from gateway.config import LEDGER_FILE, WebConfig
from tests.gateway.town import HOUSE, Dial, Town, local
from tests.servers.ledgers import create_app

WATER = Dial("8-0:1.0.0", "m3", -3)
EXPORT = Dial("1-0:2.8.0", initial=0)
MIDNIGHT = local(10, 1)
AREAS = f"""house,subject,use,area_m2,residents,valid_from
{HOUSE},40112,dwelling,60,2,2026-09-01
{HOUSE},40113,dwelling,40,3,2026-09-01
{HOUSE},,common,200,,2026-09-01
"""
NORMS = f"""house,resource,unit,per_m2,per_resident,valid_from,source
{HOUSE},cold-water,m3,0.03,4.2,2026-01-01,постановление 12
"""


def run(data: Path, *arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments), "--data", str(data)])


def said(data: Path, *arguments: object) -> str:
    result = run(data, *arguments)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def document(data: Path, *arguments: object) -> dict[str, object]:
    found: dict[str, object] = json.loads(said(data, *arguments, "--json"))
    return found


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A September: 100 kWh and 30 m3 came in; flat 12 used 91.5 kWh and 20 m3, flat 13 not read."""
    town = Town(tmp_path)
    town.install("H1", town.point("HOUSE-E", None))
    town.install("H2", town.point("HOUSE-W", None, "cold-water"), WATER)
    town.install("A1", town.point("P1"), Dial(), EXPORT)
    town.install("A2", town.point("P2", "13"))
    town.install("W1", town.point("P3", resource="cold-water"), WATER)
    town.read("H1", MIDNIGHT, 20_000)
    town.read("H2", MIDNIGHT, 40_000, WATER)
    town.read("A1", MIDNIGHT, 19_150, status=int(MeterStatus.TAMPER))
    town.read("A1", MIDNIGHT, 250, EXPORT)
    town.read("W1", MIDNIGHT, 30_000, WATER)
    town.read("W1", local(9, 20), 20_000, WATER, status=int(MeterStatus.LEAK))
    town.send()
    yield town
    town.store.close()


@pytest.fixture
def closed(town: Town) -> Town:
    for name, text in (("areas", AREAS), ("common-norms", NORMS)):
        file = town.folder / f"{name}.csv"
        file.write_text(text, encoding="utf-8")
        assert "new" in said(town.folder, "registry", name, file)
    town.close("2026-09")
    return town


def test_the_command_tells_what_came_in_what_was_used_and_who_bears_the_rest(closed: Town) -> None:
    found = document(closed.folder, "house-balance", HOUSE)
    assert (found["house"], found["period"]) == (HOUSE, "2026-09")
    water, power = found["resources"]  # type: ignore[misc]
    assert (power["house"], power["metered"], power["residual"]) == ("100.00", "91.50", "8.50")
    assert (power["percent"], power["basis"], power["common"]) == ("8.5", "meter", "8.50")
    assert [share["volume"] for share in power["shares"]] == ["5.1000", "3.4000"]
    assert power["remarks"] == [{"kind": "unread", "alert": False, "names": ["13"]}]
    # Flat 13 has no water meter: three residents at 4.2 m3 make it more than came in.
    assert (water["house"], water["unmetered"], water["residual"]) == ("30.000", "12.6", "-2.600")
    assert {"kind": "negative", "alert": True, "names": []} in water["remarks"]
    assert (water["shares"], water["norm_volume"]) == ([], "6.00")


def test_the_commands_hints_carry_their_proof(closed: Town) -> None:
    leak, given = document(closed.folder, "house-balance", HOUSE, "2026-09")["hints"]  # type: ignore[misc]
    # What the meter said at midnight, with the reading that closes the month, is of October.
    assert (leak["kind"], leak["meter"], leak["evidence"]) == ("leak-flag", "W1", "lesnaya-5 #1")
    assert (given["kind"], given["amount"], given["unit"]) == ("given-back", "2.50", "kWh")


def test_a_later_correction_is_in_the_balance(closed: Town) -> None:
    with closed.store.transaction() as sql:
        sql.execute(
            "INSERT INTO written_correction SELECT 1, line_no, 'C-' || line_id, closing_no,"
            " opening_register_no, opening_at_ms, opening_copy, opening_mantissa,"
            " closing_register_no, closing_at_ms, closing_copy, closing_mantissa + 425,"
            " 425, -2, 'interpolated', 'read in October', NULL FROM closing_line"
            " WHERE dwelling = '13'"
        )
    power = document(closed.folder, "house-balance", HOUSE)["resources"][1]  # type: ignore[index]
    assert (power["metered"], power["residual"]) == ("95.75", "4.25")
    assert [(one["kind"], one["names"]) for one in power["remarks"]] == [
        ("estimated", ["13"]),
        ("corrected", ["13"]),
    ]


def test_the_command_for_people(closed: Town) -> None:
    text = said(closed.folder, "house-balance", HOUSE, "--shares")
    assert "LOOK: premises counted more than the house meter" in text
    assert "electricity: no reading of the period, which makes the residual larger: 13" in text
    assert "5.1000 kWh" in text
    assert "Hints, to be looked at on the spot:" in text
    assert "5.1000 kWh" not in said(closed.folder, "house-balance", HOUSE)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nowhere"], "no house is called 'nowhere': see plomba-gateway registry list"),
        ([HOUSE], f"house {HOUSE} has no closed period: run plomba-gateway close-period"),
        ([HOUSE, "2026-09"], "period 2026-09 of house"),
        ([HOUSE, "September"], "expected a period like 2026-10, got 'September'"),
    ],
)
def test_what_cannot_be_balanced_is_refused_in_one_line(
    town: Town, arguments: list[str], expected: str
) -> None:
    result = run(town.folder, "house-balance", *arguments)
    assert result.exit_code == 1
    assert expected in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_bad_file_is_refused_with_every_line(town: Town) -> None:
    file = town.folder / "areas.csv"
    file.write_text(AREAS.replace("40113", "9"), encoding="utf-8")
    result = run(town.folder, "registry", "areas", file)
    assert result.exit_code == 1
    assert "1 problem, nothing was entered\nline 3, column subject: expected" in result.stderr


async def page(town: Town, language: str) -> str:
    app = create_app(town.folder / LEDGER_FILE, lambda: MIDNIGHT + 3_600_000, WebConfig())
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        answer = await http.get(f"/?house={quote(HOUSE)}", headers={"accept-language": language})
    assert answer.status_code == 200
    return answer.text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "ru",
            [
                *(
                    "Баланс дома",
                    "за сентябрь 2026",
                    "8,50",
                    "8,5 %",
                    "остаток завышен, нет показаний: 13",
                ),
                *("помещения насчитали больше дома", "без счётчика, по норме 12,6"),
                *("На что посмотреть", "сообщает о вскрытии", "сообщает об утечке", "lesnaya-5 #1"),
            ],
        ),
        (
            "en",
            [
                *(
                    "House balance",
                    "of September 2026",
                    "8.50",
                    "8.5 %",
                    "the residual is larger, not read: 13",
                ),
                *("premises counted more than the house", "without a meter, by norm 12.6"),
                *("Worth a look", "its cover opened", "reports a leak", "lesnaya-5 #1"),
            ],
        ),
    ],
)
async def test_the_page_shows_balance_and_hints(
    closed: Town, language: str, words: list[str]
) -> None:
    said(closed.folder, "house-balance", HOUSE)  # gathers what the meters say, as `run` does
    text = await page(closed, language)
    assert [word for word in words if word not in text] == []


async def test_a_house_without_a_closed_period_says_when_there_will_be_a_balance(
    town: Town,
) -> None:
    text = await page(town, "en")
    assert "The balance comes with the first closed period" in text
    assert "Nothing unusual" in text
