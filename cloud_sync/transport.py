"""What delivery needs of a broker, so that MQTT and a simulated network stand behind one door."""

from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol


class Disconnected(ConnectionError):
    """The broker cannot be reached, or the connection ended; the text says why."""


class Message(NamedTuple):
    """One message as it arrived."""

    topic: str
    payload: bytes


class Transport(Protocol):
    """One connection to a broker. Every method may raise Disconnected."""

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hand one message over with QoS 1; returns once the broker has acknowledged it."""

    async def subscribe(self, topic: str) -> None:
        """Ask for messages of a topic filter with QoS 1."""

    def messages(self) -> AsyncIterator[Message]:
        """The messages of all subscriptions, in order of arrival."""
