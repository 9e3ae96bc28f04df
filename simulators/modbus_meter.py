"""A virtual Modbus meter: a profile's register map, filled from whatever is to be shown.

It is stricter than most real meters. What its profile does not declare readable it refuses, as it
refuses a block that is too long, of odd count where that is not allowed, or that cuts a value in
two. So a driver that passes here asks no real meter for what its manual forbids. Some meters do
not even refuse: a `mute` one says nothing to who touches what its profile calls unreadable.

Frames are taken apart and made by the foreign library's server side, which the driver never uses.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Literal

from pymodbus.constants import ExcCodes
from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersResponse,
)

from drivers.modbus.profile import ModbusProfile
from simulators.lines import PAUSE_MS_MAX
from simulators.register_map import Cells, RegisterMap

Framing = Literal["rtu", "tcp"]
Shown = Callable[[int], Mapping[str, int]]
"""What a meter's registers show at a time in ms: the mantissa of each by its OBIS name."""

# Requests of the functions a meter answers are 8 bytes in RTU and 12 in TCP.
_HEARD_BYTES_MAX = 260
_FRAMERS = {"rtu": FramerRTU, "tcp": FramerSocket}


class ModbusMeter:
    """One meter at one address. `serial_number` stands where the profile says, if it does."""

    def __init__(
        self,
        address: int,
        profile: ModbusProfile,
        shown: Shown,
        serial_number: int = 0,
        *,
        turnaround_s: float = 0.0,
        mute: bool = False,
    ) -> None:
        self.address = address
        self.turnaround_s = turnaround_s
        self._profile = profile
        self._shown = shown
        self._map = RegisterMap(profile, serial_number)
        self._mute = mute

    def answer(self, request: ModbusPDU, now_ms: int) -> ModbusPDU | None:
        """The response to one read request, the exception a strict meter gives, or silence."""
        if not isinstance(request, ReadHoldingRegistersRequest):
            return ExceptionResponse(request.function_code, ExcCodes.ILLEGAL_FUNCTION)
        function, first, count = request.function_code, request.address, request.count
        odd = self._profile.even_count and count % 2
        if odd or not 0 < count <= self._profile.max_registers:
            return ExceptionResponse(function, ExcCodes.ILLEGAL_VALUE)
        asked = range(first, first + count)
        if self._mute and self._is_unreadable(function, asked):
            return None
        words = self._words(function, asked, now_ms)
        if words is None or self._is_unreadable(function, asked):
            return ExceptionResponse(function, ExcCodes.ILLEGAL_ADDRESS)
        response = ReadHoldingRegistersResponse if function == 3 else ReadInputRegistersResponse
        return response(registers=words)

    def _is_unreadable(self, function: int, asked: range) -> bool:
        """Whether one of the registers asked for is never to be touched."""
        return any(
            span.function == function and asked[0] <= span.last and span.first <= asked[-1]
            for span in self._profile.unreadable
        )

    def _words(self, function: int, asked: range, now_ms: int) -> list[int] | None:
        """The registers asked for; None where one of them must not be read."""
        known: dict[int, int] = {}
        for cells in self._map.cells(function, self._shown(now_ms)):
            inside = [at for at in range(cells.address, cells.end) if at in asked]
            if cells.whole and 0 < len(inside) < len(cells.words):
                return None
            known |= {at: _word(cells, at) for at in inside if at not in known}
        if not known or not self._may_read(asked, known):
            return None
        return [known.get(at, 0) for at in asked]

    def _may_read(self, asked: range, known: Mapping[int, int]) -> bool:
        """Whether what is read along with the values may be read."""
        places = sorted(known)
        holes = (b - a - 1 for a, b in pairwise(places))
        # An even count may reach one register over the last value's end.
        padding = asked[-1] - places[-1]
        return (
            places[0] == asked[0]
            and max(holes, default=0) <= self._profile.gap_max
            and padding <= int(self._profile.even_count)
        )


class ModbusBus:
    """Meters on one line, or behind one Modbus TCP gateway: a `simulators.lines.Bus`."""

    def __init__(self, meters: Iterable[ModbusMeter] = (), framing: Framing = "rtu") -> None:
        self.meters = {meter.address: meter for meter in meters}
        self.turnaround_s = 0.0
        self._framer = _FRAMERS[framing](DecodePDU(is_server=True))
        self._heard = bytearray()
        self._heard_ms = 0

    def hang(self, meter: ModbusMeter) -> None:
        """Put a meter on the line, in the place of whatever had its address."""
        self.meters[meter.address] = meter

    def feed(self, data: bytes, now_ms: int) -> bytes:
        """The answer to the request that `data` completes; what is no request is not answered."""
        if now_ms - self._heard_ms > PAUSE_MS_MAX:
            self._heard.clear()
        self._heard_ms = now_ms
        self._heard += data
        try:
            used, request = self._framer.handleFrame(bytes(self._heard), 0, 0)
        except ModbusException:
            used, request = len(self._heard), None
        if len(self._heard) > _HEARD_BYTES_MAX:
            used = len(self._heard)
        del self._heard[:used]
        if request is None or request.dev_id not in self.meters:
            return b""
        meter = self.meters[request.dev_id]
        response = meter.answer(request, now_ms)
        if response is None:
            return b""
        self.turnaround_s = meter.turnaround_s
        response.dev_id, response.transaction_id = request.dev_id, request.transaction_id
        return self._framer.buildFrame(response)

    def reset(self) -> None:
        """Forget half a request."""
        self._heard.clear()


def _word(cells: Cells, at: int) -> int:
    return cells.words[at - cells.address]
