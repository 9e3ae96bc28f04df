"""Reads an M-Bus meter by its primary address: wake it, fetch its telegrams, pick the records.

SND_NKE makes the meter forget which telegram comes next, REQ_UD2 fetches the first; while a
telegram says that more follow, the frame count bit is toggled and the next one is fetched
(EN 13757-2, 5.7). Some meters say so for ever and repeat themselves: equal records end it.

A register takes exactly one record. None, or two that could be meant, is a profile that does not
fit this meter, and nothing is guessed.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from drivers.bus import Line
from drivers.driver import Answer, FrameError, NoAnswer, Refused, WrongMeter
from drivers.mbus import frame, telegram, values
from drivers.mbus.frame import Long
from drivers.mbus.profile import MbusProfile, MbusRegister
from drivers.mbus.records import Record
from drivers.mbus.telegram import ApplicationError, Telegram
from drivers.profile import MeterProfile
from drivers.reading import MeterStatus, RegisterValue, Unit
from drivers.register import EXACT

# A meter with a year of monthly values needs about ten telegrams; the evidence of a readout holds
# sixteen of the longest.
TELEGRAMS_MAX = 16
# 0 is a meter never configured, 251 to 255 are for the network (EN 13757-2, 5.7.5).
ADDRESSES = range(251)
# The bits the standard gives a meaning; a maker's own three would be read as other states.
_STATUS_BITS = 0x1F
_ERROR = "error"
# An application error is a long frame with one byte of user data, at this place (EN 13757-3, 8.2).
_CODE = 7
_TOO_BUSY = 8

# Powers of ten from the base unit of a record to the unit of a register. A pair that is not here
# has no exact conversion (a calorie is 4.1868 J by one definition of three) and never matches.
_EXPONENTS: dict[tuple[str | None, Unit], int] = {
    ("Wh", Unit.KWH): -3,
    ("J", Unit.GJ): -9,
    ("cal", Unit.GCAL): -9,
    ("varh", Unit.KVARH): -3,
    ("m3", Unit.M3): 0,
    ("kg", Unit.TONNE): -3,
    ("W", Unit.KW): -3,
    ("m3/h", Unit.M3_PER_H): 0,
    ("°C", Unit.CELSIUS): 0,
    ("K", Unit.KELVIN): 0,
    ("V", Unit.VOLT): 0,
    ("A", Unit.AMPERE): 0,
    ("Hz", Unit.HERTZ): 0,
    ("HCA", Unit.HCA): 0,
}


class _Got(NamedTuple):
    """One telegram with the bytes it came in."""

    raw: bytes
    telegram: Telegram


class MbusDriver:
    """`drivers.driver`'s contract for M-Bus."""

    async def read(
        self, line: Line, profile: MeterProfile, address: int, *, expect_id: str | None = None
    ) -> Answer:
        """All registers of `profile` from the meter at primary `address`.

        `expect_id` is the identification the meter must show in its header.
        """
        if not isinstance(profile, MbusProfile):
            raise Refused(f"{profile.name} speaks {profile.protocol}, this line M-Bus")
        if address not in ADDRESSES:
            raise Refused(f"expected a primary address from 0 to 250, got {address}")
        await _wake(line, address)
        first = await _fetch(line, address, frame.FCB)
        _check_identity(first.telegram, profile, address, expect_id)
        rest = await _fetch_rest(line, address, first)
        got = [first, *rest]
        raw = b"".join(one.raw for one in got)
        return pick(profile, [one.telegram for one in got], raw)


def pick(profile: MbusProfile, telegrams: Sequence[Telegram], raw: bytes) -> Answer:
    """What the registers of `profile` are in the telegrams of one readout, received as `raw`.

    A register whose record carries no usable value is left out, and the status says so.
    WrongMeter where the telegrams do not fit the profile.
    """
    # A record that comes again in the next telegram, byte for byte, is one record.
    records = list({r.raw: r for one in telegrams for r in one.records}.values())
    found = [_value(register, _only(register, records, profile)) for register in profile.registers]
    known = tuple(one for one in found if one is not None)
    if not known:
        raise Refused(f"the meter has no value for any register of {profile.name}")
    status = MeterStatus((telegrams[0].status or 0) & _STATUS_BITS)
    if len(known) < len(found):
        status |= MeterStatus.TEMPORARY_ERROR
    return Answer(known, status, raw, telegrams[0].identification)


async def _wake(line: Line, address: int) -> None:
    question = frame.short(frame.SND_NKE, address)
    await line.exchange(address, question, _find_ack, line.timeout_s(len(question), 1))


async def _fetch(line: Line, address: int, fcb: int) -> _Got:
    question = frame.short(frame.REQ_UD2 | fcb, address)
    timeout_s = line.timeout_s(len(question), frame.FRAME_LENGTH_MAX)
    match = partial(find_response, address=address)
    raw = await line.exchange(address, question, match, timeout_s)
    try:
        return _Got(raw, telegram.decode(raw))
    except ApplicationError as error:
        kind = NoAnswer if raw[_CODE] == _TOO_BUSY else Refused
        raise kind(f"the meter at address {address} gave no data: {error}") from error


async def _fetch_rest(line: Line, address: int, first: _Got) -> list[_Got]:
    """The telegrams after `first`, as long as the meter has new ones."""
    rest: list[_Got] = []
    seen = {_content(first)}
    last, fcb = first, frame.FCB
    while last.telegram.more_follows and len(rest) < TELEGRAMS_MAX - 1:
        fcb ^= frame.FCB
        last = await _fetch(line, address, fcb)
        if _content(last) in seen:
            break
        seen.add(_content(last))
        rest.append(last)
    return rest


def _content(got: _Got) -> tuple[str, ...]:
    """What a telegram says apart from its access number, which counts on in a repeat."""
    return tuple(record.raw for record in got.telegram.records)


def _find_ack(heard: bytes) -> bytes | None:
    ack = bytes((frame.ACK,))
    return ack if ack in heard else None


def find_response(heard: bytes, address: int) -> bytes | None:
    """The first sound frame in `heard` that is a response of the meter at `address`."""
    for start in range(len(heard)):
        if heard[start] != frame.LONG_START:
            continue
        try:
            length = frame.expected_length(heard[start:])
            candidate = heard[start : start + length] if length else b""
            one = frame.parse(candidate)
        except FrameError:
            continue
        if isinstance(one, Long) and one.is_response and one.address == address:
            return candidate
    return None


def _check_identity(
    first: Telegram, profile: MbusProfile, address: int, expect_id: str | None
) -> None:
    # A plate shows 6855817 where the header has eight digits.
    expected = expect_id and expect_id.upper().zfill(8)
    if expected is not None and first.identification != expected:
        raise WrongMeter(
            f"expected meter {expected} at address {address}, got {first.identification}"
        )
    if profile.makers and first.manufacturer not in profile.makers:
        makers = " or ".join(profile.makers)
        raise WrongMeter(
            f"{profile.name} is a meter of {makers}, at address {address} is one of "
            f"{first.manufacturer}"
        )


def _only(register: MbusRegister, records: list[Record], profile: MbusProfile) -> Record:
    """The one record that `register` means; one sent as invalid stands in for a missing one."""
    meant = [record for record in records if _fits(register, record)]
    sound = [record for record in meant if record.function == register.function]
    candidates = sound or meant
    if len(candidates) == 1:
        return candidates[0]
    count = len(candidates) or "no"
    raise WrongMeter(
        f"{profile.name} expects one record for {register.obis}: {register.function} "
        f"{register.quantity} in {register.unit}, storage {register.storage}, tariff "
        f"{register.tariff}, subunit {register.subunit}; the meter sends {count} such"
    )


def _fits(register: MbusRegister, record: Record) -> bool:
    return (
        record.quantity == register.quantity
        and record.function in (register.function, _ERROR)
        and record.storage == register.storage
        and record.tariff == register.tariff
        and record.subunit == register.subunit
        and (record.unit, register.unit) in _EXPONENTS
    )


def _value(register: MbusRegister, record: Record) -> RegisterValue | None:
    if record.function != register.function or record.problem or record.value is None:
        return None
    value = EXACT.scaleb(record.value, _EXPONENTS[record.unit, register.unit])
    is_real = record.dib[0] & 0x0F == values.REAL32
    try:
        return register.rounded(value) if is_real else register.exactly(value)
    except ValueError as error:
        raise WrongMeter(f"the meter does not fit its profile: {error}") from error
