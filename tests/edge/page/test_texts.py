"""Every text is used, there in both languages, and asked for by a name there is."""

import re
from decimal import Decimal
from pathlib import Path
from string import Formatter

import pytest

from cloud_sync.visit import Level
from drivers.reading import Unit
from edge.page import texts
from edge.page.texts import TEXTS, Speech, preferred

PAGE = Path(texts.__file__).parent
SOURCES = (
    "".join(
        path.read_text("utf-8")
        for path in (*PAGE.glob("*.py"), *PAGE.glob("templates/*.html"))
        if not path.name.endswith("texts.py")
    )
    + (PAGE / "texts.py").read_text("utf-8").partition("class Speech")[2]
)
# Chosen by what they tell of: a state, a reason, a refusal.
FAMILIES = (
    *("sorry_", "hindrance_", "hint_", "resource_", "state_", "kind_", "step_", "next_"),
    *("fact_", "why_", "final_is_"),
)
# Of a meter, or of the visit it goes in.
CHOSEN = {"exchange", "exchange_which", "remove", "remove_which"}


def test_every_text_is_used() -> None:
    plain = {key for key in TEXTS if not key.startswith(FAMILIES)} - CHOSEN
    assert [
        key for key in sorted(plain) if f'"{key}"' not in SOURCES and f"'{key}'" not in SOURCES
    ] == []


def test_every_text_that_is_asked_for_is_there() -> None:
    asked = set(re.findall(r"""\bt\(["']([a-z_]+)["'][,)]""", SOURCES))
    assert sorted(asked - TEXTS.keys()) == []
    refused = set(re.findall(r'NotDone\("([a-z_]+)"', SOURCES))
    wanted = {f"sorry_{kind}{end}" for kind in refused for end in ("", "_do")}
    assert sorted(wanted - TEXTS.keys()) == []


@pytest.mark.parametrize("key", sorted(TEXTS))
def test_both_languages_say_it_with_the_same_fields(key: str) -> None:
    russian, english = TEXTS[key]
    fields = [
        sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)
        for text in (russian, english)
    ]
    assert fields[0] == fields[1]
    assert russian
    assert english
    assert re.search("[А-Яа-я]", russian) or key == "language"
    assert not re.search("[А-Яа-я]", english) or key == "language"


@pytest.mark.parametrize(
    ("level", "russian", "english"),
    [
        (Level("8-0:1.0.0", 123_456, -3, Unit.M3, 8), "00123,456\u00a0м³", "00123.456\u00a0m³"),
        (Level("8-0:1.0.0", 123_456, -3, Unit.M3), "123,456\u00a0м³", "123.456\u00a0m³"),
        (
            Level("1-0:1.8.0", -5, -2, Unit.KWH, 6),
            "\u22120000,05\u00a0кВт·ч",
            "\u22120000.05\u00a0kWh",
        ),
        (Level("6-0:1.0.0", 7, 0, Unit.GCAL, 7), "0000007\u00a0Гкал", "0000007\u00a0Gcal"),
        (Level("6-0:1.0.0", 7, 2, Unit.KWH, 7), "000000700\u00a0кВт·ч", "000000700\u00a0kWh"),
    ],
)
def test_a_value_is_written_as_its_dial_shows_it(level: Level, russian: str, english: str) -> None:
    assert Speech("ru").value(level) == russian
    assert Speech("en").value(level) == english


def test_what_a_person_typed_is_shown_as_typed() -> None:
    typed = Level("8-0:1.0.0", 987, -1, Unit.M3, 8)
    assert Speech("ru").level(typed, padded=False) == "98,7"


def test_a_number_is_written_in_its_language() -> None:
    assert Speech("ru").number(Decimal("1E+2")) == "100"
    assert Speech("en").number(Decimal("-0.50")) == "\u22120.50"


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        ("en", "ru", "en"), ("", "en-GB,ru;q=0.9", "en"), ("", "de, ru", "ru"), ("", "", "ru"),
        ("xx", "fr", "ru"),
    ],
)  # fmt: skip
def test_a_language_is_chosen_then_preferred_then_russian(
    chosen: str, accepted: str, language: str
) -> None:
    assert preferred(chosen, accepted) == language


def test_registers_are_named_where_several_stand_on_a_dial() -> None:
    t = Speech("ru")
    assert t.register("1-0:1.8.0") == "Приём"
    assert t.register("1-0:1.8.2") == "Приём, T2"
    assert t.register("6-0:2.0.0") == "6-0:2.0.0"
