"""A virtual M-Bus meter: answers REQ_UD2 with a telegram made from its profile, and keeps FCB.

Around the billed records stand others of the same quantity, as real meters send them: the value
at the last billing date (storage 1) and a maximum. A driver that took the first record that looks
right would take a wrong one.

A meter with `telegrams` above one spreads its records over that many and lets the master fetch
them by toggling the frame count bit; a repeated request with the same bit gets the same telegram
again (EN 13757-2, 5.7).
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Protocol

from drivers.driver import FrameError
from drivers.mbus import frame, records, telegram, vib
from drivers.mbus.frame import Short
from drivers.mbus.profile import MbusProfile, MbusRegister
from drivers.mbus.records import Record
from drivers.mbus.telegram import Telegram
from drivers.reading import Resource, Unit
from simulators.modbus_meter import Shown

_ACK = bytes((frame.ACK,))
_HEARD_BYTES_MAX = 2 * frame.FRAME_LENGTH_MAX
_HEADER_VERSION = 1

# What one unit of a register is in the base unit M-Bus counts in, as a power of ten.
_IN_BASE_UNITS = {
    Unit.KWH: ("Wh", 3),
    Unit.KVARH: ("varh", 3),
    Unit.GJ: ("J", 9),
    Unit.M3: ("m3", 0),
    Unit.TONNE: ("kg", 3),
    Unit.KW: ("W", 3),
    Unit.M3_PER_H: ("m3/h", 0),
    Unit.CELSIUS: ("°C", 0),
    Unit.KELVIN: ("K", 0),
}
_MEDIA = {
    Resource.ELECTRICITY: "electricity",
    Resource.COLD_WATER: "water",
    Resource.HOT_WATER: "warm-water",
    Resource.HEAT: "heat",
    Resource.GAS: "gas",
}

# DIF: the data field of an integer is its length in bytes, the function is in bits 4 and 5, the
# lowest bit of the storage number in bit 6.
_INT32_BYTES, _INT48_BYTES = 4, 6
_FUNCTIONS = {"instantaneous": 0, "maximum": 1, "minimum": 2}
_EXTENDED = 0x80
# A value of the last billing date differs from today's; by how much does not matter.
_SINCE_BILLING_DATE = 17


class Answering(Protocol):
    """A meter on an M-Bus."""

    @property
    def address(self) -> int:
        """Its primary address."""

    def reset(self) -> None:
        """SND_NKE: the next request is a first one."""

    def answer(self, fcb: bool, now_ms: int) -> bytes:
        """The frame for a REQ_UD2 with that frame count bit."""


class MbusMeter:
    """One meter made from a profile, showing `shown`; `serial` is its identification number."""

    def __init__(
        self, address: int, profile: MbusProfile, shown: Shown, serial: str, telegrams: int = 1
    ) -> None:
        self.address = address
        self._profile = profile
        self._shown = shown
        self._serial = serial
        self._queue = TelegramQueue(self._telegrams)
        self._split = telegrams
        self._access_number = 0

    def reset(self) -> None:
        """The next request is a first one."""
        self._queue.reset()

    def answer(self, fcb: bool, now_ms: int) -> bytes:
        """The frame for a REQ_UD2 with that frame count bit."""
        return self._queue.next(fcb, now_ms)

    def _telegrams(self, now_ms: int) -> list[bytes]:
        """All frames of one readout, their values of one moment."""
        self._access_number = (self._access_number + 1) % 0x100
        found = self._records(now_ms)
        size = -(-len(found) // self._split)
        parts = [found[at : at + size] for at in range(0, len(found), size)]
        return [
            self._frame(part, more_follows=number < len(parts))
            for number, part in enumerate(parts, 1)
        ]

    def _records(self, now_ms: int) -> list[Record]:
        shown = self._shown(now_ms)
        found: list[Record] = []
        for register in self._profile.registers:
            mantissa = shown[register.obis]
            found.append(_record(register, mantissa))
            past = max(mantissa - _SINCE_BILLING_DATE, 0)
            found.append(_record(register, past, storage=register.storage + 1))
            found.append(_record(register, mantissa // 2, function="maximum"))
        return found

    def _frame(self, part: Sequence[Record], *, more_follows: bool) -> bytes:
        end = (records.manufacturer_data(b"", more_follows=True),) if more_follows else ()
        makers = self._profile.makers
        return telegram.encode(
            Telegram(
                address=self.address,
                identification=self._serial,
                manufacturer=makers[0] if makers else "PLB",
                version=_HEADER_VERSION,
                medium=_MEDIA[self._profile.resource],
                access_number=self._access_number,
                status=0,
                configuration=0,
                records=(*part, *end),
            )
        )


class MbusBus:
    """Meters on one pair of wires: a `simulators.lines.Bus`."""

    def __init__(self, meters: Iterable[Answering]) -> None:
        self.meters = {meter.address: meter for meter in meters}
        self._heard = bytearray()

    def feed(self, data: bytes, now_ms: int) -> bytes:
        """The answer to the request that `data` completes; what is no request is not answered."""
        self._heard += data
        try:
            length = frame.expected_length(bytes(self._heard))
            if length is None or len(self._heard) < length:
                return b""
            request = frame.parse(bytes(self._heard[:length]))
            del self._heard[:length]
        except FrameError:
            self._heard.clear()
            return b""
        return self._answer(request, now_ms) if isinstance(request, Short) else b""

    def reset(self) -> None:
        """Forget half a request."""
        self._heard.clear()

    def _answer(self, request: Short, now_ms: int) -> bytes:
        meter = self.meters.get(request.address)
        if meter is None:
            return b""
        if request.control == frame.SND_NKE:
            meter.reset()
            return _ACK
        if request.control & ~frame.FCB == frame.REQ_UD2:
            return meter.answer(bool(request.control & frame.FCB), now_ms)
        return b""


class TelegramQueue:
    """Which telegram comes next: another one for another frame count bit, else the same again."""

    def __init__(self, make: Callable[[int], list[bytes]]) -> None:
        self._make = make
        self.reset()

    def reset(self) -> None:
        """Forget which telegram was sent last."""
        self._frames: list[bytes] = []
        self._at = 0
        self._fcb: bool | None = None

    def next(self, fcb: bool, now_ms: int) -> bytes:
        """The frame for a request with that frame count bit."""
        if self._fcb is not None and fcb != self._fcb:
            self._at += 1
        self._fcb = fcb
        if self._at >= len(self._frames):
            self._frames, self._at = self._make(now_ms), 0
        return self._frames[self._at]


def _record(
    register: MbusRegister, mantissa: int, *, storage: int | None = None, function: str = ""
) -> Record:
    """The record that says `mantissa` of a register, or of its neighbour in storage or function."""
    size = _INT32_BYTES if abs(mantissa) < 2**31 else _INT48_BYTES
    number = register.storage if storage is None else storage
    dib, vib_ = _blocks(register, size, number, function or register.function)
    data = mantissa.to_bytes(size, "little", signed=True)
    return Record(index=0, quantity=register.quantity, dib=dib, vib=vib_, data=data)


@cache
def _blocks(register: MbusRegister, size: int, storage: int, function: str) -> tuple[bytes, bytes]:
    """DIB and VIB, which are the same in every telegram."""
    dif = size | _FUNCTIONS[function] << 4
    dib = _dib(dif, storage, register.tariff, register.subunit)
    return dib, bytes((_vif(register),))


def _dib(dif: int, storage: int, tariff: int, subunit: int) -> bytes:
    """DIF and as many DIFEs as storage, tariff and subunit take (EN 13757-3, 6.3.5)."""
    block = [dif | (storage & 1) << 6]
    storage >>= 1
    while storage or tariff or subunit:
        block[-1] |= _EXTENDED
        block.append(storage & 0x0F | (tariff & 3) << 4 | (subunit & 1) << 6)
        storage, tariff, subunit = storage >> 4, tariff >> 2, subunit >> 1
    return bytes(block)


def _vif(register: MbusRegister) -> int:
    """The primary VIF of the register's quantity whose scale is its resolution."""
    unit, exponent = _IN_BASE_UNITS[register.unit]
    for code in range(0x7B):
        meaning = vib.read(bytes((code,)))
        found = (meaning.quantity, meaning.unit, meaning.exponent, meaning.factor)
        if found == (register.quantity, unit, exponent + register.exponent, 1):
            return code
    raise ValueError(f"no VIF counts {register.quantity} in 1e{register.exponent} {register.unit}")
