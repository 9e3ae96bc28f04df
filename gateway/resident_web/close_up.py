"""The register out of a photo, large enough to compare digit by digit on a small screen."""

import io
from collections.abc import Sequence

from PIL import Image

# As wide as a phone shows it, sharp on most of them.
WIDTH = 900
# Of the register's height, on each side: the edge of its window, to be sure that none is missing.
_AROUND = 0.35
_QUALITY = 85
# A row of digits is wider than it is high; what is not would be no help.
_SIDE_MIN = 8


def close_up(jpeg: bytes, points: Sequence[tuple[float, float]]) -> bytes | None:
    """The part of a kept photo around those corners as JPEG; None where there is none.

    `jpeg` is a photo as gateway/photo/keeping.py has it, so one that we wrote.
    """
    if not points:
        return None
    left, right = (pick(x for x, _ in points) for pick in (min, max))
    top, bottom = (pick(y for _, y in points) for pick in (min, max))
    around = (bottom - top) * _AROUND
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as photo:
        box = (
            max(0, int(left - around)),
            max(0, int(top - around)),
            min(photo.width, int(right + around)),
            min(photo.height, int(bottom + around)),
        )
        width, height = box[2] - box[0], box[3] - box[1]
        if min(width, height) < _SIDE_MIN:
            return None
        size = (WIDTH, max(1, height * WIDTH // width))
        cut = photo.crop(box).resize(size, Image.Resampling.BICUBIC)
    out = io.BytesIO()
    cut.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
