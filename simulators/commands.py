"""The commands of plomba-sim that need nothing but the simulators: `world` and `meters`."""

import asyncio
import json
import logging
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
import structlog

from edge import config as edge_config
from simulators import virtual_house
from simulators.lines import serve
from simulators.pty import serve_pty
from simulators.virtual_house import ServedLine
from simulators.world import Report, simulate

# The registered ports of either protocol are below 1024 or taken; these are what tools default to.
MODBUS_PORT, MBUS_PORT = 5020, 10001
# A pseudo-terminal is as fast as the machine; some programs cannot set a slower speed on one.
PTY_BAUD = 9600
SEEDS_MAX = 100_000
DAYS_MAX = 3_660


@click.command()
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--days", type=click.IntRange(1, DAYS_MAX), default=30, show_default=True)
@click.option(
    "--seeds", type=click.IntRange(1, SEEDS_MAX), default=1, help="How many seeds, from --seed on."
)
@click.option("--jobs", type=click.IntRange(1, 256), default=1, help="Worlds at the same time.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per seed.")
def world(*, seed: int, days: int, seeds: int, jobs: int, as_json: bool) -> None:
    """Run whole worlds in virtual time, with everything going wrong, and judge what must hold.

    Exit status 1 if an invariant broke in any of them.
    """
    broken = []
    for report in _reports(range(seed, seed + seeds), days, jobs):
        click.echo(json.dumps(_as_dict(report)) if as_json else _as_text(report))
        if not report.held:
            broken.append(report.seed)
    if broken:
        again = f"plomba-sim world --seed {broken[0]} --days {days}"
        raise click.ClickException(f"{len(broken)} of {seeds} worlds broke, run again: {again}")


@click.command()
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Serve the lines of this edge.toml.",
)
@click.option(
    "--replay",
    type=click.Path(path_type=Path, file_okay=False),
    help="Serve the recorded telegrams (.hex) of this folder as one M-Bus.",
)
@click.option("--house", "seed", default="house", show_default=True, help="The house's seed.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--modbus-port", type=click.IntRange(0, 65535), default=MODBUS_PORT)
@click.option("--mbus-port", type=click.IntRange(0, 65535), default=MBUS_PORT)
@click.option("--pty", "on_pty", is_flag=True, help="Serial ports in memory instead of TCP.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line served.")
def meters(
    *,
    config_file: Path | None,
    replay: Path | None,
    seed: str,
    host: str,
    modbus_port: int,
    mbus_port: int,
    on_pty: bool,
    as_json: bool,
) -> None:
    """Serve virtual meters until Ctrl-C, to try plomba-edge against.

    With --pty each line is a pseudo-terminal whose address is printed; with --config these stand
    for the lines of the file, whatever addresses it gives them.
    """
    today = datetime.now(UTC).date()
    try:
        if config_file is not None:
            config = edge_config.load(config_file)
            lines = virtual_house.of_config(config, seed, today, on_pty=on_pty)
        elif replay is not None:
            lines = [virtual_house.of_folder(replay, host, mbus_port)]
        else:
            ports = {"modbus": modbus_port, "mbus": mbus_port}
            lines = virtual_house.of_house(seed, host, ports, today)
        asyncio.run(_serve(lines, on_pty=on_pty, as_json=as_json))
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        return


def _reports(seeds: Sequence[int], days: int, jobs: int) -> Iterator[Report]:
    """The reports of the worlds in the order of their seeds."""
    live = partial(_live, days=days)
    if jobs == 1 or len(seeds) == 1:
        yield from map(live, seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(live, seeds)


def _live(seed: int, days: int) -> Report:
    # The processes of a world complain all the time, as they should; nobody could read it.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory(prefix="plomba-world-") as folder:
        return simulate(seed, days, Path(folder))


def _as_dict(report: Report) -> dict[str, object]:
    invariants = [finding._asdict() for finding in report.invariants]
    return asdict(report) | {"held": report.held, "invariants": invariants}


def _as_text(report: Report) -> str:
    head = f"seed {report.seed}, {report.days} days, digest {report.digest[:16]}"
    lines = [
        f"  {'held' if one.held else 'BROKE':6}{one.name:30}{one.checked:>8} looked at"
        + (f": {one.detail}" if one.detail else "")
        for one in report.invariants
    ]
    counts = ", ".join(f"{name} {count}" for name, count in report.counts.items())
    return "\n".join([head, *lines, f"  {counts}"])


async def _serve(lines: Sequence[ServedLine], *, on_pty: bool, as_json: bool) -> None:
    async with AsyncExitStack() as stack:
        for line in lines:
            if on_pty:
                path = await stack.enter_async_context(serve_pty(line.bus, _now_ms))
                url = f"serial://{path}?baud={PTY_BAUD}"
            else:
                server = await serve(line.bus, line.host, line.port, _now_ms)
                await stack.enter_async_context(server)
                url = f"tcp://{line.host}:{server.sockets[0].getsockname()[1]}"
            click.echo(_served(line, url, as_json=as_json))
        sys.stdout.flush()
        await asyncio.Event().wait()


def _served(line: ServedLine, url: str, *, as_json: bool) -> str:
    if as_json:
        hanging = [asdict(meter) for meter in line.meters]
        return json.dumps({"line": line.name, "url": url, "meters": hanging})
    head = f"{line.name} at {url}"
    return "\n".join(
        [head, *(f"  address {m.address:>3}  {m.serial:32} {m.profile}" for m in line.meters)]
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
