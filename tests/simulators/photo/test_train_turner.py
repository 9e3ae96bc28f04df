"""Training the turner needs torch, which only the extra `train` brings."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from gateway.photo.turning import Turner
from simulators.__main__ import main


@pytest.mark.skipif(
    find_spec("torch") is None or find_spec("onnx") is None,
    reason="torch and onnx are not here: pip install 'plomba[train]'",
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, about its older exporter
def test_a_few_steps_give_a_turner_that_answers(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main, ["train", "photo", "--only", "turner", "--steps", "4", "--out", str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    said = Turner(tmp_path / "turner.onnx").upright(np.zeros((40, 200, 3), np.uint8), 5)
    assert said == pytest.approx(0, abs=1e-4)  # nothing is seen, so neither way is likelier
