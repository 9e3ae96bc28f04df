"""Train the finder on drawn scenes alone, and write its ONNX.

Scenes are drawn once; what the net is shown is cut from them anew each time: the whole photograph,
or the closer look of `Finder`, wrongly placed and turned as its first answer may be. One thread and
fixed seeds, so the same machine makes the same net again.
"""

import time
from collections.abc import Callable
from math import atan2, cos, sin
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from gateway.photo.finding import LOOK_WIDTH, SIDE, STRIDE, as_input
from gateway.photo.mask import Kind
from simulators.photo.finder_net import FinderNet, export
from simulators.photo.scene_parts import Rng, surroundings
from simulators.photo.scene_registers import plain
from simulators.photo.scenes import Scene, scene, taken
from simulators.photo.strips import SEED

# A register in a scene of this side is as fine as the net can use in a closer look.
SCENE_SIDE = 448
SCENES = 3000
EMPTY_SHARE = 0.06
BATCH = 24
STEPS = 3200
_RATE = 2.5e-3
_GRID = SIDE // STRIDE


class Shown(NamedTuple):
    """What the net is shown, and the register's corners in it (4, 2), or None."""

    picture: NDArray[np.float32]
    corners: NDArray[np.float64] | None


def train(
    folder: Path,
    seed: int = SEED,
    *,
    scenes: int = SCENES,
    steps: int = STEPS,
    say: Callable[[str], None] = lambda _line: None,
) -> Path:
    """Train a finder from nothing and write `finder.onnx` into a folder; its path."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    rng = np.random.default_rng(seed)
    pool = [_drawn(rng) for _ in range(scenes)]
    say(f"{len(pool)} scenes drawn")
    # Half again as fast on a CPU with the channels last.
    net = FinderNet().to(memory_format=torch.channels_last)
    _fit(net, pool, rng, steps, say)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "finder.onnx"
    export(net, file)
    return file


def _drawn(rng: Rng) -> Scene:
    if rng.random() < EMPTY_SHARE:
        nowhere = np.full((4, 2), SCENE_SIDE / 2) + np.array([[0, 0], [9, 0], [9, 9], [0, 9]])
        pixels = taken(rng, surroundings(rng, SCENE_SIDE), nowhere)
        return Scene(pixels, np.full((4, 2), np.nan))
    kind = Kind.LCD if rng.random() < 0.25 else Kind.ODOMETER
    return scene(rng, SCENE_SIDE, plain(rng, kind), kind)


def _fit(
    net: FinderNet, pool: list[Scene], rng: Rng, steps: int, say: Callable[[str], None]
) -> None:
    began_s, total = time.monotonic(), 0.0
    optimizer = torch.optim.AdamW(net.parameters(), _RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, _RATE, total_steps=steps, pct_start=0.1
    )
    for step in range(1, steps + 1):
        shown = [cut_out(rng, pool[int(one)]) for one in rng.integers(0, len(pool), BATCH)]
        pictures = torch.from_numpy(np.concatenate([one.picture for one in shown]))
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        loss = _loss(net(pictures), shown)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        total += float(loss.detach())
        if step % 100 == 0:
            say(f"step {step}: loss {total / 100:.4f}, {time.monotonic() - began_s:.0f} s")
            total = 0.0


def cut_out(rng: Rng, drawn: Scene) -> Shown:
    """A square piece of a scene, as either look of the finder sees it."""
    corners, size = drawn.corners, drawn.pixels.shape[0]
    if np.isnan(corners).any() or rng.random() < 0.5:
        side = size * float(np.exp(rng.uniform(np.log(0.75), np.log(1.35))))
        middle = size / 2 + rng.normal(0, 0.06, 2) * size
        angle = rng.normal(0, 0.1)
        drawn = _portrait(rng, drawn) if rng.random() < 0.6 else drawn
    else:
        edge = corners[1] + corners[2] - corners[0] - corners[3]
        wide = float(np.hypot(*edge)) / 2
        side = LOOK_WIDTH * wide * float(np.exp(rng.normal(-0.03, 0.25)))
        middle = corners.mean(0) + rng.normal(0, 0.12, 2) * wide
        angle = atan2(edge[1], edge[0]) + rng.normal(0, 0.12)
        if rng.random() < 0.12:
            angle += np.pi * rng.choice((0.5, 1.0, 1.0, 1.5))
    return _piece(rng, drawn, middle, side, angle)


def _portrait(rng: Rng, drawn: Scene) -> Scene:
    """The same photograph, higher than wide or wider than high: black beside it, as Finder adds."""
    size = drawn.pixels.shape[0]
    axis = int(rng.random() < 0.3)
    seen = drawn.corners[:, axis]
    low, high = (0.3 * size, 0.7 * size) if np.isnan(seen).any() else (seen.min(), seen.max())
    first = int(min(rng.uniform(0, 0.25) * size, max(low - 3, 0)))
    last = int(max(rng.uniform(0.75, 1) * size, min(high + 3, size)))
    pixels = np.zeros_like(drawn.pixels)
    part = slice(first, last)
    inside = (slice(None), part) if axis == 0 else (part, slice(None))
    pixels[inside] = drawn.pixels[inside]
    return Scene(pixels, drawn.corners)


def _piece(rng: Rng, drawn: Scene, middle: NDArray[np.float64], side: float, angle: float) -> Shown:
    step = side / SIDE
    right = np.array([cos(angle), sin(angle)]) * step
    down = np.array([-sin(angle), cos(angle)]) * step
    first = middle - (right + down) * SIDE / 2
    data = (right[0], down[0], first[0], right[1], down[1], first[1])
    picture = Image.fromarray(drawn.pixels)
    shrink = max(int(step), 1)
    if shrink > 1:
        picture, data = picture.reduce(shrink), tuple(one / shrink for one in data)
    seen = picture.transform((SIDE, SIDE), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
    pixels = _recoloured(rng, np.asarray(seen))
    corners = (drawn.corners - first) @ np.stack([right, down]).T / step**2
    middle = corners.mean(0)
    inside = bool(np.all((middle > 0) & (middle < SIDE)))
    return Shown(as_input(pixels), corners if inside else None)


def _recoloured(rng: Rng, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    changed = np.asarray(pixels, np.float32)
    if rng.random() < 0.25:
        grey = changed.mean(2, keepdims=True)
        changed += (grey - changed) * rng.uniform(0.3, 1)
    lit = changed * rng.uniform(0.75, 1.25) * rng.normal(1, 0.06, 3) + rng.normal(0, 10)
    return np.asarray(lit.clip(0, 255), np.uint8)


def _loss(answer: torch.Tensor, shown: list[Shown]) -> torch.Tensor:
    """How wrong the map is, and the corners at the places nearest the registers' middles."""
    place = torch.zeros(len(shown), _GRID, _GRID)
    corner_loss = answer.new_zeros(())
    count = 0
    for number, one in enumerate(shown):
        if one.corners is None:
            continue
        count += 1
        place[number], near = _target(one.corners)
        rows, columns = near
        cells = torch.stack([columns, rows], 1) * STRIDE + STRIDE / 2
        corners = torch.from_numpy(one.corners.astype(np.float32))
        meant = (corners[None] - cells[:, None]).reshape(-1, 8)
        said = answer[number, 1:, rows, columns].T * SIDE
        wide = float(np.hypot(*(one.corners[1] - one.corners[0])))
        corner_loss = corner_loss + (said - meant).abs().mean() / (0.06 * wide + 0.5)
    logit = answer[:, 0]
    chance = torch.sigmoid(logit)
    bce = nn.functional.binary_cross_entropy_with_logits(logit, place, reduction="none")
    focal = (bce * (place - chance).abs() ** 2).sum() / max(count, 1)
    return focal + 0.5 * corner_loss / max(count, 1)


def _target(
    corners: NDArray[np.float64],
) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
    """A soft spot at the register's middle (grid, grid), and the cells that must know corners."""
    x, y = corners.mean(0) / STRIDE - 0.5
    rows, columns = torch.meshgrid(torch.arange(_GRID), torch.arange(_GRID), indexing="ij")
    far = (columns - x) ** 2 + (rows - y) ** 2
    spot = torch.exp(-far / 1.2)
    near = torch.nonzero(far <= max(2.6, float(far.min())), as_tuple=True)
    return spot.float(), (near[0], near[1])
