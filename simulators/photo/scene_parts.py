"""What stands around a register in a photograph: walls, pipes, cables, stickers, print, barcodes.

All of it is there to be mistaken for a register: rows of digits above all. Colours are RGB triples,
lengths are pixels of the picture drawn on.
"""

from functools import cache
from math import cos, sin, tau

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Rng = np.random.Generator
Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]

_WORDS = (
    "kWh", "m3", "kW h", "BAR", "Qn 1.5", "CBK-15", "BCKM 90", "TU 4213", "HEBA", "MEPKYPUU 201",
    "220V 50Hz", "5(60) A", "imp/kWh", "GOST R 52320", "B-H A-V", "T 90°C", "PN 16", "DN15", "T1",
    "3200 r/kWh", "class 1", "ITELMA", "BETAR", "SN", "No", "2019", "L", "OK", "Type", "2017",
)  # fmt: skip


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    # The one that comes with Pillow: the same picture on every machine.
    return ImageFont.load_default(size)


def colour(rng: Rng, low: int, high: int, tint: int = 25) -> Colour:
    """A colour of a brightness between two, not far from grey."""
    light = rng.integers(low, high + 1)
    red, green, blue = np.clip(light + rng.integers(-tint, tint + 1, 3), 0, 255).tolist()
    return red, green, blue


def shaded(shade: Colour, factor: float) -> Colour:
    """The same colour, lighter or darker."""
    red, green, blue = (min(max(int(one * factor), 0), 255) for one in shade)
    return red, green, blue


def clouds(rng: Rng, width: int, height: int, cells: int) -> NDArray[np.float32]:
    """Smooth noise from 0 to 1 (height, width): about so many blots across."""
    small = rng.integers(0, 256, (cells + 1, cells + 1), np.uint8)
    grown = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(grown, np.float32) / np.float32(255)


def words(rng: Rng) -> str:
    """What is printed on meters: a word, a serial number, a date or a row of digits."""
    kind = rng.random()
    if kind < 0.4:
        return str(rng.choice(_WORDS))
    if kind < 0.85:
        digits = "".join(str(one) for one in rng.integers(0, 10, rng.integers(3, 12)))
        return f"{rng.choice(('', '', 'No ', 'SN ', 'N'))}{digits}"
    return f"{rng.integers(1, 29):02}.{rng.integers(1, 13):02}.20{rng.integers(10, 30)}"


def write(
    draw: ImageDraw.ImageDraw, rng: Rng, at: tuple[float, float], size: float, ink: Colour
) -> None:
    """One line of print, its middle at a place."""
    # Printing on glass is thick as often as thin.
    thick = int(size > 12 and rng.random() < 0.4)
    draw.text(at, words(rng), ink, _font(max(int(size), 5)), anchor="mm", stroke_width=thick)


def label(draw: ImageDraw.ImageDraw, rng: Rng, box: Box, ink: Colour) -> None:
    """Several lines of print in a box, some of them framed as windows are."""
    left, top, right, bottom = box
    rows = int(rng.integers(1, 5))
    size = (bottom - top) / rows * rng.uniform(0.45, 0.8)
    for row in range(rows):
        y = top + (bottom - top) * (row + 0.5) / rows
        x = left + (right - left) * rng.uniform(0.35, 0.65)
        write(draw, rng, (x, y), size, ink)
        if rng.random() < 0.15:
            half = (right - left) * rng.uniform(0.3, 0.5)
            draw.rectangle((x - half, y - size * 0.7, x + half, y + size * 0.7), outline=ink)


def barcode(draw: ImageDraw.ImageDraw, rng: Rng, box: Box) -> None:
    """Black bars on white with digits beneath."""
    left, top, right, bottom = box
    draw.rectangle(box, (245, 245, 242))
    x = left + (right - left) * 0.05
    while x < right - (right - left) * 0.05:
        width = (right - left) * rng.uniform(0.006, 0.03)
        draw.rectangle((x, top + 1, x + width, top + (bottom - top) * 0.72), (15, 15, 15))
        x += width + (right - left) * rng.uniform(0.006, 0.03)
    write(
        draw,
        rng,
        ((left + right) / 2, top + (bottom - top) * 0.87),
        (bottom - top) * 0.2,
        (20,) * 3,
    )


def wall(rng: Rng, size: int) -> Image.Image:
    """A square of what is behind a meter: plaster, tiles, wood, rough concrete, darkness."""
    low, high = (10, 60) if rng.random() < 0.35 else (50, 230)
    base = np.array(colour(rng, low, high), np.float32)
    depth = rng.uniform(0.05, 0.5)
    light = 1 + depth * (clouds(rng, size, size, int(rng.integers(2, 7))) - 0.5)
    light += rng.uniform(0, 0.25) * (clouds(rng, size, size, int(rng.integers(20, 90))) - 0.5)
    image = Image.fromarray(np.clip(base * light[..., None], 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    kind = rng.random()
    if kind < 0.25:
        _tiles(draw, rng, size, shaded((int(base[0]), int(base[1]), int(base[2])), 0.6))
    elif kind < 0.4:
        for _ in range(int(rng.integers(5, 30))):
            y = rng.uniform(0, size)
            draw.line((0, y, size, y + rng.normal(0, 8)), colour(rng, low, high), 1)
    return image


def _tiles(draw: ImageDraw.ImageDraw, rng: Rng, size: int, ink: Colour) -> None:
    step, tall = size * rng.uniform(0.1, 0.4), size * rng.uniform(0.1, 0.4)
    wide = max(int(size * rng.uniform(0.004, 0.015)), 1)
    for number in range(1, 12):
        draw.line((step * number, 0, step * number, size), ink, wide)
        draw.line((0, tall * number, size, tall * number), ink, wide)


def pipe(image: Image.Image, rng: Rng) -> None:
    """A pipe right across, lit from the front: dark edges, a bright line along the middle."""
    size = image.width
    angle = rng.choice((0.0, tau / 4)) + rng.normal(0, 0.15)
    x, y = rng.uniform(0, size, 2)
    wide = size * rng.uniform(0.03, 0.14)
    shade = colour(rng, 30, 220, 40)
    draw = ImageDraw.Draw(image)
    bands = 12
    for band in range(bands):
        at = (band + 0.5) / bands * 2 - 1
        bright = 0.35 + 0.75 * (1 - at * at) ** 0.5
        dx, dy = -sin(angle) * at * wide / 2, cos(angle) * at * wide / 2
        far = 2 * size
        ends = (
            x + dx - far * cos(angle), y + dy - far * sin(angle),
            x + dx + far * cos(angle), y + dy + far * sin(angle),
        )  # fmt: skip
        draw.line(ends, shaded(shade, bright), max(int(wide / bands) + 2, 1))


def cable(draw: ImageDraw.ImageDraw, rng: Rng, size: int) -> None:
    """A thin bent line."""
    at = rng.uniform(0, size, 2)
    way = rng.uniform(0, tau)
    points = [(float(at[0]), float(at[1]))]
    for _ in range(12):
        way += rng.normal(0, 0.35)
        at = at + size * 0.09 * np.array([cos(way), sin(way)])
        points.append((float(at[0]), float(at[1])))
    draw.line(
        points, colour(rng, 10, 220, 60), max(int(size * rng.uniform(0.005, 0.02)), 1), "curve"
    )


def sticker(draw: ImageDraw.ImageDraw, rng: Rng, size: int) -> None:
    """A piece of paper or a plate with print or a barcode."""
    wide, tall = size * rng.uniform(0.12, 0.4), size * rng.uniform(0.05, 0.25)
    left, top = rng.uniform(-0.1, 0.9, 2) * size
    box = (left, top, left + wide, top + tall)
    paper = colour(rng, 140, 250, 30)
    draw.rectangle(box, paper)
    if rng.random() < 0.3:
        barcode(draw, rng, (left + 2, top + 2, left + wide - 2, top + tall - 2))
    else:
        label(draw, rng, box, shaded(paper, 0.3))


def lump(draw: ImageDraw.ImageDraw, rng: Rng, size: int) -> None:
    """A valve's handle, a nut, a box: something round or square of one colour."""
    wide, tall = size * rng.uniform(0.05, 0.3, 2)
    left, top = rng.uniform(-0.1, 1, 2) * size
    box = (left, top, left + wide, top + tall)
    vivid = rng.random() < 0.4
    shade = colour(rng, 40, 200, 120 if vivid else 20)
    (draw.ellipse if rng.random() < 0.5 else draw.rectangle)(box, shade, shaded(shade, 0.5))


def surroundings(rng: Rng, size: int) -> Image.Image:
    """A wall with some of all that before it."""
    image = wall(rng, size)
    for _ in range(int(rng.integers(0, 4))):
        pipe(image, rng)
    draw = ImageDraw.Draw(image)
    for thing in rng.choice(("cable", "sticker", "lump"), int(rng.integers(0, 7))):
        {"cable": cable, "sticker": sticker, "lump": lump}[str(thing)](draw, rng, size)
    blur = rng.choice((0, 0, 1, 2.5)) * size / 500
    return image.filter(ImageFilter.GaussianBlur(float(blur))) if blur else image
