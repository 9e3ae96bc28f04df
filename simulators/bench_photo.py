"""How well registers are read from photographs: a folder with labels, or scenes drawn here.

A digit that is left open is counted as open, and its likeliest value is still compared: what was
recognised and what is shown to a person are two questions. `exact`, `whole` and `digits` answer the
first, `open`, `proposed` and `sure_but_wrong` the second.

Folders come from others. A row or a picture that cannot be used is named in a line on the standard
error output and counts as a picture that was not read; all others are measured.
"""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from gateway.photo.reading import Cell
from gateway.photo.recognition import Recognised, Recogniser, no_serials
from simulators.photo import digits as digit_crops
from simulators.photo import drawn, labels
from simulators.photo.labels import Label, LabelError

# A phone's picture has 12 to 50 million pixels and less than 15 MB; beyond this it is something
# else, and would take gigabytes unpacked.
FILE_BYTES_MAX, PIXELS_MAX = 32 * 1024 * 1024, 64_000_000
FORMATS = ("BMP", "JPEG", "PNG", "WEBP")
# Where a HEIC says what it is.
_HEIC_AT, _HEIC = 4, b"ftyp"
PICTURES = 100
_BINS = 10


class Judged(NamedTuple):
    """One picture: what came of it.

    `cells` are pairs of how sure a digit was and whether its likeliest value is right.
    """

    is_exact: bool
    is_whole: bool
    right: int
    digits: int
    open: int
    found: bool
    cells: tuple[tuple[float, bool], ...]
    seconds: float


# A row whose truth is not known either.
_UNREAD = Judged(
    is_exact=False, is_whole=False, right=0, digits=0, open=0, found=False, cells=(), seconds=0.0
)


@click.command("photo")
@click.option(
    "--data",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder with a LABELS.tsv.  [scenes drawn here]",
)
@click.option(
    "--framed/--unframed",
    default=True,
    help="Use the box of a picture where it has one, or find every register.",
)
@click.option("--pictures", type=click.IntRange(1, 10_000), default=PICTURES, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option(
    "--digits",
    "crops",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Instead, read this .npz of single digits, labelled in tenths.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def photo(
    *,
    folder: Path | None,
    framed: bool,
    pictures: int,
    seed: int,
    crops: Path | None,
    as_json: bool,
) -> None:
    """Recognition of photographed registers over a folder, or over drawn scenes.

    Shares from 0 to 1: `exact` all digits agree, leading noughts ignored; `whole` those before the
    point agree; `digits` of single digits; `open` digits left to the person; `proposed` pictures
    with every digit shown, and right; `sure_but_wrong` every digit shown, and wrong. An open digit
    counts with its likeliest value in the first three. A row or picture of the folder that cannot
    be used is named in a line on the standard error output and counts as not read.
    """
    if folder is not None and crops is not None:
        raise click.UsageError("expected --data or --digits, got both")
    try:
        if crops is not None:
            _print(dict(digit_crops.digits_figures(crops)), as_json=as_json)
            return
        unread: list[str] = []
        rows = drawn.pictures(seed, pictures) if folder is None else _of_folder(folder, unread)
        recogniser = Recogniser(serials=no_serials)
        judged = [_judged(recogniser, one, read, framed=framed) for one, read in rows]
        judged += [_UNREAD] * len(unread)
    except (LabelError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    _print(figures(judged), as_json=as_json)


class Opening(NamedTuple):
    """A picture not read yet."""

    file: Path
    line: int

    def pixels(self) -> NDArray[np.uint8]:
        """The picture as it is seen (height, width, 3); LabelError where it is none of ours."""
        place = f"{labels.NAME} line {self.line}: {self.file.name}"
        size = self.file.stat().st_size
        if size > FILE_BYTES_MAX:
            raise LabelError(f"{place} has {size} bytes, at most {FILE_BYTES_MAX} are taken")
        try:
            with self._opened() as image:
                _check(place, image.size)
                seen = ImageOps.exif_transpose(image).convert("RGB")
                return np.asarray(seen)
        except LabelError:
            raise
        except UnidentifiedImageError as error:
            raise LabelError(f"{place} is no picture in HEIC, {', '.join(FORMATS)}") from error
        except (Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
            raise LabelError(f"{place} cannot be read: {error}") from error

    def _opened(self) -> Image.Image:
        with self.file.open("rb") as stream:
            head = stream.read(16)
        if head[_HEIC_AT : _HEIC_AT + len(_HEIC)] == _HEIC:
            return pillow_heif.HeifImageFile(self.file)  # type: ignore[no-untyped-call]
        return Image.open(self.file, formats=FORMATS)


def _check(place: str, size: tuple[int, int]) -> None:
    if size[0] * size[1] > PIXELS_MAX:
        said = f"{size[0]} x {size[1]} pixels, at most {PIXELS_MAX} are taken"
        raise LabelError(f"{place} has {said}")


def _of_folder(folder: Path, unread: list[str]) -> Iterator[tuple[Label, Opening]]:
    """The pictures that are there; what cannot be used is said, and noted in `unread`."""

    def wrong(said: str) -> None:
        unread.append(said)
        _say(said)

    for one in labels.load(folder, wrong):
        yield one, Opening(folder / one.file, one.line)


def _say(said: str) -> None:
    click.echo(f"not read: {said}", err=True)


def _judged(
    recogniser: Recogniser, label: Label, picture: Opening | drawn.Drawn, *, framed: bool
) -> Judged:
    began_s = time.perf_counter()
    try:
        pixels = picture.pixels()
    except (LabelError, OSError) as error:
        _say(str(error))
        return judge(label, Recognised(None, None), time.perf_counter() - began_s)
    corners = label.corners if framed else None
    seen = recogniser.read(pixels, label.mask, corners, None, label.kind)
    return judge(label, seen, time.perf_counter() - began_s)


def judge(label: Label, seen: Recognised, seconds: float = 0.0) -> Judged:
    """Compare what was recognised with the truth, digit by digit from the right."""
    cells = seen.reading.cells if seen.reading is not None else ()
    truth = label.digits.zfill(len(cells))
    said = tuple(_best(cell) for cell in cells)
    text = "".join("?" if one is None else str(one) for one in said).rjust(len(truth), "?")
    # A register may be read with fewer cells than it has; only what was left away must be noughts.
    missing = len(truth) - len(cells)
    if cells and missing > 0 and set(truth[:missing]) == {"0"}:
        text = "0" * missing + text[missing:]
    behind = label.decimals or 0
    whole = len(truth) - behind
    agree = [a == b for a, b in zip(text, truth, strict=True)]
    return Judged(
        is_exact=bool(cells) and all(agree),
        is_whole=bool(cells) and all(agree[:whole]),
        right=sum(agree),
        digits=len(truth),
        open=sum(cell.digit is None for cell in cells) + max(missing, 0) * (not cells),
        found=seen.corners is not None,
        cells=tuple(
            (cell.sure, is_right)
            for cell, is_right in zip(cells, agree[len(agree) - len(cells) :], strict=True)
        ),
        seconds=seconds,
    )


def _best(cell: Cell) -> int | None:
    return cell.digit if cell.best is None else cell.best


def figures(judged: Sequence[Judged]) -> dict[str, float]:
    """The shares over all pictures."""
    count = len(judged)
    digits = sum(one.digits for one in judged)
    closed = [one for one in judged if one.cells and not one.open]
    return {
        "pictures": count,
        "exact": _share(sum(one.is_exact for one in judged), count),
        "whole": _share(sum(one.is_whole for one in judged), count),
        "digits": _share(sum(one.right for one in judged), digits),
        "open": _share(sum(one.open for one in judged), digits),
        "sure_but_wrong": _share(sum(not one.is_exact for one in closed), count),
        "seconds_per_picture": round(sum(one.seconds for one in judged) / max(count, 1), 3),
        "found": _share(sum(one.found for one in judged), count),
        "proposed": _share(sum(one.is_exact for one in closed), count),
        "calibration_error": calibration_error([cell for one in judged for cell in one.cells]),
    }


def calibration_error(cells: Sequence[tuple[float, bool]]) -> float:
    """The expected calibration error: how far sureness lies from being right, over ten bins."""
    off = 0.0
    for low in range(_BINS):
        # The last bin takes 1.0 as well.
        inside = [one for one in cells if low <= min(one[0] * _BINS, _BINS - 0.001) < low + 1]
        off += abs(sum(sure for sure, _ in inside) - sum(right for _, right in inside))
    return round(off / max(len(cells), 1), 4)


def _share(part: int, whole: int) -> float:
    return round(part / max(whole, 1), 4)


def _print(found: dict[str, float], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found))
        return
    for name, value in found.items():
        click.echo(f"{name:22}{value}")
