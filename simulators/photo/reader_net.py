"""The reader's net: a strip in, for every fourth column of it what stands there.

Convolutions over the picture, then over its columns, wide enough that a cell is read in the
light of its neighbours: they say where the window lies and which way the digits lean. Heads for
wheels (100 positions), for displays (ten digits and an empty place), for "here is the middle of a
cell" and for "this cell stands behind the point" share all of it.
"""

from pathlib import Path

import torch
from torch import nn

from gateway.photo.cells import HEADS, PAD, TALL, WIDE


class _Residual(nn.Module):  # type: ignore[misc]
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.relu(x + self.body(x))


class _Along(nn.Module):  # type: ignore[misc]
    """A residual convolution along the columns, `apart` columns from one to the next."""

    def __init__(self, width: int, apart: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(width, width, 3, padding=apart, dilation=apart, bias=False),
            nn.BatchNorm1d(width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.relu(x + self.body(x))


class ReaderNet(nn.Module):  # type: ignore[misc]
    """Strips (n, 3, 32, width) from 0 to 1 to logits (n, HEADS, width / 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.picture = nn.Sequential(
            _step(3, 24, 5, (2, 2)),
            _step(24, 40, 3, (2, 2)), _Residual(40),
            _step(40, 72, 3, (2, 1)), _Residual(72),
        )  # fmt: skip
        self.columns = nn.Sequential(
            nn.Conv1d(72 * 4, 128, 3, padding=1, bias=False), nn.BatchNorm1d(128), nn.ReLU(),
            _Along(128, 2), _Along(128, 4), _Along(128, 1),
        )  # fmt: skip
        self.heads = nn.Sequential(nn.Dropout(0.1), nn.Conv1d(128, HEADS, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits for every fourth column."""
        seen = self.picture(x)
        n, width, _, columns = seen.shape
        return self.heads(self.columns(seen.reshape(n, width * 4, columns)))


def _step(from_: int, to: int, size: int, stride: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(from_, to, size, stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(to), nn.ReLU(),
    )  # fmt: skip


def export(net: ReaderNet, file: Path) -> None:
    """Write the net as ONNX; the number of strips and their width are free."""
    net = net.to(memory_format=torch.contiguous_format).eval()
    free = {0: "strips", 3: "width"}
    torch.onnx.export(
        net,
        (torch.zeros(1, 3, TALL, 8 * WIDE + 2 * PAD),),
        str(file),
        input_names=["strips"],
        output_names=["columns"],
        dynamic_axes={"strips": free, "columns": {0: "strips", 2: "columns"}},
        opset_version=17,
        dynamo=False,  # needs no onnxscript, and writes the same bytes every time
    )
