"""The words of the gateway: states, findings, and the registry's cards that ingest works with.

A reading is never edited. What the gateway thinks of it is its *state* and the *findings* of the
rules, kept beside it as verdicts.
"""

from enum import IntEnum, IntFlag, StrEnum
from typing import NamedTuple

from drivers.reading import Resource


class State(IntEnum):
    """What may be done with a stored reading."""

    ACCEPTED = 0
    SUSPECT = 1
    """Waits for a person; not billed."""
    REJECTED = 2
    """Signed by a known device, but not about a meter that it is to read."""
    DISMISSED = 3
    """A person decided that it never counts; it stays, with its verdicts (gateway/review/)."""


class Flag(IntFlag):
    """What is worth knowing of an accepted reading beside its value."""

    NONE = 0
    ROLLED = 1
    """The register passed its last digit since the accepted reading before."""
    CORRECTED = 2
    """Captured in relative time, which was placed in real time later."""


class Severity(StrEnum):
    """How much a finding weighs."""

    WARNING = "W"
    """Flags, the reading may be billed."""
    ERROR = "E"
    """Blocks billing."""


class Kind(StrEnum):
    """Whose consumption a metering point measures."""

    DWELLING = "dwelling"
    HOUSE = "house"


class Finding(NamedTuple):
    """What a rule found. `quality` is IEC 61968-9's system.category.index."""

    rule: str
    severity: Severity
    quality: str
    detail: str


class Level(NamedTuple):
    """A register's mantissa at an instant."""

    at_ms: int
    mantissa: int


def went_over(before: int, after: int, capacity: int) -> bool:
    """Whether a fall is a register gone over its end: out of its last tenth into its first.

    Any other fall is a decrease. `capacity` is the mantissa that the register never reaches.
    """
    return before * 10 > capacity * 9 and after * 10 < capacity


class DeviceKey(NamedTuple):
    """A public key and the device and time it may sign for; `valid_to_ms` is excluded.

    `is_shut`: its device was revoked, and nothing that arrives is believed, whenever it was signed.
    """

    key_id: bytes
    device_no: int
    device: str
    public_key: bytes
    valid_from_ms: int
    valid_to_ms: int | None
    is_shut: bool = False


class Binding(NamedTuple):
    """A time in which a device reads a meter; `to_ms` is excluded."""

    device_no: int
    from_ms: int
    to_ms: int


class RegisterCard(NamedTuple):
    """A registered register, and the values of its latest installation as far as known.

    `final` is the one it was removed with, None while the meter stands.
    """

    register_no: int
    obis: str
    unit: str
    exponent: int
    digits: int
    rate_max_per_h: int
    initial: Level | None
    final: Level | None


class MeterCard(NamedTuple):
    """What the registry knows of a meter; `resource` is None while it stands at no point."""

    meter_no: int
    serial: str
    resource: Resource | None
    bindings: tuple[Binding, ...]
    registers: tuple[RegisterCard, ...]


class GisDevice(NamedTuple):
    """A meter as ГИС ЖКХ knows it; GUIDs in small letters.

    `unit` is ОКЕИ's code. `resource_guid` is that of its record of НСИ 2 (not asked of electricity
    meters), `house_guid` the house's by ФИАС; both may be empty.
    """

    device_guid: str
    unit: str
    resource_guid: str
    house_guid: str


class Link(NamedTuple):
    """A stored batch's place in its chain."""

    hash: bytes
    previous: bytes


FOREVER_MS = 2**63 - 1
"""The end of what has not ended."""
