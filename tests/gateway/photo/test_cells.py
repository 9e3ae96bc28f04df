"""The reader on strips drawn here: no fixture of somebody else's is needed."""

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.photo import cells
from gateway.photo.cells import CellReader
from gateway.photo.decoding import decode
from gateway.photo.mask import Kind, Mask
from simulators.photo import lcd, strips, wheels

# docs/photo-model.md says the share of rendered strips read exactly; these leave a margin below.
EXACT_MIN = {Kind.ODOMETER: 0.75, Kind.LCD: 0.8}
# The two nets together may have 3 MB; the finder needs less than 1.2.
BYTES_MAX = 1_800_000


@pytest.fixture(scope="module")
def reader() -> CellReader:
    return CellReader()


def strip(
    seed: int, kind: Kind, mask: Mask, hard: float = 0.5
) -> tuple[NDArray[np.uint8], list[int]]:
    """A strip that shows this mask, and its digits."""
    rng = np.random.default_rng((99, seed))
    kept = strips.store(rng, 4, 2)
    digits = rng.integers(0, 10, mask.cells)
    if kind is Kind.LCD:
        shows: NDArray[np.floating] = digits.astype(np.float32)
    else:
        shows = wheels.positions(digits.tolist(), rng.uniform(0, 0.6), rng)
    drawn = strips.draw(rng, kept, kind, shows, mask.decimals)
    return strips.cropped(rng, drawn, hard).image, digits.tolist()


@pytest.mark.parametrize("kind", Kind)
def test_drawn_registers_are_read(kind: Kind, reader: CellReader) -> None:
    mask = Mask(kind, 5, 3)
    exact = wrong = 0
    for seed in range(60):
        image, digits = strip(seed, kind, mask)
        reading = decode(reader.read(image, mask), mask)
        value = int("".join(map(str, digits)))
        exact += reading.likeliest == value
        wrong += reading.mantissa not in (None, value)
    assert exact >= 60 * EXACT_MIN[kind]
    assert wrong <= 1  # 2 % of 60


def test_the_number_of_cells_is_inferred(reader: CellReader) -> None:
    right = 0
    for seed in range(30):
        kind = Kind.LCD if seed % 3 == 0 else Kind.ODOMETER
        mask = Mask(kind, 5, seed % 4)
        guessed = reader.guess(strip(seed, kind, mask, hard=0.3)[0])
        assert len(guessed.scores.found) == guessed.mask.cells
        right += (guessed.mask.cells, guessed.mask.kind) == (mask.cells, kind)
    assert right >= 25


def test_the_same_strip_gives_the_same_scores_alone_and_among_others(reader: CellReader) -> None:
    mask = Mask(Kind.ODOMETER, 5, 1)
    images = [strip(seed, Kind.ODOMETER, mask)[0] for seed in range(3)]
    together = reader.read_all(images, mask)
    for image, scores in zip(images, together, strict=True):
        assert np.allclose(reader.read(image, mask).wheels, scores.wheels, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (2, 4000), (300, 20), (33, 777)])
def test_a_picture_of_anything_has_scores(shape: tuple[int, int], reader: CellReader) -> None:
    noise = np.random.default_rng(5).integers(0, 256, (*shape, 3), np.uint8)
    mask = Mask(Kind.ODOMETER, 7, 3)
    scores = reader.read(noise, mask)
    assert np.allclose(scores.wheels.sum(axis=1), 1)
    assert np.allclose(scores.digits.sum(axis=1), 1)
    assert len(decode(scores, mask).cells) == 10
    reader.guess(noise)


def test_noise_is_not_read(reader: CellReader) -> None:
    mask = Mask(Kind.ODOMETER, 5, 3)
    rng = np.random.default_rng(6)
    for _ in range(10):
        noise = rng.integers(0, 256, (64, 400, 3), np.uint8)
        assert decode(reader.read(noise, mask), mask).mantissa is None


@pytest.mark.parametrize(
    "strip_",
    [
        np.zeros((10, 10), np.uint8),
        np.zeros((10, 10, 4), np.uint8),
        np.zeros((10, 10, 3), np.float32),
        np.zeros((0, 10, 3), np.uint8),
        np.zeros((2, cells.SIDE_MAX + 1, 3), np.uint8),
    ],
)
def test_what_is_no_strip_is_refused(strip_: NDArray[np.uint8], reader: CellReader) -> None:
    with pytest.raises(ValueError, match="a strip"):
        reader.read(strip_, Mask(Kind.LCD, 5, 0))


def test_the_net_is_as_small_as_agreed() -> None:
    assert 100_000 < cells.MODEL.stat().st_size <= BYTES_MAX


def test_empty_places_of_a_display_are_noughts(reader: CellReader) -> None:
    rng = np.random.default_rng(3)
    kept = strips.store(rng, 1, 3)
    shows = np.array([lcd.EMPTY, lcd.EMPTY, 1, 0, 7], np.float32)
    drawn = strips.draw(rng, kept, Kind.LCD, shows, 0)
    mask = Mask(Kind.LCD, 5, 0)
    image = strips.cropped(rng, drawn, 0.0).image
    assert decode(reader.read(image, mask), mask).likeliest == 107
