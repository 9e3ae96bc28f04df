"""A dwelling's history: known values and sums, and nothing that shows a neighbour's use."""

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import pypdf
import pytest

from gateway.config import LEDGER_FILE
from gateway.resident import history_pdf, history_sheet
from gateway.resident.history import (
    DWELLINGS_MIN,
    Billed,
    History,
    Others,
    Register,
    average,
    months,
    since,
    year_to,
)
from gateway.sql.dwelling_history import history
from gateway.web import charts
from gateway.web.texts import Words
from tests.gateway.history.test_rollups import follow
from tests.gateway.resident.flat import account_of, give, photo
from tests.gateway.town import Town, local
from tests.servers import ledgers

RU, EN = Words("ru"), Words("en")
WATER = Register("P1", "cold-water", "8-0:1.0.0", "m3")
FLATS = DWELLINGS_MIN + 1


def use(flat: int, month: int) -> int:
    """What a flat uses in a month of 2026, in hundredths."""
    return 1000 * flat + 100 * month


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Six flats with electricity meters, September and October closed by readings of midnight."""
    town = Town(tmp_path)
    for flat in range(1, FLATS + 1):
        town.install(f"A{flat}", town.point(f"P{flat}", str(flat)))
        shown = 10_000
        for month in (9, 10):
            town.read(f"A{flat}", local(month, 1), shown)
            shown += use(flat, month)
        town.read(f"A{flat}", local(11, 1), shown)
    town.send()
    town.close("2026-09", now_ms=local(11, 1, 1))
    town.close("2026-10", now_ms=local(11, 1, 1))
    follow(town.store)
    yield town
    town.store.close()


def of(town: Town, dwelling: str = "1", now_ms: int | None = None) -> History:
    place = ledgers.place(town.folder / LEDGER_FILE)
    found = history(place, account_of(town, dwelling), now_ms or local(11, 2))
    assert found is not None
    return found


@pytest.mark.both_engines
def test_months_are_what_was_billed_beside_the_others_average(town: Town) -> None:
    (kept,) = of(town).registers
    shown = {one.period: (one.used, one.house, one.is_read) for one in kept.months if one.used}
    others = range(2, FLATS + 1)
    assert shown == {
        f"2026-{month:02d}": (
            Decimal(use(1, month)) / 100,
            Decimal(sum(use(flat, month) for flat in others)) / len(others) / 100,
            True,
        )
        for month in (9, 10)
    }
    assert len(kept.months) == 12
    assert kept.months[-1].period == "2026-10"


def test_values_are_those_of_the_ledger_with_who_says_so(town: Town) -> None:
    at_ms = local(11, 1, 12)
    shot = photo(town, "A1", "000150 0", at_ms, "1")
    number = give(town, "A1", "200.00", at_ms, photo_no=shot, period="2026-11", dwelling="1")
    (kept,) = of(town).registers
    newest = kept.values[0]
    assert (newest.source, newest.standing, newest.value) == ("photo", "open", Decimal("200.00"))
    assert (newest.photo_no, newest.act, newest.subject) == (shot, number, number)
    told = {(one.source, one.at_ms, one.value) for one in kept.values}
    end = Decimal(10_000 + use(1, 9) + use(1, 10)) / 100
    assert ("device", local(9, 1), Decimal("100.00")) in told
    assert ("device", local(11, 1), end) in told
    assert ("bill", local(11, 1), end) in told
    assert [one.at_ms for one in kept.values] == sorted(one.at_ms for one in kept.values)[::-1]


def test_a_meter_that_moved_takes_no_history_with_it(town: Town) -> None:
    moved = local(11, 3)
    give(town, "A1", "130.00", local(11, 2, 12), period="2026-11", dwelling="1")
    town.remove("A1", moved, 30_000)
    point_no = town.point("P9", "2")
    with town.store.transaction() as connection:
        connection.execute(
            "INSERT INTO installation (point_no, meter_no, installed_at_ms)"
            " SELECT ?, meter_no, ? FROM meter WHERE serial = 'A1'",
            (point_no, moved),
        )
    follow(town.store)
    there = of(town, "2", local(11, 4))
    assert [kept.meter for kept in there.registers] == ["A2", "A1"]
    assert {one.meter for kept in there.registers for one in kept.values} == {"A2"}
    here = of(town, "1", local(11, 4))
    assert "resident" in {one.source for kept in here.registers for one in kept.values}


def billed(amount: str, period: str = "2026-10", *, read: bool = True) -> Billed:
    return Billed(WATER, period, Decimal(amount), read)


def test_with_fewer_than_five_others_there_is_no_average() -> None:
    assert average(Others(Decimal(10), DWELLINGS_MIN - 1)) is None
    assert average(Others(Decimal("15.001"), DWELLINGS_MIN)) == Decimal("3.000")


@pytest.mark.both_engines
def test_ones_own_use_does_not_make_the_fifth(town: Town) -> None:
    with town.store.transaction() as connection:
        connection.execute("UPDATE written_line SET role = 'check' WHERE dwelling = '6'")
    (kept,) = of(town).registers
    assert kept.months[-1].used == Decimal("20.00")
    assert {one.house for one in kept.months} == {None}


def test_a_correction_by_a_reading_settles_its_month_and_stays_in_it() -> None:
    rows = [billed("5.000", read=False), billed("-1.500"), billed("4", "2025-10")]
    month = months(WATER, rows, {}, "2026-10")[-1]
    assert (month.used, month.before, month.is_read) == (Decimal("3.500"), Decimal(4), True)
    month = months(WATER, rows[:1], {}, "2026-10")[-1]
    assert (month.used, month.is_read) == (Decimal("5.000"), False)


@pytest.mark.both_engines
def test_corrections_count_in_the_period_they_are_about(town: Town) -> None:
    before = {one.period: one for one in of(town).registers[0].months}
    with town.store.transaction() as connection:
        connection.execute(
            "INSERT INTO written_correction (line_no, correction_id, closing_no,"
            " opening_register_no, opening_at_ms, opening_mantissa, closing_register_no,"
            " closing_at_ms, closing_mantissa, difference_mantissa, difference_exponent, method,"
            " reason) SELECT line_no, line_id || '-c1', (SELECT max(closing_no) FROM"
            " written_closing), opening_register_no, opening_at_ms, opening_mantissa,"
            " closing_register_no, closing_at_ms, closing_mantissa, -500, -2, 'actual', ''"
            " FROM written_line JOIN written_closing USING (closing_no)"
            " WHERE dwelling IN ('1', '2') AND period = '2026-09'"
        )
    after = {one.period: one for one in of(town).registers[0].months}
    assert after["2026-10"] == before["2026-10"]
    was, now = before["2026-09"], after["2026-09"]
    assert (was.used, was.house) == (Decimal("19.00"), Decimal("49.00"))
    assert (now.used, now.house) == (Decimal("14.00"), Decimal("48.00"))


def test_two_years_of_lines_are_enough() -> None:
    assert (since("2026-10"), year_to("2026-10")) == ("2024-11", "2025-11")
    first = months(WATER, [billed("4", "2024-11")], {}, "2026-10")[0]
    assert (first.period, first.before) == ("2025-11", Decimal(4))


def test_the_file_runs_nothing_in_a_spreadsheet(town: Town) -> None:
    with town.store.transaction() as connection:
        connection.execute("UPDATE point SET name = '=HYPERLINK(1)' WHERE name = 'P1'")
    data = history_sheet.csv(of(town), EN)
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert {row["Metering point"] for row in rows} == {"'=HYPERLINK(1)"}
    assert rows[0]["Time"] == "2026-11-01 00:00+03:00"
    assert {row["Reading"] for row in rows} >= {"100.00", "119.00", "139.00"}
    assert len(rows) == len(of(town).registers[0].values)


@pytest.mark.parametrize(("words", "said"), [(RU, "20,00"), (EN, "20.00")])
def test_the_paper_has_months_and_values(town: Town, words: Words, said: str) -> None:
    reader = pypdf.PdfReader(io.BytesIO(history_pdf.of_history(of(town), words)))
    text = " ".join("".join(page.extract_text() for page in reader.pages).split())
    for one in (words("history_title"), f"{words.month(10)} 2026", said, "A1", "4011"):
        assert one in text


@pytest.mark.parametrize("words", [RU, EN])
def test_the_paper_has_the_pages_chart_with_words_for_who_hears_it(
    town: Town, words: Words
) -> None:
    reader = pypdf.PdfReader(io.BytesIO(history_pdf.of_history(of(town), words)))
    text = reader.pages[0].extract_text()
    # Once above the table's column, and once beside the colour of its bars.
    assert text.count(words("history_house")) == 2
    assert text.count(words("history_used")) == 2
    assert words.month(3) in text, "a month without use has its place in the chart alone"
    (said,) = alts(reader)
    assert said.startswith(words("history_chart_alt", "").partition(":")[0])


def alts(reader: pypdf.PdfReader) -> list[str]:
    """What is said for its pictures."""
    found: list[str] = []

    def walk(node: object) -> None:
        if isinstance(node, pypdf.generic.IndirectObject):
            walk(node.get_object())
        elif isinstance(node, pypdf.generic.ArrayObject):
            for one in node:
                walk(one)
        elif isinstance(node, pypdf.generic.DictionaryObject):
            if "/Alt" in node:
                found.append(str(node["/Alt"]))
            walk(node.get("/K"))

    walk(reader.root_object["/StructTreeRoot"])
    return found


def test_the_chart_draws_this_year_last_year_and_the_house(town: Town) -> None:
    (kept,) = of(town).registers
    svg = charts.compared(kept, EN).decode()
    ET.fromstring(svg)  # noqa: S314 - our own
    assert "<script" not in svg
    assert "The last year" in svg
    assert "House average" in svg
    assert "The year before" not in svg


def test_an_account_that_is_not_there_has_none(town: Town) -> None:
    assert history(ledgers.place(town.folder / LEDGER_FILE), 999, 0) is None


def test_a_house_never_closed_has_values_and_no_months(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.install("A1", town.point("P1"))
    give(town, "A1", "123.45", local(9, 25, 12))
    (kept,) = of(town, "12", local(9, 26)).registers
    assert kept.months == ()
    assert [one.source for one in kept.values] == ["resident"]
    assert history_pdf.of_history(of(town, "12", local(9, 26)), RU).startswith(b"%PDF")
    town.store.close()
