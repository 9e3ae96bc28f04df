"""Reads a Modbus meter: the blocks of its profile, one after another, into exact values.

The same driver serves RTU on a serial port, RTU over a transparent gateway and Modbus TCP; the
line says which (`Line.framing`). A read is whole or it fails: registers of one answer belong to
one moment, and half of them would be billed as if the other half had not changed.
"""

from collections.abc import Callable
from decimal import Decimal

from drivers.bus import Line
from drivers.driver import Address, Answer, Detail, FrameError, Refused, WrongMeter
from drivers.modbus import explain
from drivers.modbus.fetch import Fetched, Words, fetch
from drivers.modbus.profile import ModbusProfile, ModbusRegister, Part, Place
from drivers.modbus.values import decode, is_float, words_to_bytes
from drivers.profile import MeterProfile
from drivers.reading import MeterStatus, RegisterValue
from drivers.register import EXACT

# Modbus over Serial Line 1.02, 2.2: 0 is the broadcast address, 248 to 255 are reserved. Over TCP
# a meter that is its own gateway often wants 255, or 0.
_UNITS = {"rtu": range(1, 248), "tcp": range(256)}


class ModbusDriver:
    """`drivers.driver.Driver` for Modbus."""

    async def read(
        self,
        line: Line,
        profile: MeterProfile,
        address: Address,
        *,
        expect_id: str | None = None,
        key: bytes | None = None,
    ) -> Answer:
        """All registers of `profile` from the meter at `address`.

        `expect_id` is the serial number the meter must show, where the profile knows its place.
        """
        profile = _own(profile)
        if key is not None:
            raise Refused(f"{profile.name} speaks Modbus, which encrypts nothing: remove the key")
        if not isinstance(address, int) or address not in _UNITS[line.framing]:
            units = _UNITS[line.framing]
            raise Refused(
                f"expected a Modbus address from {units[0]} to {units[-1]}, got {address}"
            )
        extra = _identification(profile, expect_id)
        got = await fetch(line, profile, address, extra)
        _check_identity(got, extra, address, expect_id)
        return _answer(profile, got, expect_id)

    def explain(
        self, profile: MeterProfile, raw: bytes, *, key: bytes | None = None
    ) -> tuple[Detail, ...]:
        """What the bytes of an answer say, register by register; nothing here is encrypted."""
        del key
        return explain.details(_own(profile), raw)


def value(register: ModbusRegister, find: Callable[[Place], Words]) -> RegisterValue | None:
    """The value of a register whose words are found by `find`; None where the meter has none.

    ValueError if it is beyond what a counter can hold.
    """
    total = Decimal(0)
    for part in register.parts:
        number = _number(register, part, find(part.place))
        if number is None:
            return None
        total = EXACT.add(total, EXACT.multiply(number, part.scale))
    rounds = any(is_float(part.place.kind) for part in register.parts)
    return register.rounded(total) if rounds else register.exactly(total)


def _number(register: ModbusRegister, part: Part, words: Words) -> Decimal | None:
    place = part.place
    if place.kind == register.kind and words_to_bytes(words).hex().upper() == register.absent:
        return None
    return decode(words, place.kind, word_order=place.word_order, byte_order=place.byte_order)


def _own(profile: MeterProfile) -> ModbusProfile:
    if not isinstance(profile, ModbusProfile):
        raise Refused(f"{profile.name} speaks {profile.protocol}, this line Modbus")
    return profile


def _identification(profile: ModbusProfile, expect_id: str | None) -> tuple[Place, ...]:
    if expect_id is None:
        return ()
    if profile.identification is None:
        raise Refused(f"{profile.name} tells no serial number: remove the expected {expect_id}")
    return (profile.identification,)


def _check_identity(
    got: tuple[Fetched, ...], extra: tuple[Place, ...], address: int, expect_id: str | None
) -> None:
    for place in extra:
        words = _find(got, place)
        shown = decode(words, place.kind, word_order=place.word_order, byte_order=place.byte_order)
        if str(shown).lstrip("0") != str(expect_id).lstrip("0"):
            raise WrongMeter(f"expected meter {expect_id} at address {address}, got {shown}")


def _answer(profile: ModbusProfile, got: tuple[Fetched, ...], identification: str | None) -> Answer:
    """The values of an answer. A register the meter has no value for is left out and told so."""
    raw = b"".join(one.raw for one in got)
    try:
        found = [value(register, lambda p: _find(got, p)) for register in profile.registers]
    except ValueError as error:
        raise FrameError(str(error), raw) from error
    values = tuple(one for one in found if one is not None)
    if not values:
        raise Refused(f"the meter has no value for any register of {profile.name}")
    status = MeterStatus.OK if len(values) == len(found) else MeterStatus.TEMPORARY_ERROR
    return Answer(values, status, raw, identification)


def _find(got: tuple[Fetched, ...], place: Place) -> Words:
    return next(one.block.cut(one.words, place) for one in got if one.block.holds(place))
