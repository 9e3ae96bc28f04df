"""What lies between a register and its picture: glass, dirt, light, lens, sensor, JPEG.

Every step takes and gives one picture (height, width, 3) of floats from 0 to 255, in the order in
which the light meets them.
"""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simulators.photo.faces import Floats, Rng


def degraded(rng: Rng, clean: NDArray[np.uint8], hard: float = 1.0) -> NDArray[np.uint8]:
    """The picture a phone takes of it; `hard` from 0 (nearly clean) to 1."""
    picture = clean.astype(np.float32)
    chance = rng.random(10)
    tall, wide = picture.shape[:2]
    if chance[0] < 0.35 * hard:
        picture = picture * (1 - rng.uniform(0.1, 0.6) * _clouds(rng, tall, wide, 3, 12)[..., None])
    if chance[1] < 0.5 * hard:
        picture = _shadow(rng, picture)
    if chance[2] < 0.35 * hard:
        picture = _fog(rng, picture)
    if chance[3] < 0.4 * hard:
        picture = _glare(rng, picture)
    picture = _exposed(rng, picture, hard)
    if chance[4] < 0.75 * hard:
        picture = blurred(picture, rng.uniform(0.25, 1.35 if rng.random() < 0.8 else 1.9))
    if chance[5] < 0.15 * hard:
        picture = _shaken(rng, picture)
    if chance[6] < 0.2 * hard:
        picture = _shrunk(rng, picture)
    if chance[7] < 0.7 * hard:
        picture = _noisy(rng, picture)
    if chance[8] < 0.15 * hard:
        picture = _sharpened(rng, picture)
    ready = np.clip(picture, 0, 255).astype(np.uint8)
    return _jpeg(rng, ready) if chance[9] < 0.5 * hard else ready


def blurred(picture: Floats, sigma: float) -> Floats:
    """The picture through a lens out of focus; sigma in pixels."""
    radius = max(int(sigma * 2.5), 1)
    at = np.arange(-radius, radius + 1)
    kernel = np.exp(-(at**2) / (2 * sigma**2))
    return _along(_along(picture, kernel / kernel.sum(), 0), kernel / kernel.sum(), 1)


def _along(picture: Floats, kernel: NDArray[np.float64], axis: int) -> Floats:
    radius = len(kernel) // 2
    pads = [(0, 0), (0, 0), (0, 0)]
    pads[axis] = (radius, radius)
    padded = np.pad(picture, pads, mode="edge")
    size = picture.shape[axis]
    total = np.zeros_like(picture)
    for step, weight in enumerate(kernel):
        piece = padded[step : step + size] if axis == 0 else padded[:, step : step + size]
        total += piece * np.float32(weight)
    return total


def _clouds(rng: Rng, tall: int, wide: int, down: int, across: int) -> Floats:
    """Smooth noise (tall, wide) from 0 to 1, of so many blots at most."""
    small = rng.integers(
        0, 256, (int(rng.integers(2, down + 1)), int(rng.integers(2, across + 1))), np.uint8
    )
    grown = Image.fromarray(small).resize((wide, tall), Image.Resampling.BICUBIC)
    return np.asarray(grown, np.float32) / 255


def _shadow(rng: Rng, picture: Floats) -> Floats:
    """Light from one side, or the edge of a shadow across."""
    tall, wide = picture.shape[:2]
    y, x = np.mgrid[0:tall, 0:wide].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    way = (x / wide - 0.5) * np.cos(angle) + (y / tall - 0.5) * np.sin(angle)
    if rng.random() < 0.5:
        light = 1 + way * rng.uniform(0.3, 1.4)
    else:
        edge = 1 / (1 + np.exp(-(way - rng.normal(0, 0.25)) * rng.uniform(8, 60)))
        light = 1 - rng.uniform(0.2, 0.7) * edge
    lit: Floats = picture * np.clip(light, 0.1, 1.6)[..., None].astype(np.float32)
    return lit


def _fog(rng: Rng, picture: Floats) -> Floats:
    """A wet or scratched glass: everything nearer to one pale colour, here more and there less."""
    tall, wide = picture.shape[:2]
    colour = rng.uniform(90, 230) + rng.normal(0, 10, 3).astype(np.float32)
    much = rng.uniform(0.1, 0.6) * (0.5 + 0.5 * _clouds(rng, tall, wide, 4, 16))
    return (picture + (colour - picture) * much[..., None]).astype(np.float32)


def _glare(rng: Rng, picture: Floats) -> Floats:
    """The lamp or the flash in the glass: white blots and bands."""
    tall, wide = picture.shape[:2]
    y, x = np.mgrid[0:tall, 0:wide].astype(np.float32)
    for _ in range(int(rng.integers(1, 4))):
        middle_x, middle_y = rng.uniform(0, wide), rng.uniform(-0.2 * tall, 1.2 * tall)
        angle = rng.uniform(0, np.pi)
        across = (x - middle_x) * np.cos(angle) + (y - middle_y) * np.sin(angle)
        along = -(x - middle_x) * np.sin(angle) + (y - middle_y) * np.cos(angle)
        long, thin = tall * rng.uniform(0.1, 1.8), tall * rng.uniform(0.05, 0.4)
        bright = np.exp(-(((along / long) ** 2 + (across / thin) ** 2) ** rng.uniform(0.7, 3)))
        strong = rng.uniform(40, 260) if rng.random() < 0.6 else rng.uniform(20, 90)
        tint = 1 + rng.normal(0, 0.05, 3)
        picture = picture + (strong * bright[..., None] * tint).astype(np.float32)
    return np.minimum(picture, 255)


def _exposed(rng: Rng, picture: Floats, hard: float) -> Floats:
    """White balance, contrast, gamma and brightness of the camera."""
    tint = 1 + rng.normal(0, 0.09, 3) * hard
    gain = np.exp(rng.normal(0, 0.2 * hard))
    lifted = picture * (gain * tint).astype(np.float32) + np.float32(rng.normal(0, 12 * hard))
    level = np.clip(lifted / 255, 0, 1) ** np.float32(np.exp(rng.normal(0, 0.25 * hard)))
    if rng.random() < 0.12 * hard:  # a picture without colour
        level = np.repeat(level.mean(axis=2, keepdims=True), 3, axis=2)
    exposed: Floats = (level * 255).astype(np.float32)
    return exposed


def _shaken(rng: Rng, picture: Floats) -> Floats:
    steps = int(rng.integers(2, 5))
    total = picture.copy()
    down, across = rng.uniform(-0.7, 0.7), rng.uniform(-1.2, 1.2)
    for step in range(1, steps):
        total += np.roll(picture, (round(down * step), round(across * step)), (0, 1))
    return total / steps


def _shrunk(rng: Rng, picture: Floats) -> Floats:
    tall, wide = picture.shape[:2]
    factor = rng.uniform(0.45, 0.9)
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    small = image.resize(
        (max(round(wide * factor), 4), max(round(tall * factor), 4)), Image.Resampling.BILINEAR
    )
    return np.asarray(small.resize((wide, tall), Image.Resampling.BILINEAR), np.float32)


def _noisy(rng: Rng, picture: Floats) -> Floats:
    sigma = rng.uniform(1, 14)
    noise = rng.standard_normal(picture.shape, np.float32)
    if rng.random() < 0.5:  # of light, not of colour
        noise[...] = noise[..., :1]
    return picture + noise * np.float32(sigma)


def _sharpened(rng: Rng, picture: Floats) -> Floats:
    return picture + (picture - blurred(picture, 1.0)) * np.float32(rng.uniform(0.3, 1.5))


def _jpeg(rng: Rng, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    kept = BytesIO()
    Image.fromarray(picture).save(kept, "JPEG", quality=int(rng.integers(30, 92)))
    return np.asarray(Image.open(kept), np.uint8)
