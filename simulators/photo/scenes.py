"""Photographs of whole meters as residents take them, drawn with the register's corners known.

A meter is drawn from straight ahead around a given register, then seen from a place of its own:
turned, tilted, near or far, partly beyond the edge. Light, glare, shadow, focus, noise and JPEG
come last, over everything. What differs between scenes follows from the generator given.
"""

import io
from collections.abc import Callable
from math import cos, radians, sin
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from gateway.photo.geometry import homography
from gateway.photo.mask import Kind
from simulators.photo import scene_meters
from simulators.photo.scene_parts import Rng, clouds, surroundings

Quad = NDArray[np.float64]
_SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


class Scene(NamedTuple):
    """A photograph (size, size, 3) and its register's corners (4, 2), clockwise from top left."""

    pixels: NDArray[np.uint8]
    corners: Quad


class View(NamedTuple):
    """How a photograph is taken: what share of its width a meter takes, and how far it is turned.

    Degrees are of the turn in the picture; `upright` is the share of scenes turned little.
    """

    nearest: float = 1.6
    farthest: float = 0.38
    upright: float = 0.7
    little: float = 14.0


RESIDENT = View()
"""What a person with a phone makes who was asked to show the digits."""


def scene(
    rng: Rng, size: int, register: NDArray[np.uint8], kind: Kind, view: View = RESIDENT
) -> Scene:
    """A square photograph of a meter with this register in it."""
    face = _face(rng, kind)(rng, size, register)
    quad = _stand(rng, size, face.box, view)
    forward = homography(_SQUARE * size, quad)
    picture = surroundings(rng, size)
    seen = face.image.transform(
        picture.size,
        Image.Transform.PERSPECTIVE,
        tuple(homography(quad, _SQUARE * size).ravel()[:8]),
        Image.Resampling.BICUBIC,
    )
    _shadow_behind(rng, picture, seen)
    picture.paste(seen, (0, 0), seen)
    left, top, right, bottom = face.box
    corners = project(
        forward, np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    )
    return Scene(taken(rng, picture, corners), corners)


def project(matrix: Quad, points: Quad) -> Quad:
    """Points (n, 2) seen through a homography (3, 3)."""
    seen = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return np.asarray(seen[:, :2] / seen[:, 2:], np.float64)


def taken(rng: Rng, picture: Image.Image, corners: Quad) -> NDArray[np.uint8]:
    """What the camera makes of it: light, glare, focus, noise, JPEG."""
    size = picture.width
    lit = np.asarray(picture.convert("RGB"), np.float32)
    lit *= _light(rng, size, corners)[..., None]
    lit *= rng.normal(1, 0.06, 3).clip(0.8, 1.2)
    lit = 128 + (lit - 128) * rng.uniform(0.65, 1.15) + rng.normal(0, 12)
    image = Image.fromarray(lit.clip(0, 255).astype(np.uint8))
    for _ in range(int(rng.choice((0, 0, 1, 1, 2)))):
        _glare(rng, image, corners)
    wide = float(np.hypot(*(corners[1] - corners[0])))
    focus = rng.choice((0, 0.2, 0.5, 1.0), p=(0.35, 0.35, 0.2, 0.1)) * wide / 160
    if focus:
        image = image.filter(ImageFilter.GaussianBlur(float(focus)))
    grainy = np.asarray(image, np.float32)
    grain = rng.choice((0.0, 3.0, 7.0, 14.0), p=(0.3, 0.4, 0.2, 0.1))
    if grain:
        grainy = grainy + rng.normal(0, grain, grainy.shape).astype(np.float32)
    return _jpeg(grainy.clip(0, 255).astype(np.uint8), int(rng.integers(35, 95)))


def _face(rng: Rng, kind: Kind) -> Callable[[Rng, int, NDArray[np.uint8]], scene_meters.Face]:
    if kind is Kind.LCD:
        return scene_meters.display
    return scene_meters.water if rng.random() < 0.65 else scene_meters.electricity


def _stand(rng: Rng, size: int, box: tuple[float, ...], view: View) -> Quad:
    """Where the meter's square lies in the photograph, its register still inside."""
    turn = rng.normal(0, view.little)
    if rng.random() > view.upright:
        turn += float(rng.choice((90, 180, 270, rng.uniform(0, 360)), p=(0.4, 0.1, 0.2, 0.3)))
    scale = float(np.exp(rng.uniform(np.log(view.farthest), np.log(view.nearest))))
    across, down = rng.normal(0, 0.10, 2).clip(-0.25, 0.25)
    flat = np.array([[1 + across, 0, 0], [0, 1 - across / 2, 0], [0, 0, 1.0]])
    tilt = np.array([[1.0, 0, 0], [0, 1, 0], [across, down, 1]])
    angle = radians(turn)
    spin = np.array([[cos(angle), -sin(angle), 0], [sin(angle), cos(angle), 0], [0, 0, 1]])
    matrix = spin @ tilt @ flat
    quad = project(matrix, (_SQUARE - 0.5)) * size * scale
    middle = np.array([[(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]]) / size - 0.5
    register = project(matrix, middle)[0] * size * scale
    # The register lies anywhere in the middle part, oftenest near the centre, as people aim.
    aimed = size * (0.5 + rng.normal(0, 0.1, 2).clip(-0.3, 0.3))
    meant = aimed - register if scale > 0.8 else aimed - register * rng.uniform(0, 1)
    return _inside(quad + meant, box, size)


def _inside(quad: Quad, box: tuple[float, ...], size: int) -> Quad:
    """The same, made smaller and moved until the whole register is in the photograph."""
    left, top, right, bottom = box
    flat = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    corners = project(homography(_SQUARE * size, quad), flat)
    low, high = corners.min(0), corners.max(0)
    shrink = min(1.0, 0.94 * size / float((high - low).max()))
    moved = (quad - low) * shrink
    room = size - (high - low) * shrink
    return np.asarray(moved + np.clip(low, 0.02 * room, 0.98 * room), np.float64)


def _shadow_behind(rng: Rng, picture: Image.Image, seen: Image.Image) -> None:
    if rng.random() < 0.5:
        return
    size = picture.width
    shift = tuple(int(one) for one in rng.normal(0, 0.02, 2) * size)
    soft = seen.getchannel("A").filter(ImageFilter.BoxBlur(size * 0.02))
    dark = Image.new("RGB", picture.size)
    half = soft.point(lambda value: value * 0.6)
    picture.paste(dark, (shift[0], shift[1]), half)


def _light(rng: Rng, size: int, corners: Quad) -> NDArray[np.float32]:
    """How much light falls where (size, size): a slope, a torch's circle, a hard shadow."""
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    way = rng.uniform(0, 2 * np.pi)
    light = 1 + rng.uniform(0, 0.7) * (columns * cos(way) + rows * sin(way))
    kind = rng.random()
    if kind < 0.3:
        centre = corners.mean(0) / size - 0.5 + rng.normal(0, 0.15, 2)
        far = np.hypot(columns - centre[0], rows - centre[1]) / rng.uniform(0.3, 0.9)
        light *= 1.25 * np.exp(-(far**2)) + rng.uniform(0.05, 0.4)
    elif kind < 0.5:
        edge = columns * cos(way + 1) + rows * sin(way + 1) - rng.normal(0, 0.2)
        dark = rng.uniform(0.35, 0.8)
        light *= dark + (1 - dark) / (1 + np.exp(-edge * rng.uniform(10, 80)))
    elif kind < 0.65:
        light *= 0.6 + 0.7 * clouds(rng, size, size, 3)
    bright = rng.uniform(0.35, 0.8) if rng.random() < 0.3 else rng.uniform(0.8, 1.3)
    # A photograph too dark for a person is sent back by the page, not read.
    return np.asarray((light * bright).clip(0.22, None), np.float32)


def _glare(rng: Rng, image: Image.Image, corners: Quad) -> None:
    """A window or a lamp mirrored in the glass: a bright soft blot or stripe near the register."""
    size = image.width
    wide = float(np.hypot(*(corners[1] - corners[0])))
    at = corners.mean(0) + rng.normal(0, 0.6, 2) * wide
    mask = Image.new("L", image.size)
    draw = ImageDraw.Draw(mask)
    strength = int(rng.integers(60, 256))
    if rng.random() < 0.6:
        half = rng.uniform(0.05, 0.35, 2) * wide
        draw.ellipse((at[0] - half[0], at[1] - half[1], at[0] + half[0], at[1] + half[1]), strength)
    else:
        way = rng.uniform(0, np.pi)
        far = np.array([cos(way), sin(way)]) * wide * rng.uniform(0.3, 2)
        ends = (*(at - far).tolist(), *(at + far).tolist())
        draw.line(ends, strength // 2, max(int(wide * rng.uniform(0.03, 0.25)), 1))
    soft = mask.filter(ImageFilter.GaussianBlur(rng.uniform(0.005, 0.03) * size))
    image.paste((255, 255, 252), (0, 0), soft)


def _jpeg(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    memory = io.BytesIO()
    Image.fromarray(pixels).save(memory, "JPEG", quality=quality)
    return np.asarray(Image.open(memory).convert("RGB"))
