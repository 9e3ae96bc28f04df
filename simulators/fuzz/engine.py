"""A fuzzer small enough to read: seeds, changes, and which lines of ours an input reaches.

An input that reaches a line no other has reached is kept and changed further, which leads into the
depth of a parser without a grammar of its format. Lines are also what an input is limited by: one
that runs for too many of them is a finding, and no clock decides it.

Everything follows from the seed and the number of inputs, so a finding can be made again. Atheris
would be faster; it takes over the process, counts in time and has to be compiled where it has no
wheel, and the parsers here are quick enough without it.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from types import CodeType, FrameType
from typing import Any, NamedTuple, Self

from simulators.fuzz.mutation import spoiled

# A batch of the largest size takes some 20 000 lines; a thousandfold input is none of ours.
LINES_MAX = 2_000_000
# What a parser makes of an input, as text: a short telegram explains itself at length, and a CSV
# names every bad line. Beyond this an input is a bomb.
OUTPUT_CHARS = 100_000
OUTPUT_CHARS_PER_BYTE = 500
# Inputs kept to be changed further, and findings told of one parser.
KEPT_MAX = 500
FINDINGS_MAX = 5
_ROOT = Path(__file__).parents[2]
_OURS = tuple(str(_ROOT / name) for name in ("cloud_sync", "drivers", "edge", "gateway"))

Line = tuple[str, int]


class Parser(NamedTuple):
    """What is fuzzed: `run` must return, or raise one of `refuses`, whatever bytes it is given."""

    name: str
    run: Callable[[bytes], object]
    refuses: tuple[type[Exception], ...]
    seeds: tuple[bytes, ...]
    tokens: tuple[bytes, ...] = ()
    is_cbor: bool = False


class Finding(NamedTuple):
    """An input that a parser did not take as it must."""

    parser: str
    data: bytes
    said: str


class Found(NamedTuple):
    """What came of one parser. `lines` of ours were reached, `kept` inputs reached new ones."""

    parser: str
    inputs: int
    lines: int
    kept: int
    findings: tuple[Finding, ...]


class Endless(BaseException):  # No parser may catch it, as it may an Exception.
    """An input ran for more than LINES_MAX lines."""


class Watch:
    """Notes the lines of our packages that run, for as long as it is entered."""

    def __init__(self) -> None:
        self.lines: set[Line] = set()
        self._steps = 0
        self._known: dict[CodeType, bool] = {}
        self._before: Any = None

    def __enter__(self) -> Self:
        self._steps = 0
        self._before = sys.gettrace()
        sys.settrace(self._call)
        return self

    def __exit__(self, *_raised: object) -> None:
        sys.settrace(self._before)

    def _call(self, frame: FrameType, _event: str, _arg: object) -> Any:
        code = frame.f_code
        is_ours = self._known.get(code)
        if is_ours is None:
            is_ours = self._known[code] = code.co_filename.startswith(_OURS)
        return self._line if is_ours else None

    def _line(self, frame: FrameType, _event: str, _arg: object) -> Any:
        self.lines.add((frame.f_code.co_filename, frame.f_lineno))
        self._steps += 1
        if self._steps > LINES_MAX:
            raise Endless
        return self._line


def fault(parser: Parser, data: bytes, watch: Watch) -> str:
    """What is wrong with how the parser takes an input; empty if nothing is."""
    try:
        with watch:
            told = repr(parser.run(data))
    except parser.refuses as error:
        told = str(error)
    except Endless:
        return f"did not end after {LINES_MAX} lines"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        return f"{type(error).__name__}: {str(error)[:200]}"
    most = OUTPUT_CHARS + OUTPUT_CHARS_PER_BYTE * len(data)
    return f"made {len(told)} characters of {len(data)} bytes" if len(told) > most else ""


def fuzz(parser: Parser, seed: int, goes_on: Callable[[int], bool]) -> Found:
    """Feed it its seeds, and then changed inputs while `goes_on(inputs so far)`."""
    random = Random(f"{seed}:{parser.name}")
    watch, findings = Watch(), dict[str, Finding]()
    kept: list[bytes] = []
    inputs = 0
    for data in _inputs(random, parser, kept):
        if inputs >= len(parser.seeds) and not goes_on(inputs):
            break
        inputs += 1
        before = len(watch.lines)
        said = fault(parser, data, watch)
        if said:
            findings.setdefault(said[:40], Finding(parser.name, data, said))
        elif len(watch.lines) > before and len(kept) < KEPT_MAX:
            kept.append(data)
        if len(findings) >= FINDINGS_MAX:
            break
    return Found(parser.name, inputs, len(watch.lines), len(kept), tuple(findings.values()))


def _inputs(random: Random, parser: Parser, kept: Sequence[bytes]) -> Iterator[bytes]:
    yield from parser.seeds
    while True:
        start = random.choice((*parser.seeds, *kept))
        words = parser.tokens or kept
        if kept and random.random() < 0.2:
            words = kept
        yield spoiled(random, start, words, is_cbor=parser.is_cbor)
