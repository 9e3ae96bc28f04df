"""The words of visits at the gateway: how an event stands, why a person is needed, what is kept."""

from enum import StrEnum
from typing import NamedTuple

from cloud_sync.visit import Event, Exchange, Install, Remove, When
from drivers.reading import Resource, Unit
from gateway.model import Kind


class VisitError(ValueError):
    """What cannot be done with a visit; the text says what to do."""


class Outcome(StrEnum):
    """How an event stands."""

    APPLIED = "applied"
    NEEDS_A_PERSON = "needs-a-person"
    REFUSED = "refused"
    """A person decided that it never counts."""


class Why(StrEnum):
    """Why a person is needed. The words do not change between versions."""

    LATER_CAME = "later-visit-came-first"
    CLOCK_UNKNOWN = "clock-not-set"
    CLOCK_DOUBTFUL = "clock-doubtful"
    FROM_THE_FUTURE = "from-the-future"
    OTHER_HOUSE = "other-house"
    NO_POINT = "no-point"
    UNKNOWN_POINT = "unknown-point"
    FOREIGN_POINT = "foreign-point"
    OTHER_RESOURCE = "other-resource"
    OTHER_POINT = "other-point"
    POINT_TAKEN = "point-taken"
    NOT_STANDING = "not-standing"
    SERIAL_ELSEWHERE = "serial-elsewhere"
    READ_BY_ANOTHER = "read-by-another"
    UNKNOWN_PROFILE = "unknown-profile"
    DIAL_DIFFERS = "dial-differs"
    NO_VALUE = "no-value"
    BELOW_LAST = "below-last-reading"
    NO_PLAN = "no-plan"
    PERIOD_CLOSED = "period-closed"
    OLD_DEVICE_SPEAKS = "old-device-speaks"
    REGISTRY = "registry"
    """Whatever else the registry's own acts have against it."""


BY_ITSELF = frozenset({Why.CLOCK_UNKNOWN})
"""What time puts right: such an event is tried again without anybody's doing."""


class Doubt(Exception):
    """An event that is not applied by itself."""

    def __init__(self, why: Why, said: str) -> None:
        super().__init__(said)
        self.why = why
        self.said = said


class PointPlace(NamedTuple):
    """A metering point with what the registry says around it; texts are '' where it says none."""

    point_no: int
    name: str
    house: str
    address: str
    timezone: str
    account: str
    dwelling: str
    kind: Kind
    resource: Resource


class PlanShape(NamedTuple):
    """A register that a point's meter is to have."""

    obis: str
    unit: Unit
    exponent: int
    digits: int
    rate_max_per_h: int


class Plan(NamedTuple):
    """What a point is to have: said by a person, or like the meter that stood there last."""

    place: str = ""
    serial: str = ""
    model: str = ""
    factor: str = ""
    shapes: tuple[PlanShape, ...] = ()


class Step(NamedTuple):
    """What became of an event at some time. `said`: one line, may be a remark where applied."""

    position: int
    outcome: Outcome
    code: str
    said: str
    actor: str
    at_ms: int


class VisitRow(NamedTuple):
    """A record as it is kept, with the newest step of each event, in order."""

    visit_no: int
    device_no: int
    device: str
    house: str
    number: int
    sha256: bytes
    key_id: bytes
    source: str
    received_at_ms: int
    sealed: bytes
    answer: bytes
    rivals: int
    steps: tuple[Step, ...] = ()


class Rival(NamedTuple):
    """Another record under a number that is taken."""

    sha256: bytes
    source: str
    received_at_ms: int
    sealed: bytes


class PhotoRow(NamedTuple):
    """A photo that came; `file` is None once it is deleted."""

    sha256: bytes
    jpeg_sha256: bytes
    file: str | None
    received_at_ms: int
    answer: bytes


class NewVisit(NamedTuple):
    """A record to be kept."""

    device_no: int
    number: int
    sha256: bytes
    key_id: bytes
    source: str
    received_at_ms: int
    audit_no: int
    sealed: bytes


class Told(NamedTuple):
    """What an event is about, in a line's parts. `meter` is the one that comes, if one does."""

    kind: str
    point: str
    meter: str
    gone: str


def told(event: Event) -> Told:
    """An event's kind, point and meters."""
    if isinstance(event, Install):
        return Told("install", event.point, event.serial, "")
    if isinstance(event, Exchange):
        return Told("exchange", event.new.point, event.new.serial, event.old_serial)
    if isinstance(event, Remove):
        return Told("remove", "", "", event.serial)
    return Told("device-exchange", "", "", event.old_device)


def when_of(event: Event) -> When:
    """When an event was, by the device's clock."""
    return event.new.at if isinstance(event, Exchange) else event.at
