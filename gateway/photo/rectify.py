"""Cut a register out of a photograph: four corners become a straight strip of the reader's size.

A homography is worked out with numpy and carried out by Pillow. The picture is averaged smaller
first where the register is larger than the strip, because Pillow's transform looks at single
pixels only, and what is skipped comes back as noise.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gateway.photo.cells import TALL, WIDE
from gateway.photo.geometry import Corners, homography, widened


def strip(
    image: NDArray[np.uint8],
    corners: Corners,
    cells: int,
    *,
    wider: float = 0.0,
    taller: float = 0.0,
) -> NDArray[np.uint8]:
    """The register of an RGB picture (height, width, 3) as the reader takes it.

    So many cells side by side: (TALL, cells * WIDE, 3). `wider` widens the cut by so many parts of
    a cell to either side, `taller` by so many parts of the height. What lies beyond the picture
    repeats its edge. ValueError where three corners lie on a line.
    """
    return cut(image, widened(corners, wider / cells, taller), (WIDE * cells, TALL))


def cut(image: NDArray[np.uint8], corners: Corners, size: tuple[int, int]) -> NDArray[np.uint8]:
    """What lies between four corners, as a picture of a size (width, height)."""
    picture, quad = _near(image, np.array(corners.points))
    # Twice as fine as asked for, and averaged after: between two wholes nothing is skipped either.
    width, height = 2 * size[0], 2 * size[1]
    shrink = _shrink(quad, (width, height))
    if shrink > 1:
        picture, quad = picture.reduce(shrink), quad / shrink
    target = np.array([[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]])
    data = tuple(homography(target, quad).ravel()[:8].tolist())
    seen = picture.transform(
        (width, height), Image.Transform.PERSPECTIVE, data, Image.Resampling.BICUBIC
    )
    return np.asarray(seen.reduce(2))


def _near(
    image: NDArray[np.uint8], quad: NDArray[np.float64]
) -> tuple[Image.Image, NDArray[np.float64]]:
    """The part of a picture around four corners, its edge repeated where they lie beyond it."""
    height, width = image.shape[:2]
    # A corner farther out than the picture is large shows nothing but repeated edge anyway.
    quad = np.clip(quad, (-width, -height), (2 * width, 2 * height))
    low = np.floor(quad.min(0)).astype(int) - 2
    high = np.ceil(quad.max(0)).astype(int) + 3
    columns = np.arange(low[0], high[0]).clip(0, width - 1)
    rows = np.arange(low[1], high[1]).clip(0, height - 1)
    return Image.fromarray(image[np.ix_(rows, columns)]), quad - low


def _shrink(quad: NDArray[np.float64], size: tuple[int, int]) -> int:
    """How many pixels of the picture, each way, make one of the strip."""
    sides = np.hypot(*(np.roll(quad, -1, 0) - quad).T)
    across, down = max(sides[0], sides[2]) / size[0], max(sides[1], sides[3]) / size[1]
    return max(int(min(across, down)), 1)
