"""Train the net that says which way up a register is, on rendered strips alone; write its ONNX.

The strips are the reader's own (other seeds), shown upright and upside down at once: what the net
says of one way up is what it says against the other. So it is never fond of one way, and a
register that looks alike both ways (0, 1, 8, 6 for 9) teaches it to say so.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus

from gateway.photo.cells import PAD, TALL, WIDE
from simulators.photo import train_reader
from simulators.photo.train_reader import Batch, prepared

# Each batch is learned from three times: as it is, and twice in other light.
STEPS, _TIMES = 1800, 3
_RATE, _DECAY, _MEAN = 3e-3, 0.02, 0.995
_HELD_OUT, _REPORT_EVERY = 30, 150
# Batches of the reader's training and of its calibration have the seeds before this one.
_SEED_APART = 2


class TurnerNet(nn.Module):  # type: ignore[misc]
    """Strips (n, 3, 32, width) from 0 to 1 to (n,): how much an upright one looks like this.

    The mean over the columns is taken: what one cell leaves open another tells.
    """

    def __init__(self) -> None:
        super().__init__()
        self.picture = nn.Sequential(
            _step(3, 16, 5, (2, 2)), _step(16, 32, 3, (2, 2)), _step(32, 48, 3, (2, 1)),
        )  # fmt: skip
        self.columns = nn.Sequential(
            _along(48 * 4, 48, 1), _along(48, 48, 2), nn.Dropout(0.1), nn.Conv1d(48, 1, 1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See the class."""
        seen = self.picture(x)
        n, width, _, columns = seen.shape
        return self.columns(seen.reshape(n, width * 4, columns)).sum((1, 2)) / _CELL_COLUMNS


# So many columns stand for one cell: the sum counts cells, for each is evidence of its own.
_CELL_COLUMNS = WIDE / 4


def _step(from_: int, to: int, size: int, stride: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(from_, to, size, stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(to), nn.ReLU(),
    )  # fmt: skip


def _along(from_: int, to: int, apart: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(from_, to, 3, padding=apart, dilation=apart, bias=False),
        nn.BatchNorm1d(to), nn.ReLU(),
    )  # fmt: skip


def train(
    folder: Path,
    seed: int,
    *,
    steps: int = STEPS,
    workers: int = 1,
    say: Callable[[str], None] = lambda _line: None,
) -> Path:
    """Train a turner from nothing and write `turner.onnx` into a folder; its path."""
    net = _fit(seed + _SEED_APART, steps, workers, say)
    _calibrate(net, seed + _SEED_APART + 1, say)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "turner.onnx"
    _export(net, file)
    return file


def _fit(seed: int, steps: int, workers: int, say: Callable[[str], None]) -> TurnerNet:
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    net = TurnerNet()
    mean = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(_MEAN), use_buffers=True
    )
    optimizer = torch.optim.AdamW(net.parameters(), _RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, _RATE, total_steps=steps, pct_start=0.1
    )
    began_s, total = time.monotonic(), 0.0
    for step, batch in enumerate(_batches(steps, seed, workers), 1):
        loss = softplus(-_upright(net, batch)).mean()
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
    averaged: TurnerNet = mean.module
    averaged.eval()
    return averaged


def _upright(net: TurnerNet, batch: Batch) -> torch.Tensor:
    """How much likelier upright than upside down (n,), as a logit: all of them are upright."""
    images = prepared(batch.images)
    both = net(torch.cat([images, images.flip((2, 3))]))
    return both[: len(images)] - both[len(images) :]


def _batches(steps: int, seed: int, workers: int) -> Iterator[Batch]:
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers) as pool:
        numbers = ((seed, number) for number in range(-(-steps // _TIMES)))
        left = steps
        for number, batch in enumerate(pool.imap(train_reader.drawn, numbers, chunksize=2)):
            for again in range(min(left, _TIMES)):
                yield train_reader.again(batch, _TIMES * number + again) if again else batch
            left -= _TIMES


def _calibrate(net: TurnerNet, seed: int, say: Callable[[str], None]) -> None:
    """Divide by the temperature that fits strips never trained on; it goes into the weights."""
    with torch.no_grad():
        said = torch.cat(
            [_upright(net, train_reader.drawn((seed, number))) for number in range(_HELD_OUT)]
        )
        heats = np.exp(np.linspace(np.log(0.5), np.log(3.0), 25)).tolist()
        heat = min(heats, key=lambda heat: float(softplus(-said / heat).mean()))
        net.columns[-1].weight /= heat
        net.columns[-1].bias /= heat
    right = float((said > 0).float().mean())
    say(f"turner: temperature {heat:.2f}, {right:.1%} of {len(said)} strips right way up")


def _export(net: TurnerNet, file: Path) -> None:
    """Write the net as ONNX; the number of strips and their width are free."""
    torch.onnx.export(
        net,
        (torch.zeros(1, 3, TALL, 8 * WIDE + 2 * PAD),),
        str(file),
        input_names=["strips"],
        output_names=["upright"],
        dynamic_axes={"strips": {0: "strips", 3: "width"}, "upright": {0: "strips"}},
        opset_version=17,
        dynamo=False,  # needs no onnxscript, and writes the same bytes every time
    )
