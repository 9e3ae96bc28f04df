"""Meter profiles: one TOML file per meter model, checked as a whole before any of it is used.

From a profile come the driver's requests, a test per sample, a virtual meter and a row of
docs/meters.md. So the loader is strict: an unknown key or anything that contradicts itself (see
`drivers/profile_check.py`) is a ProfileError that names the file and the key.

To add a meter, put a file into the `profiles` folder of its protocol.
"""

import tomllib
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, TypeAlias

import msgspec

from drivers import profile_check
from drivers.mbus import profile_check as mbus_check
from drivers.mbus.profile import MbusProfile
from drivers.modbus import profile_check as modbus_check
from drivers.modbus.profile import ModbusProfile

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
        near = get_close_matches(name, names())
        hint = "did you mean" if near else "there are"
        raise ProfileError(f"no meter profile {name!r}; {hint}: {', '.join(near or names())}")
    return parse(found.read_bytes(), f"{name}.toml")


def parse(data: bytes, file: str) -> MeterProfile:
    """The profile in the bytes of a TOML file, `file` being its name in errors."""
    if len(data) > _FILE_BYTES_MAX:
        raise ProfileError(f"{file}: {len(data)} bytes, expected at most {_FILE_BYTES_MAX}")
    try:
        document = tomllib.loads(data.decode())
        _refuse_unknown_keys(document)
        profile: MeterProfile = msgspec.convert(document, MeterProfile)
        _refuse_another_name(profile, file)
        _check(profile)
    except (ValueError, msgspec.ValidationError, RecursionError) as error:
        raise ProfileError(f"{file}: {error}") from error
    return profile


def _files() -> dict[str, Traversable]:
    folders = (files("drivers") / folder / "profiles" for folder in _FOLDERS)
    tomls = [entry for folder in folders for entry in folder.iterdir()]
    return {
        entry.name.removesuffix(".toml"): entry for entry in tomls if entry.name.endswith(".toml")
    }


def _refuse_unknown_keys(document: dict[str, Any]) -> None:
    """Unknown keys of the head; those of registers and samples are refused by their structs."""
    protocol = document.get("protocol")
    struct = {"modbus": ModbusProfile, "mbus": MbusProfile}.get(str(protocol))
    if struct is None:
        raise ValueError(f"protocol: expected one of {_FOLDERS}, got {protocol!r}")
    unknown = sorted(document.keys() - {"protocol", *struct.__struct_fields__})
    if unknown:
        raise ValueError(f"{unknown[0]}: unknown key")


def _refuse_another_name(profile: MeterProfile, file: str) -> None:
    if f"{profile.name}.toml" != file:
        raise ValueError(f"name: expected the name of the file, got {profile.name!r}")


def _check(profile: MeterProfile) -> None:
    profile_check.check_registers(profile.resource, profile.registers)
    if isinstance(profile, ModbusProfile):
        modbus_check.check(profile)
    else:
        mbus_check.check(profile)
    profile_check.check_samples(profile.registers, profile.samples)
