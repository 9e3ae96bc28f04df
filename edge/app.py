"""Wiring: from a checked configuration to a running agent.

The only place that knows which driver serves which profile, and where the real clock, broker and
randomness come from.
"""

import asyncio
import functools
import signal
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from random import SystemRandom
from typing import Any

import structlog

from cloud_sync import mqtt, state, topics
from cloud_sync.doors import door_of
from cloud_sync.transport import Message
from drivers import profile
from drivers.bus import Line
from drivers.driver import Driver
from drivers.link import open_link
from drivers.mbus.driver import MbusDriver
from drivers.modbus.driver import ModbusDriver
from edge import identity, identity_keeper, meter_keys
from edge.agent import Agent
from edge.allowance import Allowance
from edge.clock import Clock, Stamp, SystemClock
from edge.command_record import CommandRecord
from edge.config import BrokerConfig, ConfigError, EdgeConfig, LineConfig, MeterConfig
from edge.enrolled import broker_of
from edge.line_owner import owning_lines
from edge.meter_keys import Keys
from edge.poller import LinePlan, Meter, Read
from edge.pulse import Pulse, telling
from edge.read_log import FILE_NAME, ReadLog
from edge.spool import Spool, SpoolError
from edge.update.health import Vital
from edge.update.keeping import Updates

log = structlog.get_logger("edge.app")

DRIVERS: dict[str, Driver] = {"modbus": ModbusDriver(), "mbus": MbusDriver()}


NO_METERS = "no meters to read yet: find them with plomba-edge scan --write"


async def run(config: EdgeConfig, *, clock: Clock | None = None) -> None:
    """Run the agent until SIGINT or SIGTERM, see `run_until`."""
    pulse = Pulse()
    with stopped_by_signals() as stopped:
        async with telling(pulse):
            await run_until(stopped, config, clock=clock, pulse=pulse)


async def run_until(
    stopped: asyncio.Event,
    config: EdgeConfig,
    *,
    clock: Clock | None = None,
    pulse: Pulse | None = None,
    updates: Updates | None = None,
    vital: Vital | None = None,
) -> None:
    """Run the agent until `stopped` is set; its loops promise to turn in `pulse`.

    Raises ConfigError, KeyFileError, LinesInUse, SpoolError or TlsError.
    """
    busy = [line for line in config.lines if line.meters]
    if not busy:
        raise ConfigError(NO_METERS)
    for line in config.lines:
        if not line.meters:
            log.warning("line has no meters", line=line.name, hint="plomba-edge scan --write")
    if not await _unless(stopped, identity_keeper.until_enrolled(config, pulse=pulse)):
        return
    await asyncio.to_thread(identity_keeper.finish_rotation, config)
    keys = identity.load(config.device)
    key = identity.HeldKey(keys.key)
    secrets = meter_keys.of(config.device.meter_keys)
    settings = broker_settings(broker_of(config), config.device.name)
    if settings.tls is not None:
        settings.tls.context()
    async with AsyncExitStack() as stack:
        spool = Spool(config.device.state_dir, max_bytes=config.spool.max_bytes)
        stack.callback(spool.close)
        stack.enter_context(owning_lines(config.device.state_dir, is_agent=True))
        time = clock or SystemClock()
        reads = stack.enter_context(read_log(config, time.now()))
        agent = Agent(
            device=config.device.name,
            key=key,
            gateway_key=keys.gateway_key,
            spool=spool,
            lines=[line_plan(line, _opened(stack, line), secrets, reads) for line in busy],
            clock=time,
            dial=functools.partial(mqtt.connect, settings),
            zone=config.zone,
            random=SystemRandom(),
            commands=CommandRecord(config.device.state_dir),
            pulse=pulse,
            updates=updates,
        )
        stack.enter_context(living(vital, agent))
        renewing = asyncio.create_task(identity_keeper.keep_certificate(config, time))
        stack.callback(renewing.cancel)
        exchanging = asyncio.create_task(identity_keeper.keep_key(config, key))
        stack.callback(exchanging.cancel)
        stopping = asyncio.create_task(_stop(agent, stopped))
        stack.callback(stopping.cancel)
        await agent.run()


@contextmanager
def living(vital: Vital | None, agent: Agent) -> Iterator[None]:
    """Show the agent to whoever writes down how it is."""
    if vital is None:
        yield
        return
    vital.agent = agent
    try:
        yield
    finally:
        vital.agent = None


def _opened(stack: AsyncExitStack, config: LineConfig) -> Line:
    line = open_line(config)
    stack.push_async_callback(line.close)
    return line


def open_line(config: LineConfig) -> Line:
    """A line as configured; its link opens with the first question."""
    return Line(
        open_link(config.url),
        baud=config.bits_per_s,
        framing=config.framing,
        turnaround_s=config.turnaround_s,
        echo=config.echo,
    )


@contextmanager
def read_log(config: EdgeConfig, now: Stamp) -> Iterator[ReadLog | None]:
    """Where the reads of meters that allow only so many are kept, if there are any of them."""
    if all(meter.reads_max is None for _, meter in config.meters):
        yield None
        return
    with reads_of(config, now) as reads:
        yield reads


@contextmanager
def reads_of(config: EdgeConfig, now: Stamp) -> Iterator[ReadLog]:
    """The list of reads itself; SpoolError where it cannot be kept."""
    path = config.device.state_dir / FILE_NAME
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        reads = ReadLog(path, now)
    except OSError as error:
        raise SpoolError(f"cannot keep the list of reads in {path}: {error}") from error
    with closing(reads):
        yield reads


def line_plan(
    config: LineConfig, line: Line, keys: Keys | None = None, reads: ReadLog | None = None
) -> LinePlan:
    """What the agent asks on a line."""
    meters = tuple(
        Meter(
            serial=meter.serial,
            read=reader(line, meter, keys or {}),
            interval_s=meter.interval_s,
            raw=meter.raw,
            allowance=allowance_of(meter, reads),
        )
        for meter in config.meters
    )
    return LinePlan(name=config.name, meters=meters)


def allowance_of(meter: MeterConfig, reads: ReadLog | None) -> Allowance | None:
    """How often a meter may be asked, if that has a bound."""
    if meter.reads_max is None or reads is None:
        return None
    return reads.allowance(meter.serial, meter.reads_max)


def reader(line: Line, meter: MeterConfig, keys: Keys) -> Read:
    """One read of one meter over its line."""
    model = profile.load(meter.profile)
    return functools.partial(
        DRIVERS[model.protocol].read,
        line,
        model,
        meter.address,
        expect_id=meter.expect_id,
        key=key_of(meter, keys),
    )


def key_of(meter: MeterConfig, keys: Keys) -> bytes | None:
    """The key of a meter that encrypts, whichever of its names it stands under."""
    return meter_keys.find(keys, meter.address, meter.expect_id, meter.serial)


def broker_settings(broker: BrokerConfig, device: str) -> mqtt.Settings:
    """The broker as this device sees it.

    Its client id is its name, as is its certificate's CN; TlsError where the key is to add to it
    and cannot be read.
    """
    tls = None
    if broker.ca is not None and broker.cert is not None and broker.cert_key is not None:
        tls = mqtt.Tls(ca=broker.ca, certificate=broker.cert, key=broker.cert_key)
    return mqtt.Settings(
        host=broker.host,
        port=broker.port,
        also=tuple(map(door_of, broker.also)),
        protocol=broker.protocol,
        client_id=mqtt.client_id(device, broker.protocol, tls),
        tls=tls,
        will=Message(topics.state_topic(device), state.encode(state.OFFLINE)),
    )


@contextmanager
def stopped_by_signals() -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stopped.set)
    try:
        yield stopped
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


async def _stop(agent: Agent, stopped: asyncio.Event) -> None:
    await stopped.wait()
    agent.stop()


async def _unless(stopped: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work to its end, True then; leave it as soon as `stopped` is set."""
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            return False
        working.result()
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)
    return True
