"""What an M-Bus profile may not say besides what no profile may (`drivers/profile_check.py`)."""

from drivers.mbus import media
from drivers.mbus.profile import MbusProfile, MbusRegister, MbusSample
from drivers.profile_check import HEAT_UNITS, either, refuse_twice
from drivers.reading import Unit

# What an M-Bus record of a quantity can be told in; the driver converts to nothing else.
_QUANTITIES: dict[str, set[Unit]] = {
    "energy": HEAT_UNITS,
    "reactive-energy": {Unit.KVARH},
    "volume": {Unit.M3},
    "mass": {Unit.TONNE},
    "power": {Unit.KW},
    "volume-flow": {Unit.M3_PER_H},
    "flow-temperature": {Unit.CELSIUS},
    "return-temperature": {Unit.CELSIUS},
    "external-temperature": {Unit.CELSIUS},
    "temperature-difference": {Unit.KELVIN},
    "voltage": {Unit.VOLT},
    "current": {Unit.AMPERE},
    "frequency": {Unit.HERTZ},
    "heat-cost-allocation": {Unit.HCA},
}


_FLAGS = ("tamper", "reverse_flow", "leak")


def check(profile: MbusProfile) -> None:
    """ValueError if `profile` contradicts itself."""
    refuse_twice((_place(register) for register in profile.registers), "place")
    for name in profile.media:
        media.code(name)
    for register in profile.registers:
        _check_quantity(register)
    for sample in profile.samples:
        _check_proof(profile, sample)
    _check_flags(profile)


def _check_flags(profile: MbusProfile) -> None:
    """Flags must be for versions the profile takes, mean something, and be shown by a sample."""
    for flags in profile.flags:
        if profile.versions and not set(flags.versions) <= set(profile.versions):
            raise ValueError(
                f"flags.versions: expected some of {profile.versions}, got {flags.versions}"
            )
        if not (flags.tamper or flags.reverse_flow or flags.leak):
            raise ValueError(f"flags {flags.record}: expected tamper, reverse_flow or leak")
    meant = {name for one in profile.flags for name in _FLAGS if getattr(one, name)}
    shown = {name for sample in profile.samples for name in sample.status}
    if meant != shown:
        raise ValueError(
            f"samples.status: expected {either(meant or ['none'])}, got {either(shown or ['none'])}"
        )


def _check_quantity(register: MbusRegister) -> None:
    # Words behind the quantity's name qualify it: "energy forward".
    units = _QUANTITIES.get(register.quantity.split(" ")[0])
    if units is None:
        raise ValueError(
            f"{register.obis}: quantity: expected {either(_QUANTITIES)}, got {register.quantity!r}"
        )
    if register.unit not in units:
        raise ValueError(
            f"{register.obis}: unit: {register.quantity} is told in {either(units)}, got "
            f"{register.unit}"
        )


def _place(register: MbusRegister) -> tuple[object, ...]:
    """What two registers of one meter may not share."""
    return (
        register.quantity,
        register.unit,
        register.function,
        register.storage,
        register.tariff,
        register.subunit,
    )


def _check_proof(profile: MbusProfile, sample: MbusSample) -> None:
    if (sample.response is None) == (sample.telegram is None):
        raise ValueError("samples: expected either response or telegram")
    if sample.telegram is not None and profile.verified != "sample":
        raise ValueError(f'verified: a recorded telegram makes it "sample", got {profile.verified}')
