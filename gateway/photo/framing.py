"""Reading a register that somebody showed us: by its own corners, or somewhere within a frame.

Corners that a person put are cut by. A camera's frame only says which register is meant: it is
larger than the digits and none of its sides is theirs. On 90 rendered photographs in which a
register took 55 to 98 % of such a frame, turned by up to 7 degrees and beside its middle, the
likeliest digits were right, and digits were left open (drawn scenes, before turning.py was there):

    cut by the frame as if it were the digits' corners     37 %      62 % open
    found in the frame alone, the frame itself tried too   93 %      55 %
    found in the frame and what is around it (AROUND)      97 %      46 %
    found in the whole photograph                          98 %      21 %
    the last, and where that is not in the frame the third, and then the frame    99 %      21 %

The finder was made for whole meters and needs what is around the digits, so the last is done: a
second look is only taken where the first one saw another register than the one in the frame.
"""

from typing import Any, NamedTuple, Protocol

from gateway.photo.frame import Frame
from gateway.photo.geometry import Corners, Point
from gateway.photo.mask import Mask, Prior
from gateway.photo.reading import Reading

# Beside a frame, in parts of its width and height: a meter's face around its digits, and not the
# next meter on the pipe below.
AROUND = (0.1, 1.2)


class Recognised(Protocol):
    """What a recogniser says: the digits and where they are, None where it saw no register."""

    @property
    def reading(self) -> Reading | None:
        """The digits."""

    @property
    def corners(self) -> Corners | None:
        """Where they are."""


class Recogniser(Protocol):
    """What reads a register (gateway/photo/recognition.py)."""

    def read(
        self, image: Any, mask: Mask | None, corners: Corners | None, prior: Prior | None
    ) -> Recognised:
        """Read an RGB picture (height, width, 3)."""


class Seen(NamedTuple):
    """`Recognised` of a whole picture; `serial` as it was read, empty where none was."""

    reading: Reading | None = None
    corners: Corners | None = None
    serial: str = ""


def read(
    recogniser: Recogniser, image: Any, mask: Mask | None, frame: Frame | None, prior: Prior | None
) -> Seen:
    """Read the register of an RGB picture (height, width, 3), the one in the frame if there is one.

    ValueError where the corners are of no figure.
    """
    if frame is None:
        return _seen(recogniser.read(image, mask, None, prior))
    height, width = image.shape[:2]
    corners = frame.corners(width, height)
    if not frame.is_loose:
        return _seen(recogniser.read(image, mask, corners, prior))
    whole = _seen(recogniser.read(image, mask, None, prior))
    if _is_within(whole.corners, corners):
        return whole
    left, top, right, bottom = _around(corners, width, height)
    near = _seen(recogniser.read(image[top:bottom, left:right], mask, None, prior), left, top)
    if not _is_within(near.corners, corners):
        near = _seen(recogniser.read(image, mask, corners, prior))
    return near._replace(serial=near.serial or whole.serial)


def _seen(found: Recognised, left: int = 0, top: int = 0) -> Seen:
    """What was read on a part of a picture that begins there."""
    serial, corners = getattr(found, "serial", None) or "", found.corners
    if corners is not None:
        a, b, c, d = ((x + left, y + top) for x, y in corners.points)
        corners = Corners((a, b, c, d), corners.sure)
    return Seen(found.reading, corners, serial)


def _is_within(found: Corners | None, frame: Corners) -> bool:
    """Whether a register's middle stands in a frame, of which the sides are upright and level."""
    if found is None:
        return False
    (left, top), _, (right, bottom), _ = frame.points
    x, y = _middle(found)
    return left <= x <= right and top <= y <= bottom


def _middle(found: Corners) -> Point:
    xs, ys = zip(*found.points, strict=True)
    return sum(xs) / len(xs), sum(ys) / len(ys)


def _around(frame: Corners, width: int, height: int) -> tuple[int, int, int, int]:
    """The part of a picture around a frame: left, top, right, bottom."""
    (left, top), _, (right, bottom), _ = frame.points
    across, down = AROUND[0] * (right - left), AROUND[1] * (bottom - top)
    return (
        *(max(0, int(left - across)), max(0, int(top - down))),
        *(min(width, int(right + across)), min(height, int(bottom + down))),
    )
