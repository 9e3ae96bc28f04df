"""`plomba-sim fleet`: N devices with real keys, batches and connections, from one process."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from cloud_sync.delivery import BACKLOG_PER_S
from gateway.commands.common import EXPECTED, configured
from gateway.config import GatewayConfig
from gateway.sql.engine import snapshot
from simulators.fleet import preparing
from simulators.fleet.check import check as judged
from simulators.fleet.fleet import Fleet, Terms
from simulators.fleet.folder import TLS_FOLDER, FleetError, Folder
from simulators.fleet.meters import BACKLOG_H_MAX
from simulators.fleet.packets import Version
from simulators.fleet.watch import Growth, used

FOLDER = click.Path(path_type=Path, file_okay=False)
VERSIONS = {"3.1.1": Version.V311, "5": Version.V5}
METERS_MAX = 500
DEVICES_MAX = 100_000
REPORT_S = 10.0
MINUTE_S = 60.0
# What was sealed last has its receipt by then, or the gateway is not there.
DRAIN_S = 120.0


class Meters(click.ParamType[int]):
    """How many meters a device reads; `mix`, every tenth 100 and the others one, is 0."""

    name = "N|mix"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """The number; a usage error for anything else."""
        if isinstance(value, int):
            return value
        text = str(value)
        if text == "mix":
            return 0
        if not text.isdecimal() or not 1 <= int(text) <= METERS_MAX:
            self.fail(f"expected 1 to {METERS_MAX} or mix, got {text!r}", param, ctx)
        return int(text)


class Broker(click.ParamType[tuple[str, int]]):
    """Where the broker is."""

    name = "HOST:PORT"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """Host and port; a usage error for anything else."""
        host, _, port = str(value).rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
            self.fail(f"expected a broker like 127.0.0.1:8883, got {value!r}", param, ctx)
        return host.strip("[]"), int(port)


class Command(click.Command):
    """A command whose refusals are said in a line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a refusal becomes click's one-line error."""
        try:
            return super().invoke(ctx)
        except (*EXPECTED, FleetError) as error:
            raise click.ClickException(str(error)) from error


class Group(Command, click.Group):
    """The same of all its commands."""


@click.group(cls=Group, invoke_without_command=True)
@click.option("--state", type=FOLDER, help="The folder that `fleet prepare` made.")
@click.option("--devices", type=click.IntRange(1, DEVICES_MAX), help="The first so many; all.")
@click.option("--broker", type=Broker(), help="Where they connect.")
@click.option("--also", type=Broker(), multiple=True, help="Another node of the same broker.")
@click.option("--tls", type=FOLDER, help="Certificates; those of the folder if it has some.")
@click.option("--clear", is_flag=True, help="In clear, although the folder has certificates.")
@click.option("--protocol", type=click.Choice(list(VERSIONS)), default="5", show_default=True)
@click.option("--interval-s", type=click.FloatRange(0.05, 86_400), default=900, show_default=True)
@click.option(
    "--backlog",
    "backlog_h",
    type=click.FloatRange(0, BACKLOG_H_MAX),
    default=0,
    help="Hours of readings that wait when it begins.",
)
@click.option("--backlog-per-s", type=click.FloatRange(0.1, 10_000), default=BACKLOG_PER_S,
              show_default=True, help="How fast a device drains it.")  # fmt: skip
@click.option("--minutes", type=click.FloatRange(0.01, 10_080), default=1, show_default=True)
@click.option("--storm", is_flag=True, help="Cut all connections at half the time.")
@click.option("--watch", type=int, multiple=True, help="A process whose memory is told.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def fleet(
    context: click.Context,
    *,
    state: Path | None,
    devices: int | None,
    broker: tuple[str, int] | None,
    also: Sequence[tuple[str, int]],
    tls: Path | None,
    clear: bool,
    protocol: str,
    interval_s: float,
    backlog_h: float,
    backlog_per_s: float,
    minutes: float,
    storm: bool,
    watch: Sequence[int],
    as_json: bool,
) -> None:
    """Play devices over MQTT: each with its own key, certificate and connection."""
    if context.invoked_subcommand is not None:
        return
    if state is None or broker is None:
        raise click.UsageError("give --state and --broker, or a command: prepare, check")
    folder = Folder(state)
    own = state / TLS_FOLDER
    terms = Terms(
        host=broker[0],
        port=broker[1],
        devices=devices or folder.plan.devices,
        interval_s=interval_s,
        version=VERSIONS[protocol],
        tls=None if clear else tls or (own if own.exists() else None),
        backlog_h=backlog_h,
        backlog_per_s=backlog_per_s,
        seed=time.time_ns(),
        also=tuple(also),
    )
    document = asyncio.run(_played(folder, terms, minutes, watch, storm=storm))
    told(document, as_json=as_json)


@fleet.command("prepare")
@click.option("--devices", type=click.IntRange(1, DEVICES_MAX), required=True)
@click.option("--meters", type=Meters(), default="1", show_default=True, help="N of each, or mix.")
@click.option("--out", type=FOLDER, required=True, help="A new folder.")
@click.option("--name", default="fleet", show_default=True, help="What its devices are called.")
@click.option("--tls", is_flag=True, help="Certificates of the gateway's own authority, too.")
@configured
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def prepare(
    config: GatewayConfig,
    *,
    devices: int,
    meters: int,
    out: Path,
    name: str,
    tls: bool,
    as_json: bool,
) -> None:
    """Make a fleet's keys and registry, and enter them into a gateway by its own commands."""
    given = click.get_current_context().params
    where = ["--data", str(config.data)]
    if given.get("config_file"):
        where = ["--config", str(given["config_file"])]
    plan = preparing.planned(name, devices, meters)
    steps = [*preparing.write(out, plan, preparing.public_key(config))]
    if tls:
        steps.append(preparing.certify(out, plan, config))
    steps += preparing.enter(out, where)
    told({step.what: step._asdict() for step in steps}, as_json=as_json)


@fleet.command("check")
@click.option("--state", type=FOLDER, required=True, help="The fleet's folder.")
@configured
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def check(config: GatewayConfig, *, state: Path, as_json: bool) -> None:
    """Compare what the fleet was told is stored with the ledger; fails if anything is missing."""
    folder = Folder(state)
    with snapshot(config.place) as sql:
        document = judged(sql, folder.plan, folder.history())
    told(document, as_json=as_json)
    if any(document[what] for what in ("lost", "doubled", "broken", "readings_missing")):
        raise FleetError("the ledger does not hold what the fleet was told it holds")


async def _played(
    folder: Folder, terms: Terms, minutes: float, watch: Sequence[int], *, storm: bool
) -> dict[str, Any]:
    """A run of so many minutes; Ctrl-C ends it early and in order."""
    playing = Fleet(folder, terms)
    growths = [Growth(pid, [used(pid).rss_mb]) for pid in watch]
    storms: list[dict[str, Any]] = []

    async def work() -> None:
        beside = [asyncio.create_task(_tell(playing)), asyncio.create_task(_watch(growths))]
        try:
            if storm:
                await asyncio.sleep(minutes * MINUTE_S / 2)
                storms.append((await playing.storm()).document)
                await asyncio.sleep(minutes * MINUTE_S / 2)
            else:
                await asyncio.sleep(minutes * MINUTE_S)
        except asyncio.CancelledError:
            click.echo("ends early", err=True)
        finally:
            for task in beside:
                task.cancel()
        await playing.drain(DRAIN_S)

    running = asyncio.ensure_future(playing.run(work))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    await running
    return (
        playing.document()
        | ({"storm": storms[0]} if storms else {})
        | ({"watched": [growth.document() for growth in growths]} if growths else {})
    )


async def _tell(playing: Fleet) -> None:
    while True:
        await asyncio.sleep(REPORT_S)
        now = playing.figures
        click.echo(
            f"{now.up} of {len(playing.devices)} connected, {now.batches_signed} batches signed, "
            f"{now.batches_receipted} receipted",
            err=True,
        )


async def _watch(growths: Sequence[Growth]) -> None:
    while True:
        await asyncio.sleep(MINUTE_S)
        for growth in growths:
            growth.rss_mb.append(used(growth.pid).rss_mb)
            click.echo(
                f"process {growth.pid}: {growth.rss_mb[-1]} MB, {growth.slope:+.3f} MB a minute",
                err=True,
            )


def told(document: dict[str, Any], *, as_json: bool) -> None:
    """Print what came out."""
    if as_json:
        click.echo(json.dumps(document))
    else:
        click.echo("\n".join(f"{name:26} {value}" for name, value in document.items()))
    sys.stdout.flush()
