"""From the records of a readout to the registers of a profile.

A register takes exactly one record. None, or two that could be meant, is a profile that does not
fit this meter, and nothing is guessed. Records that stand before a damaged place count; a register
that is not among them may stand behind it, so the telegram is asked for again.
"""

from collections.abc import Sequence

from drivers.driver import Answer, FrameError, Refused, WrongMeter
from drivers.mbus import flags, values
from drivers.mbus.profile import MbusProfile, MbusRegister
from drivers.mbus.records import Record
from drivers.mbus.telegram import ENCRYPTED, Telegram
from drivers.reading import MeterStatus, RegisterValue, Unit
from drivers.register import EXACT

# The bits the standard gives a meaning; a maker's own three would be read as other states. What a
# maker's document says of flags comes from a record of its own (flags.py).
_STATUS_BITS = 0x1F
_ERROR = "error"

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


def pick(profile: MbusProfile, telegrams: Sequence[Telegram], raw: bytes) -> Answer:
    """What the registers of `profile` are in the telegrams of one readout, received as `raw`.

    A register whose record carries no usable value is left out, and the status says so.
    WrongMeter where the telegrams do not fit the profile, Refused where they say nothing.
    """
    closed = encryption(telegrams)
    if closed is not None:
        raise Refused(f"the values of the meter are encrypted: {closed}")
    chosen = choose(profile, telegrams)
    found = [_value(register, record) for register, record in chosen]
    known = tuple(one for one in found if one is not None)
    if not known:
        raise Refused(f"the meter has no value for any register of {profile.name}")
    status = MeterStatus((telegrams[0].status or 0) & _STATUS_BITS)
    if len(known) < len(found):
        status |= MeterStatus.TEMPORARY_ERROR
    status |= flags.told(profile, telegrams)
    return Answer(known, status, raw, telegrams[0].identification)


def choose(
    profile: MbusProfile, telegrams: Sequence[Telegram]
) -> list[tuple[MbusRegister, Record]]:
    """The record that each register takes."""
    # A record that comes again in the next telegram, byte for byte, is one record.
    records = list({r.raw: r for one in telegrams for r in one.records}.values())
    damage = next((one.damage for one in telegrams if one.damage), None)
    return [(register, _only(register, records, profile, damage)) for register in profile.registers]


def candidates(register: MbusRegister, records: Sequence[Record]) -> list[Record]:
    """The records `register` could mean; those sent as invalid stand in where there is no other."""
    meant = [record for record in records if _fits(register, record)]
    return [record for record in meant if record.function == register.function] or meant


def check_kind(profile: MbusProfile, header: Telegram, where: str) -> None:
    """WrongMeter unless `profile` means meters with such a header."""
    for what, allowed, got in (
        ("maker", profile.makers, header.manufacturer),
        ("version", profile.versions, header.version),
        ("medium", profile.media, header.medium),
    ):
        if allowed and got not in allowed:
            wanted = " or ".join(map(str, allowed))
            raise WrongMeter(
                f"{profile.name} expects a meter of {what} {wanted}, {where} is one of {got}"
            )


def encryption(telegrams: Sequence[Telegram]) -> str | None:
    """Why values stay hidden behind encryption, None if none do."""
    hidden = (r for one in telegrams for r in one.records if r.problem == ENCRYPTED)
    return next((record.text or "no key is known" for record in hidden), None)


def _only(
    register: MbusRegister, records: list[Record], profile: MbusProfile, damage: str | None
) -> Record:
    found = candidates(register, records)
    if len(found) == 1:
        return found[0]
    if damage is not None and not found:
        raise FrameError(f"no record for {register.obis} before the telegram is damaged: {damage}")
    count = len(found) or "no"
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
