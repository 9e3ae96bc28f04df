"""How well single wheels are read: crops of digits whose position is known to a tenth.

The file is an .npz with `images` uint8 (n, 32, 20, 3) RGB and `tenths` uint8 from 0 to 99. It may
be anybody's, so its shapes are checked; nothing in it is run.
"""

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.photo.cells import CellReader
from gateway.photo.decoding import POSITIONS, SURE_MIN, decode
from gateway.photo.mask import Kind, Mask

# A hundred times the collection this was written for; more is a mistake.
CROPS_MAX, BYTES_MAX = 500_000, 1_000_000_000
# Crops given to the net together.
_AT_ONCE = 256
# The looks at a crop: by how much of its width either side is drawn out, and of its height; less
# than nothing cuts it off. As with whole registers (gateway/photo/cuts.py) all of them count.
_LOOKS = (
    (0.0, 0.0), (0.15, 0.0), (0.3, 0.0), (0.0, 0.06), (0.15, 0.06),
    (0.0, -0.03), (0.15, -0.03), (0.15, -0.06),
)  # fmt: skip
_ONE = Mask(Kind.ODOMETER, 1, 0)
# A wheel is read right where it is read as standing at the digit it stands nearest to, or, between
# two digits, at either: half a turn off is another digit.
_HALF = POSITIONS // 20


class CropsError(ValueError):
    """What is wrong with the file of crops, in one line."""


def digits_figures(path: Path, reader: CellReader | None = None) -> dict[str, float]:
    """The figures of the reader on these crops, shares from 0 to 1.

    `within_tenth`: the position is right or one tenth off, cyclic. `digit`: less than half a turn
    off, so the digit is right. `digit_strict`: the same whole digit, though 3.9 and 4.0 look alike.
    `open`: no digit is shown; `wrong_though_sure`: one is shown that is more than half a turn off.
    CropsError where the file is not such a one.
    """
    images, tenths = _crops(path)
    ours = reader or CellReader()
    positions, shown = [], []
    for first in range(0, len(images), _AT_ONCE):
        some = images[first : first + _AT_ONCE]
        looks = [ours.read_all(_drawn_out(some, *one), _ONE) for one in _LOOKS]
        for seen in zip(*looks, strict=True):
            wheels = sum((one.wheels for one in seen[1:]), seen[0].wheels) / len(seen)
            positions.append(int(wheels[0].argmax()))
            shown.append(decode(seen[0]._replace(wheels=wheels), _ONE).cells[0].digit)
    return _figures(np.array(positions), shown, tenths.astype(np.int64))


def _drawn_out(images: NDArray[np.uint8], wider: float, taller: float) -> NDArray[np.uint8]:
    """The same crops with their edges drawn out, or cut off above and below.

    Collections cut digits closely, some with the frame.
    """
    across, down = (
        round(images.shape[2] * wider),
        round(images.shape[1] * abs(taller)),
    )
    kept = images[:, down : images.shape[1] - down] if taller < 0 else images
    more = 0 if taller < 0 else down
    return np.pad(kept, ((0, 0), (more, more), (across, across), (0, 0)), mode="edge")


def _figures(
    positions: NDArray[np.int64], shown: list[int | None], tenths: NDArray[np.int64]
) -> dict[str, float]:
    half = POSITIONS // 2
    off = np.abs((positions - tenths + half) % POSITIONS - half)
    # A digit covers what its wheel may show: from two tenths before it to just before the next.
    wrong = [
        digit is not None and not -3 <= (int(at) - 10 * digit + half) % POSITIONS - half <= 9
        for digit, at in zip(shown, tenths, strict=True)
    ]
    return {
        "crops": float(len(tenths)),
        "within_tenth": float(np.mean(off <= 1)),
        "digit": float(np.mean(off < _HALF)),
        "digit_strict": float(np.mean(positions // 10 == tenths // 10)),
        "open": float(np.mean([digit is None for digit in shown])),
        "wrong_though_sure": float(np.mean(wrong)),
        "sure_min": SURE_MIN,
    }


def _crops(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    expected = f"{path}: an .npz with images (n, height, width, 3) and tenths (n) was expected"
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(one.file_size for one in packed.infolist())
    except (OSError, zipfile.BadZipFile) as error:
        raise CropsError(f"{expected}: {error}") from error
    if size > BYTES_MAX:
        raise CropsError(f"{expected}, at most {BYTES_MAX} bytes of it, not {size}")
    try:
        with np.load(path, allow_pickle=False) as kept:
            images, tenths = kept["images"], kept["tenths"]
    except (OSError, KeyError, ValueError, MemoryError) as error:
        raise CropsError(f"{expected}: {error}") from error
    shaped = images.ndim == 4 and images.shape[3] == 3 and tenths.shape == images.shape[:1]
    if not shaped or images.dtype != np.uint8 or tenths.dtype != np.uint8:
        raise CropsError(f"{expected}, both uint8, not {images.shape} and {tenths.shape}")
    if not 0 < len(images) <= CROPS_MAX:
        raise CropsError(f"{expected}, 1 to {CROPS_MAX} crops, not {len(images)}")
    if tenths.max() >= POSITIONS:
        raise CropsError(f"{expected}, tenths below {POSITIONS}, not {tenths.max()}")
    return images, tenths
