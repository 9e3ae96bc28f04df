"""The bench over a folder and over drawn scenes: its figures, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image
from pillow_heif import from_pillow

from gateway.photo.geometry import Corners
from gateway.photo.mask import Kind, Mask
from gateway.photo.reading import Cell, Reading
from gateway.photo.recognition import Recognised
from simulators import bench_photo
from simulators.bench_photo import calibration_error, figures, judge, photo
from simulators.photo import drawn
from simulators.photo.labels import HEADER, Label

KEYS = {
    "pictures", "exact", "whole", "digits", "open", "sure_but_wrong", "seconds_per_picture",
    "found", "proposed", "calibration_error",
}  # fmt: skip
CORNERS = Corners(((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0)))
MASK = Mask(Kind.ODOMETER, 3, 1)
LABEL = Label(2, "x.png", "0427", 1, Kind.ODOMETER, MASK, None)


def seen(*digits: int | None, best: tuple[int, ...] = ()) -> Recognised:
    cells = [
        Cell(digit, 0.5 if digit is None else 0.99, best[place] if best else digit)
        for place, digit in enumerate(digits)
    ]
    return Recognised(Reading(tuple(cells)), CORNERS)


def folder(path: Path, count: int = 2) -> Path:
    """A folder as somebody else would make it, of scenes drawn here."""
    rows = ["\t".join(HEADER)]
    for label, one in drawn.pictures(5, count):
        Image.fromarray(one.picture).save(path / label.file)
        assert label.corners is not None
        box = " ".join(f"{x:.1f} {y:.1f}" for x, y in label.corners.points)
        fields = (label.file, label.digits, label.kind, str(label.mask), box)
        rows.append("\t".join(fields if label.line % 2 else (*fields[:3], "", "")))
    (path / "LABELS.tsv").write_text("\n".join(rows) + "\n")
    return path


def run(*arguments: str) -> dict[str, float]:
    result = CliRunner().invoke(photo, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert isinstance(told, dict)
    return told


def refusal(*arguments: str) -> str:
    result = CliRunner().invoke(photo, list(arguments))
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    return result.output


@pytest.mark.parametrize("way", ["--framed", "--unframed"])
def test_a_folder_of_pictures_is_read_from_end_to_end(tmp_path: Path, way: str) -> None:
    told = run("--data", str(folder(tmp_path)), way)
    assert told.keys() == KEYS
    assert told["pictures"] == 2
    assert all(0 <= told[name] <= 1 for name in KEYS - {"pictures", "seconds_per_picture"})


def test_without_a_folder_scenes_are_drawn_by_the_seed() -> None:
    one, same = (run("--pictures", "2", "--seed", "9") for _ in range(2))
    del one["seconds_per_picture"], same["seconds_per_picture"]
    assert one == same
    assert one["pictures"] == 2
    assert one["found"] == 1  # every drawn scene has its box


def test_most_registers_drawn_are_read_in_their_frame() -> None:
    told = run("--pictures", "16", "--seed", "3")
    assert told["exact"] >= 0.6
    assert told["digits"] >= 0.85


def test_figures_say_what_was_read_and_what_was_shown() -> None:
    rows = [
        judge(LABEL, seen(0, 4, 2, 7)),  # right
        judge(LABEL, seen(0, 4, 2, 8)),  # only the whole part, and sure of it
        judge(LABEL, seen(0, 4, None, 7, best=(0, 4, 2, 7))),  # right, but one is left open
        judge(LABEL, Recognised(None, None)),  # nothing found
    ]
    told = figures(rows)
    assert told["pictures"] == 4
    assert told["exact"] == 0.5
    assert told["whole"] == 0.75
    assert told["digits"] == 11 / 16
    assert told["open"] == 5 / 16
    assert told["sure_but_wrong"] == 0.25
    assert told["proposed"] == 0.25
    assert told["found"] == 0.75


def test_leading_noughts_do_not_matter() -> None:
    label = LABEL._replace(digits="427", decimals=None, mask=None)
    assert judge(label, seen(0, 0, 4, 2, 7)).is_exact
    assert judge(LABEL, seen(4, 2, 7)).is_exact
    assert not judge(label, seen(1, 0, 4, 2, 7)).is_exact
    assert not judge(label, seen(2, 7)).is_exact


def test_sureness_is_measured_against_being_right() -> None:
    assert calibration_error([(1.0, True)] * 9 + [(1.0, False)]) == 0.1
    assert calibration_error([(0.75, True)] * 3 + [(0.75, False)]) == 0
    assert calibration_error([]) == 0


def said_of(data: Path) -> tuple[dict[str, float], str]:
    """The figures of a folder, and what is said of its pictures that cannot be used."""
    result = CliRunner().invoke(photo, ["--data", str(data), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert isinstance(told, dict)
    return told, result.stderr


def test_a_bad_picture_is_named_by_its_line_and_counts_as_not_read(tmp_path: Path) -> None:
    data = folder(tmp_path, 2)
    picture = data / "00001.png"

    def refused(said: str) -> None:
        told, errors = said_of(data)
        assert f"not read: LABELS.tsv line 2: {said}" in errors
        assert errors.count("\n") == 1
        assert told["pictures"] == 2
        assert told["exact"] <= 0.5
        assert told["found"] == 0.5

    Image.new("1", (9000, 9000)).save(picture)
    refused("00001.png has 9000 x 9000 pixels")
    picture.write_bytes(b"<svg/>")
    refused("00001.png is no picture")
    picture.write_bytes(b"\0\0\0\x18ftypheic and no more")
    refused("00001.png cannot be read")
    Image.new("RGB", (64, 64)).save(picture)
    picture.write_bytes(picture.read_bytes()[:70])
    refused("00001.png cannot be read")
    with picture.open("wb") as stream:
        stream.truncate(bench_photo.FILE_BYTES_MAX + 1)
    refused("00001.png has 33554433 bytes")
    picture.unlink()
    refused("there is no picture '00001.png'")


def test_a_wrong_row_is_named_and_counts_as_not_read(tmp_path: Path) -> None:
    data = folder(tmp_path, 1)
    with (data / "LABELS.tsv").open("a") as rows:
        rows.write("00001.png\twhatever\todometer\t\t\n")
    told, errors = said_of(data)
    assert errors.startswith("not read: LABELS.tsv line 3: a reading is digits")
    assert told["pictures"] == 2


SHOTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("1.heic", {"quality": 90}),
    ("2.jpg", {"quality": 92}),
    ("3.webp", {"quality": 90}),
    ("4.png", {}),
    ("5.jpg", {"quality": 92, "exif": True}),
)


def test_a_folder_of_every_form_is_read(tmp_path: Path) -> None:
    """Formats, a picture turned by its EXIF, masks and boxes given and not."""
    rows = ["\t".join(HEADER)]
    masks = [Mask.of(one, Kind.ODOMETER) for one in ("5+3", "5", "6+1")]
    pictures = drawn.showing(12, [*masks, Mask.of("4+3", Kind.ODOMETER), Mask.of("6", Kind.LCD)])
    for (name, how), (label, one) in zip(SHOTS, pictures, strict=True):
        save(tmp_path / name, one.picture, how)
        assert label.corners is not None
        assert label.mask is not None
        box = " ".join(f"{x:.0f} {y:.0f}" for x, y in label.corners.points)
        reading = f"{label.digits[: label.mask.whole]}.{label.digits[label.mask.whole :]}"
        mask = "" if name == "4.png" else str(label.mask)
        rows.append("\t".join((name, reading.rstrip("."), label.kind, mask, box)))
    (tmp_path / "LABELS.tsv").write_text("\n".join(rows))
    told, errors = said_of(tmp_path)
    assert errors == ""
    assert told["found"] == 1
    assert told["digits"] >= 0.9
    assert told["exact"] >= 0.6
    assert told["seconds_per_picture"] > 0


def save(file: Path, pixels: NDArray[np.uint8], how: dict[str, Any]) -> None:
    """As phones do, one of them held upside down: turned pixels, and a note that says so."""
    options = dict(how)
    if options.pop("exif", False):
        exif = Image.Exif()
        exif[0x0112] = 3
        options["exif"] = exif.tobytes()
        pixels = pixels[::-1, ::-1]
    image = Image.fromarray(pixels)
    if file.suffix == ".heic":
        from_pillow(image).save(file, **options)
    else:
        image.save(file, **options)


def test_bad_labels_are_refused_in_one_line(tmp_path: Path) -> None:
    assert "cannot read" in refusal("--data", str(tmp_path))
    (tmp_path / "LABELS.tsv").write_text("file reading\n")
    assert "line 1: expected the header" in refusal("--data", str(tmp_path))


def test_a_folder_and_single_digits_are_two_questions(tmp_path: Path) -> None:
    result = CliRunner().invoke(photo, ["--data", str(tmp_path), "--digits", "x.npz"])
    assert result.exit_code == 2
