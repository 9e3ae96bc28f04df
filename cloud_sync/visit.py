"""What an installer did at a house, as the device seals it: the commissioning record.

One record is one visit: the meters that were taken into service with their opening values, those
that were exchanged or taken away with their final ones, and what was found of the line, the clock
and the network. It is sealed by the device's key for `topics.visit_topic`, so neither the road nor
the gateway's database can change it, and it names its photos by their SHA-256.

A time is what the device knew: where nobody vouched for its clock it is the time since a boot, and
the gateway mends it as it mends readings, by any batch of that boot signed with a known clock.

Pure: no I/O, no clock. The layout is positional; a field is added only with a new version number.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

from cloud_sync import wire
from cloud_sync.batch import SEQUENCE_MAX
from cloud_sync.topics import DeviceId
from drivers.reading import (
    EXPONENT_MAX,
    MANTISSA_MAX,
    SERIAL_PATTERN,
    ClockState,
    Obis,
    Resource,
    Sha256,
    TimeMs,
    Unit,
)

VERSION = 1
# What one seal may cover (`signing.MESSAGE_BYTES_MAX`). A usual meter takes 350 bytes of it.
VISIT_BYTES_MAX = 256 * 1024
# One full M-Bus segment, the longest line there is: more is another visit's record.
EVENTS_MAX = 250
# Five tariffs, or energy both ways and reactive energy both ways with two tariffs.
LEVELS_MAX = 8
# The converter and wires of 16 lines, twice, and what is asked of the device itself.
CHECKS_MAX = 64
# A code, and what its sentence names: a speed, a count, an address.
SAID_MAX = 4
# A photo of a dial is legible at 1600 pixels, which takes 300 kB; a house of 60 meters then fits
# a mobile link. Larger ones are refused where they are given.
PHOTO_BYTES_MAX = 1024 * 1024
# The dial, and the place it hangs in with its seal.
PHOTOS_MAX = 2
# A line of a person's words: as long as a line on paper.
WORDS_MAX = 120
NAME_MAX = 64
HOUSE_MAX = 200
REMARKS_MAX = 1000
# Asked again and again while a person looks for a bad wire; a counter that ends is still one.
ASKED_MAX = 1_000_000
SLOWEST_MS_MAX = 3_600_000

Serial = Annotated[str, Meta(pattern=SERIAL_PATTERN, max_length=32)]
Name = Annotated[str, Meta(max_length=NAME_MAX)]
PointName = Annotated[str, Meta(max_length=200)]
"""A metering point as the registry calls it, or by its number (`points.by_number`)."""
Words = Annotated[str, Meta(max_length=WORDS_MAX)]
Count = Annotated[int, Meta(ge=0, le=ASKED_MAX)]
Kind = Literal["commissioning", "visit"]
FinalSource = Literal["read", "dial", "none"]


class Level(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a counter shows: `mantissa` times ten to the `exponent`, in `unit`.

    `digits` is how many digits of the meter's own resolution the counter holds, 0 where nobody
    knows; a person's value may have a coarser exponent than the meter's.
    """

    obis: Obis
    mantissa: Annotated[int, Meta(ge=-MANTISSA_MAX, le=MANTISSA_MAX)]
    exponent: Annotated[int, Meta(ge=-EXPONENT_MAX, le=EXPONENT_MAX)]
    unit: Unit
    digits: Annotated[int, Meta(ge=0, le=18)] = 0

    @property
    def value(self) -> Decimal:
        """The exact decimal value."""
        return Decimal(self.mantissa).scaleb(self.exponent)


Levels = Annotated[tuple[Level, ...], Meta(max_length=LEVELS_MAX)]


class When(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """An instant: UTC in ms, or ms since the boot `boot` where `clock_state` is RELATIVE."""

    ms: TimeMs
    clock_state: ClockState
    boot: Annotated[bytes, Meta(min_length=8, max_length=8)]


class Check(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One thing that was looked at: "line NAME", "clock", "gateway".

    `said` is a code of `visit_texts` and its fields, `detail` the same as one line of English.
    """

    what: Name
    ok: bool
    said: Annotated[tuple[Words, ...], Meta(min_length=1, max_length=SAID_MAX)]
    detail: Annotated[str, Meta(max_length=300)]


class Install(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="install"):
    """A meter taken into service.

    `levels` are what the meter said, `dial` what the person saw beside it: empty where nobody
    looked. `answered` of `asked` reads went well, the slowest took `slowest_ms`. A `point` of ""
    is for the operator to find. `remark` is a person's word on a value that differs.
    """

    serial: Serial
    profile: Name
    model: Annotated[str, Meta(max_length=200)]
    resource: Resource
    line: Name
    address: Name
    point: PointName
    place: Words
    levels: Levels
    dial: Levels
    at: When
    seal: Name
    photos: Annotated[tuple[Sha256, ...], Meta(max_length=PHOTOS_MAX)]
    asked: Count
    answered: Count
    slowest_ms: Annotated[int, Meta(ge=0, le=SLOWEST_MS_MAX)]
    remark: Words


class Exchange(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="exchange"):
    """A meter that went and one that came in its place, at one instant: that of `new`.

    `final` is empty exactly where `final_source` is "none"; then `reason` says why.
    """

    old_serial: Serial
    final: Levels
    final_source: FinalSource
    reason: Words
    new: Install


class Remove(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="remove"):
    """A meter that went, and nothing came."""

    serial: Serial
    final: Levels
    final_source: FinalSource
    reason: Words
    at: When


class DeviceExchange(
    Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="device-exchange"
):
    """The device came in the place of `old_device`, whose `meters` it reads on."""

    old_device: DeviceId
    meters: Annotated[tuple[Serial, ...], Meta(max_length=EVENTS_MAX)]
    at: When


Event = Install | Exchange | Remove | DeviceExchange


class Visit(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The record of one visit; `number` counts a device's visits from 1."""

    version: Literal[1]
    device: DeviceId
    number: Annotated[int, Meta(ge=1, le=SEQUENCE_MAX)]
    kind: Kind
    house: Annotated[str, Meta(max_length=HOUSE_MAX)]
    installer: Annotated[str, Meta(min_length=1, max_length=NAME_MAX)]
    started: When
    ended: When
    software: Annotated[str, Meta(min_length=1, max_length=64)]
    checks: Annotated[tuple[Check, ...], Meta(max_length=CHECKS_MAX)]
    events: Annotated[tuple[Event, ...], Meta(max_length=EVENTS_MAX)]
    remarks: Annotated[str, Meta(max_length=REMARKS_MAX)]

    @property
    def installs(self) -> tuple[Install, ...]:
        """The meters that came, those of exchanges among them, in the record's order."""
        return tuple(
            event.new if isinstance(event, Exchange) else event
            for event in self.events
            if isinstance(event, Install | Exchange)
        )

    @property
    def photos(self) -> tuple[bytes, ...]:
        """The SHA-256 of every photo, each once, in the record's order."""
        return tuple(dict.fromkeys(one for install in self.installs for one in install.photos))


class First(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The signed batch by which the last of the new meters was heard of; on the device only."""

    sequence: Annotated[int, Meta(ge=1, le=SEQUENCE_MAX)]
    sha256: Sha256


def encode(visit: Visit) -> bytes:
    """The canonical payload; WireError if a bound is not kept, which `decode` would refuse."""
    payload = wire.encode(visit)
    decode(payload)
    return payload


def decode(data: bytes) -> Visit:
    """The visit of a canonical payload, or WireError."""
    visit = wire.decode(data, Visit, limit=VISIT_BYTES_MAX)
    for event in visit.events:
        if isinstance(event, Exchange | Remove) and bool(event.final) is (
            event.final_source == "none"
        ):
            raise wire.WireError(f"final values that are {event.final_source}, and {event.final}")
    came = [install.serial for install in visit.installs]
    _refuse_twice("a meter that comes", came)
    gone = [
        event.old_serial if isinstance(event, Exchange) else event.serial
        for event in visit.events
        if isinstance(event, Exchange | Remove)
    ]
    _refuse_twice("a meter that goes", gone)
    _refuse_twice("a metering point", [one.point for one in visit.installs if one.point])
    for install in visit.installs:
        _refuse_twice(f"a register of {install.serial}", [one.obis for one in install.levels])
        _refuse_twice(f"a register of {install.serial}", [one.obis for one in install.dial])
    return visit


def agrees(read: Level, dial: Level) -> bool:
    """Whether a person saw what the meter said: within one of the last digit that was seen.

    A dial that shows fewer digits cuts them off or rounds, and one that turns moves on meanwhile.
    """
    if (read.obis, read.unit) != (dial.obis, dial.unit):
        return False
    step = Decimal(1).scaleb(max(dial.exponent, read.exponent))
    return abs(read.value - dial.value) <= step


def _refuse_twice(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise wire.WireError(f"{what} stands there twice: {name}")
        seen.add(name)
