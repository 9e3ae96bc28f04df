"""What delivery needs of a broker, so that MQTT and a simulated network stand behind one door."""

from collections.abc import AsyncIterator, Callable
from typing import NamedTuple, Protocol


class Disconnected(ConnectionError):
    """The broker cannot be reached, or the connection ended; the text says why."""


class Message(NamedTuple):
    """One message as it arrived."""

    topic: str
    payload: bytes


class Delivery(NamedTuple):
    """A message that the broker keeps until `done` is called, or for as long as it can.

    Called after the connection has ended, `done` does nothing.
    """

    message: Message
    done: Callable[[], None]


class Transport(Protocol):
    """One connection to a broker. Every method may raise Disconnected."""

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hand one message over with QoS 1; returns once the broker has acknowledged it."""

    async def subscribe(self, topic: str) -> None:
        """Ask for messages of a topic filter; with QoS 1 where the broker can bear that."""

    def messages(self) -> AsyncIterator[Message]:
        """The messages of all subscriptions, in order of arrival, done with as they are taken."""


class CollectorTransport(Transport, Protocol):
    """What a collector needs beside: it is done with a message when that is on a disk."""

    def deliveries(self) -> AsyncIterator[Delivery]:
        """The messages of all subscriptions, in order of arrival, in place of `messages`."""
