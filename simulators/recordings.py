"""Recorded telegrams of real meters, served again as if the meters hung on the bus.

A folder of .hex files is a bus: each file that holds a meter's telegram becomes a meter, at the
primary address the telegram bears or, where two bear the same one, at the next free one. Only
the address byte and the checksum are ever changed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from drivers.driver import FrameError
from drivers.mbus import frame
from simulators.mbus_meter import TelegramQueue

_ADDRESSES = range(1, 251)
# Behind the two starts and two lengths of a long frame stand C and A.
_ADDRESS_AT = 5


class Recording(NamedTuple):
    """A recorded telegram, the address it bears, and the meter that serves it."""

    file: Path
    recorded_address: int
    meter: "RecordedMeter"


class RecordedMeter:
    """Replays telegrams recorded from a real meter, under the address it is given here."""

    def __init__(self, address: int, telegrams: Sequence[bytes]) -> None:
        self.address = address
        frames = [_readdressed(one, address) for one in telegrams]
        self._queue = TelegramQueue(lambda _now_ms: frames)

    def reset(self) -> None:
        """The next request is a first one."""
        self._queue.reset()

    def answer(self, fcb: bool, now_ms: int) -> bytes:
        """The frame for a REQ_UD2 with that frame count bit."""
        return self._queue.next(fcb, now_ms)


def recordings(folder: Path) -> list[Recording]:
    """A meter per .hex file of `folder`, under its own address or, where taken, the next free one.

    Files that hold no telegram with data are left out. ValueError if none is left.
    """
    read = [(file, _telegram_of(file)) for file in sorted(folder.glob("*.hex"))]
    telegrams = [(file, data) for file, data in read if data is not None]
    if not telegrams:
        raise ValueError(f"{folder} holds no .hex file with a telegram of a meter")
    own: dict[int, Path] = {}
    for file, data in telegrams:
        if data[_ADDRESS_AT] in _ADDRESSES:
            own.setdefault(data[_ADDRESS_AT], file)
    free = (address for address in _ADDRESSES if address not in own)
    found = []
    for file, data in telegrams[: len(_ADDRESSES)]:
        recorded = data[_ADDRESS_AT]
        address = recorded if own.get(recorded) == file else next(free)
        found.append(Recording(file, recorded, RecordedMeter(address, [data])))
    return found


def _telegram_of(file: Path) -> bytes | None:
    try:
        data = bytes.fromhex("".join(file.read_text("ascii").split()))
        parsed = frame.parse(data)
    except (ValueError, FrameError):
        return None
    return data if isinstance(parsed, frame.Long) and parsed.is_response else None


def _readdressed(data: bytes, address: int) -> bytes:
    parsed = frame.parse(data)
    if not isinstance(parsed, frame.Long):
        raise FrameError("expected a telegram with data, got a frame without any", data)
    return frame.long(parsed.control, address, parsed.ci, parsed.body)
