"""The same photo is known again, another one is not taken for it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from gateway.photo import sameness
from gateway.photo.intake import picture
from tests.gateway.photo.photos import encoded, scene


def mark(data: bytes) -> int:
    return picture(data).phash


@pytest.mark.parametrize("seed", range(8))
def test_a_photo_sent_on_through_a_messenger_is_the_same(seed: int) -> None:
    original = scene(seed, 1600, 1200)
    first = mark(encoded(original, quality=92))
    for quality, scale in ((75, 1.0), (50, 0.5), (30, 0.25)):
        size = (round(1600 * scale), round(1200 * scale))
        again = encoded(original.resize(size), "jpeg", quality=quality)
        assert sameness.is_same(first, mark(again))
    assert sameness.is_same(first, mark(encoded(ImageEnhance.Brightness(original).enhance(1.1))))


def test_other_photos_are_others() -> None:
    marks = [mark(encoded(scene(seed))) for seed in range(30)]
    apart = [
        sameness.distance(one, other) for at, one in enumerate(marks) for other in marks[at + 1 :]
    ]
    assert min(apart) > 2 * sameness.DISTANCE_MAX


def test_a_meter_taken_again_by_hand_is_another_photo() -> None:
    # The phone is held half a hand's breadth elsewhere and turned a little.
    wall = scene(5, 2400, 1800)
    marks = []
    for turn, left, top in ((0, 300, 200), (4, 420, 320), (-5, 180, 120)):
        part = wall.rotate(turn, Image.Resampling.BILINEAR).crop(
            (left, top, left + 1600, top + 1200)
        )
        marks.append(mark(encoded(part)))
    assert not any(sameness.is_same(marks[0], other) for other in marks[1:])


def test_an_even_wall_has_no_pattern_of_noise() -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        noise = rng.integers(126, 130, (480, 640, 3), dtype=np.uint8)
        assert sameness.fingerprint(noise) == 0


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_distance_counts_the_bits_that_differ(one: int, other: int) -> None:
    assert sameness.distance(one, other) == f"{one ^ other:b}".count("1")
    assert sameness.distance(one, one) == 0


def test_it_is_the_difference_hash_as_it_is_known() -> None:
    rising = np.tile(np.linspace(0, 255, 90, dtype=np.uint8)[None, :, None], (80, 1, 3))
    assert sameness.fingerprint(rising) == 2**sameness.BITS - 1
    assert sameness.fingerprint(rising[:, ::-1].copy()) == 0
