"""Review and audit as a person types them, and what the page and the trace show of it."""

import hashlib
import json
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from gateway import quality
from gateway.config import LEDGER_FILE, WebConfig
from gateway.review import decisions
from gateway.review.queue import Waiting
from gateway.review.words import ASKS, Kind
from gateway.web.review_texts import TEXTS
from tests.gateway.shell import refusal, run, said
from tests.gateway.town import HOUSE, Town, local
from tests.servers.ledgers import by_hand, create_app

FELL = "A1/1-0:1.8.0@2026-09-24T21:00:00Z"
GOOD = "A1/1-0:1.8.0@2026-09-19T21:00:00Z"
GOOD_AT = "2026-09-20T00:00+03:00"
WHY = ("--why", "звонок жильца", "--by", "Иванова")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A ledger with 120.00 accepted and 110.00 in doubt."""
    folder = tmp_path / "data"
    said("init", "--data", folder)
    town = Town(folder)
    town.install("A1", town.point("P1"))
    town.read("A1", local(9, 20), 12_000)
    town.read("A1", local(9, 25), 11_000)
    town.send()
    town.store.close()
    return folder


def documents(*arguments: object) -> list[dict[str, object]]:
    return [json.loads(line) for line in said(*arguments, "--json").splitlines()]


def configured(data: Path, table: str) -> Path:
    file = data.parent / "gateway.toml"
    file.write_text(f'data = "{data}"\n{table}\n', encoding="utf-8")
    return file


def test_review_alone_lists_what_waits(data: Path) -> None:
    (row,) = documents("review", "--data", data)
    assert documents("review", "list", "--data", data, "--house", HOUSE) == [row]
    assert row["reference"] == FELL
    assert (row["meter"], row["rule"], row["value"]) == ("A1", "V-NEG", "110.00")
    assert row["before"] == {"at_ms": local(9, 20), "value": "120.00"}
    told = said("review", "--data", data)
    assert FELL in told
    assert "fell from 120.00 kWh to 110.00 kWh" in told
    assert documents("review", "--data", data, "--house", "elsewhere") == []
    assert "list" in said("review", "--help")
    assert run("review", "lst", "--data", data).exit_code == 2


def test_a_readings_story_is_shown_with_its_evidence(data: Path) -> None:
    (story,) = documents("review", "show", FELL, "--data", data)
    assert (story["value"], story["state"]) == ("110.00", "suspect")
    evidence = story["evidence"]
    assert isinstance(evidence, dict)
    assert (evidence["verified"], evidence["data"]) == (True, b"A1:11000".hex())
    told = said("review", "show", FELL, "--data", data)
    assert "the signature holds" in told
    assert "before    120.00 kWh accepted" in told
    assert "there is no reading" in refusal(
        "review", "show", FELL.replace("24", "23"), "--data", data
    )
    assert run("review", "show", "A1", "--data", data).exit_code == 2


def test_asking_rejecting_and_accepting_end_in_the_log(data: Path) -> None:
    assert "the resident is asked for a photo" in said(
        "review", "ask-photo", FELL, *WHY, "--data", data
    )
    assert "a visit is due" in said("review", "inspect", FELL, *WHY, "--data", data)
    tasks = documents("review", "tasks", "--data", data)
    assert [task["act"] for task in tasks] == ["ask-photo", "inspect"]
    assert "ask-photo" in said("review", "tasks", "--data", data)
    assert "would fall from 120.00 kWh" in refusal("review", "accept", FELL, *WHY, "--data", data)
    told = said("review", "reject", GOOD, "--through", GOOD_AT, *WHY, "--data", data)
    assert told == "decision 3: done, what counts moved by 20.00 kWh\n"
    (made,) = documents("review", "accept", FELL, *WHY, "--data", data)
    assert (made["done"], made["moved"]) == (True, "10.00 kWh")
    assert documents("review", "--data", data) == []
    assert documents("review", "tasks", "--data", data) == []
    entries = documents("audit", "list", "--data", data)[1:]
    assert [entry["act"] for entry in entries] == [
        "review ask-photo", "review inspect", "review reject", "review accept",
    ]  # fmt: skip
    assert {entry["actor"] for entry in entries} == {"Иванова"}
    assert len(documents("audit", "list", "--subject", GOOD, "--data", data)) == 1
    assert len(documents("audit", "list", "--limit", "2", "--data", data)) == 2
    assert "110.00 kWh accepted" in said("audit", "list", "--data", data)
    assert "accepted by Иванова: звонок жильца" in said("review", "show", FELL, "--data", data)


def test_the_log_is_verified_against_a_noted_head(data: Path) -> None:
    (empty,) = documents("audit", "verify", "--data", data)
    assert (empty["entries"], empty["holds"]) == (1, True)
    said("review", "reject", FELL, *WHY, "--data", data)
    (one,) = documents("audit", "verify", "--data", data)
    assert one["entries"] == 2
    assert "the chain holds" in said("audit", "verify", "--head", one["head"], "--data", data)
    other = f"1:{'ab' * 32}"
    assert "cut or written anew" in refusal("audit", "verify", "--head", other, "--data", data)
    assert "expected a head" in refusal("audit", "verify", "--head", "x", "--data", data)


def test_a_state_changed_by_hand_is_found(data: Path) -> None:
    with by_hand(data / LEDGER_FILE) as sql:
        sql.execute("UPDATE reading SET state = 0")
    assert "in spite of V-NEG and nobody decided so" in refusal("audit", "verify", "--data", data)


def test_a_value_read_at_the_meter_closes_the_month_and_is_traced_to_its_act(
    data: Path, tmp_path: Path
) -> None:
    act = tmp_path / "act-17.pdf"
    act.write_bytes(b"%PDF act")
    said(
        *("review", "replace", FELL, "--value", "131.50", "--at", "2026-09-28T12:00+03:00"),
        *("--document", "акт 17", "--file", act, *WHY, "--data", data),
    )
    said("close-period", "2026-09", "--data", data)
    (found,) = documents("trace", "2026-09-000001", "--data", data)
    line, inspection = found["line"], found["inspection"]
    assert isinstance(line, dict)
    assert isinstance(inspection, dict)
    assert line["closing_value"] == "131.50"
    assert (inspection["document"], inspection["actor"]) == ("акт 17", "Иванова")
    assert inspection["document_sha256"] == hashlib.sha256(b"%PDF act").hexdigest()
    told = said("trace", "2026-09-000001", "--data", data)
    assert "read at the meter, decision 1 of Иванова" in told
    assert "document  акт 17, SHA-256" in told
    taken = "A1/1-0:1.8.0@2026-09-28T09:00:00Z"
    assert "read at the meter by a person" in said("review", "show", taken, "--data", data)
    later = said("review", "reject", taken, *WHY, "--data", data)
    assert "line 2026-09-000001 is closed: it shows in the next period" in later


@pytest.mark.parametrize("value", ["lots", "NaN", "Infinity", ""])
def test_a_value_that_is_no_number_is_wrong_usage(data: Path, value: str) -> None:
    asked = ("review", "replace", FELL, "--value", value, "--document", "акт", *WHY)
    assert run(*asked, "--data", data).exit_code == 2


def test_a_decision_needs_a_reason_a_name_and_a_document(data: Path) -> None:
    assert run("review", "reject", FELL, "--data", data).exit_code == 2
    assert "expected a reason" in refusal("review", "reject", FELL, "--why", " ", "--data", data)
    nameless = ("--why", "x", "--by", " ", "--data", data)
    assert "expected a name" in refusal("review", "reject", FELL, *nameless)
    bare = ("review", "replace", FELL, "--value", "130", "--document", " ", *WHY, "--data", data)
    assert "expected the act or photo" in refusal(*bare)
    (entry,) = documents("audit", "verify", "--data", data)
    assert entry["entries"] == 1


def test_above_the_configured_limit_it_takes_two(data: Path) -> None:
    config = configured(data, "[review.two_person_above]\nelectricity = { kWh = 5 }")
    told = said("review", "reject", GOOD, *WHY, "--config", config)
    assert "review confirm 1" in told
    assert "move what counts by 20.00 kWh" in told
    assert "confirm reject" in said("review", "tasks", "--config", config)
    own = ("review", "confirm", "1", "--config", config, "--by")
    assert "another person must confirm" in refusal(*own, "иванова")
    assert "decision 2: done" in said(*own, "Петров")
    assert "settled" in refusal(*own, "Петров")
    under = ("review", "accept", FELL, *WHY, "--config", config)
    assert "proposal 3" in said(*under)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("[review.two_person_above]\nelectricity = { kWh = -1 }", "electricity.kWh"),
        ("[review.two_person_above]\nelectricity = { miles = 1 }", "miles"),
        ("[review.two_person_above]\nsteam = { kWh = 1 }", "steam"),
        ("[review]\nlimit = 1", "review.limit: unknown key"),
    ],
)
def test_a_wrong_limit_is_one_line_that_names_it(data: Path, table: str, said: str) -> None:
    assert said in refusal("review", "--config", configured(data, table))


async def page(data: Path, path: str, language: str = "en") -> str:
    app = create_app(data / LEDGER_FILE, lambda: local(9, 26), WebConfig())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.get(path, headers={"accept-language": language})
        assert answer.status_code == 200
        return answer.text


async def test_the_page_shows_what_waits_what_is_asked_and_what_was_done(data: Path) -> None:
    review = f"/review?house={quote(HOUSE)}"
    shown = await page(data, review)
    assert "fell from 120.00 kWh to 110.00 kWh" in shown
    assert "accepted before 120.00, 20 Sep 00:00" in shown
    assert f"plomba-gateway review show {FELL}" in shown
    assert "No open tasks" in shown
    assert "Nothing has been decided yet" in shown
    said("review", "inspect", FELL, "--why", "<b>посмотреть</b>", *WHY[2:], "--data", data)
    shown = await page(data, review)
    assert "visit the meter" in shown
    assert "&lt;b&gt;посмотреть&lt;/b&gt;" in shown
    assert "a visit was asked for" in shown
    assert "осмотреть счётчик" in await page(data, review, "ru")
    assert "осмотреть счётчик" in await page(data, f"{review}&lang=ru")
    assert f'href="{review}&amp;lang=ru"' in shown
    assert "Журнал решений" in await page(data, review, "ru")
    said("review", "reject", FELL, *WHY, "--data", data)
    shown = await page(data, f"/fragment/queue?house={quote(HOUSE)}")
    assert "No suspect readings" in shown
    assert "110.00 kWh suspect → 110.00 kWh dismissed" in shown
    house = await page(data, f"/?house={quote(HOUSE)}")
    assert review in house
    assert "turned down" in house


@pytest.mark.parametrize("act", list(Kind))
def test_every_task_has_words_in_both_languages(act: Kind) -> None:
    russian, english = TEXTS[f"todo_{'' if act in ASKS else 'confirm-'}{act}"]
    assert russian != english


async def test_what_billing_refuses_stands_in_the_queue_too(data: Path) -> None:
    config = configured(
        data, '[[billing.targets]]\nkind = "csv"\nname = "files"\ndirectory = "out"'
    )
    said("close-period", "2026-09", "--config", config)
    review = f"/review?house={quote(HOUSE)}"
    assert "Refused by billing" not in await page(data, review)
    (due,) = documents("outbox", "list", "--config", config)
    with by_hand(data / LEDGER_FILE) as sql:
        sql.execute("UPDATE delivery SET state = 'refused', last_error = 'unknown account'")
    shown = await page(data, review)
    assert "unknown account" in shown
    assert f"plomba-gateway outbox retry {due['event_id']}" in shown
    assert "Не приняты биллингом" in await page(data, review, "ru")


def test_a_persons_quality_codes_are_codes_of_the_list() -> None:
    assert {decisions.ACCEPTED, decisions.REJECTED, decisions.READ} <= set(quality.CODES)


def test_what_waits_is_the_same_document_every_time_and_names_the_next_step(data: Path) -> None:
    (row,) = (
        json.loads(line)
        for line in said("review", "list", "--data", data, "--json").split("\n")
        if line
    )
    assert list(row) == [
        "reference", "house", "dwelling", "point", "resource", "meter", "register", "unit",
        "value", "captured_at_ms", "rule", "detail", "findings", "before", "after", "open", "next",
    ]  # fmt: skip
    assert row["next"] == [
        f"plomba-gateway review {act} {FELL}"
        for act in ("accept", "reject", "replace", "ask-photo", "inspect")
    ]
    assert f"then {', '.join(Kind)}" in said("review", "list", "--data", data)
    said("review", "inspect", FELL, *WHY, "--data", data)
    (task,) = said("review", "tasks", "--data", data, "--json").splitlines()
    assert json.loads(task)["next"][0] == f"plomba-gateway review replace {FELL}"
    assert "next: plomba-gateway review replace" in said("review", "tasks", "--data", data)


@pytest.mark.parametrize(
    ("rule", "first"), [("V-SRC", "inspect"), ("V-UOM", "reject"), ("V-NEG", "accept")]
)
def test_each_kind_of_doubt_begins_with_what_is_most_to_the_point(rule: str, first: str) -> None:
    row = Waiting(FELL, *([None] * 9), rule, "", (), None, None, ())  # type: ignore[arg-type]
    assert row.acts[0] == first
    assert ("accept" in row.acts) == (rule != "V-UOM")
