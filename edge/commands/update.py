"""`plomba-edge update`: where an update stands; and root's question whether one may come."""

import json
from pathlib import Path

import click

from cloud_sync.release import ReleaseError, peek
from edge.commands.common import config_option, json_option, one_line_errors
from edge.config import EdgeConfig
from edge.update import judging, standing
from edge.update.judging import Unwanted
from edge.update.places import Places, installed_in, own
from edge.update.shelf import Shelf


@click.group("update")
def update() -> None:
    """New versions of this program: what was offered, and what became of it."""


@update.command("show")
@config_option
@json_option
@one_line_errors
def show(config: EdgeConfig, *, as_json: bool) -> None:
    """Show which version runs, what is wanted, and how the last update ended."""
    places = Places(config.device.state_dir, installed_in(), config.device.package)
    wish, trial = Shelf(places).wish(), standing.trial(places.prefix)
    ended = standing.outcome(places.prefix)
    document = {
        "runs": own().version,
        "machine": own().arch,
        "wanted": "" if wish is None else peek(wish.statement).software,
        "trial": "" if trial is None else trial.version,
        "last": f"{ended.version} {ended.outcome} {ended.reason}".strip(),
        "failed": ended.failed,
    }
    if as_json:
        click.echo(json.dumps(document))
        return
    for name, value in document.items():
        click.echo(f"{name:8} {value or '-'}")


@update.command("check", hidden=True)
@click.argument("note", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--package", type=click.Path(path_type=Path), required=True)
@click.option("--prefix", type=click.Path(path_type=Path), required=True)
def check(note: Path, package: Path, prefix: Path) -> None:
    """Say as JSON whether the release of NOTE may be installed here; apply-update asks that.

    The answer is this version's, which root installed: of the release nothing is run to find out.
    """
    with note.open("rb") as file:
        raw = file.read(judging.WISH_BYTES_MAX + 1)
    click.echo(json.dumps(_judged(raw, Places(prefix, prefix, package))))


def _judged(raw: bytes, places: Places) -> dict[str, object]:
    said: dict[str, object] = {"number": 0, "version": "", "refused": ""}
    try:
        wish = judging.decode(raw)
        said |= {"number": wish.number, "version": peek(wish.statement).software}
        failed = standing.outcome(places.prefix).failed
        found = judging.judge(wish, own(), Shelf(places).key(), failed)
    except (Unwanted, ReleaseError) as error:
        return said | {"refused": str(error)}
    return said | {"manifest": found.manifest.hex(), "runs": own().version}
