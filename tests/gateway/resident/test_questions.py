"""Plain questions in both languages, for all that may look wrong with a value."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from drivers.reading import Resource, Unit, to_ms
from gateway.claims import entry
from gateway.claims.entry import Around, Given, Other
from gateway.model import Level
from gateway.photo.mask import Kind
from gateway.photo.reading import Cell
from gateway.resident.questions import (
    Subject,
    differs,
    of_findings,
    other_meter,
    read_as,
    taken_at,
)
from gateway.resident.submission import PhotoRow, Question
from gateway.rules.parameters import TABLE
from gateway.rules.subject import Dial

MOSCOW = ZoneInfo("Europe/Moscow")
DIAL = Dial(Unit.M3, -3, 8, 3125, Resource.COLD_WATER)
MONTH_MS = 30 * 86_400_000
NOW_MS = to_ms(datetime(2026, 9, 28, 9, tzinfo=UTC))
# Five cubic metres a month, 100 at the last reading.
OPENINGS = tuple(Level(NOW_MS - n * MONTH_MS, 105_000 - 5000 * n) for n in range(6, 0, -1))


def asked(mantissa: int, step: int = 1, dial: Dial = DIAL, **changes: object) -> list[Question]:
    about = {"before": OPENINGS[-1], "openings": OPENINGS} | changes
    around = Around(**about)  # type: ignore[arg-type]
    given = Given(dial, "8-0:1.0.0", NOW_MS, mantissa, step)
    found = entry.check(given, around, TABLE.limits(dial.resource, NOW_MS), NOW_MS)
    subject = Subject(dial, "W1", mantissa, step, around.before, MOSCOW)
    return list(of_findings(found, given, around, subject))


def codes(mantissa: int, step: int = 1, **changes: object) -> list[str]:
    return [one.code for one in asked(mantissa, step, **changes)]


def test_an_ordinary_value_is_asked_nothing_about() -> None:
    assert codes(105_000) == []


@pytest.mark.parametrize(
    ("mantissa", "step", "code"),
    [
        (99_000, 1, "lower"),
        (99_999_000, 1, "too-much"),
        (150_000, 1, "much"),
        (100_000, 1, "little"),
        (5_000, 1, "consumption"),
        (10_500, 1, "point"),
        (5_100, 1, "consumption"),
        (700, 1, "last-digits"),
    ],
)
def test_what_residents_do_wrong_is_asked_about(mantissa: int, step: int, code: str) -> None:
    assert codes(mantissa, step) == [code]


def test_hot_for_cold_is_asked_about() -> None:
    hot = Other("W2", "9-0:1.0.0", DIAL, Level(OPENINGS[-1].at_ms, 50_000), tuple(
        Level(one.at_ms, one.mantissa - 50_000) for one in OPENINGS
    ))  # fmt: skip
    (one,) = asked(52_000, others=(hot,))
    assert one.code == "exchanged"
    # "Yes" is the button "the meter shows this": it has to be the answer to what was asked.
    assert one.text_ru.endswith("Здесь, на счётчике W1, 52,000 м³?")
    assert one.text_en.endswith("Does this meter, W1, show 52.000 m³?")


def test_a_question_names_the_numbers_in_both_languages() -> None:
    (first,) = asked(99_000)
    assert first.text_ru == (
        "Это меньше, чем было в прошлый раз (100,000 м³). На счётчике сейчас 99,000 м³?"
    )
    assert first.text_en == (
        "This is less than last time (100.000 m³). Does the meter show 99.000 m³ now?"
    )
    assert first.detail == "fell from 100.000 m3 to 99.000 m3"


def cells(text: str) -> tuple[Cell, ...]:
    return tuple(Cell(None if one == "?" else int(one), 0.9) for one in text)


@pytest.mark.parametrize(
    ("read", "mantissa", "step", "expected"),
    [
        ("00101000", 101_000, 1, False),
        ("00101000", 101_001, 1, True),
        ("00101999", 101_000, 1000, False),
        ("00102999", 101_000, 1000, True),
        ("0?2?1???", 101_000, 1, True),
        ("????????", 1, 1, False),
        ("", 101_000, 1, False),
        ("101", 101_000, 1, True),
    ],
)
def test_only_digits_that_were_read_and_typed_are_compared(
    read: str, mantissa: int, step: int, *, expected: bool
) -> None:
    subject = Subject(DIAL, "W1", mantissa, step, None, MOSCOW)
    assert differs(cells(read), subject) is expected


def test_digits_left_open_are_question_marks() -> None:
    assert read_as(cells("0010?5?1"), -3) == "0010?.5?1"
    assert read_as(cells("123"), 0) == "123"
    assert read_as((), -3) == ""


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ("", ""),
        ("1234567", ""),
        ("7654321", "7654321"),
        ("007654321", "7654321"),
        ("7654321 1234567", ""),
        ("2026 7654321", "7654321"),
        ("9999999", ""),
        ("4321", ""),
        ("76543", "76543"),
    ],
)
def test_a_serial_is_another_s_only_where_it_is_one_of_the_house(seen: str, expected: str) -> None:
    assert other_meter(seen, "W-1234567", ["W-7654321", "1"]) == expected


@pytest.mark.parametrize("taken_ms", [0, NOW_MS, 253_402_300_799_000])
def test_the_camera_s_time_is_that_of_the_house_unless_it_says_its_offset(taken_ms: int) -> None:
    row = PhotoRow(
        *(1, 1, None, None, None, None, taken_ms, False, Kind.LCD, (), "", NOW_MS),
        is_removed=False,
    )
    assert taken_at(row._replace(has_offset=True), MOSCOW) == taken_ms
    assert taken_at(row._replace(taken_at_ms=None), MOSCOW) is None
    assert taken_at(row, MOSCOW) == taken_ms - 3 * 3_600_000
