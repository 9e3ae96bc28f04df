"""Whole meters seen from straight ahead, drawn around a register: a water meter, a box, a display.

A face is drawn on a transparent square. The register's picture is put in as it came, so its corners
are known; all else is there to be passed over: dials, rotors, print, seals, barcodes, screws.
"""

from math import cos, sin, tau
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from simulators.photo.scene_parts import (
    Box,
    Colour,
    Rng,
    barcode,
    colour,
    label,
    shaded,
    write,
)


class Face(NamedTuple):
    """A meter on a transparent square (RGBA), and the register's box in it."""

    image: Image.Image
    box: Box


class _Dial(NamedTuple):
    x: float
    y: float
    radius: float


def water(rng: Rng, size: int, register: NDArray[np.uint8]) -> Face:
    """A water meter: a round dial in a ring, on a body with a pipe to either side."""
    image, draw = _sheet(size)
    middle = size / 2
    body = _body(draw, rng, size)
    outer = size * rng.uniform(0.40, 0.48)
    ring = colour(rng, 20, 235) if rng.random() < 0.6 else _vivid(rng)
    _disc(draw, middle, middle, outer, fill=shaded(body, rng.uniform(0.6, 1.2)))
    _disc(draw, middle, middle, outer * rng.uniform(0.92, 1), fill=ring)
    dial = _Dial(middle, middle, outer * rng.uniform(0.74, 0.93))
    light = rng.random() < 0.85
    paper = colour(rng, 170, 250, 12) if light else _vivid(rng)
    ink = colour(rng, 0, 70, 15) if light else colour(rng, 200, 255, 10)
    if rng.random() < 0.85:
        _disc(draw, *dial, fill=paper, outline=shaded(ring, 0.6))
    else:
        draw.regular_polygon(dial, int(rng.integers(6, 9)), int(rng.integers(0, 45)), paper)
    box = _window(image, rng, register, (middle, middle), dial.radius * rng.uniform(0.95, 1.62))
    _around(draw, rng, dial, box, ink)
    if rng.random() < 0.2:
        _lid(draw, rng, dial, ring)
    return Face(image, box)


def _body(draw: ImageDraw.ImageDraw, rng: Rng, size: int) -> Colour:
    shade = rng.choice(3)
    body = (colour(rng, 90, 190, 20), (185, 150, 80), colour(rng, 20, 90))[shade]
    half = size * rng.uniform(0.1, 0.25)
    middle = size / 2
    for step in range(6):
        part = half * (1 - step / 6)
        lit = shaded(body, 0.5 + 0.12 * step)
        draw.rectangle((0, middle - part, size, middle + part), lit)
    return body


def _window(
    image: Image.Image,
    rng: Rng,
    register: NDArray[np.uint8],
    middle: tuple[float, float],
    width: float,
) -> Box:
    """Put the register into a frame; its box."""
    height = width * register.shape[0] / register.shape[1]
    high = rng.uniform(0.0, 0.28) * image.width * (1 if rng.random() < 0.85 else -0.4)
    left = middle[0] - width / 2 + rng.normal(0, 0.01) * image.width
    top = middle[1] - high - height / 2
    box = (left, top, left + width, top + height)
    draw = ImageDraw.Draw(image)
    kind = rng.random()
    if kind < 0.75:
        edge = height * rng.uniform(0.04, 0.35)
        shade = colour(rng, 0, 60) if rng.random() < 0.6 else colour(rng, 60, 255)
        side = edge * rng.uniform(0.6, 1.5)
        frame = (box[0] - side, box[1] - edge, box[2] + side, box[3] + edge)
        draw.rounded_rectangle(frame, height * rng.uniform(0, 0.2), shade, shaded(shade, 0.5))
        if rng.random() < 0.3:
            # The frame of the decimals, red as their wheels.
            split = box[0] + width * rng.uniform(0.6, 0.9)
            draw.rectangle((split, frame[1], frame[2], frame[3]), (190, 30, 40))
    size = (max(round(width), 1), max(round(height), 1))
    strip = Image.fromarray(register).resize(size, Image.Resampling.LANCZOS, reducing_gap=2)
    at = (round(left), round(top))
    image.paste(strip, at)
    if kind < 0.75 and rng.random() < 0.5:
        # The frame stands before the wheels and throws a shadow on them.
        draw.line((at[0], at[1], at[0] + size[0], at[1]), (10, 10, 10), max(int(height / 14), 1))
    return (at[0], at[1], at[0] + size[0], at[1] + size[1])


def _around(draw: ImageDraw.ImageDraw, rng: Rng, dial: _Dial, box: Box, ink: Colour) -> None:
    """Small dials, the rotor and print where the register leaves room."""
    x, y, radius = dial
    room = y + radius * 0.92 - box[3]
    if rng.random() < 0.75:
        write(draw, rng, ((box[0] + box[2]) / 2, box[3] + radius * 0.12), radius * 0.1, ink)
    if rng.random() < 0.6:
        write(draw, rng, (x, box[1] - radius * 0.15), radius * rng.uniform(0.08, 0.2), ink)
    red = (200, 30, 40) if rng.random() < 0.8 else (20, 20, 20)
    for _ in range(int(rng.choice((0, 1, 1, 2, 3, 4, 4)))):
        at = rng.uniform(-0.6, 0.6) * radius, box[3] - y + room * rng.uniform(0.3, 0.85)
        _pointer(draw, rng, _Dial(x + at[0], y + at[1], radius * rng.uniform(0.1, 0.2)), red, ink)
    if rng.random() < 0.7:
        at = rng.uniform(-0.4, 0.4) * radius, box[3] - y + room * rng.uniform(0.2, 0.8)
        points = int(rng.integers(6, 14))
        star = (x + at[0], y + at[1], radius * rng.uniform(0.06, 0.16))
        draw.regular_polygon(star, points, 0, (150, 20, 30) if rng.random() < 0.5 else (20, 20, 20))
    for _ in range(int(rng.integers(0, 6))):
        angle = rng.uniform(0.05, 0.95) * tau / 2
        far = rng.uniform(0.5, 0.85) * radius
        at = x + far * cos(angle), y + far * sin(angle)
        if at[1] > box[3] + radius * 0.1:
            write(draw, rng, at, radius * rng.uniform(0.05, 0.15), ink)
    if rng.random() < 0.15 and room > 0.5 * radius:
        wide = radius * 0.45
        top = box[3] + room * 0.6
        barcode(draw, rng, (x - wide, top, x + wide, top + radius * 0.22))


def _pointer(draw: ImageDraw.ImageDraw, rng: Rng, dial: _Dial, shade: Colour, ink: Colour) -> None:
    x, y, radius = dial
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=ink)
    for tenth in range(10):
        angle = tau * tenth / 10
        near, far = radius * 1.05, radius * 1.25
        ends = (
            x + near * cos(angle),
            y + near * sin(angle),
            x + far * cos(angle),
            y + far * sin(angle),
        )
        draw.line(ends, ink)
    angle = rng.uniform(0, tau)
    tip = x + radius * cos(angle), y + radius * sin(angle)
    side = radius * 0.25
    base = [
        (x + side * cos(angle + tau * turn), y + side * sin(angle + tau * turn))
        for turn in (0.25, 0.5, 0.75)
    ]
    draw.polygon([tip, *base], shade)


def _lid(draw: ImageDraw.ImageDraw, rng: Rng, dial: _Dial, shade: Colour) -> None:
    """The open lid above the dial."""
    x, y, radius = dial
    top = y - radius * rng.uniform(1.3, 1.9)
    box = (x - radius, top, x + radius, y - radius * 1.02)
    draw.chord((box[0], box[1], box[2], box[3] + radius), 180, 360, shaded(shade, 0.8))


def electricity(rng: Rng, size: int, register: NDArray[np.uint8]) -> Face:
    """A box with a window: print, a disc, a plate of data, screws and a cover below."""
    image, draw = _sheet(size)
    wide, tall = size * rng.uniform(0.6, 0.95), size * rng.uniform(0.7, 0.98)
    left, top = (size - wide) / 2, (size - tall) / 2
    case = colour(rng, 15, 60) if rng.random() < 0.3 else colour(rng, 110, 245, 15)
    draw.rounded_rectangle(
        (left, top, left + wide, top + tall), size * 0.04, case, shaded(case, 0.6)
    )
    edge = size * rng.uniform(0.03, 0.09)
    plate_bottom = top + tall * rng.uniform(0.6, 0.95)
    plate = (left + edge, top + edge, left + wide - edge, plate_bottom)
    paper = colour(rng, 150, 250, 12) if rng.random() < 0.75 else colour(rng, 10, 60, 10)
    ink = shaded(paper, 0.2) if sum(paper) > 300 else colour(rng, 190, 250, 10)
    draw.rectangle(plate, paper, shaded(paper, 0.7))
    middle = ((plate[0] + plate[2]) / 2, (plate[1] + plate[3]) / 2)
    box = _window(image, rng, register, middle, (plate[2] - plate[0]) * rng.uniform(0.35, 0.92))
    _plate(draw, rng, plate, box, ink)
    for x, y in ((left + edge, top + tall - edge), (left + wide - edge, top + tall - edge)):
        _disc(draw, x, y, edge * 0.5, fill=shaded(case, 0.7))
    return Face(image, box)


def _plate(draw: ImageDraw.ImageDraw, rng: Rng, plate: Box, box: Box, ink: Colour) -> None:
    left, top, right, bottom = plate
    wide = right - left
    for first, last in ((top, box[1]), (box[3], bottom)):
        room = last - first
        if room < 0.08 * wide:
            continue
        for _ in range(int(rng.integers(1, 5))):
            x, y = left + wide * rng.uniform(0, 0.6), first + room * rng.uniform(0.1, 0.6)
            end = min(x + wide * rng.uniform(0.2, 0.5), right)
            place = (x, y, end, min(y + room * rng.uniform(0.15, 0.45), last - 0.1 * room))
            if place[3] - place[1] < 6 or end - x < 12:
                continue
            if rng.random() < 0.2:
                barcode(draw, rng, place)
            else:
                label(draw, rng, place, ink)
    if rng.random() < 0.5:
        y = box[3] + (bottom - box[3]) * rng.uniform(0.2, 0.7)
        thick = wide * rng.uniform(0.01, 0.03)
        slit = (left + wide * 0.3, y, left + wide * 0.7, y + thick)
        draw.rectangle(slit, (120, 120, 120), (20, 20, 20))
        at = rng.uniform(slit[0], slit[2] - thick * 2)
        draw.rectangle((at, y, at + thick * 2, y + thick), (190, 20, 30))


def display(rng: Rng, size: int, register: NDArray[np.uint8]) -> Face:
    """An electronic meter: the digits are part of a larger panel with small signs and print."""
    image, draw = _sheet(size)
    case = colour(rng, 15, 70) if rng.random() < 0.25 else colour(rng, 130, 248, 15)
    wide, tall = size * rng.uniform(0.7, 0.98), size * rng.uniform(0.6, 0.98)
    left, top = (size - wide) / 2, (size - tall) / 2
    if rng.random() < 0.2:
        _disc(draw, size / 2, size / 2, size * 0.48, fill=case, outline=shaded(case, 0.6))
    else:
        outline = (left, top, left + wide, top + tall)
        draw.rounded_rectangle(outline, size * 0.05, case, shaded(case, 0.6))
    strip = wide * rng.uniform(0.3, 0.75)
    height = strip * register.shape[0] / register.shape[1]
    x, y = left + (wide - strip) / 2, top + tall * rng.uniform(0.15, 0.5)
    glass = _edge_colour(register)
    more = rng.uniform(0.02, 0.35, 4) * np.array([0.4 * strip, height * 2, 0.4 * strip, height * 2])
    panel = (x - more[0], y - more[1], x + strip + more[2], y + height + more[3])
    rim = height * rng.uniform(0.02, 0.3)
    outer = (panel[0] - rim, panel[1] - rim, panel[2] + rim, panel[3] + rim)
    draw.rounded_rectangle(outer, rim, colour(rng, 5, 255), (30, 30, 30))
    draw.rectangle(panel, glass)
    pixels = (max(round(strip), 1), max(round(height), 1))
    picture = Image.fromarray(register).resize(pixels, Image.Resampling.LANCZOS, reducing_gap=2)
    image.paste(picture, (round(x), round(y)))
    box = (round(x), round(y), round(x) + pixels[0], round(y) + pixels[1])
    ink = shaded(glass, 0.35)
    for _ in range(int(rng.integers(0, 4))):
        low = rng.random() < 0.5
        at = panel[1] + more[1] / 2 if not low else panel[3] - more[3] / 2
        tall_ink = min(max(more[3] if low else more[1], 5), height) * 0.6
        write(draw, rng, (rng.uniform(panel[0], panel[2]), at), tall_ink, ink)
    plate = (left + 0.05 * wide, top + 0.03 * tall, left + 0.95 * wide, top + 0.95 * tall)
    print_ink = shaded(case, 0.25) if sum(case) > 300 else colour(rng, 190, 250, 10)
    beside = (outer[0], outer[1], outer[2], outer[3])
    _plate(draw, rng, plate, beside, print_ink)
    return Face(image, box)


def _edge_colour(register: NDArray[np.uint8]) -> Colour:
    edge = np.concatenate([register[0], register[-1]])
    red, green, blue = np.median(edge, axis=0).astype(int).tolist()
    return red, green, blue


def _sheet(size: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGBA", (size, size))
    return image, ImageDraw.Draw(image)


def _disc(
    draw: ImageDraw.ImageDraw,
    x: float,
    y: float,
    radius: float,
    *,
    fill: Colour,
    outline: Colour | None = None,
) -> None:
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill, outline, 2)


def _vivid(rng: Rng) -> Colour:
    parts = [int(rng.integers(20, 90)), int(rng.integers(40, 140)), 200]
    red, green, blue = rng.permutation(parts).tolist()
    return red, green, blue
