"""The whole road under load: fleet, mosquitto with TLS and certificates, collectors, ledger.

Everything but the meters is real: the programs, their configuration, a connection and a certificate
for each device. `road` drives as much through it as it takes and says where the processors' time
goes; `storm` cuts all connections at once; `soak` looks at memory over minutes. All end with the
ledger compared with what the devices were told (simulators/fleet/check.py).

The fleet needs processor time of the same machine, so its rates are a lower bound; the milliseconds
of each program per 1000 readings are not.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import click

from gateway.sql.engine import snapshot
from simulators.demo.brokers import HOST
from simulators.fleet.check import check
from simulators.fleet.command import DEVICES_MAX, DRAIN_S, Command, Meters, told
from simulators.fleet.fleet import Fleet, Terms
from simulators.fleet.meters import BACKLOG_H_MAX
from simulators.fleet.place import Place, standing
from simulators.fleet.server import Server, started
from simulators.fleet.watch import Growth, Used, alone, used

# A device drains as fast as its window of 24 batches comes back.
FAST_PER_S = 10_000.0
INTERVAL_S = 900.0
# Caches are filled and certificates checked before anything is measured.
WARM_S = 3.0
MINUTE_S = 60.0
STORES = ("sqlite", "postgres")

Played = Callable[[Place, Fleet], Awaitable[dict[str, Any]]]


class _Options:
    """What the three have in common."""

    store = click.option("--store", type=click.Choice(STORES), default="sqlite", show_default=True)
    meters = click.option(
        "--meters", type=Meters(), default="mix", show_default=True, help="N of each, or mix."
    )
    as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


@click.command("road", cls=Command)
@_Options.store
@click.option("--devices", type=click.IntRange(1, DEVICES_MAX), default=200, show_default=True)
@_Options.meters
@click.option("--collectors", type=click.IntRange(1, 15), default=1, show_default=True)
@click.option("--seconds", type=click.FloatRange(1, 3600), default=20, show_default=True)
@_Options.as_json
def road(
    store: str, devices: int, meters: int, collectors: int, seconds: float, *, as_json: bool
) -> None:
    """Readings a second from end to end, and where the time goes."""
    if store == "sqlite" and collectors > 1:
        raise click.UsageError("a SQLite ledger has one collector: give --store postgres")

    async def play(place: Place, fleet: Fleet) -> dict[str, Any]:
        await fleet.all_up()
        await asyncio.sleep(WARM_S)
        before, receipted = _seen(place), fleet.figures.readings_receipted
        begun_s = time.perf_counter()
        await asyncio.sleep(seconds)
        after, readings = _seen(place), fleet.figures.readings_receipted - receipted
        took_s = time.perf_counter() - begun_s
        await fleet.drain(DRAIN_S)
        return {
            "readings_per_s": round(readings / took_s),
            "where": {name: _share(before[name], after[name], took_s, readings) for name in after},
        }

    terms = {"interval_s": INTERVAL_S, "backlog_h": BACKLOG_H_MAX, "backlog_per_s": FAST_PER_S}
    _run(Size(store, devices, meters, collectors), terms, play, as_json=as_json)


@click.command("storm", cls=Command)
@_Options.store
@click.option("--devices", type=click.IntRange(1, DEVICES_MAX), default=10_000, show_default=True)
@_Options.meters
@click.option("--interval-s", type=click.FloatRange(1, 86_400), default=60, show_default=True)
@click.option("--broker", is_flag=True, help="By a broker that is killed, and comes back.")
@_Options.as_json
def storm(
    store: str, devices: int, meters: int, interval_s: float, *, broker: bool, as_json: bool
) -> None:
    """How long devices that were all cut off at once take to be back, every receipt with them."""

    async def play(place: Place, fleet: Fleet) -> dict[str, Any]:
        async def fall() -> None:
            await place.kill("mosquitto")
            await place.start_broker()

        begun_s = time.monotonic()
        await fleet.all_up()
        first_s = round(time.monotonic() - begun_s, 1)
        await asyncio.sleep(WARM_S)
        before = _seen(place)
        seen = await fleet.storm(fall if broker else None)
        after = _seen(place)
        await fleet.drain(DRAIN_S)
        cpu = {name: round(after[name].cpu_s - before[name].cpu_s, 1) for name in after}
        return {"all_up_first_s": first_s, "storm": seen.document, "cpu_s": cpu}

    _run(Size(store, devices, meters), {"interval_s": interval_s}, play, as_json=as_json)


@click.command("soak", cls=Command)
@_Options.store
@click.option("--devices", type=click.IntRange(1, DEVICES_MAX), default=200, show_default=True)
@_Options.meters
@click.option("--interval-s", type=click.FloatRange(0.05, 86_400), default=10, show_default=True)
@click.option(
    "--backlog",
    "backlog_h",
    type=click.FloatRange(0, BACKLOG_H_MAX),
    default=0,
    help="Hours of readings that are brought before the first minute, to fill the ledger's cache.",
)
@click.option("--minutes", type=click.IntRange(1, 10_080), default=20, show_default=True)
@_Options.as_json
def soak(
    store: str,
    devices: int,
    meters: int,
    *,
    interval_s: float,
    backlog_h: float,
    minutes: int,
    as_json: bool,
) -> None:
    """The memory of broker and collector, a figure a minute; flat is the last ten within 2 %."""

    async def play(place: Place, fleet: Fleet) -> dict[str, Any]:
        await fleet.all_up()
        await fleet.caught_up()
        growths = {name: Growth(pid, []) for name, pid in place.pids.items()}
        for minute in range(minutes + 1):
            for name, growth in growths.items():
                growth.rss_mb.append(used(growth.pid).rss_mb)
                click.echo(f"minute {minute}: {name} {growth.rss_mb[-1]} MB", err=True)
            await asyncio.sleep(MINUTE_S * (minute < minutes))
        await fleet.drain(DRAIN_S)
        return {"memory": {name: growth.document() for name, growth in growths.items()}}

    terms = {"interval_s": interval_s, "backlog_h": backlog_h}
    _run(Size(store, devices, meters), terms, play, as_json=as_json)


class Size(NamedTuple):
    """How big a place is to be."""

    store: str
    devices: int
    meters: int
    collectors: int = 1


def _run(size: Size, terms: dict[str, Any], play: Played, *, as_json: bool) -> None:
    """One run in a folder of its own; what came of it is printed."""
    with tempfile.TemporaryDirectory(prefix="plomba-road-") as folder, _ledger(size) as server:
        ledger = "" if server is None else server.toml
        place = Place(Path(folder), size.devices, size.collectors, ledger)
        if server is not None:
            place.pids["postgres"] = server.pid
        document = asyncio.run(_played(place, size.meters, server, terms, play))
    told(size._asdict() | document, as_json=as_json)


async def _played(
    place: Place, meters: int, server: Server | None, terms: dict[str, Any], play: Played
) -> dict[str, Any]:
    steps = place.set_up(meters, lambda text: click.echo(text, err=True))
    if server is not None:
        server.analyze()
    document: dict[str, Any] = {"prepared": {step.what: step.seconds for step in steps}}
    async with standing(place):
        fleet = Fleet(
            place.fleet,
            Terms(HOST, place.device_port, place.devices, tls=place.tls, seed=1, **terms),
        )

        async def work() -> None:
            document.update(await play(place, fleet))
            place.all_run()

        await fleet.run(work)
        document["fleet"] = fleet.document()
    with snapshot(place.config.place) as sql:
        document["ledger"] = check(sql, place.fleet.plan, place.fleet.history())
    return document


def _seen(place: Place) -> dict[str, Used]:
    """What every program has used; the fleet is this process."""
    return {name: used(pid) for name, pid in place.pids.items()} | {"fleet": alone(os.getpid())}


def _share(before: Used, after: Used, took_s: float, readings: int) -> dict[str, float]:
    cpu_s = after.cpu_s - before.cpu_s
    return {
        "cores": round(cpu_s / took_s, 2),
        "ms_per_1000_readings": round(cpu_s * 1e6 / max(readings, 1), 2),
        "rss_mb_begin": before.rss_mb,
        "rss_mb_end": after.rss_mb,
    }


@contextmanager
def _ledger(size: Size) -> Iterator[Server | None]:
    """A server of this run's own, for the ledger that needs one."""
    if size.store == "sqlite":
        yield None
        return
    with started() as server:
        yield server
