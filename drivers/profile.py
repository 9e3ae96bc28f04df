"""Meter profiles: one TOML file per meter model, checked as a whole before any of it is used.

From a profile come the driver's requests, a test per sample, a virtual meter and a row of the list
of supported meters. So the loader is strict: an unknown key, two registers with one name or one
place, a register that no sample proves, each is a ProfileError that names the file and the key.

To add a meter, put a file into the `profiles` folder of its protocol.
"""

import tomllib
from collections import Counter
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, TypeAlias

import msgspec

from drivers.mbus.profile import MbusProfile, MbusRegister, MbusSample
from drivers.modbus import plan
from drivers.modbus.profile import ModbusProfile, ModbusRegister
from drivers.modbus.values import is_float
from drivers.reading import parse_obis
from drivers.register import EXACT, Register

MeterProfile: TypeAlias = ModbusProfile | MbusProfile

_FOLDERS = ("modbus", "mbus")
# A profile is read whole; the largest imaginable map with samples is a tenth of this.
_FILE_BYTES_MAX = 256 * 1024


class ProfileError(ValueError):
    """A profile that cannot be used; the text names the file, the key and what was expected."""


@cache
def names() -> tuple[str, ...]:
    """The names of all profiles, sorted."""
    return tuple(sorted(_files()))


@cache
def load(name: str) -> MeterProfile:
    """The profile called `name`; ProfileError if there is none or it is unsound."""
    found = _files().get(name)
    if found is None:
        known = ", ".join(names())
        raise ProfileError(f"no meter profile {name!r}; there are: {known}")
    return parse(found.read_bytes(), f"{name}.toml")


def parse(data: bytes, file: str) -> MeterProfile:
    """The profile in the bytes of a TOML file, `file` being its name in errors."""
    if len(data) > _FILE_BYTES_MAX:
        raise ProfileError(f"{file}: {len(data)} bytes, expected at most {_FILE_BYTES_MAX}")
    try:
        document = tomllib.loads(data.decode())
        _refuse_unknown_keys(document, file)
        profile: MeterProfile = msgspec.convert(document, MeterProfile)
        _check(profile, file)
    except ProfileError:
        raise
    except (ValueError, msgspec.ValidationError) as error:
        raise ProfileError(f"{file}: {error}") from error
    return profile


def _files() -> dict[str, Traversable]:
    folders = (files("drivers") / folder / "profiles" for folder in _FOLDERS)
    tomls = [entry for folder in folders for entry in folder.iterdir()]
    return {
        entry.name.removesuffix(".toml"): entry for entry in tomls if entry.name.endswith(".toml")
    }


def _refuse_unknown_keys(document: dict[str, Any], file: str) -> None:
    """Unknown keys of the head; those of registers and samples are refused by their structs."""
    protocol = document.get("protocol")
    struct = {"modbus": ModbusProfile, "mbus": MbusProfile}.get(str(protocol))
    if struct is None:
        raise ProfileError(f"{file}: protocol: expected one of {_FOLDERS}, got {protocol!r}")
    unknown = sorted(document.keys() - {"protocol", *struct.__struct_fields__})
    if unknown:
        raise ProfileError(f"{file}: {unknown[0]}: unknown key")


def _check(profile: MeterProfile, file: str) -> None:
    if f"{profile.name}.toml" != file:
        raise ProfileError(f"{file}: name: expected the name of the file, got {profile.name!r}")
    for register in profile.registers:
        _check_obis(register, file)
    _refuse_twice((register.obis for register in profile.registers), "obis", file)
    _refuse_twice((_place(register) for register in profile.registers), "place", file)
    _check_samples(profile, file)
    if isinstance(profile, ModbusProfile):
        for register in profile.registers:
            _check_modbus(register, file)
        plan.blocks(profile)


def _check_obis(register: Register, file: str) -> None:
    if parse_obis(register.obis) != register.obis:
        raise ProfileError(f"{file}: obis: write {register.obis} without *255")


def _place(register: ModbusRegister | MbusRegister) -> tuple[object, ...]:
    """What two registers of one meter may not share."""
    if isinstance(register, ModbusRegister):
        return (register.function, register.address)
    return (
        register.quantity,
        register.unit,
        register.function,
        register.storage,
        register.tariff,
        register.subunit,
    )


def _refuse_twice(keys: Any, what: str, file: str) -> None:
    for key, times in Counter(keys).items():
        if times > 1:
            raise ProfileError(f"{file}: {what}: {key} stands there {times} times")


def _check_samples(profile: MeterProfile, file: str) -> None:
    registers = {register.obis for register in profile.registers}
    expected = {obis for sample in profile.samples for obis in sample.expect}
    for obis in sorted(expected - registers):
        raise ProfileError(f"{file}: samples.expect: no register {obis}")
    for obis in sorted(registers - expected):
        raise ProfileError(f"{file}: registers: no sample shows {obis}")
    for sample in profile.samples:
        if isinstance(sample, MbusSample) and (sample.response is None) == (
            sample.telegram is None
        ):
            raise ProfileError(f"{file}: samples: expected either response or telegram")


def _check_modbus(register: ModbusRegister, file: str) -> None:
    """An integer counts whole steps of its resolution, so that scaling it is always exact."""
    if register.address + register.place.count > 0x10000:
        raise ProfileError(f"{file}: {register.obis}: address: ends behind 0xFFFF")
    if register.scale <= 0 or not register.scale.is_finite():
        raise ProfileError(f"{file}: {register.obis}: scale: expected a positive number")
    steps = EXACT.scaleb(register.scale, -register.exponent)
    if not is_float(register.kind) and steps != steps.to_integral_value():
        raise ProfileError(
            f"{file}: {register.obis}: scale {register.scale} is finer than 1e{register.exponent}"
        )
    if register.absent is not None and len(register.absent) != 4 * register.place.count:
        raise ProfileError(
            f"{file}: {register.obis}: absent: expected {4 * register.place.count} hex digits"
        )
