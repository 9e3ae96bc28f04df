"""Commands of metering points that wait for a meter: entered, listed, sealed, printed as labels."""

from pathlib import Path

import click

from cloud_sync import points
from cloud_sync.points import Points, WaitingPoint
from cloud_sync.signing import SigningKey
from gateway import files
from gateway.commands.common import as_json, configured, ledger, print_json, print_table
from gateway.commands.people import by_person
from gateway.commands.registry import FILE, entered, tell_entered
from gateway.config import GatewayConfig
from gateway.csv_lines import RegistryError
from gateway.sql.store import SqlStore
from gateway.sql.visits import SqlVisits
from gateway.visits import plan_csv
from gateway.visits.waiting import listed
from gateway.wiring import system_clock

OUT = click.Path(path_type=Path, dir_okay=False)


@click.command("points")
@click.argument("file", type=FILE)
@by_person
@configured
@as_json
def enter_points(config: GatewayConfig, file: Path, actor: str, *, as_json: bool) -> None:
    """Enter metering points that wait for a first meter, a CSV with one line per register.

    Columns: house, address, timezone, account, dwelling, point, kind, resource, register, unit,
    exponent, digits, rate_max_per_h as in registry import, and, if known, place, serial, model,
    factor of the meter that is expected. Every bad line is named, or all are entered.
    """
    counts = entered(_import, config, file, (actor, "registry points"))
    tell_entered(file, counts, as_json=as_json)


@click.command("waiting")
@click.option("--house", required=True, help="The house of the registry.")
@click.option("--device", default="", help="Only for this device; any of the house if left out.")
@click.option("--out", type=OUT, help="The list for a card, sealed with the gateway's key.")
@click.option("--labels", type=OUT, help="A sheet of labels with a QR code for each point.")
@click.option("--lang", default="ru", type=click.Choice(["ru", "en"]), help="Of the labels.")
@configured
@as_json
def waiting(
    config: GatewayConfig,
    *,
    house: str,
    device: str,
    out: Path | None,
    labels: Path | None,
    lang: str,
    as_json: bool,
) -> None:
    """List the metering points of a house that no device reads yet.

    They are those without a meter, and those of whose meter no device has brought a reading. The
    list names dwellings and places, never people.
    """
    with ledger(config) as store:
        visits = SqlVisits(store.database.connection)
        if not visits.has_house(house):
            raise RegistryError(f"expected a house of the registry, got {house!r}")
        found = listed(visits, house, device, system_clock())
    if out is not None:
        _write(out, points.seal(found, SigningKey.load(config.key_file)))
    if labels is not None:
        from gateway.visits import labels as sheet  # noqa: PLC0415 - the typesetter is large

        _write(labels, sheet.pdf(found, language=lang))
    _tell(found, as_json=as_json)


def _import(store: SqlStore, data: bytes) -> dict[str, int]:
    return plan_csv.import_csv(store, SqlVisits(store.database.connection), data)


def _write(path: Path, data: bytes) -> None:
    try:
        files.replace(path, data, 0o600)
    except OSError as error:
        raise RegistryError(f"cannot write {path}: {error.strerror}") from error


def _tell(found: Points, *, as_json: bool) -> None:
    if as_json:
        print_json([_document(one) for one in found.points])
        return
    print_table(
        ("number", "flat", "point", "resource", "place", "meter expected", "model"),
        [
            (one.number, one.dwelling, one.point, one.resource, one.place, one.serial, one.model)
            for one in found.points
        ],
    )


def _document(one: WaitingPoint) -> dict[str, object]:
    return {
        "number": one.number,
        "point": one.point,
        "dwelling": one.dwelling,
        "resource": one.resource,
        "place": one.place,
        "serial": one.serial,
        "model": one.model,
        "address": points.address_of(one),
        "registers": [
            {
                "register": register.obis,
                "unit": register.unit,
                "exponent": register.exponent,
                "digits": register.digits,
            }
            for register in one.registers
        ],
    }
