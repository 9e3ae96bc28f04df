"""The agent's side of the road: keep a connection, send what the sender says, hear receipts.

The sender decides what goes when (cloud_sync/delivery.py), and the commander what to answer to
the gateway's commands; this loop gives them a connection and the time. Its clock is the event
loop's, which nobody sets.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import Any

import structlog

from cloud_sync import state, topics
from cloud_sync.delivery import Backoff, Sender
from cloud_sync.state import DeviceState
from cloud_sync.transport import Disconnected, Transport
from edge.commander import Commander
from edge.pulse import Pulse

log = structlog.get_logger("edge.uplink")

Dial = Callable[[], AbstractAsyncContextManager[Transport]]
"""Opens one connection to the broker."""

# A report is for people and costs a mobile link as much as a batch.
REPORT_S = 60.0
# Connecting, or one message and its answer: each step of theirs has a bound far below this.
TURN_S = 300.0
_PART = "uplink"
# How long a stop waits for what was just taken to be on its way and acknowledged.
FAREWELL_S = 3.0


class Uplink:
    """Connects, again and again, until stopped."""

    def __init__(
        self,
        *,
        device: str,
        sender: Sender,
        dial: Dial,
        random: Random,
        report: Callable[[], DeviceState],
        commander: Commander | None = None,
        report_s: float = REPORT_S,
        pulse: Pulse | None = None,
    ) -> None:
        self.connected = False
        self._pulse = pulse or Pulse()
        self._command_topic = topics.command_topic(device)
        self._commander = commander
        self._state_topic = topics.state_topic(device)
        self._receipt_topic = topics.receipt_topic(device)
        self._sender = sender
        self._dial = dial
        self._backoff = Backoff(random)
        self._report = report
        self._report_ms = int(report_s * 1000)
        self._wake = asyncio.Event()
        self._stopped = asyncio.Event()
        self._complaint = ""

    def on_appended(self, sequence: int) -> None:
        """A batch was just stored."""
        self._sender.on_appended(sequence, _now_ms())
        self._wake.set()

    def stop(self) -> None:
        """Send what is fresh, say goodbye if there is a connection, and return from `run`."""
        self._stopped.set()
        self._wake.set()

    async def run(self) -> None:
        """Keep a connection until stopped; without one there is nothing to finish."""
        connecting = asyncio.ensure_future(self._keep_connected())
        stopped = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait({connecting, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if self.connected:
                await asyncio.wait({connecting})
            if connecting.done():
                connecting.result()
        finally:
            connecting.cancel()
            stopped.cancel()
            await asyncio.gather(connecting, stopped, return_exceptions=True)
            self._pulse.forget(_PART)

    async def _keep_connected(self) -> None:
        while not self._stopped.is_set():
            began_s = _now_ms() / 1000
            self._pulse.expect(_PART, TURN_S)
            try:
                async with self._dial() as transport:
                    await self._serve(transport)
            except Disconnected as error:
                self._complain(str(error))
            finally:
                self.connected = False
            if not self._stopped.is_set():
                pause_s = self._backoff.after(_now_ms() / 1000 - began_s)
                self._pulse.expect(_PART, pause_s)
                await asyncio.sleep(pause_s)

    def _complain(self, reason: str) -> None:
        """Once for every reason: a broker that is away for a week is one event."""
        if reason != self._complaint:
            log.warning("not connected", reason=reason)
        self._complaint = reason

    async def _serve(self, transport: Transport) -> None:
        await transport.subscribe(self._receipt_topic)
        if self._commander is not None:
            await transport.subscribe(self._command_topic)
        await transport.publish(self._state_topic, state.encode(self._report()), retain=True)
        self._sender.on_connected(_now_ms())
        self.connected = True
        self._complaint = ""
        log.info("connected")
        await first_of(self._listen(transport), self._send(transport))
        await transport.publish(self._state_topic, state.encode(state.OFFLINE), retain=True)

    async def _listen(self, transport: Transport) -> None:
        async for message in transport.messages():
            if message.topic == self._receipt_topic:
                self._sender.on_receipt(message.payload, _now_ms())
                self._wake.set()
            elif message.topic == self._command_topic and self._commander is not None:
                self._commander.on_message(message.payload)
                self._wake.set()
        raise Disconnected("the messages ended")

    async def _send(self, transport: Transport) -> None:
        reported_ms = _now_ms()
        until_ms: int | None = None
        while True:
            self._wake.clear()
            self._pulse.expect(_PART, self._report_ms / 1000 + TURN_S)
            now_ms = _now_ms()
            if self._stopped.is_set():
                until_ms = until_ms or now_ms + int(FAREWELL_S * 1000)
                if now_ms >= until_ms or not self._sender.awaits_fresh():
                    return
            if now_ms - reported_ms >= self._report_ms:
                reported_ms = now_ms
                if self._commander is not None:
                    self._commander.keep_counts()
                await transport.publish(
                    self._state_topic, state.encode(self._report()), retain=True
                )
            answer = None if self._commander is None else self._commander.next_answer()
            if answer is not None:
                await transport.publish(self._state_topic, answer)
                continue
            outgoing = self._sender.next(now_ms)
            if outgoing is not None:
                await transport.publish(outgoing.topic, outgoing.message)
            else:
                await self._event(now_ms, until_ms or reported_ms + self._report_ms)

    async def _event(self, now_ms: int, until_ms: int) -> None:
        wait_ms = self._sender.wait_ms(now_ms)
        wait_ms = max(until_ms - now_ms, 0) if wait_ms is None else min(wait_ms, until_ms - now_ms)
        try:
            async with asyncio.timeout(wait_ms / 1000):
                await self._wake.wait()
        except TimeoutError:
            return  # The time has come for what was waited for.


async def first_of(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends, end the others, and raise the error if one had any."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


def _now_ms() -> int:
    return round(asyncio.get_running_loop().time() * 1000)
