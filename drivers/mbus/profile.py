"""Which records of an M-Bus meter's telegram count: the protocol part of a profile."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from drivers.register import BaseProfile, Line, Register, Sample

Maker = Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]


class MbusRegister(Register, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One register: the record with this quantity, function, storage, tariff and subunit.

    Its unit decides too: a register in kWh never takes a record in joules. Records that the meter
    qualifies further (a VIFE that does more than scale) are other quantities and never match.
    """

    quantity: str
    function: Literal["instantaneous", "minimum", "maximum"] = "instantaneous"
    storage: Annotated[int, Meta(ge=0)] = 0
    tariff: Annotated[int, Meta(ge=0)] = 0
    subunit: Annotated[int, Meta(ge=0)] = 0


Mask = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)]


class MbusFlags(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A maker's record of flags, and which of its bits mean what we watch.

    `record` is its DIB and VIB in hex, `versions` those of the meter that `source` describes.
    """

    record: Annotated[str, Meta(pattern=r"^[0-9A-F]{2}( [0-9A-F]{2}){1,9}$")]
    versions: Annotated[tuple[Annotated[int, Meta(ge=0, le=255)], ...], Meta(min_length=1)]
    source: Line
    tamper: Mask = 0
    reverse_flow: Mask = 0
    leak: Mask = 0


class MbusSample(Sample, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One readout: its telegrams in hex in place, or a file of the shared folder of telegrams.

    `status` are the states it must tell, by the names of `MbusFlags`.
    """

    response: str | None = None
    telegram: str | None = None
    status: tuple[Literal["tamper", "reverse_flow", "leak"], ...] = ()


class MbusProfile(BaseProfile, frozen=True, kw_only=True, tag="mbus"):
    """One M-Bus meter model, recognised by what its telegrams carry and by its records.

    `makers` are three-letter codes, `versions` and `media` those of the header; an empty tuple
    allows any.
    """

    registers: Annotated[tuple[MbusRegister, ...], Meta(min_length=1, max_length=64)]
    samples: Annotated[tuple[MbusSample, ...], Meta(min_length=1)]
    makers: tuple[Maker, ...] = ()
    versions: tuple[Annotated[int, Meta(ge=0, le=255)], ...] = ()
    media: tuple[str, ...] = ()
    flags: Annotated[tuple[MbusFlags, ...], Meta(max_length=8)] = ()
