"""`plomba-sim demo`: the whole way on one machine, live in the terminal or headless."""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

import click

from simulators.demo.balance import Balance
from simulators.demo.supervisor import BROKERS, DemoError, Options, Supervisor

# Half an hour of the house per second: a month in twenty-four minutes, a period closed in half of
# one, and still slow enough to watch a reading arrive.
SPEED = 1800
# A day of the world is five years of the house.
MINUTES_MAX = 24 * 60


@click.command()
@click.option("--headless", is_flag=True, help="No live view; ends with the balance.")
@click.option(
    "--minutes",
    type=click.FloatRange(0.1, MINUTES_MAX),
    help="How long to run; until Ctrl-C if left out.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where its state is left; a new folder if left out.",
)
@click.option("--broker", type=click.Choice(BROKERS), default="embedded", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), help="The page's port; a free one else.")
@click.option("--speed", type=click.IntRange(1, 7200), default=SPEED, show_default=True)
@click.option("--seed", default="demo", show_default=True, help="Which house and which events.")
@click.option("--json", "as_json", is_flag=True, help="The balance as one JSON object.")
def demo(
    *,
    headless: bool,
    minutes: float | None,
    data: Path | None,
    broker: str,
    port: int | None,
    speed: int,
    seed: str,
    as_json: bool,
) -> None:
    """Virtual meters, a real edge agent, a broker, a real gateway and a billing system.

    The house lives faster than the world; everything else is the real thing. Ends with the
    balance and exit status 0 if it adds up.
    """
    folder = data or Path(tempfile.mkdtemp(prefix="plomba-demo-"))
    live = sys.stdout.isatty() and not (headless or as_json)
    options = Options(folder, broker, port, speed, seed, minutes, live)
    try:
        balance = asyncio.run(Supervisor(options).run())
    except DemoError as error:
        raise click.ClickException(str(error)) from error
    _show(balance, folder, as_json=as_json)
    if not balance.adds_up:
        click.echo(f"the balance does not add up; everything is left in {folder}", err=True)
        sys.exit(1)


def _show(balance: Balance, folder: Path, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(balance._asdict()))
        return
    for name, value in balance._asdict().items():
        click.echo(f"{name.replace('_', ' '):20}{value:>10}")
    click.echo(f"state left in {folder}")
