"""What the broker is told: its listeners, and who may speak on them."""

from pathlib import Path
from typing import Literal, NamedTuple, Protocol

Engine = Literal["mosquitto", "nats"]
"""Which broker it is."""


class RulesError(ValueError):
    """Rules that cannot be made, written or taken over; the text is one line."""


class Listener(NamedTuple):
    """An address of the broker, and how many may be connected to it at once."""

    host: str
    port: int
    connections_max: int


class Tls(NamedTuple):
    """The broker's own certificate and key, and whose clients it believes, as *it* finds them."""

    ca: Path
    certificate: Path
    key: Path


class Plan(NamedTuple):
    """Everything but the devices: from configuration, the same until that is changed.

    `folder` holds what is written here, `store` is where the broker keeps what is retained, unless
    its main file says so. NATS sorts the devices into `partitions`, if any, and keeps messages on
    `replicas` of its nodes; it has one listener, that of the devices.
    """

    folder: Path
    tls: Tls
    devices: Listener
    collectors: Listener
    collector_names: tuple[str, ...]
    store: Path | None
    engine: Engine = "mosquitto"
    partitions: int = 0
    replicas: int = 3


class SpeakersPort(Protocol):
    """Who may speak, as the registry and the revocations have it."""

    def speaking(self) -> list[str]:
        """The names of the devices that may speak now, in order."""
