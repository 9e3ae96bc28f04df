"""Train the reader on rendered strips alone, calibrate it on others, and write its ONNX.

Strips are drawn beside the training by a process of their own, batch after batch, each from its
own seed, so how many processes draw changes nothing. What ships is the running mean of the weights.
Where the processor knows bfloat16 the convolutions use it: the same machine makes the same net
again, another kind of machine one that differs in the last digits and reads as well.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import binary_cross_entropy_with_logits, one_hot

from gateway.photo.cells import PAD, STRIDE
from gateway.photo.decoding import CLASSES, POSITIONS
from gateway.photo.mask import Kind
from simulators.photo import strips
from simulators.photo.faces import Rng
from simulators.photo.reader_net import ReaderNet, export
from simulators.photo.strips import Sample, Store

STEPS = 3000
# Cells of one batch, whatever its strips; registers of so many cells, by how often.
_CELLS = 320
_COUNTS = (1, 4, 5, 6, 7, 8, 9)
_OFTEN = (0.14, 0.08, 0.18, 0.16, 0.16, 0.22, 0.06)
_LCDS = 0.25
# A batch is learned from a second time so many batches later.
_LATER = 20
_RATE, _DECAY, _MEAN = 3e-3, 0.02, 0.996
# How far from a cell's middle a column is still asked what the cell shows, in pixels, and how wide
# the spot is that says "here is a middle".
_NEAR, _SPOT = 7.0, 4.0
# What a position's neighbours are to learn, as the spread in tenths: labels are that exact.
_SPREAD = 0.9
# Strips that the temperatures are fitted on: batches never trained on.
_HELD_OUT = 40
_REPORT_EVERY = 200


class Batch(NamedTuple):
    """Strips of one width and, for every column of the answer, what the net should say of it."""

    images: NDArray[np.uint8]  # (n, TALL, width, 3)
    where: NDArray[np.float32]  # (n, columns): here is a middle
    weight: NDArray[np.float32]  # (n, columns): near a middle
    shows: NDArray[np.float32]  # (n, columns): what the nearest cell shows
    decimal: NDArray[np.float32]  # (n, columns): that cell stands behind the point
    lcd: NDArray[np.bool_]  # (n,)


def train(
    folder: Path,
    seed: int,
    *,
    steps: int = STEPS,
    workers: int = 1,
    say: Callable[[str], None] = lambda _line: None,
) -> Path:
    """Train a reader from nothing and write `reader.onnx` into a folder; its path."""
    net = fit(seed, steps=steps, workers=workers, say=say)
    calibrate(net, seed, say)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "reader.onnx"
    export(net, file)
    return file


def fit(
    seed: int,
    *,
    steps: int = STEPS,
    workers: int = 1,
    say: Callable[[str], None] = lambda _line: None,
) -> ReaderNet:
    """The running mean of the net after so many steps."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    # Half again as fast on a CPU with the channels last.
    net = ReaderNet().to(memory_format=torch.channels_last)
    mean = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(_MEAN), use_buffers=True
    )
    optimizer = torch.optim.AdamW(net.parameters(), _RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, _RATE, total_steps=steps, pct_start=0.1
    )
    short = torch.ops.mkldnn._is_mkldnn_bf16_supported()  # noqa: SLF001 - torch asks it so itself
    began_s, total = time.monotonic(), 0.0
    for step, batch in enumerate(_batches(steps, seed, workers), 1):
        with torch.autocast("cpu", torch.bfloat16, enabled=short):
            logits = net(prepared(batch.images)).float()
        loss = _loss(logits, batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        mean.update_parameters(net)
        total += loss.item()
        if step % _REPORT_EVERY == 0:
            took_s = time.monotonic() - began_s
            say(f"step {step} of {steps}: loss {total / _REPORT_EVERY:.3f}, {took_s:.0f} s")
            total = 0.0
    averaged: ReaderNet = mean.module
    averaged.eval()
    return averaged


def prepared(images: NDArray[np.uint8]) -> torch.Tensor:
    """Strips as the net takes them: (n, 3, TALL, width) from 0 to 1."""
    turned = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    return turned.contiguous(memory_format=torch.channels_last)


@cache
def _store(seed: int) -> Store:
    return strips.store(np.random.default_rng(seed))


def drawn(at: tuple[int, int]) -> Batch:
    """A batch by its seed and number."""
    rng = np.random.default_rng(at)
    count = int(rng.choice(_COUNTS, p=_OFTEN))
    kept = _store(at[0])
    return packed([_sample(rng, kept, count) for _ in range(_CELLS // max(count, 2))])


def _sample(rng: Rng, kept: Store, count: int) -> Sample:
    kind = Kind.LCD if rng.random() < _LCDS else Kind.ODOMETER
    hard = rng.uniform(0.3, 1.0)
    if count > 1:
        return strips.sample(rng, kept, kind, count, hard)
    return strips.single(rng, kept, kind if rng.random() < 0.5 else Kind.ODOMETER, hard)


def packed(samples: list[Sample]) -> Batch:
    """Samples of one number of cells as a batch."""
    pads = ((0, 0), (PAD, PAD), (0, 0))
    images = np.stack([np.pad(one.image, pads, mode="edge") for one in samples])
    middles = (np.arange(images.shape[2] // STRIDE) + 0.5) * STRIDE - PAD
    centres = np.stack([one.centres for one in samples])
    away = np.abs(middles[None, :, None] - centres[:, None])
    nearest, near = away.argmin(axis=2), away.min(axis=2)
    row = np.arange(len(samples))[:, None]
    return Batch(
        images=images,
        where=np.exp(-((near / _SPOT) ** 2)).astype(np.float32),
        weight=np.clip(1 - near / _NEAR, 0, 1).astype(np.float32),
        shows=np.stack([one.shows for one in samples])[row, nearest],
        decimal=np.stack([one.decimal for one in samples])[row, nearest],
        lcd=np.array([one.lcd for one in samples]),
    )


def _batches(steps: int, seed: int, workers: int) -> Iterator[Batch]:
    """Every batch twice, for drawing one costs as much as learning from it."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers) as pool:
        kept: list[Batch] = []
        numbers = ((seed, number) for number in range((steps + 1) // 2))
        for number, batch in enumerate(pool.imap(drawn, numbers, chunksize=2)):
            kept.append(batch)
            yield batch
            yield again(kept.pop(0) if len(kept) > _LATER else kept[0], number)


def again(batch: Batch, number: int) -> Batch:
    """A batch in other light, half of its strips in negative."""
    rng = np.random.default_rng(number)
    pictures = batch.images.astype(np.float32)
    gain = rng.uniform(0.75, 1.2, (len(pictures), 1, 1, 3)).astype(np.float32)
    negative = rng.random((len(pictures), 1, 1, 1)) < 0.5
    lit = np.where(negative, 255 - pictures, pictures) * gain
    return batch._replace(images=np.clip(lit, 0, 255).astype(np.uint8))


def _loss(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    weight = torch.from_numpy(batch.weight)
    weight = weight / weight.sum()
    read = (_wrong(logits, batch) * weight).sum()
    middle = binary_cross_entropy_with_logits(logits[:, -2], torch.from_numpy(batch.where))
    marks = torch.from_numpy(batch.decimal)
    decimal = binary_cross_entropy_with_logits(logits[:, -1], marks, reduction="none")
    return read + middle + 0.1 * (decimal * weight).sum()


def _wrong(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """How wrong each column is about what it shows (n, columns): cross entropy."""
    wheel = torch.log_softmax(logits[:, :POSITIONS], 1)
    digit = torch.log_softmax(logits[:, POSITIONS : POSITIONS + CLASSES], 1)
    shows = torch.from_numpy(batch.shows)
    half = POSITIONS // 2
    at = torch.arange(POSITIONS)[None, :, None] - shows[:, None] * 10
    away = torch.remainder(at + half, POSITIONS) - half
    soft = torch.softmax(-((away / _SPREAD) ** 2), 1)
    named = one_hot(shows.long().clamp(0, CLASSES - 1), CLASSES).permute(0, 2, 1)
    is_lcd = torch.from_numpy(batch.lcd)[:, None]
    return torch.where(is_lcd, -(named * digit).sum(1), -(soft * wheel).sum(1))


def calibrate(net: ReaderNet, seed: int, say: Callable[[str], None]) -> None:
    """Divide what the heads say by the temperatures that fit strips never trained on.

    The temperatures go into the last layer's weights: whoever runs the net needs not know them.
    """
    held_out = [drawn((seed + 1, number)) for number in range(_HELD_OUT)]
    with torch.no_grad():
        answers = [net(prepared(batch.images)).float() for batch in held_out]
        last = net.heads[-1]
        for name, lcd, part in (
            ("wheels", False, slice(0, POSITIONS)),
            ("displays", True, slice(POSITIONS, POSITIONS + CLASSES)),
        ):
            heats = np.exp(np.linspace(np.log(0.5), np.log(3.0), 25)).tolist()
            heat = min(heats, key=lambda heat: _surprise(answers, held_out, heat, lcd=lcd))
            last.weight[part] /= heat
            last.bias[part] /= heat
            say(f"{name}: temperature {heat:.2f}")


def _surprise(
    answers: list[torch.Tensor], batches: list[Batch], heat: float, *, lcd: bool
) -> float:
    total = 0.0
    for answer, batch in zip(answers, batches, strict=True):
        of_kind = batch.lcd == lcd
        weight = torch.from_numpy(batch.weight * of_kind[:, None])
        total += float((_wrong(answer / heat, batch) * weight).sum())
    return total
