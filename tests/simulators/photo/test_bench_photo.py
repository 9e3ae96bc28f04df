"""The bench over a folder and over drawn scenes: its figures, and what it refuses."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

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


def test_a_bad_picture_is_named_by_its_line(tmp_path: Path) -> None:
    data = folder(tmp_path, 1)
    picture = data / "00001.png"
    Image.new("1", (9000, 9000)).save(picture)
    assert "line 2: 00001.png has 9000 x 9000 pixels" in refusal("--data", str(data))
    picture.write_bytes(b"<svg/>")
    assert "line 2: 00001.png is no picture" in refusal("--data", str(data))
    Image.new("RGB", (64, 64)).save(picture)
    picture.write_bytes(picture.read_bytes()[:70])
    assert "line 2: 00001.png" in refusal("--data", str(data))
    with picture.open("wb") as stream:
        stream.truncate(bench_photo.FILE_BYTES_MAX + 1)
    assert "line 2: 00001.png has 33554433 bytes" in refusal("--data", str(data))


def test_bad_labels_are_refused_in_one_line(tmp_path: Path) -> None:
    assert "cannot read" in refusal("--data", str(tmp_path))
    (tmp_path / "LABELS.tsv").write_text("file reading\n")
    assert "line 1: expected the header" in refusal("--data", str(tmp_path))


def test_a_folder_and_single_digits_are_two_questions(tmp_path: Path) -> None:
    result = CliRunner().invoke(photo, ["--data", str(tmp_path), "--digits", "x.npz"])
    assert result.exit_code == 2
