"""Disputes: opened by a dwelling, answered within a term, and followed by nobody else."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from gateway.__main__ import main
from gateway.audit import By, check
from gateway.people import forgetting
from gateway.photo.keeping import FOLDER, PhotoFiles
from gateway.resident.dispute import (
    DAILY_MAX,
    OPEN_MAX,
    SAID_CHARS_MAX,
    Dispute,
    DisputeError,
    Kind,
    New,
    State,
    answer,
    due_ms,
    open_dispute,
    take,
    withdraw,
)
from gateway.sql.audit import SqlAudit
from gateway.sql.disputes import SqlDisputeStore
from gateway.sql.people import PeopleLedger, overwriting
from tests.gateway.resident.flat import ASKED, OBIS, account_of, give, photo
from tests.gateway.test_web import IN_HOUSE, NASTY, get
from tests.gateway.town import DAY_MS, Town, local
from tests.servers import ledgers

OPENED_MS = local(9, 24, 12)  # a Thursday
CLERK = By("Орлова", "test")


def random() -> Callable[[int], bytes]:
    return Random(7).randbytes


@pytest.fixture
def town(tmp_path: Path) -> Town:
    town = Town(tmp_path, targets=())
    town.install("A1", town.point("P1"))
    town.install("B1", town.point("P2", "13"))
    town.read("A1", local(9, 24), 12_000)
    town.read("A1", local(10, 1), 12_500)
    town.send()
    town.close("2026-09", now_ms=local(10, 1, 1))
    return town


def store(town: Town) -> SqlDisputeStore:
    return SqlDisputeStore(town.store.database)


def opened(
    town: Town,
    kind: Kind = Kind.WRONG_METER,
    subject: str = "A1",
    said: str = "Это не мой счётчик",
    *,
    at_ms: int = OPENED_MS,
    draw: Callable[[int], bytes] | None = None,
) -> Dispute:
    new = New(account_of(town), kind, subject, said)
    return open_dispute(store(town), new, at_ms, draw or random())


@pytest.mark.both_engines
def test_a_dispute_goes_its_way_with_who_and_when(town: Town) -> None:
    made = opened(town)
    assert store(town).disputes.by_number(made.number) == made
    take(store(town), made.number, CLERK, OPENED_MS + 1)
    assert [one.number for one in store(town).disputes.waiting(None, 9)] == [made.number]
    answer(store(town), made.number.lower(), CLERK, "Заменили.\nСпасибо", OPENED_MS + 2)
    found = store(town).disputes.by_number(made.number)
    assert found is not None
    assert [(one.state, one.actor, one.at_ms - OPENED_MS) for one in found.steps] == [
        ("received", "resident", 0),
        ("in-work", "Орлова", 1),
        ("answered", "Орлова", 2),
    ]
    assert found.answer == "Заменили.\nСпасибо"
    assert not found.is_open
    assert store(town).disputes.waiting(None, 9) == []
    assert store(town).disputes.of_account(account_of(town), 9) == [found]


def test_every_step_stands_in_the_audit_log(town: Town) -> None:
    made = opened(town)
    take(store(town), made.number, CLERK, OPENED_MS + 1)
    answer(store(town), made.number, CLERK, "Заменили", OPENED_MS + 2)
    entries = [*SqlAudit(town.store.database.connection).entries()]
    check(entries)
    told = [(one.act.actor, one.act.act, one.act.after) for one in entries[-3:]]
    assert told == [
        ("resident", "dispute open", "wrong-meter A1"),
        ("Орлова", "dispute take", "in-work"),
        ("Орлова", "dispute answer", "answered"),
    ]


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        (Kind.READING, f"A1/{OBIS}@2026-09-23T21:00:00Z"),
        (Kind.READING, "A1"),
        (Kind.LINE, "2026-09-000001"),
        (Kind.NO_METER, ""),
        (Kind.WRONG_METER, "A1"),
        (Kind.WRONG_METER, ""),
    ],
)
@pytest.mark.both_engines
def test_anything_of_the_dwellings_own_can_be_disputed(
    town: Town, kind: Kind, subject: str
) -> None:
    assert opened(town, kind, subject).subject == subject


def test_an_act_and_a_claim_can_be_disputed(town: Town) -> None:
    number = give(town, "A1", "130.00", local(10, 2))
    assert opened(town, Kind.READING, number).subject == number
    assert opened(town, Kind.READING, "claim-1", draw=Random(8).randbytes).subject == "claim-1"


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        (Kind.READING, f"B1/{OBIS}@2026-09-23T21:00:00Z"),
        (Kind.READING, f"A1/{OBIS}@1970-01-01T00:00:00Z"),
        (Kind.READING, "B1"),
        (Kind.READING, "claim-99"),
        (Kind.READING, ""),
        (Kind.LINE, "2026-09-000002"),
        (Kind.LINE, "' OR 1=1 --"),
        (Kind.NO_METER, "A1"),
        (Kind.WRONG_METER, "B1"),
        (Kind.WRONG_METER, "A" * 5000),
    ],
)
def test_what_is_not_the_dwellings_cannot_be(town: Town, kind: Kind, subject: str) -> None:
    with pytest.raises(DisputeError) as caught:
        opened(town, kind, subject)
    assert caught.value.key == "dispute_no_subject"
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "said", ["", " \n ", "x" * (SAID_CHARS_MAX + 1), "a\0b", "a\x1b[2J", "\u202ea"]
)
def test_a_text_is_bounded_and_holds_nothing_odd(town: Town, said: str) -> None:
    with pytest.raises(DisputeError) as caught:
        opened(town, said=said)
    assert caught.value.key == "dispute_bad_text"


@pytest.mark.both_engines
def test_a_form_that_comes_twice_is_one_dispute(town: Town) -> None:
    draw = random()
    first = opened(town, draw=draw)
    assert opened(town, draw=draw, at_ms=OPENED_MS + 1000) == first
    assert opened(town, draw=draw, said="И показание не моё").number != first.number
    assert opened(town, draw=draw, at_ms=OPENED_MS + DAY_MS).number != first.number
    withdraw(store(town), account_of(town), first.number, OPENED_MS)
    assert opened(town, draw=draw, at_ms=OPENED_MS + 1000).number != first.number


@pytest.mark.both_engines
def test_no_dwelling_floods_the_office(town: Town) -> None:
    draw = random()
    made = [opened(town, draw=draw, said=f"Не мой, {n}") for n in range(OPEN_MAX)]
    with pytest.raises(DisputeError, match="open at once"):
        opened(town, draw=draw, at_ms=OPENED_MS + 2 * DAY_MS)
    withdraw(store(town), account_of(town), made[0].number, OPENED_MS)
    with pytest.raises(DisputeError, match="in a day"):
        opened(town, draw=draw)
    assert OPEN_MAX <= DAILY_MAX
    assert opened(town, draw=draw, at_ms=OPENED_MS + DAY_MS).state is State.RECEIVED
    assert len({one.number for one in made}) == OPEN_MAX


def test_only_its_dwelling_takes_a_dispute_back(town: Town) -> None:
    made = opened(town)
    with pytest.raises(DisputeError) as caught:
        withdraw(store(town), account_of(town, "13"), made.number, OPENED_MS)
    assert caught.value.key == "dispute_unknown"
    assert withdraw(store(town), made.account_no, made.number, OPENED_MS).state is State.WITHDRAWN


def test_what_is_over_stays_over(town: Town) -> None:
    made = opened(town)
    answer(store(town), made.number, CLERK, "Да", OPENED_MS)
    for act in (
        lambda: answer(store(town), made.number, CLERK, "Нет", OPENED_MS),
        lambda: take(store(town), made.number, CLERK, OPENED_MS),
        lambda: withdraw(store(town), made.account_no, made.number, OPENED_MS),
    ):
        with pytest.raises(DisputeError) as caught:
            act()
        assert caught.value.key == "dispute_is_answered"
    with pytest.raises(DisputeError, match="no dispute"):
        take(store(town), "S-0000-0000-0000", CLERK, OPENED_MS)


@pytest.mark.parametrize(
    ("opened_at", "due_at"),
    [
        (local(9, 21, 12), local(9, 25)),  # Monday to the end of Thursday
        (local(9, 24, 12), local(9, 30)),  # Thursday, over a weekend, to the end of Tuesday
        (local(9, 26, 12), local(10, 1)),  # Saturday to the end of Wednesday
        (local(9, 21, 23, 59), local(9, 25)),
        (local(9, 22, 0), local(9, 26)),
    ],
)
def test_three_working_days_by_the_clocks_of_the_house(opened_at: int, due_at: int) -> None:
    assert due_ms(opened_at, "Europe/Moscow") == due_at


def test_who_is_forgotten_leaves_a_dispute_without_words(town: Town) -> None:
    made = opened(town, said="Я, Пётр Седов, не согласен")
    answer(store(town), made.number, CLERK, "Пётр, вы правы", OPENED_MS)
    people = PeopleLedger(town.store.database)
    asked = forgetting.ask(people, "40112", CLERK, "просил", OPENED_MS, words=["Седов"])
    with overwriting(town.store.database):
        forgetting.confirm(people, asked.number, By("Иванова", "t"), OPENED_MS, lambda: b"abcd")
    found = store(town).disputes.by_number(made.number)
    assert found is not None
    assert {found.said, found.answer} == {"forgotten-61626364"}
    held = str(people.held(people.account("forgotten-61626364")))  # type: ignore[arg-type]
    assert "Седов" not in held
    assert made.number in held
    check([*SqlAudit(town.store.database.connection).entries()])


async def test_the_operator_sees_them_by_term_and_nothing_in_them_runs(town: Town) -> None:
    late = opened(town, said=f"{NASTY}\n\nвторая строка", at_ms=local(9, 1))
    draw = Random(8).randbytes
    opened(town, Kind.NO_METER, "", "Счётчика нет", at_ms=local(9, 29), draw=draw)
    take(store(town), late.number, By(NASTY, "t"), local(9, 2))
    for language, said in (("ru", "срок прошёл 5 сен 2026"), ("en", "the term was over 5 Sep")):
        page = await get(town, f"/disputes{IN_HOUSE}&lang={language}", now_ms=local(9, 29, 12))
        assert said in page.text
        assert NASTY not in page.text
        assert page.text.index(late.number) < page.text.index("Счётчика нет")
        assert f"plomba-gateway dispute answer {late.number}" in page.text
    review = await get(town, f"/review{IN_HOUSE}&lang=en", now_ms=local(9, 29, 12))
    assert "Residents wait for an answer: 2" in review.text


async def test_a_value_confirmed_against_advice_is_shown_with_its_photo(town: Town) -> None:
    at_ms = local(10, 2)
    shot = photo(town, "A1", "00099900", at_ms)
    number = give(town, "A1", "999.00", at_ms, photo_no=shot, asked=(ASKED,))
    page = await get(town, f"/disputes{IN_HOUSE}&lang=en", now_ms=local(10, 3))
    assert "999.00 kWh" in page.text
    assert ASKED.text_en in page.text
    assert "plomba-gateway review show claim-1" in page.text
    path = f"/disputes/photo/{number}.jpg"
    assert path in page.text
    assert (await get(town, path)).status_code == 404  # its file is not there
    with town.store.transaction() as connection:
        (file,) = connection.execute("SELECT file FROM photo").fetchone()
    jpeg = f"A1 00099900 {at_ms}".encode()[::-1]
    PhotoFiles(town.folder / FOLDER).keep(file, jpeg)
    shown = await get(town, path)
    assert (shown.content, shown.headers["content-type"]) == (jpeg, "image/jpeg")
    assert (await get(town, "/disputes/photo/..%2F..%2Fledger.jpg")).status_code == 404


def test_the_commands_list_take_and_answer_and_leave_entries(town: Town, tmp_path: Path) -> None:
    made = opened(town)

    def run(*arguments: str) -> str:
        env = ledgers.of_data(tmp_path) | {"PLOMBA_ACTOR": "Орлова"}
        done = CliRunner().invoke(main, [*arguments, "--data", str(tmp_path)], env=env)
        assert done.exit_code == 0, done.output
        return done.output

    assert made.number in run("dispute", "list")
    assert json.loads(run("dispute", "list", "--json"))["text"] == made.said
    assert "in-work" in run("dispute", "take", made.number, "--by", "Орлова")
    told = run("dispute", "answer", made.number, "--text", "Да", "--by", "Орлова", "--json")
    assert json.loads(told)["steps"][-1]["told"] == "Да"
    assert made.number not in run("dispute", "list")
    entries = [*SqlAudit(town.store.database.connection).entries()]
    told = [(one.act.actor, one.act.act) for one in entries[-2:]]
    assert told == [("Орлова", "dispute take"), ("Орлова", "dispute answer")]
