"""A virtual Modbus meter: a profile's register map, filled from whatever is to be shown.

It is stricter than most real meters. What its profile does not declare readable it refuses, as it
refuses a block that is too long, of odd count where that is not allowed, or that cuts a value in
two. So a driver that passes here asks no real meter for what its manual forbids.

Frames are taken apart and made by the foreign library's server side, which the driver never uses.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
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

from drivers.modbus import values
from drivers.modbus.profile import ModbusProfile, Place

Framing = Literal["rtu", "tcp"]
Shown = Callable[[int], Mapping[str, int]]
"""What a meter's registers show at a time in ms: the mantissa of each by its OBIS name."""

# Requests of the functions a meter answers are 8 bytes in RTU and 12 in TCP.
_HEARD_BYTES_MAX = 260
_FRAMERS = {"rtu": FramerRTU, "tcp": FramerSocket}


class ModbusMeter:
    """One meter at one address. `serial_number` stands where the profile says, if it does."""

    def __init__(
        self, address: int, profile: ModbusProfile, shown: Shown, serial_number: int = 0
    ) -> None:
        self.address = address
        self._profile = profile
        self._shown = shown
        self._serial_number = serial_number

    def answer(self, request: ModbusPDU, now_ms: int) -> ModbusPDU:
        """The response to one read request, or the exception a strict meter gives."""
        if not isinstance(request, ReadHoldingRegistersRequest):
            return ExceptionResponse(request.function_code, ExcCodes.ILLEGAL_FUNCTION)
        function, first, count = request.function_code, request.address, request.count
        odd = self._profile.even_count and count % 2
        if odd or count > self._profile.max_registers:
            return ExceptionResponse(function, ExcCodes.ILLEGAL_VALUE)
        words = self._words(function, first, count, now_ms)
        if words is None:
            return ExceptionResponse(function, ExcCodes.ILLEGAL_ADDRESS)
        response = ReadHoldingRegistersResponse if function == 3 else ReadInputRegistersResponse
        return response(registers=words)

    def _words(self, function: int, first: int, count: int, now_ms: int) -> list[int] | None:
        """The registers asked for; None where one of them must not be read."""
        words: list[int] = []
        at = first
        for address, value in sorted(self._map(function, now_ms).items()):
            if address + len(value) <= first or address >= first + count:
                continue
            hole = address - at
            if not 0 <= hole <= self._profile.gap_max:
                return None
            words += [0] * hole + list(value)
            at = address + len(value)
        # An even count may reach one register over the last value's end.
        padding = first + count - at
        if not words or not 0 <= padding <= (1 if self._profile.even_count else 0):
            return None
        return words + [0] * padding

    def _map(self, function: int, now_ms: int) -> dict[int, tuple[int, ...]]:
        """The registers of every value by its address."""
        shown = self._shown(now_ms)
        found = {}
        for register in self._profile.registers:
            if register.function == function:
                value = Decimal(shown[register.obis]).scaleb(register.exponent) / register.scale
                found[register.address] = _encode(value, register.place)
        place = self._profile.identification
        if place is not None and place.function == function:
            found[place.address] = _encode(Decimal(self._serial_number), place)
        return found


class ModbusBus:
    """Meters on one line, or behind one Modbus TCP gateway: a `simulators.lines.Bus`."""

    def __init__(self, meters: Iterable[ModbusMeter], framing: Framing = "rtu") -> None:
        self.meters = {meter.address: meter for meter in meters}
        self._framer = _FRAMERS[framing](DecodePDU(is_server=True))
        self._heard = bytearray()

    def feed(self, data: bytes, now_ms: int) -> bytes:
        """The answer to the request that `data` completes; what is no request is not answered."""
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
        response = self.meters[request.dev_id].answer(request, now_ms)
        response.dev_id, response.transaction_id = request.dev_id, request.transaction_id
        return self._framer.buildFrame(response)

    def reset(self) -> None:
        """Forget half a request."""
        self._heard.clear()


def _encode(value: Decimal, place: Place) -> tuple[int, ...]:
    return values.encode(
        value, place.kind, word_order=place.word_order, byte_order=place.byte_order
    )
