"""A virtual M-Bus: any number of meters on one pair of wires, as EN 13757-2 lets them behave.

Each meter hears every request and decides for itself whether it is meant: by its primary address,
by 253 while a select frame has chosen it, by 254 and 255 always. Nothing keeps two meters from
answering together, and then the master hears what the wires make of it (`simulators/wires.py`).

A meter remembers one frame count bit for its primary address and another for 253. It answers a
repeated bit with the very telegram it sent last, so a master that forgets to toggle reads old
values, as it would from a real meter.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from drivers.driver import FrameError
from drivers.mbus import frame
from drivers.mbus.frame import Long, Short
from simulators import wires
from simulators.lines import PAUSE_MS_MAX
from simulators.wires import Sent

ACK = bytes((frame.ACK,))
# The CI fields that select, low byte first and high byte first (EN 13757-7:2018, table 2), and the
# one that makes a meter begin its readout anew.
_SELECT, _SELECT_HIGH_FIRST = 0x52, 0x56
_APPLICATION_RESET = 0x50
_IDENTIFICATION_BYTES = 4
# What a meter answers to before anybody has given it an address (EN 13757-2, 5.7.5).
FACTORY_ADDRESS = 0
SECONDARY_BYTES = 8
WILDCARD = 0xFF
# REQ_UD2 with FCV = 0: the bit says nothing and the meter begins anew.
_REQ_UD2_WITHOUT_COUNT = frame.REQ_UD2 & ~0x10


class Readable(Protocol):
    """A meter on an M-Bus, without what the link layer does for it."""

    @property
    def address(self) -> int:
        """Its primary address; nothing but care keeps two meters from having the same."""

    @property
    def secondary(self) -> bytes | None:
        """Identification, manufacturer, version and medium as its header sends them, if it does."""

    @property
    def high_first(self) -> bool:
        """Whether it sends the high byte first (CI 76h), and is selected in that order only."""

    @property
    def turnaround_s(self) -> float:
        """From the end of a request to the beginning of the answer."""

    def readout(self, now_ms: int) -> list[bytes]:
        """All frames of one readout, their values of this moment; none if it will not answer."""


class MbusBus:
    """Meters on one pair of wires: a `simulators.lines.Bus`. `baud` scales how answers overlap."""

    def __init__(self, meters: Iterable[Readable] = (), *, baud: int = 2400) -> None:
        self._baud = baud
        self._slaves = [_Slave(meter) for meter in meters]
        self._heard = bytearray()
        self._heard_ms = 0
        self.turnaround_s = 0.0

    @property
    def meters(self) -> tuple[Readable, ...]:
        """What hangs there, in the order in which it was hung."""
        return tuple(slave.meter for slave in self._slaves)

    def hang(self, meter: Readable) -> None:
        """Put a meter on the line, in the place of whatever had its address.

        The address from the factory is none: there only the same meter is replaced.
        """
        if meter.address == FACTORY_ADDRESS:
            kept = [one for one in self._slaves if one.meter.secondary != meter.secondary]
        else:
            kept = [one for one in self._slaves if one.meter.address != meter.address]
        self._slaves = kept
        self.join(meter)

    def join(self, meter: Readable) -> None:
        """Put a meter on the line, whoever else has its address."""
        self._slaves.append(_Slave(meter))

    def feed(self, data: bytes, now_ms: int) -> bytes:
        """What is heard after `data`, if that completes a request; noise is not answered."""
        if now_ms - self._heard_ms > PAUSE_MS_MAX:
            self._heard.clear()
        self._heard_ms = now_ms
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
        return self._answer(request, now_ms)

    def reset(self) -> None:
        """Forget half a request."""
        self._heard.clear()

    def _answer(self, request: frame.Ack | Short | Long, now_ms: int) -> bytes:
        answers = [(slave, slave.hear(request, now_ms)) for slave in self._slaves]
        sent = [
            Sent(round(slave.meter.turnaround_s * self._baud), data)
            for slave, data in answers
            if data
        ]
        if not sent:
            return b""
        self.turnaround_s = min(one.at_bit for one in sent) / self._baud
        return wires.heard(sent)


class _Slave:
    """The link layer of one meter."""

    def __init__(self, meter: Readable) -> None:
        self.meter = meter
        self._selected = False
        self._by_primary = TelegramQueue(meter.readout)
        self._by_secondary = TelegramQueue(meter.readout)

    def hear(self, request: frame.Ack | Short | Long, now_ms: int) -> bytes:
        """The answer to a request, empty where the meter is not meant or has none."""
        if isinstance(request, Long) and request.ci in {_SELECT, _SELECT_HIGH_FIRST}:
            return self._select(request)
        if isinstance(request, frame.Ack) or not self._is_meant(request.address):
            return b""
        by_secondary = request.address == frame.ADDRESS_NETWORK
        queue = self._by_secondary if by_secondary else self._by_primary
        if isinstance(request, Short):
            answer = self._short(request, queue, now_ms)
        else:
            answer = _reset_application(request, queue)
        return b"" if request.address == frame.ADDRESS_BROADCAST else answer

    def _is_meant(self, address: int) -> bool:
        if address == frame.ADDRESS_NETWORK:
            return self._selected
        return address in {self.meter.address, frame.ADDRESS_ANY, frame.ADDRESS_BROADCAST}

    def _select(self, request: Long) -> bytes:
        """Chosen or not; a select frame that means others ends an earlier choice."""
        wanted_ci = _SELECT_HIGH_FIRST if self.meter.high_first else _SELECT
        self._selected = (
            request.control & ~frame.FCB == frame.SND_UD & ~frame.FCB
            and request.address == frame.ADDRESS_NETWORK
            and request.ci == wanted_ci
            and is_meant(request.body, self.meter.secondary)
        )
        if not self._selected:
            return b""
        self._by_secondary.reset()
        return ACK

    def _short(self, request: Short, queue: "TelegramQueue", now_ms: int) -> bytes:
        if request.control == frame.SND_NKE:
            queue.reset()
            if request.address == frame.ADDRESS_NETWORK:
                self._selected = False
            return ACK
        if request.control == _REQ_UD2_WITHOUT_COUNT:
            queue.reset()
            return queue.next(fcb=True, now_ms=now_ms)
        if request.control & ~frame.FCB == frame.REQ_UD2 & ~frame.FCB:
            return queue.next(fcb=bool(request.control & frame.FCB), now_ms=now_ms)
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

    def next(self, *, fcb: bool, now_ms: int) -> bytes:
        """The frame for a request with that frame count bit; empty from a meter that has none."""
        if self._fcb is not None and fcb != self._fcb:
            self._at += 1
        self._fcb = fcb
        if self._at >= len(self._frames):
            self._frames, self._at = self._make(now_ms), 0
        return self._frames[self._at] if self._frames else b""


def is_meant(mask: bytes, secondary: bytes | None) -> bool:
    """Whether a select frame's `mask` covers a secondary address.

    An F in the identification stands for any digit, FFh for any other byte (EN 13757-7, 8.4).
    """
    if secondary is None or len(mask) != SECONDARY_BYTES:
        return False
    digits = zip(
        mask[:_IDENTIFICATION_BYTES].hex(), secondary[:_IDENTIFICATION_BYTES].hex(), strict=True
    )
    rest = zip(mask[_IDENTIFICATION_BYTES:], secondary[_IDENTIFICATION_BYTES:], strict=True)
    return all(wanted in ("f", digit) for wanted, digit in digits) and all(
        wanted in (WILDCARD, byte) for wanted, byte in rest
    )


def _reset_application(request: Long, queue: TelegramQueue) -> bytes:
    """An application reset begins the readout anew; what else is sent is for no meter here."""
    is_command = request.control & ~frame.FCB == frame.SND_UD & ~frame.FCB
    if not is_command or request.ci != _APPLICATION_RESET:
        return b""
    queue.reset()
    return ACK
