"""LABELS.tsv: which pictures a folder has, what their registers show, and where these are.

Tab-separated, with the header `file reading kind mask box`. The file was written by somebody else
and may name anything, so each row is checked before a picture is opened; every refusal is one line
with the number of the row's line. One wrong row of hundreds need not spoil a long run: who gives a
`wrong` is told of each, and the others are taken.
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from gateway.photo.geometry import Corners
from gateway.photo.mask import CELLS_MAX, Kind, Mask

NAME = "LABELS.tsv"
HEADER = ("file", "reading", "kind", "mask", "box")
# Ten times the largest collection of labelled meters that is published.
BYTES_MAX, ROWS_MAX = 8 * 1024 * 1024, 50_000
# The longest path most file systems take, and a side no camera's picture has.
_PATH_CHARS_MAX, _SIDE_MAX = 1024, 100_000
_READING = re.compile(r"([0-9]+)(?:[.,]([0-9]+))?", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,6}(?:\.[0-9]{1,9})?", re.ASCII)
_BOX_NUMBERS = 8


class LabelError(ValueError):
    """What is wrong with the labels, in one line."""


class Label(NamedTuple):
    """One picture and the truth about it.

    `digits` is what the register shows, as many digits as the mask has where it is known;
    `decimals` how many of them stand behind the point, None where neither mask nor reading says.
    """

    line: int
    file: str
    digits: str
    decimals: int | None
    kind: Kind
    mask: Mask | None
    corners: Corners | None


def load(folder: Path, wrong: Callable[[str], None] | None = None) -> tuple[Label, ...]:
    """The labels of a folder whose pictures are all there; LabelError in one line.

    With `wrong`, rows that are not to be used are told to it instead, one line each.
    """
    file = folder / NAME
    if file.exists() and not file.is_file():
        # A pipe would be waited for without end.
        raise LabelError(f"cannot read {file}: expected a file")
    try:
        with file.open("rb") as stream:
            data = stream.read(BYTES_MAX + 1)
    except OSError as error:
        raise LabelError(f"cannot read {file}: {error.strerror}") from error
    refuse = wrong or _refuse
    kept, root = [], folder.resolve()
    for one in parse(data, wrong):
        path = root / one.file
        if not path.resolve().is_relative_to(root):
            refuse(f"{NAME} line {one.line}: {one.file!r} leads out of the folder")
        elif not path.is_file():
            refuse(f"{NAME} line {one.line}: there is no picture {one.file!r}")
        else:
            kept.append(one)
    return tuple(kept)


def _refuse(said: str) -> None:
    raise LabelError(said)


def parse(data: bytes, wrong: Callable[[str], None] | None = None) -> tuple[Label, ...]:
    """The rows of a LABELS.tsv; LabelError with the line where one is wrong.

    With `wrong`, wrong rows are told to it and left out; a file that is none is still refused.
    """
    if len(data) > BYTES_MAX:
        raise LabelError(f"{NAME} is larger than {BYTES_MAX} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise LabelError(f"{NAME} line {line}: expected UTF-8") from None
    lines = text.replace("\r\n", "\n").split("\n")
    if tuple(lines[0].split("\t")) != HEADER:
        said = " ".join(HEADER)
        raise LabelError(f"{NAME} line 1: expected the header {said!r}, separated by tabs")
    labels = tuple(_rows(lines, wrong or _refuse))
    if not labels and not any(lines[1:]):
        raise LabelError(f"{NAME} names no picture")
    return labels


def _rows(lines: list[str], refuse: Callable[[str], None]) -> Iterator[Label]:
    for number, line in enumerate(lines[1:], 2):
        if not line:
            continue
        if number > ROWS_MAX + 1:
            raise LabelError(f"{NAME} line {number}: at most {ROWS_MAX} pictures are taken")
        fields = line.split("\t")
        try:
            if len(fields) != len(HEADER):
                raise LabelError(f"expected {len(HEADER)} fields, got {len(fields)}")
            yield _label(number, fields)
        except ValueError as error:
            refuse(f"{NAME} line {number}: {error}")


def _label(line: int, fields: list[str]) -> Label:
    file, reading, kind, mask, box = fields
    if kind not in tuple(Kind):
        raise LabelError(f"kind is {' or '.join(Kind)}, not {kind[:40]!r}")
    masked = Mask.of(mask, Kind(kind)) if mask else None
    digits, decimals = _digits(reading, masked)
    return Label(line, _path(file), digits, decimals, Kind(kind), masked, _corners(box))


def _path(file: str) -> str:
    path = PurePosixPath(file)
    plain = 0 < len(file) <= _PATH_CHARS_MAX and file.isprintable() and "\\" not in file
    if not plain or path.is_absolute() or ".." in path.parts or str(path) == ".":
        raise LabelError(f"expected the path of a picture inside the folder, got {file[:60]!r}")
    return file


def _digits(reading: str, mask: Mask | None) -> tuple[str, int | None]:
    """What the register shows. Without a point a reading is all its digits as they stand."""
    match = _READING.fullmatch(reading) if len(reading) <= 4 * CELLS_MAX else None
    if match is None:
        raise LabelError(
            f'a reading is digits, with or without a point: "123.456", not {reading[:40]!r}'
        )
    before, behind = match[1], match[2]
    decimals = None if behind is None else len(behind)
    if mask is not None:
        if behind is not None and len(behind) <= mask.decimals:
            # Programs drop noughts at the end: 12.5 on a register of three decimals is 12.500.
            behind = behind.ljust(mask.decimals, "0")
        elif behind is not None:
            raise LabelError(f"the reading {reading} has more decimals than the mask {mask}")
        decimals = mask.decimals
    digits = (before + (behind or "")).lstrip("0")
    cells = mask.cells if mask else CELLS_MAX
    if len(digits) > cells:
        raise LabelError(f"the reading {reading} has more than {cells} digits")
    return digits.zfill(mask.cells if mask else 1), decimals


def _corners(box: str) -> Corners | None:
    if not box.strip():
        return None
    fields = box.replace(",", " ").split()
    if len(fields) != _BOX_NUMBERS or not all(_NUMBER.fullmatch(one) for one in fields):
        raise LabelError(f"a box is eight pixel numbers or empty, not {box[:60]!r}")
    numbers = [float(Decimal(one)) for one in fields]
    if any(abs(one) > _SIDE_MAX for one in numbers):
        raise LabelError(f"a box lies within {_SIDE_MAX} pixels, not {box[:60]!r}")
    x, y = numbers[::2], numbers[1::2]
    sides = zip(x, y, x[1:] + x[:1], y[1:] + y[:1], strict=True)
    area = sum(x0 * y1 - x1 * y0 for x0, y0, x1, y1 in sides) / 2
    if abs(area) < 1:
        raise LabelError(f"a box runs clockwise from its top left, not {box[:60]!r}")
    if area < 0:
        # Round the other way, as programs have it whose pictures begin at the bottom. A register
        # is never seen from behind.
        x, y = x[:1] + x[:0:-1], y[:1] + y[:0:-1]
    return Corners(((x[0], y[0]), (x[1], y[1]), (x[2], y[2]), (x[3], y[3])))
