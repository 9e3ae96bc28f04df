"""The demo's owner: prepares a house, starts every process, keeps them alive, ends with a balance.

The virtual meters and the billing system live in this process; the edge agent, the gateway and
the broker are processes of their own, started again when they die. To end, the meters fall
silent, the spool drains, the period that is over closes and is handed over, and what is then in
the ledger is compared with what was signed.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click
import uvicorn
from rich.live import Live

from edge import spool
from edge.spool import SpoolError
from gateway.web.server import QuietServer
from simulators import lines
from simulators.demo import brokers, view
from simulators.demo.balance import Balance, strike
from simulators.demo.clock import ScaledClock
from simulators.demo.premises import Ports, Premises, prepare
from simulators.demo.processes import Child
from simulators.demo.receiver import Receiver
from simulators.demo.snapshot import Watcher
from simulators.ledger_view import LedgerView
from simulators.lines import Bus

BROKERS = ("embedded", "mosquitto")
# The view is drawn often enough to look alive and seldom enough to cost nothing.
REFRESH_S = 0.5
# A drained spool and a closed period take seconds; a minute and a half covers processes that
# were killed a moment ago and a receipt that has to be asked for again.
SETTLE_S = 90.0


class DemoError(RuntimeError):
    """A demo that cannot start or end; the text says why and what to do."""


class Options(NamedTuple):
    """What the command was asked for. `live` draws the terminal view."""

    data: Path
    broker: str
    port: int | None
    speed: int
    seed: str
    minutes: float | None
    live: bool


class _Switch:
    """A bus that can be made to fall silent, as if the meters had no power."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.on = True

    @property
    def turnaround_s(self) -> float:
        return self._bus.turnaround_s

    def feed(self, data: bytes, now_ms: int) -> bytes:
        return self._bus.feed(data, now_ms) if self.on else b""

    def reset(self) -> None:
        self._bus.reset()


class Supervisor:
    """One run of the demo."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._stop = asyncio.Event()

    async def run(self) -> Balance:
        """Run until the time is over or Ctrl-C; DemoError where that cannot be done."""
        options = self._options
        premises = self._prepare()
        clock = ScaledClock.starting_now(start_ms=premises.starts_ms, speed=options.speed)
        clock.save(premises.data)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        async with AsyncExitStack() as stack:
            receiver = Receiver(premises.secret, premises.book)
            await stack.enter_async_context(_serving(receiver, premises.ports.billing))
            switches = await _serve_meters(stack, premises, clock)
            edge, children = await self._start(stack, premises)
            watcher = Watcher(premises, receiver, clock, children, options.broker)
            if not options.live:
                _say(f"the house is on {premises.page_url}, its state in {premises.data}")
            fitter = asyncio.create_task(_exchange_meters(premises, edge, clock))
            await self._watch(watcher)
            await _send_home(fitter, edge)
            for switch in switches:
                switch.on = False
            await self._settle(premises)
        return strike(premises.edge_dir, premises.ledger, len(receiver.lines))

    def _prepare(self) -> Premises:
        options = self._options
        try:
            ports = Ports.free(page=options.port)
            return prepare(options.data, options.seed, ports, today=datetime.now(UTC))
        except FileExistsError as error:
            folder = options.data
            raise DemoError(f"{folder} is not empty: choose another --data") from error
        except OSError as error:
            raise DemoError(f"cannot use {options.data}: {error.strerror}") from error

    async def _start(self, stack: AsyncExitStack, premises: Premises) -> tuple[Child, list[Child]]:
        """Start broker, gateway and edge; they end in the opposite order."""
        data, port = premises.data, premises.ports.broker
        children = []
        if self._options.broker == "mosquitto":
            try:
                children.append(brokers.mosquitto(port, data))
            except RuntimeError as error:
                raise DemoError(str(error)) from error
        else:
            embedded = brokers.EmbeddedBroker(port, data)
            await embedded.start()
            stack.push_async_callback(embedded.stop)
        for name in ("gateway", "edge"):
            module = f"simulators.demo.{name}"
            children.append(Child(name, [sys.executable, "-m", module, str(data)], data))
        for child in children:
            await child.start()
            stack.push_async_callback(child.stop)
        return children[-1], children

    async def _watch(self, watcher: Watcher) -> None:
        """Show what happens until it is time to end."""
        minutes = self._options.minutes
        deadline_s = None if minutes is None else minutes * 60
        try:
            async with asyncio.timeout(deadline_s):
                if not self._options.live:
                    await self._stop.wait()
                    return
                with Live(screen=True, auto_refresh=False) as live:
                    while not self._stop.is_set():
                        live.update(view.render(watcher.snapshot()), refresh=True)
                        await asyncio.sleep(REFRESH_S)
        except TimeoutError:
            return

    async def _settle(self, premises: Premises) -> None:
        """Wait until what was signed is receipted, and what was closed is handed over."""
        try:
            async with asyncio.timeout(SETTLE_S):
                # Other processes' files are what is waited for; they cannot set an event.
                while not _settled(premises):  # noqa: ASYNC110
                    await asyncio.sleep(REFRESH_S)
        except TimeoutError:
            _say(
                f"not everything arrived within {SETTLE_S:.0f} s: the balance says what is missing"
            )


def _say(text: str) -> None:
    """A line for a person, beside whatever the command prints."""
    click.echo(f"plomba demo: {text}", err=True)


def _settled(premises: Premises) -> bool:
    try:
        found = spool.glance(premises.edge_dir)
    except SpoolError:
        return False  # the agent is about to exchange it; looked at again, for SETTLE_S at most
    ledger = LedgerView(premises.ledger)
    return (found is None or found.waiting == 0) and bool(ledger.lines) and not ledger.undelivered


async def _serve_meters(
    stack: AsyncExitStack, premises: Premises, clock: ScaledClock
) -> list[_Switch]:
    switches = []
    for name, bus in premises.buses.items():
        switch = _Switch(bus)
        port = premises.ports.lines[name]
        server = await lines.serve(switch, brokers.HOST, port, clock.now_ms)
        stack.callback(server.close)
        switches.append(switch)
    return switches


async def _exchange_meters(premises: Premises, edge: Child, clock: ScaledClock) -> None:
    """A fitter's work: the agent is stopped, the meter exchanged, the agent started again."""
    for exchange in premises.house.exchanges():
        await asyncio.sleep((exchange.at_ms - clock.now_ms()) / 1000 / clock.speed)
        await edge.stop()
        premises.exchange(exchange)
        await edge.start()


async def _send_home(fitter: asyncio.Task[None], edge: Child) -> None:
    """End the fitter's work wherever it is; the agent runs again, for its spool is to drain."""
    fitter.cancel()
    await asyncio.wait([fitter])
    if not fitter.cancelled():
        fitter.result()
    if not edge.is_kept:
        await edge.stop()
        await edge.start()


@asynccontextmanager
async def _serving(receiver: Receiver, port: int) -> AsyncIterator[None]:
    """The billing system's HTTP server."""
    config = uvicorn.Config(
        receiver.app(), host=brokers.HOST, port=port, log_config=None, lifespan="off"
    )
    server = QuietServer(config)
    serving = asyncio.create_task(server.serve(), name="billing system")
    try:
        yield
    finally:
        server.should_exit = True
        await serving
