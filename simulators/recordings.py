"""Recorded telegrams of real meters, served again as if the meters hung on the bus.

A folder of .hex files is a bus: each file that holds a meter's telegram becomes a meter, at the
primary address the telegram bears or, where two bear the same one, at the next free one. Only
the address byte and the checksum are ever changed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from drivers.driver import FrameError
from drivers.mbus import frame, telegram
from simulators.mbus_bus import SECONDARY_BYTES, WILDCARD

_ADDRESSES = range(1, 251)
# Behind the two starts and two lengths of a long frame stand C and A.
_ADDRESS_AT = 5
_IDENTIFICATION_BYTES = 4
# The CI fields of the old fixed structure, low and high byte first.
_FIXED, _FIXED_HIGH_FIRST = (0x73, 0x77), 0x77


class Recording(NamedTuple):
    """A recorded telegram, the address it bears, and the meter that serves it."""

    file: Path
    recorded_address: int
    meter: "RecordedMeter"


class RecordedMeter:
    """Replays telegrams recorded from a real meter, under the address it is given here."""

    turnaround_s = 0.0

    def __init__(self, address: int, telegrams: Sequence[bytes]) -> None:
        self.address = address
        self._frames = [_readdressed(one, address) for one in telegrams]
        self.secondary, self.high_first = _secondary(telegrams[0])

    def readout(self, now_ms: int) -> list[bytes]:
        """The recorded frames, whatever the time."""
        del now_ms
        return self._frames


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


def _secondary(data: bytes) -> tuple[bytes | None, bool]:
    """The secondary address a telegram's header bears, and whether its high bytes come first."""
    parsed = frame.parse(data)
    ci = parsed.ci if isinstance(parsed, frame.Long) else 0
    body = parsed.body if isinstance(parsed, frame.Long) else b""
    if ci in {telegram.LONG_HEADER, telegram.LONG_HEADER_HIGH_FIRST}:
        return body[:SECONDARY_BYTES], ci == telegram.LONG_HEADER_HIGH_FIRST
    if ci in _FIXED:
        # The old structure has no more than the number: everything else only a wildcard finds.
        known = body[:_IDENTIFICATION_BYTES]
        return known.ljust(SECONDARY_BYTES, bytes((WILDCARD,))), ci == _FIXED_HIGH_FIRST
    return None, False
