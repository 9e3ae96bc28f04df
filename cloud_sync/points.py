"""The metering points of a house that wait for a meter, sealed by the gateway for an installer.

The list travels on a card or over the device's own door. It says where a meter belongs and what
its dial should be like, so that an installer binds what was found without asking the office. It
names dwellings, never people: whoever finds the card learns what the doors of the house say too.

A point has a short number beside its name, for labels and for typing; a visit that knows only the
number names the point by `by_number`.
"""

import re
from typing import Annotated, Literal

from msgspec import Meta, Struct

from cloud_sync import signing, wire
from cloud_sync.enrolment import House
from cloud_sync.signing import Sealer, SealError, VerifyKey
from cloud_sync.topics import DEVICE_PATTERN
from cloud_sync.wire import WireError
from drivers.reading import EXPONENT_MAX, SERIAL_PATTERN, ObisText, Resource, TimeMs, Unit, is_obis

TOPIC = "plomba/v1/points"
"""What the gateway's seal is bound to; no broker has such a topic."""
# What one sealed message may hold (cloud_sync/signing.py); 1500 points of a tower fit.
POINTS_BYTES_MAX = 256 * 1024
# The largest dwelling houses have some 1500 flats; who has more points asks house by house.
POINTS_MAX = 4096
# Four tariffs and their total, of energy and of power: more stand on no meter of a dwelling.
REGISTERS_MAX = 16
NUMBER_MAX = 2**53 - 1
# What NetworkManager gives a connection that is shared; it stands on labels.
PAGE_HOST = "10.42.0.1"
PAGE_PORT = 8080
PAGE_ADDRESS = f"http://{PAGE_HOST}:{PAGE_PORT}"
"""Where a device's own page shows a point: its access point gives it this address."""
_BY_NUMBER = re.compile(r"#([1-9][0-9]{0,15})")


class Expected(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A register the point's meter should have: its unit, power of ten, and digits of its dial."""

    obis: ObisText
    unit: Unit
    exponent: Annotated[int, Meta(ge=-EXPONENT_MAX, le=EXPONENT_MAX)]
    digits: Annotated[int, Meta(ge=1, le=18)]


class WaitingPoint(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A point no device reads yet. Empty texts are not known; `dwelling` is '' for the house's.

    `serial` is the meter the registry expects there; `registers` is empty where any will do.
    """

    number: Annotated[int, Meta(ge=1, le=NUMBER_MAX)]
    point: Annotated[str, Meta(min_length=1, max_length=200)]
    dwelling: Annotated[str, Meta(max_length=60)]
    place: Annotated[str, Meta(max_length=120)]
    resource: Resource
    serial: Annotated[str, Meta(pattern=SERIAL_PATTERN + "|^$", max_length=32)]
    model: Annotated[str, Meta(max_length=200)]
    registers: Annotated[tuple[Expected, ...], Meta(max_length=REGISTERS_MAX)]


class Points(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The waiting points of a house; `device` is '' on a card that is for any of its devices."""

    version: Literal[1]
    house: House
    device: Annotated[str, Meta(pattern=DEVICE_PATTERN + "|^$", max_length=63)]
    made_at_ms: TimeMs
    points: Annotated[tuple[WaitingPoint, ...], Meta(max_length=POINTS_MAX)]


class PointsError(ValueError):
    """Not a list of points that can be believed; the text says why."""


def encode(points: Points) -> bytes:
    """The canonical payload; PointsError if it would be over the bound."""
    payload = wire.encode(points)
    if len(payload) > POINTS_BYTES_MAX:
        raise PointsError(
            f"{len(points.points)} points take {len(payload)} bytes, at most {POINTS_BYTES_MAX} "
            "fit: shorten their places"
        )
    return payload


def decode(payload: bytes) -> Points:
    """The list of a canonical payload; PointsError otherwise."""
    try:
        points = wire.decode(payload, Points, limit=POINTS_BYTES_MAX)
    except WireError as error:
        raise PointsError(str(error)) from error
    for one in points.points:
        for register in one.registers:
            if not is_obis(register.obis):
                raise PointsError(f"not a register: {register.obis!r}")
    if len({one.number for one in points.points}) < len(points.points):
        raise PointsError("expected every point once")
    return points


def seal(points: Points, key: Sealer) -> bytes:
    """The list sealed by the gateway's key."""
    return key.seal(encode(points), TOPIC)


def opened(message: bytes, gateway: VerifyKey) -> Points:
    """The list that `gateway` sealed; PointsError for anything else."""
    try:
        sealed = signing.parse(message)
        gateway.verify(sealed, TOPIC)
    except SealError as error:
        raise PointsError(str(error)) from error
    return decode(sealed.payload)


def by_number(number: int) -> str:
    """How a visit names a point of which it knows only the number."""
    return f"#{number}"


def number_of(name: str) -> int | None:
    """The number in such a name, None for a name of the registry."""
    match = _BY_NUMBER.fullmatch(name)
    return None if match is None else int(match[1])


def address_of(point: WaitingPoint) -> str:
    """What a point's label says: the page of the device at that point."""
    return f"{PAGE_ADDRESS}/point/{point.number}"
