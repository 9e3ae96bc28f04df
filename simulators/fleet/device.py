"""One device of a fleet: reads when due, seals, sends as the edge does, forgets on a receipt.

What is sent when, resent, and drained at which rate is decided by the edge's own state machine
(cloud_sync/delivery.py); what comes back is believed only with the gateway's seal. A device has no
task: the event loop calls it when a packet or a moment has come.

Batches are sealed when they are due, and where the device was asked to begin in the past or could
keep no more, as places come free: the bytes are those it would have sealed then.
"""

import asyncio
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from cloud_sync import state, topics
from cloud_sync.delivery import FRESH_MS, Backoff, Sender
from cloud_sync.signing import VerifyKey
from cloud_sync.state import DeviceState
from simulators.fleet.figures import Figures
from simulators.fleet.history import History, Standing
from simulators.fleet.link import Identity, Link, Road
from simulators.fleet.meters import Cabinet

_ONLINE = state.encode(DeviceState(state="online", software="fleet"))
_OFFLINE = state.encode(state.OFFLINE)
# A broker that says nothing for so long after it was asked is gone; half of that without a word
# of ours, and it is asked. As MQTT's keepalive allows, a little less than one and a half of 30 s.
SILENCE_S, ASK_S = 40.0, 20.0


class Habits(NamedTuple):
    """What all devices of a fleet have in common."""

    road: Road
    gateway_key: VerifyKey
    interval_ms: int
    random: Random
    figures: Figures
    clock_ms: Callable[[], int]
    """The wall clock."""
    backlog_per_s: float
    queue: Callable[["Device"], None]
    """Who wants to connect, connects when its turn has come."""


class Device:
    """A device and its connection; see `simulators.fleet.link.Owner`."""

    __slots__ = (
        "_backoff", "_began_s", "_cabinet", "_habits", "_history", "_loop", "_shut", "_timer",
        "_topics", "_turn", "identity", "is_up", "link", "name", "number", "sender", "will",
    )  # fmt: skip

    def __init__(
        self,
        number: int,
        cabinet: Cabinet,
        standing: Standing,
        habits: Habits,
        identity: Identity | None,
    ) -> None:
        self.name = cabinet.name
        self.number = number
        self.identity = identity
        self.will = (topics.state_topic(self.name), _OFFLINE)
        self.link: Link | None = None
        self.is_up = False
        self._cabinet = cabinet
        self._habits = habits
        self._loop = asyncio.get_running_loop()
        self._history = History(standing, self._loop.time, self._receipted)
        self.sender = Sender(
            self._history,
            device=self.name,
            gateway_key=habits.gateway_key,
            random=habits.random,
            backlog_per_s=habits.backlog_per_s,
        )
        self._backoff = Backoff(habits.random)
        self._began_s = 0.0
        self._turn = number
        self._shut = 0
        self._timer: asyncio.TimerHandle | None = None
        self._topics = (topics.receipt_topic(self.name), topics.command_topic(self.name))

    @property
    def standing(self) -> Standing:
        """What it keeps between two runs."""
        return self._history.standing

    def due(self, until_ms: int) -> int:
        """How many batches are due up to a time and not sealed yet."""
        return max(0, (until_ms - self.standing.next_ms) // self._habits.interval_ms + 1)

    def connect(self) -> None:
        """Begin to connect."""
        self._began_s = self._loop.time()
        self._habits.figures.connecting += 1
        self.link = Link(self, self._habits.road.by(self._turn), self._loop)
        self.link.open()

    def stop(self) -> None:
        """Take no more readings and say goodbye."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.link is not None:
            self.link.close()
        self.link, self.is_up = None, False

    def look(self, now_s: float) -> None:
        """Keep the connection alive, or give up one that is dead or never came about."""
        if self.link is not None:
            self.link.look(now_s, ASK_S, SILENCE_S)

    def on_connected(self) -> list[bytes]:
        """Say who is here, and ask for the gateway's word."""
        return [] if self.link is None else self.link.first_words(list(self._topics), _ONLINE)

    def on_up(self) -> None:
        """The connection stands: what waits is sent."""
        self.is_up = True
        self._habits.figures.came_up()
        self.sender.on_connected(self._now_ms())
        self.act()

    def on_message(self, topic: str, payload: bytes) -> None:
        """A receipt; commands are for people's devices."""
        if topic == self._topics[0]:
            self.sender.on_receipt(payload, self._now_ms())
            self.act()

    def on_room(self) -> None:
        """The broker has acknowledged a publish."""
        self.act()

    def on_down(self, reason: str) -> None:
        """The connection ended: come back, as the edge does, after a while.

        Of several doors the next one is tried, and a while is waited when all of them were shut.
        """
        self._habits.figures.went_down(reason, was_up=self.is_up)
        self._shut = 0 if self.is_up else self._shut + 1
        self.link, self.is_up = None, False
        self._turn += 1
        if self._shut % self._habits.road.doors:
            self._habits.queue(self)
            return
        wait_s = self._backoff.after(self._loop.time() - self._began_s)
        self._loop.call_later(wait_s, self._habits.queue, self)

    def act(self) -> None:
        """Seal what is due, send what may go, and come back when there is more to do."""
        now_ms = self._now_ms()
        due_ms = self._take()
        link = self.link
        while link is not None and link.has_room():
            outgoing = self.sender.next(now_ms)
            if outgoing is None:
                break
            link.publish(outgoing.topic, outgoing.message)
        self._come_back(now_ms, due_ms)

    def _take(self) -> int | None:
        """Seal what is due and may be kept; in how many ms the next is due, None if full."""
        standing, now_ms = self._history.standing, self._habits.clock_ms()
        while standing.next_ms <= now_ms:
            if self._history.is_full():
                return None
            at_ms = standing.next_ms
            message = self._cabinet.sealed(standing.head + 1, standing.head_hash, at_ms)
            self._history.append(message, self._cabinet.size)
            standing.next_ms = at_ms + self._habits.interval_ms
            self._habits.figures.signed(self._cabinet.size)
            if now_ms - at_ms < FRESH_MS:
                self.sender.on_appended(standing.head, self._now_ms())
        return standing.next_ms - now_ms

    def _come_back(self, now_ms: int, due_ms: int | None) -> None:
        waits = [] if due_ms is None else [due_ms]
        if self.link is not None and self.link.has_room():
            send_ms = self.sender.wait_ms(now_ms)
            waits += [] if send_ms is None else [send_ms]
        if not waits:
            return
        at_s = self._loop.time() + min(waits) / 1000
        if self._timer is not None:
            if not self._timer.cancelled() and self._timer.when() <= at_s:
                return  # it looks again then
            self._timer.cancel()
        self._timer = self._loop.call_at(at_s, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self.act()

    def _receipted(self, sent_s: float, readings: int) -> None:
        self._habits.figures.receipted(readings, self._loop.time() - sent_s if sent_s else None)

    def _now_ms(self) -> int:
        return round(self._loop.time() * 1000)
