"""The pages of threats and of WELMEC name a test in every row, or say what is not covered."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = ("threats.md", "welmec.md")
NAMED = re.compile(r"`([\w/]+\.py)(?:::(\w+))?`")
# Where a reading goes and who comes to it; a new road gets a table of its own, and a line here.
STRETCHES = {
    *("Meter → edge", "The edge's disk", "Enrolment", "Cards", "Visits of installers"),
    *("The installer's page on the device", "Updates", "Edge → broker"),
    *("Broker → gateway, and the gateway's word back", "Gateway → ledger, standbys"),
    *("Gateway → backup, mirror, history", "Gateway → billing, ГИС ЖКХ", "Operator → gateway"),
    *("Residents' links and codes", "Residents' pages", "Residents who sign in"),
    "Update and supply",
}
COVERED = {f"{letter}{number}" for letter in "TL" for number in range(1, 9)}


def rows(page: str) -> list[list[str]]:
    """The cells of every row of a page's tables, without headings."""
    lines = (ROOT / "docs" / page).read_text("utf-8").splitlines()
    found = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("|")
    ]
    return [cells for cells in found if cells[0] and not set(cells[0]) <= set("-")]


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_is_named_exists(page: str) -> None:
    for file, name in NAMED.findall((ROOT / "docs" / page).read_text("utf-8")):
        path = ROOT / "tests" / file
        assert path.is_file(), file
        text = path.read_text("utf-8")
        assert re.search(rf"\b(def|class) {name}\b", text), f"{file}::{name}"
        # An attack is no test of itself: one that is named must also be carried out there.
        is_run = name.startswith(("test_", "Test")) or len(re.findall(rf"\b{name}\b", text)) > 1
        assert is_run, f"{file}::{name} is never called"


@pytest.mark.parametrize("page", PAGES)
def test_every_row_names_a_test_or_says_what_is_not_covered(page: str) -> None:
    assert len(rows(page)) >= 16
    for cells in rows(page):
        assert NAMED.search(cells[-1]) or "not covered: " in cells[-1], cells


def test_all_of_t_and_l_stand_in_the_list() -> None:
    assert {cells[0] for cells in rows("welmec.md")} == COVERED


def test_every_letter_of_stride_stands_there() -> None:
    assert {cells[0] for cells in rows("threats.md")} == set("STRIDE")


def test_every_stretch_of_the_way_has_its_table() -> None:
    text = (ROOT / "docs/threats.md").read_text("utf-8")
    stretches = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert all("\n| " in one for one in stretches)
    assert {one.partition("\n")[0] for one in stretches} >= STRETCHES
