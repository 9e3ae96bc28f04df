"""The command that writes a closed period to files, for whoever is not served by the hand-off."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import click

from cloud_sync.signing import SigningKey
from gateway.closing import ClosingError
from gateway.commands.common import as_json, configured, ledger, print_json
from gateway.commands.noting import note
from gateway.commands.people import by_person
from gateway.config import GatewayConfig
from gateway.export import formats, manifest
from gateway.export.closed import Documents, LeftOut
from gateway.export.manifest import Export
from gateway.periods import PeriodError
from gateway.sql.closed import ClosedLedger
from gateway.wiring import system_clock


@click.command("export")
@click.argument("form", metavar="FORMAT", type=click.Choice(formats.FORMATS))
@click.option("--period", help="YYYY-MM; the last closed one if left out.")
@click.option("--house", help="One house; all of them if left out.")
@click.option("--columns", metavar="PROFILE", help="CSV: a profile of columns, or a shipped one.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The file to write.")
@by_person
@configured
@as_json
def write(
    config: GatewayConfig,
    form: str,
    *,
    period: str | None,
    house: str | None,
    columns: str | None,
    out: Path,
    actor: str,
    as_json: bool,
) -> None:
    """Write the closing lines of a period to a file.

    csv has the columns of the CSV hand-off, or those of a profile (1c, sberbank-14-1, or a TOML
    file of your own); cim is IEC 61968-9 MeterReadings; gis-zhkh is ГИС ЖКХ's request of meter
    values, with at most 1000 devices in each of its files (FILE-1, FILE-2, …). Lines that cannot
    stand in the file are listed with the reason. FILE.manifest.json beside it, sealed with the
    gateway's key, names the files' SHA-256 and the head of the audit log (audit verify --anchors).
    """
    key = SigningKey.load(config.key_file)
    with ledger(config) as store:
        lines = ClosedLedger(store.database)
        period = period or lines.last_closed()
        if period is None:
            raise ClosingError("no period has been closed yet: run plomba-gateway close-period")
        found = list(lines.closed(period, house))
        if not found:
            where = f" of house {house!r}" if house else ""
            raise PeriodError(f"period {period}{where} has no closing lines")
        documents = formats.exporter(form, columns, store.book.gis_devices())(found)
        names = [path.name for path in formats.paths(documents, out)]
        export = Export(
            *(period, house or "", form, tuple(zip(names, documents.files, strict=True))),
            *(documents.lines, len(documents.left_out), system_clock()),
        )
        # The entry comes first: no file is ever out without one.
        head = note(store, actor, "export", f"{house or 'all houses'} {period}", _noted(export))
    files = formats.write(documents, out)
    beside = manifest.path_of(files[0])
    manifest.write(beside, manifest.made(export, head, key))
    _print_summary(period, documents, [*files, beside], as_json=as_json)


def _noted(export: Export) -> str:
    files = manifest.described(export.files)
    listed = ", ".join(f"{one['name']} SHA-256 {one['sha256']}" for one in files)
    return f"{export.form}, {export.lines} lines, {export.left_out} left out: {listed}"


def _print_summary(
    period: str, documents: Documents, files: Sequence[Path], *, as_json: bool
) -> None:
    if as_json:
        devices = {} if documents.devices is None else {"devices": documents.devices}
        print_json(
            {
                "period": period,
                "lines": documents.lines,
                **devices,
                "file": files[0],
                "files": files[:-1],
                "manifest": files[-1],
                "left_out": [one._asdict() for one in documents.left_out],
            }
        )
        return
    of = "" if documents.devices is None else f" of {documents.devices} devices"
    named = ", ".join(map(str, files[:-1]))
    click.echo(f"{documents.lines} lines{of} of {period} in {named}, with {files[-1].name}")
    for meter, group in groupby(sorted(documents.left_out, key=_about), key=_about):
        registers = ", ".join(one.register for one in group)
        click.echo(f"left out: meter {meter[0]} ({registers}): {meter[1]}")


def _about(one: LeftOut) -> tuple[str, str]:
    return one.meter, one.reason
