"""Delivery surveillance: what is silent, what has gaps, by table, from the ledger, on the page."""

import json
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from click.testing import CliRunner

from drivers.reading import ClockState
from gateway.__main__ import main
from gateway.config import LEDGER_FILE, WebConfig
from gateway.rules import VERSION
from gateway.rules.parameters import ROWS
from gateway.surveillance import (
    GAPS_KEPT,
    Delivered,
    Delivery,
    Span,
    Watched,
    interval_ms,
    troubled,
    watch,
)
from tests.gateway.town import DAY_MS, HOUR_MS, HOUSE, SINCE_MS, Town, local
from tests.servers.ledgers import create_app, look

NOW_MS = 1000 * DAY_MS
QUARTER_MS = HOUR_MS // 4


class Captured:
    """A ledger that holds captures of one electricity register, installed at day 900."""

    def __init__(self, *captured_ms: int) -> None:
        self.captured_ms = sorted(captured_ms, reverse=True)

    def delivered(self, _house: str | None, _now_ms: int) -> list[Delivered]:
        first = self.captured_ms[-1] if self.captured_ms else None
        newest = tuple(self.captured_ms[: GAPS_KEPT + 1])
        names = ("A", "P1", "1", "electricity", "E1", "1-0:1.8.0")
        return [Delivered(1, *names, 900 * DAY_MS, first, newest)]

    def received(self, spans: list[Span]) -> list[int]:  # type: ignore[override]
        return [
            sum(span.after_ms < at <= span.until_ms for at in self.captured_ms) for span in spans
        ]


def seen(*captured_ms: int, now_ms: int = NOW_MS) -> Watched:
    (found,) = watch(Captured(*captured_ms), None, now_ms)
    return found


def every(interval: int, count: int, until_ms: int = NOW_MS) -> list[int]:
    return [until_ms - interval * step for step in range(count)]


@pytest.mark.parametrize(
    ("captured", "state", "expected", "received"),
    [
        ([], Delivery.SILENT, 0, 0),  # installed a hundred days ago
        (every(DAY_MS, 30), Delivery.IN_ORDER, 7, 7),
        (every(DAY_MS, 30, NOW_MS - 36 * HOUR_MS), Delivery.IN_ORDER, 7, 7),
        (every(DAY_MS, 30, NOW_MS - 36 * HOUR_MS - 1), Delivery.SILENT, 7, 7),
        (every(DAY_MS, 30)[:3] + every(DAY_MS, 30)[4:], Delivery.GAPS, 7, 6),
        (every(QUARTER_MS, 700), Delivery.IN_ORDER, 672, 672),
        # 95 % of 672 are 638.4: 33 lost ones are too few, 34 are too many.
        (every(QUARTER_MS, 30) + every(QUARTER_MS, 700)[63:], Delivery.IN_ORDER, 672, 639),
        (every(QUARTER_MS, 30) + every(QUARTER_MS, 700)[64:], Delivery.GAPS, 672, 638),
        (every(HOUR_MS, 3), Delivery.NEW, 0, 0),  # two gaps tell nothing
        (every(HOUR_MS, 4), Delivery.IN_ORDER, 2, 2),
        (every(HOUR_MS, 11)[1:], Delivery.IN_ORDER, 9, 9),  # the last one is on its way
    ],
)
def test_a_week_of_readings(
    captured: list[int], state: Delivery, expected: int, received: int
) -> None:
    found = seen(*captured)
    assert (found.state, found.expected, found.received) == (state, expected, received)


@pytest.mark.parametrize(
    ("newest_first", "expected"),
    [
        ((), None),
        ((5, 4, 3), None),
        ((5, 4, 3, 2), 1),
        ((100, 99, 90, 80, 70, 60), 10),  # a median, so one odd gap does not matter
    ],
)
def test_how_often_a_register_is_read_is_observed(
    newest_first: tuple[int, ...], expected: int | None
) -> None:
    assert interval_ms(newest_first) == expected


def test_the_numbers_are_those_of_the_table() -> None:
    values = {row.name: row.value for row in ROWS if row.rule == "V-SILENT"}
    assert values == {"silent_ms": 36 * HOUR_MS, "coverage_percent": 95}


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """A1 is read every day; B1 lacks two days; C1 was silent from the 15th on; D1 always was."""
    town = Town(tmp_path)
    for number, serial in enumerate(("A1", "B1", "C1", "D1")):
        town.install(serial, town.point(f"P{number}"))
    for day in range(1, 21):
        value = 10_000 + 500 * day
        town.read("A1", local(9, day), value)
        if day not in {16, 17}:
            town.read("B1", local(9, day), value)
        if day < 15:
            town.read("C1", local(9, day), value)
    town.send()
    return town


def states(town: Town, now_ms: int, house: str | None = None) -> dict[str, tuple[str, int, int]]:
    with look(town.folder / LEDGER_FILE) as overview:
        found = watch(overview.deliveries, house, now_ms)
    return {one.register.meter: (one.state.value, one.expected, one.received) for one in found}


def test_the_ledger_tells_what_arrived(town: Town) -> None:
    now_ms = local(9, 20, 12)
    assert states(town, now_ms) == {
        "A1": ("in-order", 7, 7),
        "B1": ("gaps", 7, 5),
        "C1": ("silent", 7, 2),
        "D1": ("silent", 0, 0),
    }
    assert states(town, now_ms, "elsewhere") == {}
    with look(town.folder / LEDGER_FILE) as overview:
        found = watch(overview.deliveries, HOUSE, now_ms)
    assert [one.register.meter for one in troubled(found)] == ["C1", "D1", "B1"]


def test_a_meter_is_silent_only_after_a_while(town: Town) -> None:
    assert states(town, SINCE_MS + 36 * HOUR_MS)["D1"][0] == "new"
    assert states(town, SINCE_MS + 36 * HOUR_MS + 1)["D1"][0] == "silent"


def test_a_time_that_lies_ahead_does_not_count_as_delivered(town: Town) -> None:
    town.read("C1", local(9, 25), 99_000, clock_state=ClockState.UNSYNCHRONISED)
    town.now_ms = local(9, 20, 12)
    town.send()
    assert states(town, local(9, 20, 12))["C1"][0] == "silent"


def test_the_command_lists_what_is_silent(town: Town) -> None:
    data = ["--data", str(town.folder)]
    result = CliRunner().invoke(main, ["silent", *data, "--json"])
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["silent"], told["gaps"]) == (4, 0)  # all of that was long ago
    never = next(one for one in told["registers"] if one["meter"] == "D1")
    assert (never["state"], never["newest_ms"], never["house"]) == ("silent", None, HOUSE)
    table = CliRunner().invoke(main, ["silent", *data, "--house", HOUSE])
    assert "never" in table.stdout
    refused = CliRunner().invoke(main, ["silent", *data, "--house", "nowhere"])
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "no house is called 'nowhere'" in refused.stderr


def test_the_command_lists_the_numbers_of_the_rules() -> None:
    told = json.loads(CliRunner().invoke(main, ["rules", "--json"]).stdout)
    assert told["version"] == VERSION
    silence = next(row for row in told["parameters"] if row["name"] == "silent_ms")
    assert (silence["value"], silence["mark"], silence["valid_from"]) == (
        36 * HOUR_MS, "S", "1970-01-01",
    )  # fmt: skip
    assert "V-HILO" in CliRunner().invoke(main, ["rules"]).stdout


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("en", ("silent since 14 Sep 00:00", "not one reading yet", "5 of 7 readings in a week")),
        ("ru", ("молчит с 14 сен 00:00", "ни одного показания", "за неделю получено 5 из 7")),
    ],
)
async def test_the_page_shows_it(town: Town, language: str, texts: tuple[str, ...]) -> None:
    app = create_app(town.folder / LEDGER_FILE, lambda: local(9, 20, 12), WebConfig())
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        for path in ("/", "/fragment/silent"):
            page = await http.get(
                f"{path}?house={quote(HOUSE)}", headers={"accept-language": language}
            )
            assert all(text in page.text for text in texts)
