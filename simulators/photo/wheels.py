"""A register of counting wheels as it stands: clean, straight, before glass, dirt and the camera.

Every wheel turns by its own position: 3.7 is the three on its way out above and the four on its
way in below. A register by the book carries as real ones do: a wheel stands still until the one to
its right goes from nine to nought. All lengths are pixels of the canvas, whose cells have one size
whatever the meter; how wide a cell really is stands beside it as `aspect`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from simulators.photo.faces import TALL, WIDE, Face, Floats, Rng

# One cell of the canvas, and what is drawn around the register for crops that miss it.
CELL_TALL, CELL_WIDE = 48, 36
MARGIN_X, MARGIN_Y = 40, 16
CANVAS_TALL = CELL_TALL + 2 * MARGIN_Y
# How far a wheel stands off where it should: plays of real ones, in turns from digit to digit.
SLOP = 0.05


class Strip(NamedTuple):
    """A drawn register: canvas (CANVAS_TALL, width, 3) and what it shows.

    `shows` are positions from 0 to 10 for wheels, digits for an LCD, where 10 is an empty place;
    `centres` the middles of the cells; `box` left, top, right, bottom of the digits; `decimals`
    the cells behind the point.
    """

    canvas: NDArray[np.uint8]
    box: tuple[float, float, float, float]
    centres: Floats
    shows: Floats
    decimals: int
    aspect: float
    lcd: bool


def positions(digits: list[int], fraction: float, rng: Rng, slop: float = SLOP) -> Floats:
    """Where the wheels of a value stand, from 0 to 10.

    `fraction` is how far the last wheel has gone on to its next digit, from 0 to 1.
    """
    stands: list[float] = []
    carry = fraction
    for digit in reversed(digits):
        at = digit + carry
        stands.append(at)
        carry = max(at - 9.0, 0.0)
    exact = np.array(stands[::-1], np.float32)
    return (exact + rng.normal(0, slop, len(digits)).astype(np.float32)) % 10


def by_chance(rng: Rng, cells: int) -> Floats:
    """Positions for training: half by the book, half with every wheel for itself."""
    if rng.random() < 0.5:
        digits = rng.integers(0, 10, cells)
        digits[: rng.integers(0, cells)] *= rng.random() < 0.5
        if rng.random() < 0.3:  # carries over several wheels are rare by themselves
            digits[-int(rng.integers(1, cells + 1)) :] = 9
        fraction = 0.0 if rng.random() < 0.25 else rng.random()
        return positions(digits.tolist(), fraction, rng)
    near = rng.integers(0, 10, cells) + rng.normal(0, 0.08, cells)
    free = rng.uniform(0, 10, cells)
    return (np.where(rng.random(cells) < 0.35, near, free) % 10).astype(np.float32)


class _Look(NamedTuple):
    """Colours (wheel and digit, whole and decimal), panel behind, and the drum's measures."""

    wheel: Floats
    ink: Floats
    panel: Floats
    digit_tall: float
    pitch: float
    digit_wide: float
    window: tuple[float, float]
    gap: float


def draw(rng: Rng, face: Face, shows: Floats, decimals: int) -> Strip:
    """A register of wheels at these positions, its colours and measures by chance."""
    cells = len(shows)
    look = _look(rng, cells, decimals)
    rows = np.arange(CANVAS_TALL, dtype=np.float32) - CANVAS_TALL / 2
    alpha = _digits(rng, face, shows, look, rows)
    light = _drum_light(rng, rows, look)
    body: Floats = look.wheel[:, None, None] * light[None, :, None, None]
    body = body + (look.ink[:, None, None] * light[None, :, None, None] - body) * alpha[..., None]
    if rng.random() < 0.3:
        _teeth(rng, body, shows, look, rows)
    if rng.random() < 0.25:
        _specks(rng, body)
    body = _windowed(rng, body, look, rows)
    # Some registers have a bar at the point, as wide as a part of a wheel.
    bar = int(rng.integers(2, 18)) if 0 < decimals < cells and rng.random() < 0.2 else 0
    canvas = _panelled(rng, _joined(body, look, cells - decimals, bar), look)
    _print_around(rng, canvas, face)
    left, top = MARGIN_X, MARGIN_Y
    behind = bar * (np.arange(cells) >= cells - decimals)
    centres = (left + CELL_WIDE * (np.arange(cells) + 0.5) + behind).astype(np.float32)
    box = (left, top, left + CELL_WIDE * cells + bar, top + CELL_TALL)
    aspect = float(
        np.clip(CELL_WIDE / look.digit_wide * face.aspect * look.digit_tall / CELL_TALL, 0.35, 1.1)
    )
    clean = np.clip(canvas, 0, 255).astype(np.uint8)
    return Strip(clean, box, centres, shows, decimals, aspect, lcd=False)


def _grey(rng: Rng, low: float, high: float, tint: float = 12) -> Floats:
    return (rng.uniform(low, high) + rng.normal(0, tint, 3)).astype(np.float32)


def _red(rng: Rng) -> Floats:
    strong = rng.uniform(110, 235)
    return np.array(
        [strong, strong * rng.uniform(0.05, 0.45), strong * rng.uniform(0.05, 0.45)], np.float32
    )


def _colours(rng: Rng) -> tuple[Floats, Floats, Floats, Floats]:
    """Wheel and ink of the whole part, then of the decimals."""
    dark, pale = _grey(rng, 5, 80), _grey(rng, 120, 250)
    kind = rng.random()
    if kind < 0.45:
        whole = (dark, pale)
    elif kind < 0.85:
        whole = (pale, dark)
    else:  # low contrast, any colour
        base = rng.uniform(40, 200, 3).astype(np.float32)
        away = float(rng.choice((-1, 1))) * rng.uniform(35, 90)
        whole = (base, np.clip(base + away + rng.normal(0, 12, 3), 0, 255).astype(np.float32))
    kind = rng.random()
    if kind < 0.25:
        part = (_red(rng), _grey(rng, 170, 250))
    elif kind < 0.6:
        part = (_grey(rng, 110, 250), _red(rng))
    elif kind < 0.68:
        part = (dark, _red(rng) + 20)
    elif kind < 0.74:
        part = (whole[1], whole[0])
    else:
        part = whole
    return whole[0], whole[1], part[0], part[1]


def _look(rng: Rng, cells: int, decimals: int) -> _Look:
    wheel, ink, wheel_part, ink_part = _colours(rng)
    part = np.arange(cells) >= cells - decimals
    if rng.random() < 0.04:
        part[:] = True
    wheels = np.where(part[:, None], wheel_part, wheel) * rng.normal(1, 0.04, (cells, 1))
    inks = np.where(part[:, None], ink_part, ink) * rng.normal(1, 0.06, (cells, 1))
    kind = rng.random()
    panel = np.repeat(
        _grey(rng, 5, 70)[None] if kind < 0.4 else _grey(rng, 90, 245)[None], cells, 0
    )
    if kind > 0.8:
        panel = wheels.copy()
    if rng.random() < 0.4:
        panel[part] = _red(rng)
    digit_tall = CELL_TALL * rng.uniform(0.5, 0.96)
    tall = max(CELL_TALL * rng.uniform(0.75, 1.3), digit_tall * 1.02)
    middle = rng.normal(0, 1.2)
    return _Look(
        wheel=wheels.astype(np.float32),
        ink=inks.astype(np.float32),
        panel=panel.astype(np.float32),
        digit_tall=digit_tall,
        pitch=digit_tall * (1.04 + 0.5 * rng.random() ** 1.6),
        digit_wide=CELL_WIDE * rng.uniform(0.36, 0.8),
        window=(middle - tall / 2, middle + tall / 2),
        gap=0.0 if rng.random() < 0.3 else CELL_WIDE * 0.3 * rng.random() ** 1.5,
    )


def _digits(rng: Rng, face: Face, shows: Floats, look: _Look, rows: Floats) -> Floats:
    """How much of every pixel of every cell is ink: (cells, CANVAS_TALL, CELL_WIDE)."""
    offset = rows
    if rng.random() < 0.6:  # a drum: what is far from the middle is seen from the side
        radius = look.pitch * rng.uniform(1.3, 2.2)
        offset = radius * np.arcsin(np.clip(rows / radius, -0.98, 0.98))
    turn = shows[:, None] + offset[None] / look.pitch
    digit = np.floor(turn + 0.5)
    row = (turn - digit) * look.pitch / look.digit_tall * TALL + TALL / 2 - 0.5
    low = np.floor(row).astype(np.int64)
    part = (row - low)[..., None].astype(np.float32)
    which = digit.astype(np.int64) % 10
    padded = np.pad(face.masks, ((0, 0), (1, 1), (0, 0)))
    upper = padded[which, np.clip(low + 1, 0, TALL + 1)]
    lower = padded[which, np.clip(low + 2, 0, TALL + 1)]
    mixed = upper + (lower - upper) * part
    narrow = mixed @ _narrowing(look.digit_wide)
    if rng.random() < 0.3:
        narrow = np.clip(narrow * rng.uniform(1.0, 1.8), 0, 1)
    return _placed(rng, narrow.astype(np.float32))


def _narrowing(wide: float) -> Floats:
    """A matrix that shrinks WIDE columns to a number of them, each the mean of what it covers."""
    columns = max(round(wide), 4)
    edges = np.linspace(0, WIDE, columns + 1)
    source = np.arange(WIDE)[:, None]
    covered = np.clip(np.minimum(source + 1, edges[1:]) - np.maximum(source, edges[:-1]), 0, 1)
    shares: Floats = (covered / covered.sum(axis=0)).astype(np.float32)
    return shares


def _placed(rng: Rng, digits: Floats) -> Floats:
    cells, tall, wide = digits.shape
    placed = np.zeros((cells, tall, CELL_WIDE), np.float32)
    room = (CELL_WIDE - wide) / 2
    shift = rng.normal(0, 1.0)
    for cell in range(cells):
        left = round(np.clip(room + shift + rng.normal(0, 0.7), 0, 2 * room))
        placed[cell, :, left : left + wide] = digits[cell]
    return placed


def _drum_light(rng: Rng, rows: Floats, look: _Look) -> Floats:
    half = (look.window[1] - look.window[0]) / 2
    away = np.clip((rows - rng.normal(0, half * 0.2)) / half, -1.5, 1.5)
    light: Floats = np.clip(1 - rng.uniform(0, 0.5) * away**2, 0.15, 1).astype(np.float32)
    return light


def _teeth(rng: Rng, body: Floats, shows: Floats, look: _Look, rows: Floats) -> None:
    """Marks at the right of the wheels: tenths on the last one, or the teeth that carry."""
    first = len(shows) - 1 if rng.random() < 0.5 else 0
    per_digit = int(rng.choice((2, 3, 5, 10)))
    wide = int(rng.integers(2, 9))
    turn = shows[first:, None] + rows[None] / look.pitch
    lit = ((turn * per_digit) % 1 < rng.uniform(0.25, 0.55))[..., None, None]
    colour = look.ink[first:, None, None] * rng.uniform(0.6, 1.0)
    right = CELL_WIDE - int(rng.integers(0, 4))
    piece = body[first:, :, right - wide : right]
    body[first:, :, right - wide : right] = np.where(lit, colour, piece)


def _windowed(rng: Rng, body: Floats, look: _Look, rows: Floats) -> Floats:
    """The cells with the panel around their windows, and the shadows of its edges."""
    top, bottom = look.window
    if rng.random() < 0.6:
        depth = np.clip((rows - top) / rng.uniform(2, 9), 0, 1)
        body *= (1 - rng.uniform(0.2, 0.8) * (1 - depth))[None, :, None, None].astype(np.float32)
    columns = np.arange(CELL_WIDE, dtype=np.float32)
    left, right = _edges(rng, look)
    across = np.clip(np.minimum(columns + 1 - left, right - columns), 0, 1)
    down = np.clip(np.minimum(rows + 1 - top, bottom - rows), 0, 1)
    seen = (down[None, :, None] * across[:, None])[..., None]
    if rng.random() < 0.45:  # a dark slit between the wheels
        slit = np.clip(
            np.abs(columns + 0.5 - CELL_WIDE / 2) - (CELL_WIDE / 2 - rng.uniform(0.5, 2.0)), 0, 1
        )
        body = body * (1 - rng.uniform(0.4, 1.0) * slit)[None, None, :, None]
    framed: Floats = look.panel[:, None, None] * (1 - seen) + body * seen
    if rng.random() < 0.25:  # a line around every window
        edge = (seen > 0.5) & ~(
            (np.roll(seen, 1, 1) > 0.5)
            & (np.roll(seen, -1, 1) > 0.5)
            & (np.roll(seen, 1, 2) > 0.5)
            & (np.roll(seen, -1, 2) > 0.5)
        )
        framed = np.where(edge, _grey(rng, 0, 255)[None, None, None], framed)
    single: Floats = framed.astype(np.float32)
    return single


def _edges(rng: Rng, look: _Look) -> tuple[Floats, Floats]:
    """Where each cell's window begins and ends (cells, 1): a frame seen askew covers a digit."""
    cells = len(look.wheel)
    left, right = np.full((cells, 1), look.gap / 2), np.full((cells, 1), CELL_WIDE - look.gap / 2)
    if rng.random() < 0.2:
        covered = CELL_WIDE * rng.uniform(0.05, 0.4)
        where = rng.random((cells, 1)) < float(rng.choice((0.3, 1.0)))
        if rng.random() < 0.6:
            left = np.where(where, covered, left)
        else:
            right = np.where(where, CELL_WIDE - covered, right)
    return left.astype(np.float32), right.astype(np.float32)


def _specks(rng: Rng, body: Floats) -> None:
    """Dots on the wheels: sparks of light, grains of dirt."""
    cells, tall, wide = body.shape[:3]
    for _ in range(int(rng.integers(1, 3 * cells))):
        cell, y, x = int(rng.integers(cells)), int(rng.integers(tall)), int(rng.integers(wide))
        size = int(rng.integers(1, 4))
        body[cell, y : y + size, x : x + size] = rng.choice((0, 255)) * rng.uniform(0.6, 1)


def _joined(body: Floats, look: _Look, whole: int, bar: int) -> Floats:
    """The cells side by side, and a bar of the panel's colour before the decimals."""
    cells = list(body)
    if bar:
        between = np.empty((CANVAS_TALL, bar, 3), np.float32)
        between[:] = look.panel[whole]
        cells.insert(whole, between)
    return np.concatenate(cells, axis=1)


def _panelled(rng: Rng, register: Floats, look: _Look) -> Floats:
    """The register between its margins, whose colour is the panel's or another."""
    tall, wide = register.shape[:2]
    canvas = np.empty((tall, wide + 2 * MARGIN_X, 3), np.float32)
    canvas[:, :MARGIN_X] = look.panel[0] if rng.random() < 0.6 else _grey(rng, 0, 255)
    canvas[:, -MARGIN_X:] = look.panel[-1] if rng.random() < 0.6 else _grey(rng, 0, 255)
    canvas[:, MARGIN_X:-MARGIN_X] = register
    if rng.random() < 0.35:  # the wheels' bed goes on beyond the first and the last
        top, bottom = (round(CANVAS_TALL / 2 + one) for one in look.window)
        more = int(rng.integers(2, 20))
        bed = look.wheel[0] * rng.uniform(0.3, 1.0)
        canvas[max(top, 0) : bottom, MARGIN_X - more : MARGIN_X] = bed
        canvas[max(top, 0) : bottom, -MARGIN_X : -MARGIN_X + more] = bed
    if rng.random() < 0.3:  # the rim of the opening
        top, bottom = (round(CANVAS_TALL / 2 + one) for one in look.window)
        rim, thick = _grey(rng, 0, 255), int(rng.integers(1, 4))
        canvas[max(top - thick, 0) : max(top, 0)] = rim
        canvas[bottom : bottom + thick] = rim
    return canvas


def _print_around(rng: Rng, canvas: Floats, face: Face) -> None:
    """Marks on the panel: strokes, small digits and blots beside, above and below the register."""
    if rng.random() < 0.4:
        return
    tall, wide = canvas.shape[:2]
    ink = _grey(rng, 0, 255)
    image = Image.new("L", (wide, tall))
    pencil = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(1, 10))):
        if rng.random() < 0.35:
            x = float(
                rng.choice((rng.uniform(0, MARGIN_X - 4), rng.uniform(wide - MARGIN_X + 4, wide)))
            )
            y = rng.uniform(0, tall)
        else:
            x = rng.uniform(0, wide)
            y = float(
                rng.choice((rng.uniform(0, MARGIN_Y - 4), rng.uniform(tall - MARGIN_Y + 4, tall)))
            )
        kind = rng.random()
        if kind < 0.4:
            size = rng.uniform(8, 22)
            mask = Image.fromarray((face.masks[rng.integers(10)] * 255).astype(np.uint8))
            small = mask.resize((max(round(size * face.aspect), 2), round(size)))
            image.paste(255, (round(x - size / 4), round(y - size / 2)), small)
        elif kind < 0.7:
            pencil.line(
                (x, y, x + rng.normal(0, 12), y + rng.normal(0, 6)), 255, int(rng.integers(1, 3))
            )
        else:
            pencil.ellipse((x - 2, y - 2, x + rng.uniform(0, 6), y + rng.uniform(0, 6)), 255)
    # The windows stay clear: what is printed is printed on the panel.
    mask_ = np.asarray(image, np.float32)[..., None] / 255
    mask_[MARGIN_Y:-MARGIN_Y, MARGIN_X:-MARGIN_X] = 0
    canvas += (ink - canvas) * mask_
