"""Training itself needs torch, which only the extra `train` brings."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from gateway.photo.cells import CellReader
from gateway.photo.mask import Kind, Mask
from simulators.__main__ import main

with_torch = pytest.mark.skipif(
    find_spec("torch") is None or find_spec("onnx") is None,
    reason="torch and onnx are not here: pip install 'plomba[train]'",
)


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is here")
def test_without_torch_the_trainer_says_what_to_install(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["train", "photo", "--out", str(tmp_path)])
    assert done.exit_code == 1
    assert done.output == (
        "Error: training needs torch: install the extra `train`, pip install 'plomba[train]'\n"
    )


@with_torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, about its older exporter
def test_a_few_steps_give_a_reader_that_reads(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main, ["train", "photo", "--only", "reader", "--steps", "4", "--out", str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    scores = CellReader(tmp_path / "reader.onnx").read(
        np.zeros((40, 200, 3), np.uint8), Mask(Kind.ODOMETER, 5, 0)
    )
    assert np.allclose(scores.wheels.sum(axis=1), 1)


@with_torch
def test_a_batch_says_of_every_column_what_the_nearest_cell_shows() -> None:
    from simulators.photo import train_reader  # noqa: PLC0415 - needs torch

    one, same = train_reader.drawn((5, 1)), train_reader.drawn((5, 1))
    assert np.array_equal(one.images, same.images)
    assert one.images.shape[2] == 4 * one.where.shape[1]
    assert one.where.max() <= 1
    assert one.weight[one.where > 0.9].min() > 0.5
