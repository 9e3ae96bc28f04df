"""The command that runs a simulated ГИС ЖКХ to try the exchange on."""

import contextlib
import os
import time
from pathlib import Path

import click

from simulators.gis_service import Faults, GisService, serving


@click.command()
@click.option("--port", default=8085, show_default=True, type=click.IntRange(0, 65535))
@click.option("--seed", default=0, show_default=True, help="What draws the faults.")
@click.option("--lost", default=0, show_default=True, type=click.IntRange(0, 100))
@click.option("--refused", default=0, show_default=True, type=click.IntRange(0, 100))
@click.option("--truncated", default=0, show_default=True, type=click.IntRange(0, 100))
@click.option("--polls", default=2, show_default=True, help="Questions before a result is there.")
@click.option("--error", "devices", multiple=True, metavar="GUID", help="Refuse this device.")
@click.option("--minutes", type=float, help="Stop by itself after so long.")
def gis(
    *,
    port: int,
    seed: int,
    lost: int,
    refused: int,
    truncated: int,
    polls: int,
    devices: tuple[str, ...],
    minutes: float | None,
) -> None:
    """Run a simulated ГИС ЖКХ on this machine until Ctrl-C.

    Put the address it prints into [gis_zhkh] of a gateway.toml. --lost, --refused and --truncated
    are how many answers of a hundred are lost after the request was taken, are a 503, or are cut
    short. Requests are checked against the schemas beside the repository (or where PLOMBA_SHARED
    says), where these and lxml are at hand.
    """
    beside = Path(__file__).parents[2] / "shared"
    service = GisService(
        seed=seed,
        errors={one.lower(): ("SIM-ERROR", "chosen to be refused") for one in devices},
        faults=Faults(refused=refused, lost=lost, truncated=truncated),
        polls=polls,
        schemas=Path(os.environ.get("PLOMBA_SHARED", beside)),
    )
    with serving(service, port) as endpoint, contextlib.suppress(KeyboardInterrupt):
        click.echo(f'endpoint = "{endpoint}"')
        time.sleep(1e9 if minutes is None else minutes * 60)
    click.echo(f"{len(service.entered)} devices' values were entered")
