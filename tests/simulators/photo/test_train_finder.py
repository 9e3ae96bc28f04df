"""The finder's trainer and what it draws; training itself needs torch."""

from pathlib import Path

import numpy as np
import pytest

from gateway.photo.finding import Finder
from gateway.photo.geometry import Corners
from gateway.photo.mask import Kind
from simulators.photo.scene_registers import plain
from simulators.photo.scenes import Scene, scene


def drawn(seed: int) -> Scene:
    rng = np.random.default_rng(seed)
    kind = Kind.LCD if seed % 4 == 0 else Kind.ODOMETER
    return scene(rng, 640, plain(rng, kind), kind)


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_scene_holds_its_whole_register(seed: int) -> None:
    one = drawn(seed)
    assert one.pixels.shape == (640, 640, 3)
    assert one.corners.min() >= 0
    assert one.corners.max() <= 640
    x, y = one.corners.T
    assert np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) > 0  # clockwise


def test_a_seed_draws_the_same_scene_again() -> None:
    one, same, other = drawn(11), drawn(11), drawn(12)
    assert np.array_equal(one.pixels, same.pixels)
    assert not np.array_equal(one.pixels, other.pixels)


def test_registers_of_drawn_meters_are_found() -> None:
    hits = [_is_hit(Finder().find(one.pixels), one) for one in map(drawn, range(100, 120))]
    assert sum(hits) >= 15


def _is_hit(found: Corners | None, one: Scene) -> bool:
    """Every corner within a fifth of the register's height, either way up."""
    if found is None:
        return False
    sides = np.roll(one.corners, -1, 0) - one.corners
    near = 0.2 * float(np.hypot(*sides[1])) + 0.02 * float(np.hypot(*sides[0]))
    ways = (found, found.turned())
    return any(bool(np.hypot(*(np.array(way.points) - one.corners).T).max() < near) for way in ways)


def test_a_seed_trains_the_same_net_again(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs torch: pip install plomba[train]")
    from simulators.photo.train_finder import train  # noqa: PLC0415 - needs torch

    one = train(tmp_path / "one", 3, scenes=3, steps=2).read_bytes()
    assert one == train(tmp_path / "two", 3, scenes=3, steps=2).read_bytes()
    assert len(one) <= 1_000_000
    Finder(tmp_path / "one" / "finder.onnx")
