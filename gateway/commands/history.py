"""Commands about the past: months into files and back, and roll-ups checked."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from drivers.reading import from_ms
from gateway.commands.common import (
    Commands,
    as_json,
    configured,
    ledger,
    print_json,
    print_table,
)
from gateway.commands.noting import note
from gateway.commands.people import by_person
from gateway.config import GatewayConfig
from gateway.history import rollups
from gateway.history.checking import Checked, check
from gateway.history.model import HistoryError
from gateway.periods import bounds
from gateway.sql.rollup import RollupLedger, rollup_look
from gateway.sql.store import SqlStore
from gateway.wiring import system_clock

if TYPE_CHECKING:
    from gateway.history.archiving import Archived

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, writable=True, path_type=Path)
# A gateway that runs takes readings in while a check reads: what differs is looked at again.
CHECKS_MAX = 3


class _Files(Commands):
    """A group whose commands need the library for Parquet."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            if isinstance(error.__cause__, ModuleNotFoundError):
                said = f"{error.__cause__.name} is not installed: pip install --require-hashes"
                raise click.ClickException(f"{said} -r requirements/history.txt") from error
            raise


@click.group(cls=_Files)
def history() -> None:
    """Old months in files, and roll-ups of years (docs/history.md)."""


@history.command("archive")
@click.option("--before", metavar="YYYY-MM", help="The first month (UTC) to stay.")
@click.option("--out", "folder", type=FOLDER, required=True, help="Where the files go.")
@by_person
@configured
@as_json
def archive(
    config: GatewayConfig, before: str | None, folder: Path, actor: str, *, as_json: bool
) -> None:
    """Put old months into Parquet files, check them, and let the ledger go of their readings.

    Without --before everything older than history.keep_months (36) goes; no later month may.
    Signed batches stay, and so does every reading a bill or a review needs.
    """
    from gateway.history import archiving  # noqa: PLC0415 - loads the library for Parquet
    from gateway.sql.archive import ArchiveLedger  # noqa: PLC0415 - as above

    limit = archiving.last_month(system_clock(), config.history.keep_months)
    chosen = limit if before is None else before
    bounds(chosen, archiving.UTC)
    if chosen > limit:
        raise HistoryError(
            f"{chosen} is too late: the last {config.history.keep_months} months stay "
            f"(history.keep_months), expected {limit} or earlier"
        )
    with ledger(config) as store:
        note(store, actor, "history-archive", f"before {chosen}", str(folder))
        _bring_up(config, store)
        done = list(archiving.archive(ArchiveLedger(store.database), folder, chosen, system_clock))
    _print_files(done, "let go of", as_json=as_json)


@history.command("restore")
@click.argument("files", nargs=-1, required=True, type=FILE)
@by_person
@configured
@as_json
def restore(config: GatewayConfig, files: tuple[Path, ...], actor: str, *, as_json: bool) -> None:
    """Bring the readings of FILES back into the ledger, each file checked first."""
    from gateway.history import archiving  # noqa: PLC0415 - loads the library for Parquet
    from gateway.sql.archive import ArchiveLedger  # noqa: PLC0415 - as above

    done = []
    with ledger(config) as store:
        for file in files:
            note(store, actor, "history-restore", file.name)
            done.append(archiving.restore(ArchiveLedger(store.database), file, system_clock))
    _print_files(done, "brought back", as_json=as_json)


@history.command("verify")
@click.argument("files", nargs=-1, required=True, type=FILE)
@as_json
def verify(files: tuple[Path, ...], *, as_json: bool) -> None:
    """Read FILES whole and compare them with the digests they carry; needs no ledger."""
    from gateway.history import parquet  # noqa: PLC0415 - loads the library for Parquet

    told = [{"file": file.name, **parquet.verify(file)._asdict()} for file in files]
    if as_json:
        print_json({"files": told})
        return
    print_table(
        ("file", "month", "readings", "digest"),
        [(one["file"], one["month"], one["readings"], one["digest"]) for one in told],
    )


@history.command("list")
@configured
@as_json
def list_files(config: GatewayConfig, *, as_json: bool) -> None:
    """List the files the ledger knows, and which of them it has let go of."""
    from gateway.sql.archive import ArchiveLedger  # noqa: PLC0415 - loads the library for Parquet

    with ledger(config) as store:
        files = ArchiveLedger(store.database).files()
    if as_json:
        print_json({"files": [one._asdict() for one in files]})
        return
    print_table(
        ("file", "readings", "let go of (UTC)", "brought back (UTC)"),
        [
            (one.file, one.readings, _day(one.taken_at_ms), _day(one.restored_at_ms))
            for one in files
        ],
    )


@history.command("check")
@click.option("--rebuild", is_flag=True, help="Make all roll-ups anew before.")
@by_person
@configured
@as_json
def check_rollups(config: GatewayConfig, actor: str, *, rebuild: bool, as_json: bool) -> None:
    """Bring the roll-ups up to date and compare each of them with the readings themselves."""
    with ledger(config) as store:
        if rebuild:
            note(store, actor, "history-rebuild", "roll-ups")
            RollupLedger(store.database).start(rollups.NAME, system_clock())
        checked = _checked(config, store)
    told = [str(one) for one in checked.differences]
    if as_json:
        print_json({"days": checked.days, "months": checked.months, "differences": told})
    else:
        click.echo("\n".join([*told, f"{checked.days} days, {checked.months} months compared"]))
    if told:
        raise HistoryError(f"{len(told)} roll-ups differ: history check --rebuild makes them anew")


def _checked(config: GatewayConfig, store: SqlStore) -> Checked:
    _bring_up(config, store)
    with rollup_look(config.place) as look:
        checked = check(look)
    for _ in range(CHECKS_MAX):
        if not checked.differences:
            break
        _bring_up(config, store)
        with rollup_look(config.place) as look:
            again = check(look, {one.register_no for one in checked.differences})
        checked = checked._replace(differences=again.differences)
    return checked


def _bring_up(config: GatewayConfig, store: SqlStore) -> None:
    """Roll up to the end of the stream."""
    ledger_ = RollupLedger(store.database)
    plan: rollups.Plan | None = None
    while True:
        plan = rollups.plan(ledger_, system_clock(), plan)
        with rollup_look(config.place) as look:
            made = rollups.make(look, plan, system_clock())
        if made is None:
            return
        ledger_.keep(rollups.NAME, plan.cursor, made)


def _print_files(done: Iterable["Archived"], what: str, *, as_json: bool) -> None:
    rows = [(one.file.name, one.header.readings, one.moved) for one in done]
    if as_json:
        names = ("file", "readings", "moved")
        print_json({"files": [dict(zip(names, row, strict=True)) for row in rows]})
        return
    print_table(("file", "readings", what), rows)


def _day(at_ms: int | None) -> str:
    return "" if at_ms is None else f"{from_ms(at_ms):%Y-%m-%d %H:%M}"
