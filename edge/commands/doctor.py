"""`plomba-edge doctor`: is everything there that this device needs? One line for each thing.

Changes nothing, and can run beside the agent. Only the lines are left alone then: a line has one
owner, and opening a serial port under the agent would disturb a read.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple

import click

from cloud_sync import mqtt
from cloud_sync.certificates import CertificateError, load_certificates
from cloud_sync.ladder import DAY_MS, Step, step_of
from cloud_sync.mqtt import TlsError
from cloud_sync.signing import KeyFileError
from cloud_sync.token_uri import TokenUri
from cloud_sync.transport import Disconnected
from drivers.driver import Link, LinkDown
from drivers.link import open_link
from drivers.reading import ClockState, from_ms
from edge import app, command_record, enrolled, identity, meter_keys
from edge.clock import SystemClock
from edge.commands.common import config_option, json_option
from edge.config import ConfigError, EdgeConfig, LineConfig
from edge.enrolled import broker_of
from edge.line_owner import LinesInUse, owning_lines
from edge.scan.standing import stand_in
from edge.spool import HIGH_WATER, SpoolError, glance, in_use

Check = Callable[[], Coroutine[Any, Any, str]]

_CLOCK_SAYS = {
    ClockState.SYNCHRONISED: "synchronised",
    ClockState.INFORMATIVE: "set in this boot, not disciplined now",
}


_HELP = "see the agent's journal, and whether the gateway's enrolment address can be reached"


class Complaint(Exception):
    """Why a check does not pass."""


_COMPLAINTS = (
    *(CertificateError, Complaint, ConfigError, Disconnected, KeyFileError),
    *(LinkDown, SpoolError, TlsError),
)


class Finding(NamedTuple):
    """The outcome of one check."""

    what: str
    ok: bool
    detail: str


@click.command("doctor")
@config_option
@json_option
@click.pass_context
def doctor(context: click.Context, config: EdgeConfig, *, as_json: bool) -> None:
    """Check keys, clock, spool, broker and lines; one line each, exit 1 if something is wrong."""
    findings = asyncio.run(_examine(config))
    for finding in findings:
        click.echo(
            json.dumps(finding._asdict())
            if as_json
            else f"{'ok  ' if finding.ok else 'FAIL'}  {finding.what:16} {finding.detail}"
        )
    if not all(finding.ok for finding in findings):
        context.exit(1)


async def _examine(config: EdgeConfig) -> list[Finding]:
    checks: list[tuple[str, Check]] = [
        ("configuration", partial(_configuration, config)),
        ("key", partial(_key, config)),
        ("gateway key", partial(_gateway_key, config)),
        ("meter keys", partial(_meter_keys, config)),
        ("clock", _clock),
        ("spool", partial(_spool, config)),
        ("commands", partial(_commands, config)),
        ("certificate", partial(_certificate, config)),
        ("broker", partial(_broker, config)),
    ]
    checks += [(f"line {line.name}", partial(_line, config, line)) for line in config.lines]
    return [await _outcome(what, check) for what, check in checks]


async def _outcome(what: str, check: Check) -> Finding:
    try:
        return Finding(what, ok=True, detail=await check())
    except _COMPLAINTS as error:
        return Finding(what, ok=False, detail=str(error))


async def _configuration(config: EdgeConfig) -> str:
    if not config.meters:
        raise Complaint("no meters to read yet: find them with plomba-edge scan --write")
    nameless = [
        meter.serial
        for line, meter in config.meters
        if meter.serial == stand_in(line.name, meter.protocol, meter.address)
    ]
    if nameless:
        raise Complaint(f"write the serial on the dial instead of {', '.join(nameless)}")
    return f"{len(config.meters)} meters on its lines"


async def _key(config: EdgeConfig) -> str:
    place = config.device.key
    key = await asyncio.to_thread(identity.signing_key, place)
    reached = f", reached through {place.module_path}" if isinstance(place, TokenUri) else ""
    return f"{key.public.fingerprint} in {place}{reached}"


async def _gateway_key(config: EdgeConfig) -> str:
    path = config.device.gateway_key
    return f"{identity.load_public(path).fingerprint} in {path}"


async def _meter_keys(config: EdgeConfig) -> str:
    path = config.device.meter_keys
    if path is None:
        return "none configured"
    return f"{len(meter_keys.load(path))} in {path}"


async def _clock() -> str:
    now = SystemClock().now()
    if now.state not in _CLOCK_SAYS:
        raise Complaint(
            f"nobody vouches for {from_ms(now.utc_ms):%Y-%m-%d %H:%M:%S} UTC: readings wait for "
            "the time to be known before they are billed; is a time daemon running?"
        )
    return f"{_CLOCK_SAYS[now.state]}, at most {now.error_s} s off"


async def _spool(config: EdgeConfig) -> str:
    folder = config.device.state_dir
    found = await asyncio.to_thread(glance, folder)
    if found is None:
        return f"none yet in {folder}; the agent makes it"
    used, bound = found.state.bytes, config.spool.max_bytes
    detail = f"{found.waiting} batches wait, {used} of {bound} bytes"
    if used > HIGH_WATER * bound:
        raise Complaint(f"{detail}: at the bound the agent stops asking meters")
    return detail


async def _commands(config: EdgeConfig) -> str:
    path = config.device.state_dir / command_record.FILE
    if not path.exists():
        return "none yet"
    kept = command_record.read(path)
    if kept is None:
        raise Complaint(f"cannot read {path}: commands given before now will be refused")
    refused = ", ".join(f"{count} {reason}" for reason, count in sorted(kept.refused.items()))
    return f"the last was {kept.last}; refused so far: {refused or 'none'}"


async def _certificate(config: EdgeConfig) -> str:
    path = config.broker.cert
    if path is None:
        return "none configured"
    if config.enrolment is not None and enrolled.load(config.device.state_dir) is None:
        raise Complaint("not enrolled yet: plomba-edge enroll, or wait for the agent to do it")
    standing = load_certificates(path)[0]
    now_ms = SystemClock().now().utc_ms
    step = step_of(standing.valid_from_ms, standing.valid_to_ms, now_ms)
    until = f"{from_ms(standing.valid_to_ms):%Y-%m-%d %H:%M} UTC"
    if step is Step.EXPIRED:
        raise Complaint(f"expired on {until}: the broker lets this device in no more; {_HELP}")
    left_days = (standing.valid_to_ms - now_ms) / DAY_MS
    said = f"of {standing.subject}, until {until}, {left_days:.1f} days"
    if step in (Step.SECOND, Step.LAST):
        raise Complaint(f"{said}: renewal has failed so far; {_HELP}")
    return said


async def _broker(config: EdgeConfig) -> str:
    # A second connection under the agent's name would end the agent's.
    if in_use(config.device.state_dir):
        return "left alone: the agent is running"
    settings = app.broker_settings(broker_of(config), config.device.name)
    async with mqtt.connect(settings):
        return f"{settings} answers"


async def _line(config: EdgeConfig, line: LineConfig) -> str:
    if in_use(config.device.state_dir):
        return "left alone: the agent is running"
    try:
        with owning_lines(config.device.state_dir):
            await _try(open_link(line.url))
    except LinesInUse as error:
        return f"left alone: {error}"
    return f"{line.url} opens, {len(line.meters)} meters configured"


async def _try(link: Link) -> None:
    try:
        await link.open()
    finally:
        await link.close()
