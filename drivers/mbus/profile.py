"""Which records of an M-Bus meter's telegram count: the protocol part of a profile."""

from typing import Annotated, Literal

from msgspec import Meta

from drivers.register import BaseProfile, Register, Sample

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


class MbusSample(Sample, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One readout: its telegrams in hex in place, or a file of the shared folder of telegrams."""

    response: str | None = None
    telegram: str | None = None


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
