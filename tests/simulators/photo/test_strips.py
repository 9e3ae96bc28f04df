"""The renderer: what it draws is what it says, and a seed draws it again."""

import numpy as np
import pytest

from gateway.photo.cells import TALL, WIDE
from gateway.photo.mask import Kind
from simulators.photo import faces, strips, wheels
from simulators.photo.strips import Sample, Store


@pytest.fixture(scope="module")
def kept() -> Store:
    return strips.store(np.random.default_rng(1), 12, 4)


def drawn(seed: int, kept: Store, kind: Kind, cells: int) -> Sample:
    return strips.sample(np.random.default_rng(seed), kept, kind, cells)


@pytest.mark.parametrize("kind", Kind)
def test_a_seed_draws_the_same_strip_again(kind: Kind, kept: Store) -> None:
    one, same, other = (drawn(seed, kept, kind, 8) for seed in (3, 3, 4))
    assert np.array_equal(one.image, same.image)
    assert np.array_equal(one.shows, same.shows)
    assert not np.array_equal(one.image, other.image)


def test_a_seed_draws_the_same_faces_again() -> None:
    one, same = (faces.faces(np.random.default_rng(8), 5) for _ in range(2))
    assert all(np.array_equal(a.masks, b.masks) for a, b in zip(one, same, strict=True))


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("cells", [1, 2, 4, 9])
def test_a_strip_has_its_cells_in_order_and_in_sight(kind: Kind, cells: int, kept: Store) -> None:
    for seed in range(20):
        one = drawn(seed, kept, kind, cells)
        assert one.image.shape == (TALL, WIDE * cells, 3)
        assert one.image.dtype == np.uint8
        assert len(one.shows) == len(one.decimal) == cells
        assert np.all(np.diff(one.centres) > WIDE / 3)
        assert np.all(one.centres > -WIDE / 4)
        assert np.all(one.centres < WIDE * (cells + 0.25))


def test_single_cells_are_cut_out_of_registers(kept: Store) -> None:
    for seed in range(20):
        one = strips.single(np.random.default_rng(seed), kept, Kind.ODOMETER)
        assert one.image.shape == (TALL, WIDE, 3)
        assert abs(one.centres[0] - WIDE / 2) < WIDE / 3


@pytest.mark.parametrize(
    ("digits", "fraction", "stands"),
    [
        ([1, 9, 9], 0.7, [1.7, 9.7, 9.7]),
        ([1, 2, 9], 0.7, [1.0, 2.7, 9.7]),
        ([9, 9, 9], 0.5, [9.5, 9.5, 9.5]),
        ([4, 9, 3], 0.9, [4.0, 9.0, 3.9]),
        ([5], 0.0, [5.0]),
    ],
)
def test_wheels_carry_as_real_ones_do(
    digits: list[int], fraction: float, stands: list[float]
) -> None:
    rng = np.random.default_rng(1)
    assert wheels.positions(digits, fraction, rng, slop=0.0) == pytest.approx(stands, abs=1e-5)


def test_a_wheel_half_way_shows_two_digits() -> None:
    """Upper half: the digit on its way out; lower half: the one on its way in."""
    rng = np.random.default_rng(2)
    one = strips.store(rng, 1, 1).faces[0]
    masks = np.stack([np.full_like(one.masks[0], digit / 9) for digit in range(10)])
    plain = one._replace(masks=masks)
    same = [
        wheels.draw(np.random.default_rng(7), plain, np.array([at], np.float32), 0).canvas
        for at in (3.0, 3.5, 4.0)
    ]
    middle = slice(wheels.CELL_TALL // 2 + wheels.MARGIN_Y - 8, None)
    upper = [np.abs(same[1].astype(int) - one)[: middle.start].sum() for one in (same[0], same[2])]
    assert upper[0] < upper[1]
