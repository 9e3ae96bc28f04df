"""How fast telegrams are decoded, as a ratio to pymeterbus over the same telegrams.

Both sides start from the bytes of a frame and end with the value of every record in hand: what
pymeterbus computes when a value is asked for is asked for. The two alternate in one process and
their medians of processor time are compared, so that a busy machine slows both.

The telegrams are recorded ones of a folder where one is given, and otherwise made here: a heat
meter, an electricity meter and a water meter of common build, each telegram with other values.
What pymeterbus cannot read is left out on both sides, and counted.
"""

import json
import logging
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from drivers.driver import FrameError
from drivers.mbus import records, telegram
from drivers.mbus.records import Record
from drivers.mbus.telegram import Telegram
from edge.decode import HexError, parse_hex

Decode = Callable[[bytes], int]
"""Decodes a frame with all its values; how many records there were."""

ROUNDS = 7
# Long enough that a clock tick of a slow machine is a thousandth of a round.
ROUND_FRAMES = 1000
BUILT_TELEGRAMS = 48

# DIB, VIB and the step of the value; the value itself is made from the telegram's number.
_HEAT = (
    ("04", "06", "1000"),
    ("04", "14", "0.01"),
    ("04", "22", "3600"),
    ("02", "59", "0.01"),
    ("02", "5D", "0.01"),
    ("02", "61", "0.01"),
    ("04", "2D", "100"),
    ("04", "3B", "0.001"),
    ("14", "2D", "100"),
    ("44", "06", "1000"),
    ("44", "14", "0.01"),
    ("8C40", "14", "0.01"),
)
_ELECTRICITY = (
    ("0E", "8400", "10"),
    ("8E10", "8400", "10"),
    ("8E20", "8400", "10"),
    ("04", "2B", "1"),
    ("02", "FDC8FC01", "0.1"),
    ("02", "FDC8FC02", "0.1"),
    ("02", "FDC8FC03", "0.1"),
    ("04", "FDDAFC01", "0.01"),
    ("02", "FF52", "1"),
    ("01", "FD17", "1"),
)
_WATER = (("0C", "13", "0.001"), ("4C", "13", "0.001"), ("02", "3B", "0.001"), ("05", "5B", "0.5"))
_MODELS = (("heat", _HEAT), ("electricity", _ELECTRICITY), ("water", _WATER))


@click.command("decode")
@click.option(
    "--telegrams",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of .hex files with recorded telegrams, instead of made ones.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def decode(telegrams: Path | None, as_json: bool) -> None:
    """Decode speed as a ratio to pymeterbus over the same telegrams."""
    frames = list(_recorded(telegrams) if telegrams else built(BUILT_TELEGRAMS))
    result = measure(frames)
    if as_json:
        click.echo(json.dumps(result))
    else:
        click.echo("\n".join(f"{name:24} {value}" for name, value in result.items()))


def measure(frames: Sequence[bytes]) -> dict[str, float]:
    """Frames a second of both, and their ratio."""
    theirs = _pymeterbus()
    asked = [one for one in frames if _reads(theirs, one)]
    if not asked:
        raise click.ClickException("expected telegrams that pymeterbus reads too, got none")
    rounds = [(_seconds(_ours, asked), _seconds(theirs, asked)) for _ in range(ROUNDS)]
    ours_s, theirs_s = (statistics.median(taken) for taken in zip(*rounds, strict=True))
    count = _repeats(asked) * len(asked)
    return {
        "telegrams": len(asked),
        "left_out": len(frames) - len(asked),
        "bytes_mean": round(sum(map(len, asked)) / len(asked), 1),
        "records": sum(map(_ours, asked)),
        "frames_per_s": round(count / ours_s),
        "pymeterbus_frames_per_s": round(count / theirs_s),
        "ratio": round(theirs_s / ours_s, 2),
    }


def built(count: int) -> Iterator[bytes]:
    """`count` frames of three models of meters, no two with the same values."""
    for number in range(count):
        medium, blocks = _MODELS[number % len(_MODELS)]
        yield telegram.encode(
            Telegram(
                address=1 + number % 250,
                identification=f"{number:08}",
                manufacturer="PLB",
                version=1,
                medium=medium,
                access_number=number % 0x100,
                status=0,
                configuration=0,
                records=(*_values(blocks, number), _clock(number)),
            )
        )


def _values(blocks: Sequence[tuple[str, str, str]], number: int) -> Iterator[Record]:
    for place, (dib, vib, step) in enumerate(blocks):
        # Odd steps, so that neither a byte nor a digit repeats; a byte holds the smallest field.
        steps = (97 * number + 31 * place) % 100
        yield records.build(bytes.fromhex(dib), bytes.fromhex(vib), value=steps * Decimal(step))


def _clock(number: int) -> Record:
    moment = f"2026-01-{1 + number % 28:02}T{number % 24:02}:{number % 60:02}:00"
    return records.build(b"\x04", b"\x6d", time=moment)


def _recorded(folder: Path) -> Iterator[bytes]:
    """The telegrams of a folder's files that are ones; error frames are not decoded by anyone."""
    for file in sorted(folder.glob("*.hex")):
        try:
            data = parse_hex(file.read_text("utf-8"))
            telegram.decode(data)
        except (FrameError, HexError):
            continue
        yield data


def _ours(data: bytes) -> int:
    return len([record.value for record in telegram.decode(data).records])


def _pymeterbus() -> Decode:
    """The other library's decoder; importing it configures the root logger, which is put back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        library: Any = import_module("meterbus")
    except ModuleNotFoundError as error:
        raise click.ClickException(
            "expected pymeterbus to compare with, it is not installed: run make test once"
        ) from error
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    return lambda data: len([record.value for record in library.load(data).records])


def _reads(decode_: Decode, data: bytes) -> bool:
    """Whether a library has an answer. pymeterbus raises whatever it stumbles over."""
    try:
        return decode_(data) > 0
    except Exception:  # noqa: BLE001 - see above; what it cannot read is left out and counted
        return False


def _repeats(frames: Sequence[bytes]) -> int:
    return max(1, ROUND_FRAMES // len(frames))


def _seconds(decode_: Decode, frames: Sequence[bytes]) -> float:
    """Processor seconds for a round over all frames."""
    repeats = range(_repeats(frames))
    begun_s = time.process_time()
    for _ in repeats:
        for data in frames:
            decode_(data)
    return time.process_time() - begun_s
