"""Layouts: reading a batch as columns, where its device has sent one of the same form before.

A device asks the same meters for the same registers round after round, so the canonical bytes of
its batches differ only in a few numbers and hashes, which stand at the same places as long as no
number needs more bytes. A *layout* is one fully checked batch with these places cut out. Bytes
that equal it everywhere else, and whose numbers are canonical and within the bounds of the wire
format, are a sound batch of the same form: that is proved by comparing, and a hundred readings
are decoded by a dozen operations on arrays instead of some thousand on objects. Anything else is
decoded the full way (cloud_sync/batch.py); a property test shows that both give the same.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cloud_sync import batch as wire_batch
from cloud_sync.batch import SEQUENCE_MAX, Batch
from drivers.reading import (
    MANTISSA_MAX,
    TIME_MS_MAX,
    ClockState,
    Readout,
    RegisterValue,
    Source,
    Unit,
)

Numbers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

Kind = tuple[bytes, int]
"""The id of the key that signed a message, and the message's length."""

# Below this the fixed cost of a dozen operations on arrays is more than the full way's.
READINGS_MIN = 12
# Half a kB each, with what gateway/panel.py keeps of them: 100 MB for the meters of one collector.
READINGS_KEPT_MAX = 200_000
# When there are as many, one new form in so many takes the place of the oldest.
ADMITTED_ONE_IN = 16
_CLOCK_ERROR_MAX = 2**31 - 1
# What an integer of so many bytes holds in its shortest form (RFC 8949, 3.1 and 4.2.1).
_BOUNDS = {
    1: (0, 23),
    2: (24, 2**8 - 1),
    3: (2**8, 2**16 - 1),
    5: (2**16, 2**32 - 1),
    9: (2**32, 2**63 - 1),
}
_NUMBER_BYTES = 8
_KNOWN_TIME = (ClockState.SYNCHRONISED, ClockState.INFORMATIVE)


class Place(NamedTuple):
    """Where a number stands in the payload, in how many bytes, and the bounds it has to keep."""

    at: int
    width: int
    least: int
    most: int


class Values(NamedTuple):
    """One meter's answer in a layout: what every batch of that form says the same."""

    meter: str
    source: Source
    registers: tuple[str, ...]
    forms: tuple[tuple[Unit, int], ...]
    """Unit and exponent of each register."""


class Layout:
    """The form of a batch; made by `form_of`.

    `starts` are the positions of each readout's first value, `readout_of` is each value's readout.
    """

    def __init__(self, payload: bytes, batch: Batch, walk: "_Walk") -> None:
        self.device, self.clock_state = batch.device, batch.clock_state
        self.readouts = tuple(_values(readout) for readout in batch.readouts)
        self.meters = frozenset(readout.meter for readout in self.readouts)
        counts = [len(readout.registers) for readout in self.readouts]
        self.reading_count = sum(counts)
        self.starts = np.cumsum([0, *counts[:-1]])
        self.readout_of = np.repeat(np.arange(len(counts)), counts)
        self._previous_at, self._boot_at = walk.previous_at, walk.boot_at
        # One byte more: what a shorter number's leading bytes are taken from.
        mask = np.frombuffer(walk.mask(len(payload) + 1), np.uint8)
        self._mask = mask
        self._fixed = (_octets(payload) & mask).tobytes()
        self._from = _octets_of(walk.places, len(payload))
        bounds = [_bounds(place) for place in walk.places]
        self._least, self._most = np.array(bounds, np.uint64).T.copy()

    def read(self, payload: bytes) -> "Columns | None":
        """The batch of a payload of this form, None for any other."""
        octets = _octets(payload)
        if (octets & self._mask).tobytes() != self._fixed:
            return None
        numbers = octets.take(self._from).view(">u8").ravel().astype(np.uint64)
        if not ((numbers >= self._least) & (numbers <= self._most)).all():
            return None
        previous = payload[self._previous_at : self._previous_at + 32]
        boot = payload[self._boot_at : self._boot_at + 8]
        return Columns(self, payload, numbers.view(np.int64), previous, boot)


class Columns:
    """A batch as columns; `readouts` is for who must look at one reading, and is decoded then."""

    __slots__ = (
        "boot", "captured_ms", "clock_errors_s", "layout", "mantissas", "payload", "previous",
        "sequence", "signed_at_ms", "uptime_ms", "whole",
    )  # fmt: skip

    def __init__(
        self, layout: Layout, payload: bytes, numbers: Numbers, previous: bytes, boot: bytes
    ) -> None:
        self.layout, self.payload = layout, payload
        self.previous, self.boot = previous, boot
        self.sequence, self.signed_at_ms, _, self.uptime_ms = numbers[:4].tolist()
        count = len(layout.readouts)
        self.captured_ms = numbers[4 : 4 + count]
        self.clock_errors_s = numbers[4 + count : 4 + 2 * count]
        self.mantissas = numbers[4 + 2 * count :]
        self.whole: Batch | None = None

    @property
    def device(self) -> str:
        """The device that signed it."""
        return self.layout.device

    @property
    def clock_state(self) -> ClockState:
        """How its clock stood when it signed."""
        return self.layout.clock_state

    @property
    def reading_count(self) -> int:
        """How many readings it holds."""
        return self.layout.reading_count

    @property
    def readouts(self) -> tuple[Readout, ...]:
        """Its readouts as the drivers' vocabulary has them."""
        if self.whole is None:
            self.whole = wire_batch.decode(self.payload)
        return self.whole.readouts


class Layouts:
    """The forms in which devices send, cached by key and length of the message."""

    def __init__(
        self, readings_min: int = READINGS_MIN, readings_max: int = READINGS_KEPT_MAX
    ) -> None:
        self._readings_min = readings_min
        self._readings_max = readings_max
        self._known: dict[Kind, Layout] = {}
        self._misses: dict[Kind, int] = {}
        self._readings = self._turned_away = 0

    def has(self, kind: Kind) -> bool:
        """Whether a message of that kind may be read as columns; in any thread."""
        return kind in self._known

    def read(self, kind: Kind, payload: bytes) -> Columns | None:
        """A payload as columns, if its device has sent one of this form before."""
        layout = self._known.get(kind)
        columns = None if layout is None else layout.read(payload)
        if columns is not None:
            self._misses.pop(kind, None)
        return columns

    def learn(self, kind: Kind, payload: bytes, batch: Batch) -> None:
        """Remember the form of a batch that was decoded the full way.

        The form of a device that never repeats itself is made the first, second, fourth, … time.
        """
        if batch.reading_count < self._readings_min:
            return
        if self._is_full():
            return
        misses = self._misses.get(kind, 0) + 1
        self._misses[kind] = misses
        layout = None if misses & (misses - 1) else form_of(payload, batch)
        if layout is None:
            return
        self._drop(kind)
        self._known[kind] = layout
        self._readings += layout.reading_count

    def _is_full(self) -> bool:
        """Whether to leave a form alone because there are too many.

        A fleet too large for all of its forms would otherwise drop each one before its next use.
        """
        if len(self._misses) > self._readings_max:
            self._misses.clear()
        if self._readings <= self._readings_max:
            return False
        self._turned_away += 1
        if self._turned_away % ADMITTED_ONE_IN:
            return True
        self._drop(next(iter(self._known)))
        return False

    def _drop(self, kind: Kind) -> None:
        gone = self._known.pop(kind, None)
        self._readings -= 0 if gone is None else gone.reading_count


def form_of(payload: bytes, batch: Batch) -> Layout | None:
    """The layout of a batch with its payload; None where columns could not say all it says."""
    serials = [readout.meter for readout in batch.readouts]
    if len(set(serials)) < len(serials) or not all(map(_is_plain, batch.readouts)):
        return None
    walk = _Walk()
    walk.batch(batch)
    return Layout(payload, batch, walk) if walk.at == len(payload) else None


def _is_plain(readout: Readout) -> bool:
    registers = [value.register for value in readout.values]
    return (
        readout.clock_state in _KNOWN_TIME
        and len(set(registers)) == len(registers)
        and all(value.mantissa >= 0 for value in readout.values)
    )


def _values(readout: Readout) -> Values:
    return Values(
        readout.meter,
        readout.source,
        tuple(value.register for value in readout.values),
        tuple((value.unit, value.exponent) for value in readout.values),
    )


class _Walk:
    """A way through the canonical bytes of a batch, by the lengths its parts must have there."""

    def __init__(self) -> None:
        self.at = self.previous_at = self.boot_at = 0
        self.free: list[tuple[int, int]] = []
        """Where bytes may differ, ends excluded."""
        self._heading: list[Place] = []
        self._times: list[Place] = []
        self._errors: list[Place] = []
        self._mantissas: list[Place] = []

    @property
    def places(self) -> list[Place]:
        """The numbers' places, in the order in which `Columns` takes them."""
        return [*self._heading, *self._times, *self._errors, *self._mantissas]

    def mask(self, length: int) -> bytes:
        """Ones where bytes must not differ."""
        mask = bytearray(b"\xff" * length)
        for start, end in self.free:
            mask[start:end] = bytes(end - start)
        return bytes(mask)

    def batch(self, batch: Batch) -> None:
        """Over a whole batch, in the order of its fields."""
        self._skip_heads(len(batch.__struct_fields__), batch.version)
        self._text(batch.device)
        self._number(batch.sequence, SEQUENCE_MAX, self._heading, least=1)
        self.previous_at = self._octets(batch.previous)
        self._number(batch.signed_at_ms, TIME_MS_MAX, self._heading)
        self._text(batch.clock_state)
        self._number(batch.clock_error_s, _CLOCK_ERROR_MAX, self._heading)
        self.boot_at = self._octets(batch.boot)
        self._number(batch.uptime_ms, TIME_MS_MAX, self._heading)
        self._text(batch.software)
        self._skip_heads(len(batch.readouts))
        for readout in batch.readouts:
            self._readout(readout)

    def _readout(self, readout: Readout) -> None:
        self._skip_heads(len(readout.__struct_fields__))
        self._text(readout.meter)
        self._number(readout.captured_at_ms, TIME_MS_MAX, self._times)
        self._text(readout.clock_state)
        self._number(readout.clock_error_s, _CLOCK_ERROR_MAX, self._errors)
        self._skip_heads(readout.status)
        self._text(readout.source)
        self._skip_heads(len(readout.evidence.__struct_fields__), readout.evidence.kind)
        self._octets(readout.evidence.data)
        self._skip_heads(len(readout.values))
        head = _width(len(RegisterValue.__struct_fields__))
        for value in readout.values:
            self.at += head + _text_bytes(value.register)
            self._number(value.mantissa, MANTISSA_MAX, self._mantissas)
            # An exponent has one digit and so one byte, whatever its sign.
            self.at += 1 + _text_bytes(value.unit)

    def _skip_heads(self, *numbers: int) -> None:
        for number in numbers:
            self.at += _width(number)

    def _text(self, text: str) -> None:
        self.at += _text_bytes(text)

    def _octets(self, octets: bytes) -> int:
        start = self.at + _width(len(octets))
        self.at = start + len(octets)
        self.free.append((start, self.at))
        return start

    def _number(self, number: int, most: int, places: list[Place], least: int = 0) -> None:
        width = _width(number)
        places.append(Place(self.at, width, least, most))
        # A number below 24 stands in the one byte that says what it is.
        self.free.append((self.at + (width > 1), self.at + width))
        self.at += width


def _bounds(place: Place) -> tuple[int, int]:
    """What a number may be in the bytes it has, and by the wire format."""
    least, most = _BOUNDS[place.width]
    return max(least, place.least), min(most, place.most)


def _width(number: int) -> int:
    """How many bytes an unsigned integer takes, or the head of a text or array of that length."""
    if number < 24:  # noqa: PLR2004 - the first bounds of `_BOUNDS`, written out for speed
        return 1
    if number < 2**8:
        return 2
    if number < 2**16:
        return 3
    return 5 if number < 2**32 else 9


# The names of registers and units, mostly, and of meters.
@lru_cache(maxsize=4096)
def _text_bytes(text: str) -> int:
    length = len(text.encode())
    return _width(length) + length


def _octets(payload: bytes) -> Bytes:
    return np.frombuffer(payload + b"\0", np.uint8)


def _octets_of(places: Sequence[Place], zero_at: int) -> npt.NDArray[np.intp]:
    """Eight places in the payload for each number, most significant first; the rest are zero."""
    ends = np.array([place.at + place.width for place in places], np.intp)
    begins = np.array([place.at + (place.width > 1) for place in places], np.intp)
    found = ends[:, np.newaxis] + np.arange(-_NUMBER_BYTES, 0)
    return np.where(found < begins[:, np.newaxis], zero_at, found)
