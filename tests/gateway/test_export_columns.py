"""CSV by a column profile: what another program wants, digit for digit."""

import csv
import io
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.billing import Method
from gateway.export.closed import Closed, ExportError
from gateway.export.columns import SHIPPED, Profile, as_columns, load
from gateway.handoff.csv import harmless
from tests.gateway.closed import a_closed

MIDNIGHT_MS = 1_793_480_400_000  # 2026-11-01T00:00:00+03:00
COLUMN = '[[columns]]\nname = "A"\nvalue = "{account}"\n'


def rows(content: bytes, profile: Profile) -> list[list[str]]:
    text = io.StringIO(content.decode(profile.encoding), newline="")
    return list(csv.reader(text, delimiter=profile.separator))


def written(profile: Profile, *lines: Closed) -> list[list[str]]:
    (content,) = as_columns(lines, profile).files
    return rows(content, profile)


def a_profile(tmp_path: Path, text: str) -> Profile:
    file = tmp_path / "own.toml"
    file.write_text(f'title = "own"\n{text}', encoding="utf-8")
    return load(str(file))


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(ExportError) as refused:
        a_profile(tmp_path, text)
    said = str(refused.value)
    assert "\n" not in said
    return said


def test_the_profile_for_1c_speaks_russian_in_cp1251() -> None:
    line = a_closed(resource="heat", unit="Gcal", closing_at_ms=MIDNIGHT_MS)
    head, row = written(load("1c"), line)
    told = dict(zip(head, row, strict=True))
    assert told["ЛицевойСчет"] == "100200"
    assert told["Адрес"] == "Калуга, Лесная 5, кв. 12"
    assert told["Услуга"] == "Отопление"
    assert told["ЕдиницаИзмерения"] == "Гкал"
    assert told["ДатаПоказания"] == "01.11.2026"
    assert (told["ПредыдущееПоказание"], told["ТекущееПоказание"]) == ("1234,50", "1300,00")
    assert (told["Расход"], told["Период"]) == ("65,50", "10.2026")


@pytest.mark.parametrize(
    ("method", "told"),
    [("actual", "M"), ("carried", "M"), ("interpolated", "O"), ("average", "O"), ("norm", "N")],
)
def test_how_a_consumption_was_determined_can_be_a_column(
    tmp_path: Path, method: str, told: str
) -> None:
    column = '[[columns]]\nname = "m"\nvalue = "{determined}"\n'
    (row,) = written(a_profile(tmp_path, f"header = false\n{column}"), a_closed(method=method))
    assert row == [told]


def test_the_profile_after_template_14_1_has_no_heading() -> None:
    (row,) = written(load("sberbank-14-1"), a_closed())
    assert row[0] == "100200"
    assert "Электроснабжение" in row
    assert "102026" in row
    assert "1300,00" in row


def test_a_house_meter_has_no_account_and_is_left_out_by_name() -> None:
    found = as_columns([a_closed(account=None, dwelling=None), a_closed()], load("1c"))
    assert found.lines == 1
    (left,) = found.left_out
    assert left.reason == "a meter of the whole house has no account"


@pytest.mark.parametrize("name", sorted(file.stem for file in SHIPPED.glob("*.toml")))
def test_every_shipped_profile_says_that_it_is_to_be_adapted(name: str) -> None:
    profile = load(name)
    assert profile.title
    assert "adapt" in profile.note
    assert written(profile, a_closed())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "cp866"])
@pytest.mark.parametrize("separator", [";", ",", "\\t", "|"])
def test_encodings_and_separators(tmp_path: Path, encoding: str, separator: str) -> None:
    profile = a_profile(
        tmp_path,
        f'encoding = "{encoding}"\nseparator = "{separator}"\nheader = false\n'
        '[[columns]]\nname = "Дом"\nvalue = "{house}; | , {dwelling}"\n' + COLUMN,
    )
    (content,) = as_columns([a_closed()], profile).files
    assert rows(content, profile) == [["Лесная 5; | , 12", "100200"]]
    assert content.startswith(b"\xef\xbb\xbf") == (encoding == "utf-8-sig")


def test_a_heading_the_encoding_cannot_write_is_named(tmp_path: Path) -> None:
    told = refusal(tmp_path, 'encoding = "cp1251"\n[[columns]]\nname="Расход, м³"\nvalue="1"\n')
    assert "the heading 'Расход, м³': cp1251 has no letter '³'" in told


def test_a_letter_the_encoding_lacks_is_named(tmp_path: Path) -> None:
    profile = a_profile(tmp_path, 'encoding = "cp866"\n[[columns]]\nname="Дом"\nvalue="{house}"\n')
    with pytest.raises(ExportError, match="line 2026-10-000001, column 'Дом': cp866 has no letter"):
        as_columns([a_closed(house="Лесная ½")], profile)


def test_only_names_can_be_formulas_and_are_made_harmless(tmp_path: Path) -> None:
    profile = a_profile(
        tmp_path,
        'decimal = ","\nheader = false\n[[columns]]\nname = "a"\nvalue = "{account}"\n'
        '[[columns]]\nname = "c"\nvalue = "{consumption}"\n',
    )
    assert written(profile, a_closed(account="=1+1", consumption=Decimal("-65.50"))) == [
        ["'=1+1", "-65,50"]
    ]


def test_a_profile_is_checked_when_it_is_read(tmp_path: Path) -> None:
    assert "expected fields of a line in braces" in refusal(
        tmp_path, '[[columns]]\nname = "A"\nvalue = "{acount}"\n'
    )
    assert "expected fields of a line in braces" in refusal(
        tmp_path, '[[columns]]\nname = "A"\nvalue = "{house.__class__}"\n'
    )
    assert "expected only names in braces" in refusal(
        tmp_path, '[[columns]]\nname = "A"\nvalue = "{house!r:>9}"\n'
    )
    assert "columns.0.value" in refusal(tmp_path, '[[columns]]\nname = "A"\nvalue = "{house"\n')
    assert "encoding" in refusal(tmp_path, 'encoding = "koi8-r"\n' + COLUMN)
    assert "separater: unknown key" in refusal(tmp_path, 'separater = ";"\n' + COLUMN)
    assert "expected a date format" in refusal(tmp_path, 'date = "DD.MM.YYYY"\n' + COLUMN)
    assert "columns: missing" in refusal(tmp_path, 'note = ""\n')
    assert "no line has a field hous" in refusal(tmp_path, COLUMN + '[words.hous]\na = "b"\n')
    assert "is not TOML" in refusal(tmp_path, "=")


def test_a_profile_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(ExportError, match=r"shipped ones: 1c, sberbank-14-1"):
        load("2c")


@given(
    mantissa=st.integers(-(10**18) + 1, 10**18 - 1),
    exponent=st.integers(-9, 3),
    house=st.text(st.characters(codec="cp1251", exclude_categories=["Cc"]), min_size=1),
)
def test_values_and_names_are_read_back_exactly(mantissa: int, exponent: int, house: str) -> None:
    value = Decimal(mantissa).scaleb(exponent)
    line = a_closed(closing_value=value, house=house)
    profile = Profile.model_validate(
        {
            "title": "t",
            "encoding": "cp1251",
            "decimal": ",",
            "columns": [
                {"name": "v", "value": "{closing_value}"},
                {"name": "h", "value": "{house}"},
            ],
        }
    )
    _, (told, name) = written(profile, line)
    assert Decimal(told.replace(",", ".")) == value
    assert name.removeprefix("'") == house.removeprefix("'")


def test_every_way_a_value_came_about_has_a_word_in_1c() -> None:
    assert set(load("1c").words["method"]) == {method.value for method in Method}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+7 910", "'+7 910"),
        ("-cmd", "'-cmd"),
        ("@sum", "'@sum"),
        ("\t=1", "'\t=1"),
        ("\n=1", "'\n=1"),
        ("＝1", "'＝1"),
        ("-5.25", "-5.25"),
        ("-5\n", "'-5\n"),
        ("-5.25.1", "'-5.25.1"),
        ("5-а", "5-а"),
        ("", ""),
    ],
)
def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless(cell: str, expected: str) -> None:
    assert harmless(cell) == expected
