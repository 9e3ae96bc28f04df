"""Figures on real crops of single wheels, which are only measured on, never trained on."""

import os
from pathlib import Path

import numpy as np
import pytest

from simulators.photo.digits import CropsError, digits_figures

SHARED = Path(os.environ.get("PLOMBA_SHARED", Path(__file__).parents[4] / "shared"))
CROPS = SHARED / "meter-digits" / "digits-tenths.npz"


@pytest.mark.skipif(not CROPS.is_file(), reason="meter-digits is not beside the repository")
def test_real_wheels_are_read_as_the_card_says() -> None:
    figures = digits_figures(CROPS)
    assert figures["crops"] == 4515
    assert figures["within_tenth"] >= 0.85
    assert figures["digit"] >= 0.95
    assert figures["wrong_though_sure"] <= 0.02


def npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


def test_what_is_no_file_of_crops_is_refused_in_one_line(tmp_path: Path) -> None:
    images = np.zeros((2, 32, 20, 3), np.uint8)
    text = tmp_path / "text.npz"
    text.write_text("images")
    for file in (
        tmp_path / "none.npz",
        text,
        npz(tmp_path / "a.npz", images=images),
        npz(tmp_path / "b.npz", images=images, tenths=np.zeros(3, np.uint8)),
        npz(tmp_path / "c.npz", images=images, tenths=np.array([0, 100], np.uint8)),
        npz(tmp_path / "d.npz", images=images[:0], tenths=np.zeros(0, np.uint8)),
        npz(tmp_path / "e.npz", images=np.array([object()]), tenths=np.zeros(1, np.uint8)),
    ):
        with pytest.raises(CropsError, match="was expected") as caught:
            digits_figures(file)
        assert "\n" not in str(caught.value)
