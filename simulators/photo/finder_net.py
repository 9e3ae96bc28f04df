"""The finder's net: a coarse map of where a register is, and its four corners from each place.

Plain convolutions that halve the picture four times and come back once, so that a place sees the
whole meter around it and still has corners to a pixel. The last stages look far by dilation. The
input is (batch, 3, SIDE, SIDE) from -1 to 1, the output (batch, 9, SIDE / STRIDE, SIDE / STRIDE):
a logit and eight offsets in sides of the picture, x and y of each corner from the cell's middle.
"""

from pathlib import Path

import torch
from torch import nn

from gateway.photo.finding import SIDE, STRIDE

# Channels at a half, a quarter, an eighth and a sixteenth of the picture's side: what fits into
# 1 MB and 25 minutes of one core.
_WIDTHS = (12, 24, 48, 56)


class FinderNet(nn.Module):  # type: ignore[misc]
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        half, quarter, eighth, sixteenth = _WIDTHS
        self.stem = nn.Sequential(_layer(3, half, 2), _layer(half, quarter, 2))
        self.near = nn.Sequential(_Block(quarter), _layer(quarter, eighth, 2), _Block(eighth))
        self.far = nn.Sequential(
            _layer(eighth, sixteenth, 2), _Block(sixteenth, 2), _Block(sixteenth, 4)
        )
        self.narrow = nn.Conv2d(sixteenth, eighth, 1)
        self.head = nn.Sequential(_layer(eighth, eighth), nn.Conv2d(eighth, 9, 1))
        # At first nothing is a register: else the loss drowns in the background.
        nn.init.zeros_(self.head[1].bias)
        with torch.no_grad():
            self.head[1].bias[0] = -4.0

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """See the module."""
        near = self.near(self.stem(picture))
        far = self.narrow(self.far(near))
        return self.head(near + nn.functional.interpolate(far, scale_factor=2.0, mode="nearest"))


class _Block(nn.Module):  # type: ignore[misc]
    """Two layers beside a shortcut; the second sees as far as it is dilated."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(_layer(width, width), _layer(width, width, 1, dilation))

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        return seen + self.layers(seen)


def _layer(before: int, after: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, 3, stride, dilation, dilation, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True))


def export(net: FinderNet, file: Path) -> None:
    """Write the net as ONNX, its batch free."""
    net = net.to(memory_format=torch.contiguous_format).eval()
    torch.onnx.export(
        net,
        (torch.zeros(1, 3, SIDE, SIDE),),
        str(file),
        input_names=["picture"],
        output_names=["places"],
        dynamic_axes={"picture": {0: "batch"}, "places": {0: "batch"}},
        opset_version=17,
        dynamo=False,  # needs no onnxscript, and writes the same bytes every time
    )
    assert SIDE % (2 * STRIDE) == 0  # noqa: S101 - the map is halved once more inside
