"""One process that looks at photos: a frame with one in, a frame with what was seen out.

It decodes what strangers send, so it has limits of its own, of memory and of processor time for
each photo. A picture that breaks them, or the decoder, costs this process and its own answer,
nothing else; gateway/photo/looking.py starts another. A photo that cannot be read is a photo all
the same: whoever sent it types the reading.
"""

import importlib
import os
import resource
import sys
from typing import IO, NamedTuple

import msgspec

from gateway.photo import framing
from gateway.photo.frame import Frame
from gateway.photo.framing import Recognised, Recogniser, Seen
from gateway.photo.intake import PhotoError, Picture, picture
from gateway.photo.mask import Kind, Mask, Prior
from gateway.photo.reading import Cell
from gateway.verify_worker import put, take

# The dearest photo, a WebP of 50 megapixels, was measured at 1.4 GB of addresses (0.95 GB of
# memory); a JPEG of that size takes a quarter of it.
MEMORY_BYTES_MAX = 2 * 1024**3
# A photo takes about a second; the largest, on a slow core, a few.
CPU_S_MAX = 20

Points = tuple[tuple[float, float], ...]


class Sight(NamedTuple):
    """What was seen on a photo: the picture as intake.py made it, and what was read on it.

    `cells` and `points` are empty where no register was found; `points` are its corners in pixels
    of `jpeg`. `serial_seen` is the serial number beside it, empty where none was read.
    """

    jpeg: bytes
    sha256: bytes
    phash: int
    taken_at_ms: int | None
    has_offset: bool
    cells: tuple[Cell, ...]
    points: Points
    serial_seen: str


class Task(msgspec.Struct, frozen=True, array_like=True):
    """A photo to look at."""

    data: bytes
    mask: tuple[str, int, int] | None
    frame: Frame | None
    prior: tuple[int, int] | None


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What was seen, or why it was not looked at; `trouble`: why it was not read."""

    sight: Sight | None
    why: str = ""
    said: str = ""
    trouble: str = ""


TASK = msgspec.msgpack.Decoder(Task)
ANSWER = msgspec.msgpack.Decoder(Answer)
ENCODER = msgspec.msgpack.Encoder()


def sight_of(task: Task, recogniser: Recogniser) -> Sight:
    """Look at one photo; PhotoError where it is none."""
    taken = picture(task.data)
    return _sight(taken, _read(taken, task, recogniser))


def _read(taken: Picture, task: Task, recogniser: Recogniser) -> Seen:
    mask = None if task.mask is None else Mask(Kind(task.mask[0]), *task.mask[1:])
    prior = None if task.prior is None else Prior(*task.prior)
    return framing.read(recogniser, taken.pixels, mask, task.frame, prior)


def _sight(taken: Picture, seen: Seen) -> Sight:
    cells = () if seen.reading is None else seen.reading.cells
    points = () if seen.corners is None else seen.corners.points
    return Sight(
        *(taken.jpeg, taken.sha256, taken.phash, taken.taken_at_ms, taken.has_offset),
        tuple(Cell(cell.digit, float(cell.sure)) for cell in cells),
        tuple((float(x), float(y)) for x, y in points),
        seen.serial,
    )


def answer(task: Task, recogniser: Recogniser) -> Answer:
    """What the process says of one photo."""
    try:
        taken = picture(task.data)
    except PhotoError as error:
        return Answer(None, error.why, str(error))
    try:
        return Answer(_sight(taken, _read(taken, task, recogniser)))
    except Exception as error:  # noqa: BLE001 - whatever it is, the photo itself is sound
        return Answer(_sight(taken, Seen()), trouble=f"{type(error).__name__}: {error}"[:500])


def work(source: IO[bytes], target: IO[bytes], recogniser: Recogniser) -> None:
    """Answer frames until there are no more."""
    while True:
        try:
            task = TASK.decode(take(source))
        except EOFError:
            return
        _grant_time()
        put(target, ENCODER.encode(answer(task, recogniser)))


def limit() -> None:
    """What this process may use, for good."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES_MAX),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (allowed, allowed))


def _grant_time() -> None:
    """The processor time of one more photo; beyond it the kernel ends the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + CPU_S_MAX, hard))


class _Absent:
    """In the place of a recogniser that cannot be loaded; it says why with every photo."""

    def __init__(self, why: str) -> None:
        self._why = why

    def read(self, *_asked: object) -> Recognised:
        raise LookupError(self._why)


def _recogniser(name: str) -> Recogniser:
    module, _, made = name.partition(":")
    try:
        found: Recogniser = getattr(importlib.import_module(module), made)()
    except Exception as error:  # noqa: BLE001 - a model that is missing, a library that is another
        return _Absent(f"{name} cannot be loaded: {type(error).__name__}: {error}")
    return found


def main(name: str) -> None:
    """Look at photos with the recogniser `module:class` until the input ends."""
    # What a library prints must not stand between the frames.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    recogniser = _recogniser(name)
    limit()
    work(sys.stdin.buffer, answers, recogniser)


if __name__ == "__main__":
    main(sys.argv[1])
