"""The pages of threats and of WELMEC name a test in every row, or say what is not covered."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = ("threats.md", "welmec.md")
NAMED = re.compile(r"`([\w/]+\.py)(?:::(\w+))?`")
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
        assert re.search(rf"\b(def|class) {name}\b", path.read_text("utf-8")), f"{file}::{name}"


@pytest.mark.parametrize("page", PAGES)
def test_every_row_names_a_test_or_says_what_is_not_covered(page: str) -> None:
    assert len(rows(page)) >= 16
    for cells in rows(page):
        assert NAMED.search(cells[-1]) or "not covered: " in cells[-1], cells


def test_all_of_t_and_l_stand_in_the_list() -> None:
    assert {cells[0] for cells in rows("welmec.md")} == COVERED


def test_every_letter_of_stride_stands_there() -> None:
    assert {cells[0] for cells in rows("threats.md")} == set("STRIDE")
