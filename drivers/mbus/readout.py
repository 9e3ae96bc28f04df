"""One readout of a meter: its telegrams one after the other, and how each is found on the wire.

While a telegram says that more follow, the frame count bit is toggled and the next one is asked
for (EN 13757-2, 5.7). Some meters say so for ever and repeat themselves: equal records end it.
"""

from collections.abc import Callable

from drivers.driver import FrameError
from drivers.mbus import frame, telegram
from drivers.mbus.frame import Long
from drivers.mbus.telegram import Telegram

# A meter with a year of monthly values needs about ten telegrams; the evidence of a readout holds
# sixteen of the longest.
TELEGRAMS_MAX = 16


class Readout:
    """The telegrams of one readout as they come in; the `key` opens what is encrypted."""

    def __init__(self, key: bytes | None = None) -> None:
        self.frames: list[bytes] = []
        self.telegrams: list[Telegram] = []
        self._key = key

    @property
    def raw(self) -> bytes:
        """All frames as they were received."""
        return b"".join(self.frames)

    def add(self, received: bytes) -> bool:
        """Keep a frame unless it repeats another; whether the meter has a next one.

        FrameError, or its kind ApplicationError, for a frame that holds no telegram.
        """
        # Later telegrams may have a short header, which does not say again who the meter is.
        who = self.telegrams[0].identity if self.telegrams else None
        one = telegram.decode(received, key=self._key, identity=who)
        # The access number counts on in a repeat; the records do not.
        said = [record.raw for record in one.records]
        if any(said == [record.raw for record in other.records] for other in self.telegrams):
            return False
        self.frames.append(received)
        self.telegrams.append(one)
        return one.more_follows and len(self.frames) < TELEGRAMS_MAX


def find_ack(heard: bytes) -> bytes | None:
    """The acknowledgement in what was heard."""
    ack = bytes((frame.ACK,))
    return ack if ack in heard else None


def find_response(heard: bytes, is_meant: Callable[[Long], bool]) -> bytes | None:
    """The first sound frame in `heard` that is the response of a meter that is meant."""
    start = -1
    while (start := heard.find(frame.LONG_START, start + 1)) >= 0:
        # No frame is longer: what follows it is not copied for each byte that could begin one.
        rest = heard[start : start + frame.FRAME_LENGTH_MAX]
        try:
            length = frame.expected_length(rest)
            candidate = rest[:length] if length else b""
            one = frame.parse(candidate)
        except FrameError:
            continue
        if isinstance(one, Long) and one.is_response and is_meant(one):
            return candidate
    return None


def whole(heard: bytes) -> Long | None:
    """The response that all of `heard` is, None where anything is wrong with it."""
    try:
        one = frame.parse(heard)
    except FrameError:
        return None
    return one if isinstance(one, Long) and one.is_response else None


def cut(raw: bytes) -> list[bytes]:
    """The frames of a readout's raw bytes; FrameError where they are none."""
    frames: list[bytes] = []
    start = 0
    while start < len(raw):
        rest = raw[start : start + frame.FRAME_LENGTH_MAX]
        length = frame.expected_length(rest)
        if length is None or length > len(rest):
            left = len(raw) - start
            raise FrameError(f"{left} bytes at the end are no whole frame", raw[start:])
        frames.append(rest[:length])
        start += length
    return frames
