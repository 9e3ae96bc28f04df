"""An explanation in words: complete in both languages, in local form, no break praised."""

import re
import sys
from pathlib import Path

import pytest

from gateway import rules
from gateway.billing import Method, Role
from gateway.claims import compare
from gateway.explain.checks import SINCE, checks
from gateway.explain.code import code_of, is_code_of
from gateway.explain.reasons import in_russian
from gateway.explain.telling import tell
from gateway.review.words import RULE as REVIEW
from gateway.review.words import Kind
from gateway.rules import assignment, inactive, order, unit
from gateway.web import explain_texts
from gateway.web.texts import Words
from tests.gateway.explain.bills import (
    PUBLIC,
    WATER,
    close,
    explained,
    month,
    texts,
    told,
)
from tests.gateway.office import FAST, Office, a_town
from tests.gateway.town import Town, local


@pytest.fixture
def town(tmp_path: Path) -> Town:
    town = Town(tmp_path)
    town.install("W1", town.point("P1", resource="cold-water"), WATER._replace(initial=1_000_000))
    town.read("W1", month(10), 1_234_567, WATER)
    town.send()
    close(town, 9)
    return town


@pytest.mark.parametrize(
    ("language", "number", "moment"),
    [
        ("ru", "1\u202f234,567 м³", "1 окт 2026, 00:00"),
        ("en", "1\u202f234.567 m³", "1 Oct 2026, 00:00"),
    ],
)
def test_numbers_and_times_are_written_as_people_there_write_them(
    town: Town, language: str, number: str, moment: str
) -> None:
    said = texts(told(town, language=language))
    assert number in said
    assert moment in said
    assert "Europe/Moscow" in said


def test_the_sum_is_written_out(town: Town) -> None:
    (row,) = told(town).sum.rows
    assert row.name == "Счётчик W1: 1\u202f234,567 − 1\u202f000,000"
    assert row.value == told(town).sum.total.value == "234,567 м³"


def test_every_rule_has_a_text_and_a_version() -> None:
    """A rule that is added must be told to residents too."""
    judged = {sys.modules[check.__module__].RULE for check in rules.RULES}
    judged |= {assignment.RULE, unit.RULE, inactive.RULE, order.RULE}
    assert judged == SINCE.keys()
    assert max(SINCE.values()) <= rules.VERSION
    asked = {sys.modules[check.__module__].RULE for check in rules.HINTS}
    for rule in judged | asked | {REVIEW, compare.RULE}:
        assert f"rule_{rule}" in explain_texts.TEXTS


def test_a_reading_passed_the_rules_of_its_own_version() -> None:
    assert "V-TOU" not in [one.rule for one in checks(1, [])]
    assert "V-TOU" in [one.rule for one in checks(2, [])]


@pytest.mark.parametrize("key", explain_texts.TEXTS)
def test_every_text_is_there_in_both_languages_with_the_same_places(key: str) -> None:
    russian, english = explain_texts.TEXTS[key]
    assert russian.strip()
    assert english.strip()
    assert russian.count("{}") == english.count("{}")


def test_every_method_role_and_decision_has_its_texts() -> None:
    words = Words("ru")
    for method in Method:
        assert words(f"way_{method}")
        assert words(f"badge_{method}")
    for role in set(Role) - {Role.BILLED}:
        assert words(f"role_{role}")
        assert words(f"badge_role_{role}")
    for act in Kind:
        assert words(f"decided_{act}")


REASONS = {
    "no accepted reading in the period": "за период нет принятого показания",
    "the meter was exchanged 2 times; closed by the act of the meter's removal": (
        "счётчик заменён, раз: 2; закрыто актом снятия счётчика"
    ),
    "no accepted reading in the period; average of 6 measured months, unread period 1 of 3"
    " (ПП 354 п. 59 «б»)": (
        "за период нет принятого показания; среднее за измеренных месяцев: 6;"
        " период без показаний 1-й из 3 (ПП 354 п. 59 «б»)"
    ),
    "norm of consumption, ПП 354 п. 60: unread period 5, after 3 by average (ПП 354 п. 59 «б»)": (
        "норматив потребления, ПП 354 п. 60:"
        " период без показаний 5-й, после 3 по среднему (ПП 354 п. 59 «б»)"
    ),
    "less than 3 measured months for an average; no norm applies: see registry norms": (
        "для среднего меньше 3 измеренных месяцев; норматив не задан"
    ),
    "closed by the resident's figure (r0)": "закрыто показанием жителя (r0)",
    "closed by the inspection (акт 7); makes good what was submitted before and what was found"
    " (ПП 354 п. 61)": (
        "закрыто проверкой (акт 7);"
        " пересчитана разница между переданным и найденным при проверке (ПП 354 п. 61)"
    ),
    "no reading where the period ends": "на конец периода показания нет",
    "something no version has said": "something no version has said",
}


@pytest.mark.parametrize(("english", "russian"), REASONS.items())
def test_a_reason_is_told_in_russian_phrase_by_phrase(english: str, russian: str) -> None:
    assert in_russian(english) == russian


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_broken_seal_is_said_first_and_nowhere_called_valid(town: Town, language: str) -> None:
    whole = told(town, language=language)
    valid = Words("en" if language == "en" else "ru")("signature_holds")
    assert valid in texts(whole)
    with town.store.transaction() as connection:
        connection.execute("UPDATE batch SET message = ?", (bytes(200),))
    broken = told(town, language=language)
    assert valid not in texts(broken)
    assert broken.banners[0].tone == "bad"


def test_a_persons_decision_and_what_the_rule_found_are_told(tmp_path: Path) -> None:
    office = Office(a_town(tmp_path))
    office.decide(Kind.ACCEPT, FAST)
    office.town.close(now_ms=month(10) + 3_600_000)
    said = texts(told(office.town)).replace("\u2060", "")
    assert "принято: Иванова" in said
    assert "причина" in said
    assert "V-RATE" in said


def test_an_estimate_tells_its_rule_and_what_it_was_made_of(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.install("W1", town.point("P1", resource="cold-water"), WATER)
    for number, mantissa in [(10, 10_000), (11, 22_000), (12, 33_000)]:
        town.read("W1", month(number), mantissa, WATER)
        town.send()
        close(town, number - 1)
    close(town, 12)
    said = texts(told(town, "2026-12-000001"))
    assert "ПП 354 п. 59 «б»" in said
    assert "октябрь 2026 | 12,000 м³" in said
    assert "Начислено расчётным способом | 11,000 м³" in said
    town.read("W1", month(14), 56_000, WATER)
    town.send()
    close(town, 13)
    said = texts(told(town, "2026-12-000001"))
    assert "Было начислено | 11,000 м³ | расчёт по среднему" in said
    assert "По этой строке сделан перерасчёт: 0,500 м³" in said


def test_a_code_stands_for_every_figure_and_only_for_them(town: Town) -> None:
    line = explained(town).line
    code = code_of(line)
    assert re.fullmatch(r"([A-Z2-7]{4}-){3}[A-Z2-7]{4}", code)
    assert is_code_of(line, code)
    assert is_code_of(line, code.lower().replace("-", " "))
    for changed in (
        line._replace(consumption=line.consumption + 1),
        line._replace(closing_at_ms=line.closing_at_ms + 1),
        line._replace(account="other"),
        line._replace(line_id="2026-09-000002"),
    ):
        assert not is_code_of(changed, code)
    assert is_code_of(line._replace(reason="said otherwise", house="renamed"), code)


@pytest.mark.parametrize("said", ["", "-", "A" * 16, "Ж" * 16, "A" * 10_000, "\x00", "AAAA-AAAA"])
def test_no_other_text_is_a_code(town: Town, said: str) -> None:
    assert not is_code_of(explained(town).line, said)
    assert not is_code_of(None, said)


def test_the_proof_names_link_and_commands(town: Town) -> None:
    found = explained(town)
    proof = tell(found, Words("en"), PUBLIC + "/").proof
    assert proof.url == f"{PUBLIC}/check/2026-09-000001?d={found.code}"
    assert proof.commands == (
        "plomba-gateway trace 2026-09-000001 --out evidence",
        "plomba-gateway verify evidence/lesnaya-5-1.cose --public-key evidence/lesnaya-5.pem",
    )


def test_a_value_read_between_periods_is_shown_with_its_own_time(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.install("W1", town.point("P1", resource="cold-water"), WATER)
    town.read("W1", local(9, 25, 13, 7), 5_000, WATER)
    town.send()
    close(town, 9)
    assert told(town).figures[1].note == "25 сен 2026, 13:07"
