"""The command that makes the recogniser's nets anew: `plomba-sim train photo`."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import click

from gateway.photo.cells import MODEL
from simulators.photo.strips import SEED

NETS = ("reader", "finder", "turner")


@click.command()
@click.option("--only", type=click.Choice(NETS), help="Train one of them.  [all]")
@click.option("--seed", type=click.IntRange(0), default=SEED, show_default=True)
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=MODEL.parent,
    help="Where the .onnx files go.  [the gateway's own]",
)
@click.option(
    "--steps", type=click.IntRange(1), help="Fewer steps, to try the trainer.  [as the card says]"
)
def photo(*, only: str | None, seed: int, folder: Path, steps: int | None) -> None:
    """Train the nets that read photographed registers, on rendered pictures alone.

    Takes less than an hour of a CPU's core or two, and needs the extra `train` (torch and onnx).
    docs/photo-model.md says what the nets in the repository were trained with.
    """
    for name in NETS:
        if only in (None, name):
            file = _trainer(name)(
                folder, seed, say=click.echo, **({"steps": steps} if steps else {})
            )
            click.echo(f"{file}: {file.stat().st_size} bytes")


def _trainer(name: str) -> Callable[..., Path]:
    # Loaded when it is asked for: torch is large, and on most machines it is not there.
    try:
        make: Callable[..., Path] = import_module(f"simulators.photo.train_{name}").train
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"training needs {error.name}: install the extra `train`, pip install 'plomba[train]'"
        ) from error
    return make
