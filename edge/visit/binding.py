"""The metering points that wait for a meter, as the gateway sealed them for this device's card.

Before the device is enrolled it does not know the gateway's key, and takes the list as the card
has it: a binding is a proposal, which the gateway judges by its own registry.
"""

from collections.abc import Iterable
from pathlib import Path

from cloud_sync import points as wire
from cloud_sync import signing
from cloud_sync.points import Points, PointsError, WaitingPoint
from cloud_sync.signing import MESSAGE_BYTES_MAX, KeyFileError, SealError
from cloud_sync.visit import NAME_MAX
from drivers import profile
from edge import enrolled, identity
from edge.config import EdgeConfig
from edge.visit.core import VisitError
from edge.visit.draft import Draft

FILE = "points.cbor"


def place_of(config: EdgeConfig) -> Path:
    """Where the list is."""
    return config.device.state_dir / FILE


def points_of(config: EdgeConfig) -> Points | None:
    """The list; None if there is none. VisitError for one that cannot be believed."""
    path = place_of(config)
    try:
        with path.open("rb") as file:
            message = file.read(MESSAGE_BYTES_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise VisitError(f"cannot read {path}: {error.strerror}") from error
    try:
        return believed(message, config)
    except (PointsError, SealError, KeyFileError) as error:
        raise VisitError(f"{path}: {error}; get the list anew from the office") from error


def believed(message: bytes, config: EdgeConfig) -> Points:
    """The list of a message, which the gateway must have sealed where its key is known."""
    if config.device.gateway_key.exists():
        return wire.opened(message, identity.load_public(config.device.gateway_key))
    return wire.decode(signing.parse(message).payload)


def house_of(config: EdgeConfig) -> str:
    """The house as the list or the enrolment names it, "" while neither is there."""
    try:
        points = points_of(config)
    except VisitError:
        points = None
    known = enrolled.load(config.device.state_dir)
    if known is not None:
        return known.house
    return points.house if points is not None else ""


def free(points: Points | None, draft: Draft) -> tuple[WaitingPoint, ...]:
    """The points to which no meter of the visit is bound."""
    bound = {one.point for one in draft.meters.values() if not one.left_out}
    return tuple(
        one
        for one in (points.points if points is not None else ())
        if one.point not in bound and wire.by_number(one.number) not in bound
    )


def expected(points: Iterable[WaitingPoint], serial: str) -> WaitingPoint | None:
    """The one point that waits for this serial; zeros that a plate leaves out do not count."""
    plain = serial.lstrip("0")
    fitting = [one for one in points if one.serial and one.serial.lstrip("0") == plain]
    return fitting[0] if len(fitting) == 1 else None


def fits(point: WaitingPoint, model: str) -> bool:
    """Whether a meter of that profile counts what the point waits for."""
    return profile.load(model).resource == point.resource if model else False


def named(points: Points | None, text: str) -> str:
    """The point's name that a person meant by a name or a label's number; "" for none.

    Without a list a number is taken as it is (`points.by_number`); VisitError for what is neither.
    """
    if not text:
        return ""
    listed = points.points if points is not None else ()
    plain = text.removeprefix("#")
    number = int(plain) if plain.isascii() and plain.isdigit() and len(plain) < len("9" * 16) else 0
    for one in listed:
        if one.point == text or (number and one.number == number):
            return one.point
    if number and not any(one.point == text for one in listed):
        if listed:
            raise VisitError(f"no waiting point has the number {number}: look at its label again")
        return wire.by_number(number)
    raise VisitError(f"no waiting point {text[:NAME_MAX]!r}: choose one of the list, or its number")
