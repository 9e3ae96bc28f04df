"""What the mirror is told of a reading, and what it can say of a target it does not reach."""

from enum import StrEnum
from typing import NamedTuple


class MirrorError(ValueError):
    """A mirror that cannot go on; the text is one line."""


class Target(StrEnum):
    """What a time-series store makes of a point that is written again."""

    VICTORIAMETRICS = "victoriametrics"
    """Every number becomes a float64; of a sample written again both are kept."""
    INFLUXDB = "influxdb"
    """Integers stay integers; a point written again takes the place of the first."""


class Source(StrEnum):
    """Who brought a reading that no claim did; a claim's source is its own."""

    DEVICE = "device"
    PERSON = "person"


# The states as tags say them, in the order of `gateway.model.State`.
STATES = ("accepted", "suspect", "rejected", "dismissed")
WITHDRAWN = 4
"""The state of what is not among the readings any more: a claim whose closing was taken back."""


class Series(NamedTuple):
    """What names a register in the mirror. Without a point and house where it never stood."""

    house: str
    point: str
    resource: str
    meter: str
    obis: str
    unit: str
    exponent: int


class Point(NamedTuple):
    """A reading as it stands, or one that is gone (`mantissa` None).

    `copy` tells values of one instant and source apart, 0 the first. `left` are the states it
    left with the number of the change, `back` the number of the change that gave it its state.
    """

    series: Series
    source: str
    copy: int
    at_ms: int
    mantissa: int | None
    state: int
    left: tuple[tuple[int, int], ...] = ()
    back: int | None = None
