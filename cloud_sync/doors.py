"""The doors of a broker as a configuration names them: light, for programs that only read one."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator

ProtocolName = Literal["5", "3.1.1"]
"""Which MQTT a broker speaks."""
Door = tuple[str, int]
"""A host and a port."""
# More nodes than that are no cluster of one broker.
DOORS_MAX = 16
_PORT_MAX = 65535

_DOOR = re.compile(r"(?P<host>[0-9A-Za-z.-]{1,255}|\[[0-9A-Fa-f:]{2,45}\]):(?P<port>[0-9]{1,5})")


def door_of(text: str) -> Door:
    """The door of ``host:port``; ValueError for anything else."""
    match = _DOOR.fullmatch(text)
    port = int(match["port"]) if match else 0
    if match is None or not 1 <= port <= _PORT_MAX:
        raise ValueError("expected a node of the broker like mqtt2.example:8883")
    return match["host"].strip("[]"), port


def _checked(text: str) -> str:
    door_of(text)
    return text


DoorText = Annotated[str, AfterValidator(_checked)]
"""``host:port``"""
