"""LABELS.tsv: rows, or one line that says which row is wrong and why."""

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.photo.mask import Kind, Mask
from simulators.photo import labels
from simulators.photo.labels import LabelError, load, parse

HEAD = "file\treading\tkind\tmask\tbox\n"
GOOD = "a/1.jpg\t00123.456\todometer\t5+3\t1 2 90 2.5 90 30 1 31\n"


def refused(row: str) -> str:
    with pytest.raises(LabelError) as told:
        parse((HEAD + GOOD + row + "\n").encode())
    assert "\n" not in str(told.value)
    return str(told.value)


def test_a_row_says_all_there_is_to_know() -> None:
    (one,) = parse((HEAD + GOOD).encode())
    assert one.file == "a/1.jpg"
    assert (one.digits, one.decimals) == ("00123456", 3)
    assert one.mask == Mask(Kind.ODOMETER, 5, 3)
    assert one.corners is not None
    assert one.corners.points == ((1, 2), (90, 2.5), (90, 30), (1, 31))


@pytest.mark.parametrize(
    ("reading", "mask", "digits", "decimals"),
    [
        ("123.45", "5+3", "00123450", 3),  # noughts at the end that a program dropped
        ("123,456", "5+3", "00123456", 3),
        ("00123456", "5+3", "00123456", 3),  # the digits as they stand
        ("0", "6", "000000", 0),
        ("0077", "", "77", None),
        ("7.5", "", "75", 1),
        ("0.0", "", "0", 1),
    ],
)
def test_readings_are_laid_into_their_mask(
    reading: str, mask: str, digits: str, decimals: int | None
) -> None:
    (one,) = parse(f"{HEAD}x.png\t{reading}\todometer\t{mask}\t\r\n".encode())
    assert (one.digits, one.decimals) == (digits, decimals)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("x.png\t1\todometer\t5+3", "expected 5 fields, got 4"),
        ("x.png\t1\twheel\t5+3\t", "kind is odometer or lcd, not 'wheel'"),
        ("x.png\t1\todometer\t5.3\t", "a mask is digits"),
        ("x.png\t1\todometer\t9+9\t", "a mask has at most"),
        ("x.png\t1,2,3\todometer\t5\t", "a reading is digits"),
        ("x.png\t-5\todometer\t5\t", "a reading is digits"),
        ("x.png\t\todometer\t5\t", "a reading is digits"),
        ("x.png\t1.25\todometer\t5+1\t", "more decimals than the mask 5+1"),
        ("x.png\t123456\todometer\t5\t", "more than 5 digits"),
        ("x.png\t1\todometer\t5\t1 2 3", "a box is eight pixel numbers"),
        ("x.png\t1\todometer\t5\t1 2 3 4 5 6 7 nan", "a box is eight pixel numbers"),
        ("x.png\t1\todometer\t5\t0 0 9 9 5 5 2 2", "clockwise from its top left"),
        ("x.png\t1\todometer\t5\t0 0 200000 0 200000 9 0 9", "within 100000 pixels"),
        ("/etc/passwd\t1\todometer\t5\t", "inside the folder"),
        ("../x.png\t1\todometer\t5\t", "inside the folder"),
        ("a/../../x.png\t1\todometer\t5\t", "inside the folder"),
        ("a\\x.png\t1\todometer\t5\t", "inside the folder"),
        ("a\x00.png\t1\todometer\t5\t", "inside the folder"),
        ("\t1\todometer\t5\t", "inside the folder"),
    ],
)
def test_a_wrong_row_is_named_by_its_line(row: str, said: str) -> None:
    told = refused(row)
    assert told.startswith("LABELS.tsv line 3: ")
    assert said in told


def test_a_box_round_the_other_way_is_turned_round() -> None:
    (one,) = parse((HEAD + "x.png\t1\todometer\t5\t0 0 0 9 40 9 40 0\n").encode())
    assert one.corners is not None
    assert one.corners.points == ((0, 0), (40, 0), (40, 9), (0, 9))


def test_wrong_rows_are_told_and_the_others_taken(tmp_path: Path) -> None:
    rows = ("1.png\t1\todometer\t5\t", "2.png\tx\todometer\t5\t", "3.png\t1\todometer\t5\t")
    (tmp_path / "LABELS.tsv").write_text(HEAD + "\n".join(rows))
    (tmp_path / "3.png").write_bytes(b"")
    told: list[str] = []
    (left,) = load(tmp_path, told.append)
    assert left.file == "3.png"
    assert [one.split(":")[0] for one in told] == ["LABELS.tsv line 3", "LABELS.tsv line 2"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "line 1: expected the header 'file reading kind mask box'"),
        (b"file,reading,kind,mask,box\n", "line 1: expected the header"),
        (HEAD.encode(), "names no picture"),
        (HEAD.encode() + b"x\xff", "line 2: expected UTF-8"),
        (b"x" * (labels.BYTES_MAX + 1), "larger than"),
    ],
)
def test_a_file_that_is_none_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(LabelError, match=said):
        parse(data)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / labels.NAME)
    with pytest.raises(LabelError, match="expected a file"):
        load(tmp_path)


def test_pictures_must_be_there_and_inside(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    with pytest.raises(LabelError, match="cannot read"):
        load(inside)
    (inside / "LABELS.tsv").write_text(HEAD + "x.png\t1\todometer\t5\t\n")
    with pytest.raises(LabelError, match=r"line 2: there is no picture 'x\.png'"):
        load(inside)
    (tmp_path / "out.png").write_bytes(b"")
    (inside / "x.png").symlink_to(tmp_path / "out.png")
    with pytest.raises(LabelError, match=r"line 2: 'x\.png' leads out of the folder"):
        load(inside)


@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=300).map(lambda said: (HEAD + said).encode("utf-8", "replace")),
    )
)
@example((HEAD + GOOD).encode())
def test_any_bytes_are_rows_or_refused_in_one_line(data: bytes) -> None:
    said, rows = "", ()
    try:
        rows = parse(data)
    except LabelError as error:
        said = str(error)
    assert said.isprintable()
    assert bool(said) != bool(rows)
    assert all(row.digits.isdecimal() for row in rows)
