"""The visits on the disk: numbers, photos, records, and what a disk may do to them."""

import os
from pathlib import Path

import pytest

from cloud_sync import visit as wire_visit
from cloud_sync.topics import visit_topic
from drivers.reading import ClockState
from edge import identity
from edge.visit.core import RECORD, VisitBook, VisitError
from edge.visit.draft import Begun, Moment, Remarks
from edge.visit.journal import FILE, JOURNAL_BYTES_MAX
from tests.cloud_sync.test_visit import a_visit
from tests.edge.visit.site import DEVICE, KEY, START_MS

AT = Moment(START_MS, 0, b"boot-one", ClockState.SYNCHRONISED)
BEGUN = Begun(0, "commissioning", "Ivan", "House", AT)


def finish(book: VisitBook) -> int:
    draft = book.current()
    assert draft is not None
    record = a_visit(number=draft.number)
    return book.seal(KEY.seal(wire_visit.encode(record), visit_topic(DEVICE))).number


def test_numbers_rise_and_are_not_given_twice(tmp_path: Path) -> None:
    book = VisitBook(tmp_path)
    assert book.current() is None
    assert book.begin(BEGUN).number == 1
    finish(book)
    assert book.begin(BEGUN).number == 2
    book.drop("no ladder")
    assert book.begin(BEGUN).number == 3
    assert book.numbers() == (1,)
    with pytest.raises(VisitError, match="no record of visit 2; there are: 1"):
        book.finished(2)


def test_a_folder_in_which_nothing_began_is_used_again(tmp_path: Path) -> None:
    book = VisitBook(tmp_path)
    (tmp_path / "visits" / "000001").mkdir(parents=True)
    assert book.current() is None
    assert book.begin(BEGUN).number == 1


def test_two_processes_write_one_journal(tmp_path: Path) -> None:
    page, terminal = VisitBook(tmp_path), VisitBook(tmp_path)
    page.begin(BEGUN)
    terminal.note(Remarks("from the terminal"))
    seen = page.current()
    assert seen is not None
    assert seen.remarks == "from the terminal"
    page.note(Remarks("from the page"))
    other = terminal.current()
    assert other is not None
    assert other.remarks == "from the page"


def test_a_damaged_step_costs_itself_and_nothing_else(tmp_path: Path) -> None:
    book = VisitBook(tmp_path)
    book.begin(BEGUN)
    for text in ("first", "second", "third"):
        book.note(Remarks(text))
    journal = book.place(1) / FILE
    journal.write_bytes(journal.read_bytes().replace(b"second", b"secund"))
    again = VisitBook(tmp_path)
    draft = again.current()
    assert draft is not None
    assert draft.remarks == "third"
    again.note(Remarks("fourth"))
    assert journal.read_bytes().count(b"\n") == 5


def test_a_visit_whose_beginning_is_damaged_gives_its_number_to_no_other(tmp_path: Path) -> None:
    book = VisitBook(tmp_path)
    book.begin(BEGUN)
    book.note(Remarks("all well"))
    journal = book.place(1) / FILE
    journal.write_bytes(journal.read_bytes().replace(b"Ivan", b"Ivxn"))
    again = VisitBook(tmp_path)
    assert again.current() is None
    assert again.begin(BEGUN).number == 2


def test_what_is_no_journal_is_said(tmp_path: Path) -> None:
    book = VisitBook(tmp_path)
    book.begin(BEGUN)
    journal = book.place(1) / FILE
    os.truncate(journal, JOURNAL_BYTES_MAX + 1)
    with pytest.raises(VisitError, match="no journal"):
        VisitBook(tmp_path).current()


def test_a_spoiled_record_is_said_and_not_shown(tmp_path: Path) -> None:
    book = VisitBook(tmp_path)
    book.begin(BEGUN)
    finish(book)
    (book.place(1) / RECORD).write_bytes(b"spoiled")
    with pytest.raises(VisitError, match="does not read"):
        book.finished(1)


def test_photos_that_the_gateway_has_make_room(tmp_path: Path) -> None:
    book = VisitBook(tmp_path, photos_max=100)
    book.begin(BEGUN)
    first, second = book.keep_photo(b"a" * 50), book.keep_photo(b"b" * 50)
    assert book.keep_photo(b"a" * 50) == first
    with pytest.raises(VisitError, match="no room for more until there is a network"):
        book.keep_photo(b"c" * 10)
    book.keep_answer(1, b"kept", second)
    third = book.keep_photo(b"c" * 10)
    assert [book.photo(1, name) is not None for name in (first, second, third)] == [
        True,
        False,
        True,
    ]


@pytest.mark.parametrize("name", ["../../device.key", "", "x" * 64 + "/", "0" * 63])
def test_a_photo_is_named_by_its_hash_and_by_nothing_else(tmp_path: Path, name: str) -> None:
    book = VisitBook(tmp_path)
    book.begin(BEGUN)
    assert book.photo(1, name) is None
    assert not book.photo_answered(1, name)
    if name:
        with pytest.raises(VisitError, match="SHA-256"):
            book.keep_answer(1, b"", name)


def test_a_disk_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "visits").write_text("no folder")
    with pytest.raises(VisitError, match="cannot write into"):
        VisitBook(tmp_path).begin(BEGUN)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make files for others")
def test_what_is_made_under_sudo_belongs_to_the_agents_user(tmp_path: Path) -> None:
    state, agent = tmp_path / "state", 12_345
    state.mkdir()
    os.chown(state, agent, agent)
    book = VisitBook(state)
    book.begin(BEGUN)
    book.keep_photo(b"photo")
    finish(book)
    key = state / "device.key"
    identity.load_or_make(key)
    made = [state / "visits", *(state / "visits").rglob("*"), key]
    assert {path.stat().st_uid for path in made} == {agent}
    assert len(made) >= 6
