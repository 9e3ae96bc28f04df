"""What is exchanged with ГИС ЖКХ: requests by number, and what it says of each device's values.

Error codes are ГИС ЖКХ's own and no list of them is published: they are kept and shown as they
come, with words of the configuration beside where somebody has found out what one means.
"""

import uuid
from enum import StrEnum
from random import Random
from typing import NamedTuple, Protocol


class GisError(ValueError):
    """The exchange cannot go on as asked, or an answer cannot be believed; the text says why."""


class Road(Protocol):
    """How messages get there: by HTTP, which lives in gateway/gis/client.py alone."""

    async def call(self, action: str, envelope: bytes) -> bytes:
        """The answer's bytes; GisError where there is none, which may well be tried again."""


def new_guid(random: Random) -> str:
    """A number for a message that no other has."""
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


class Stage(StrEnum):
    """How far a request has come."""

    PREPARED = "prepared"
    """Written down; it may or may not have been sent."""
    TAKEN = "taken"
    """ГИС ЖКХ has acknowledged it and is working."""
    DONE = "done"
    """It has answered for the values."""
    REFUSED = "refused"
    """It would not take the request at all."""


class Message(NamedTuple):
    """A request as it is kept: `body` are the very bytes that are sent, again if need be."""

    message_no: int
    message_guid: str
    period: str
    stage: Stage
    body: bytes
    gis_guid: str | None
    attempts: int
    next_at_ms: int
    last_error: str
    created_at_ms: int


class Sent(NamedTuple):
    """One device's values in a request: `events` are the lines whose closing values they are."""

    transport_guid: str
    meter: str
    events: tuple[int, ...]


class Prepared(NamedTuple):
    """A request about to be written down, with all that stands in it."""

    message_guid: str
    period: str
    body: bytes
    values: tuple[Sent, ...]


class Accepted(NamedTuple):
    """Values that ГИС ЖКХ has entered."""

    transport_guid: str
    guid: str
    unique_number: str
    updated_at: str


class Refused(NamedTuple):
    """Values that it has not, with its own code and words."""

    transport_guid: str
    code: str
    words: str


Result = Accepted | Refused


class Ack(NamedTuple):
    """ГИС ЖКХ has taken a request: its number for it, and ours."""

    gis_guid: str
    message_guid: str


class Fault(NamedTuple):
    """A SOAP fault. `is_ours`: the sender must change the message (SOAP 1.1 §4.4.1)."""

    code: str
    words: str
    is_ours: bool


class Working(NamedTuple):
    """Request state 1 or 2: ask again later."""

    state: int


class Failed(NamedTuple):
    """The request was worked on and failed as a whole."""

    code: str
    words: str
