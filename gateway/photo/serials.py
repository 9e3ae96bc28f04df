"""Serial numbers printed beside a register, read only to be compared with the registry.

This is ordinary print, so an off-the-shelf recogniser reads it: rapidocr, whose wheel brings its
models and which installs on aarch64 too. It and what it needs take 400 MB on a disk and half a
second a photograph, so it is an extra of its own (requirements/serials.txt). Without it no
serial is read, the log says so once, and the question about another meter's number is not asked.
"""

import re
from collections.abc import Callable, Iterable
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gateway.photo.geometry import Corners, widened

# Print that takes part in a comparison: shorter numbers are in every text, longer ones on no meter.
DIGITS_MIN, DIGITS_MAX = 6, 14
# Below this the recogniser itself doubts its text.
SURE_MIN = 0.8
# Enough for print as high as a register's digits; twice as much takes four times as long.
SIDE_MAX = 1280
# A dial's print has a serial, a certificate and a type; more numbers come from what is around it.
SERIALS_MAX = 3
_DATE = re.compile(r"[0-3]?\d[.,/][01]?\d[.,/](?:19|20)?\d\d")

log = structlog.get_logger()
Engine = Callable[[NDArray[np.uint8]], Any]


def is_available() -> bool:
    """Whether the extra is installed."""
    return find_spec("rapidocr") is not None


def seen_serials(pixels: NDArray[np.uint8], register: Corners | None = None) -> tuple[str, ...]:
    """What may be serial numbers in an RGB picture (height, width, 3), the longest first.

    The register itself is covered before: its digits are no serial. None without the extra.
    """
    engine = _engine()
    if engine is None:
        return ()
    image = Image.fromarray(pixels)
    if register is not None:
        around = widened(register, 0.05, 0.15)
        ImageDraw.Draw(image).polygon(around.points, (128, 128, 128))
    image.thumbnail((SIDE_MAX, SIDE_MAX))
    found = engine(np.asarray(image)[..., ::-1])
    return numbers(zip(found.txts or (), found.scores or (), strict=True))


def numbers(texts: Iterable[tuple[str, float]]) -> tuple[str, ...]:
    """The digits of the texts that may be serial numbers, the longest first, each once."""
    seen = [
        "".join(one for one in text if one in "0123456789")
        for text, sure in texts
        if sure >= SURE_MIN and not _DATE.search(text)
    ]
    fit = dict.fromkeys(one for one in seen if DIGITS_MIN <= len(one) <= DIGITS_MAX)
    return tuple(sorted(fit, key=len, reverse=True)[:SERIALS_MAX])


@cache
def _engine() -> Engine | None:
    if not is_available():
        log.info("no-serials", said="serial numbers are not read: plomba[serials] is not installed")
        return None
    from rapidocr import RapidOCR  # noqa: PLC0415 - takes seconds, and is there with an extra only

    engine: Engine = RapidOCR(
        params={
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        }
    )
    return engine
