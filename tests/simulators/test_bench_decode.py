"""The decode benchmark: what it measures, never how fast this machine was."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from drivers.mbus import telegram
from simulators.bench_decode import built, decode
from tests.drivers.telegrams import FOLDER, needs_telegrams

FIELDS = [
    "telegrams",
    "left_out",
    "bytes_mean",
    "records",
    "frames_per_s",
    "pymeterbus_frames_per_s",
    "ratio",
]


@pytest.fixture(autouse=True)
def other_library() -> None:
    pytest.importorskip("Crypto", reason="pymeterbus is not installed")


def test_made_telegrams_are_whole_and_all_different() -> None:
    frames = list(built(48))
    assert len(set(frames)) == 48
    for number, data in enumerate(frames):
        found = telegram.decode(data)
        assert (found.identification, found.damage) == (f"{number:08}", None)
        assert all(one.value is not None or one.time for one in found.records)
    values = {str(one.value) for data in frames for one in telegram.decode(data).records}
    assert len(values) > 200


def test_both_sides_decode_the_same_telegrams_in_one_run() -> None:
    result = CliRunner().invoke(decode, ["--json"])
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert list(said) == FIELDS
    assert (said["telegrams"], said["left_out"]) == (48, 0)
    assert said["frames_per_s"] > 0
    assert said["ratio"] == pytest.approx(
        said["frames_per_s"] / said["pymeterbus_frames_per_s"], rel=0.01
    )


@needs_telegrams
def test_what_the_other_library_cannot_read_is_left_out_and_counted() -> None:
    result = CliRunner().invoke(decode, ["--json", "--telegrams", str(FOLDER / "libmbus")])
    said = json.loads(result.stdout)
    # pymeterbus does not read the fixed structure.
    assert (said["telegrams"], said["left_out"]) == (27, 1)


def test_a_folder_without_telegrams_is_refused_in_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(decode, ["--telegrams", str(tmp_path)])
    assert result.exit_code == 1
    assert result.stderr == "Error: expected telegrams that pymeterbus reads too, got none\n"
