"""Wiring: from a checked configuration to a running agent.

The only place that knows which driver serves which profile, and where the real clock, broker and
randomness come from.
"""

import asyncio
import functools
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from random import SystemRandom

from cloud_sync import mqtt, state, topics
from cloud_sync.transport import Message
from drivers import profile
from drivers.bus import Line
from drivers.link import open_link
from drivers.mbus.driver import MbusDriver
from drivers.modbus.driver import ModbusDriver
from edge import identity
from edge.agent import Agent
from edge.clock import Clock, SystemClock
from edge.config import BrokerConfig, EdgeConfig, LineConfig, MeterConfig
from edge.poller import LinePlan, Meter, Read
from edge.spool import Spool

DRIVERS: dict[str, ModbusDriver | MbusDriver] = {"modbus": ModbusDriver(), "mbus": MbusDriver()}


async def run(config: EdgeConfig, *, clock: Clock | None = None) -> None:
    """Run the agent until SIGINT or SIGTERM. Raises SpoolError, KeyFileError or TlsError."""
    keys = identity.load(config.device)
    settings = broker_settings(config.broker, config.device.name)
    if settings.tls is not None:
        settings.tls.context()
    spool = Spool(config.device.state_dir, max_bytes=config.spool.max_bytes)
    lines = {plan.name: open_line(plan) for plan in config.lines}
    try:
        agent = Agent(
            device=config.device.name,
            key=keys.key,
            gateway_key=keys.gateway_key,
            spool=spool,
            lines=[line_plan(plan, lines[plan.name]) for plan in config.lines],
            clock=clock or SystemClock(),
            dial=functools.partial(mqtt.connect, settings),
            zone=config.zone,
            random=SystemRandom(),
        )
        with _stopped_by_signals(agent):
            await agent.run()
    finally:
        for line in lines.values():
            await line.close()
        spool.close()


def open_line(config: LineConfig) -> Line:
    """A line as configured; its link opens with the first question."""
    return Line(
        open_link(config.url),
        baud=config.bits_per_s,
        framing=config.framing,
        turnaround_s=config.turnaround_s,
        echo=config.echo,
    )


def line_plan(config: LineConfig, line: Line) -> LinePlan:
    """What the agent asks on a line."""
    meters = tuple(
        Meter(
            serial=meter.serial,
            read=reader(line, meter),
            interval_s=meter.interval_s,
            raw=meter.raw,
        )
        for meter in config.meters
    )
    return LinePlan(name=config.name, meters=meters)


def reader(line: Line, meter: MeterConfig) -> Read:
    """One read of one meter over its line."""
    model = profile.load(meter.profile)
    driver = DRIVERS[model.protocol]
    return functools.partial(driver.read, line, model, meter.address, expect_id=meter.expect_id)


def broker_settings(broker: BrokerConfig, device: str) -> mqtt.Settings:
    """The broker as this device sees it. Its client id is its name, as is its certificate's CN."""
    tls = None
    if broker.ca is not None and broker.cert is not None and broker.cert_key is not None:
        tls = mqtt.Tls(ca=broker.ca, certificate=broker.cert, key=broker.cert_key)
    return mqtt.Settings(
        host=broker.host,
        port=broker.port,
        client_id=device,
        tls=tls,
        will=Message(topics.state_topic(device), state.encode(state.OFFLINE)),
    )


@contextmanager
def _stopped_by_signals(agent: Agent) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, agent.stop)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
