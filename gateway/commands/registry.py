"""Commands that keep the registry: import, devices and their keys, meter exchanges, a list."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from cloud_sync.signing import VerifyKey
from cloud_sync.topics import DEVICE_PATTERN
from drivers.reading import from_ms, parse_obis, to_ms
from gateway import device_csv, gis_devices
from gateway import registry as book
from gateway.audit import Act, By
from gateway.commands.common import (
    as_json,
    configured,
    ledger,
    print_json,
    print_table,
)
from gateway.commands.noting import Deed, acting, write
from gateway.commands.people import by_person, via
from gateway.config import GatewayConfig
from gateway.registry import NewMeter, RegistryError
from gateway.registry_csv import RegisterLine
from gateway.sql.audit import SqlAudit
from gateway.sql.store import SqlStore
from gateway.wiring import system_clock

DEVICE_NAME = re.compile(DEVICE_PATTERN)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


class ValueOf(click.ParamType[tuple[str, Decimal]]):
    """A register's value, written ``1-0:1.8.0=1234.5``."""

    name = "OBIS=VALUE"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Decimal]:
        """The register and its value; a usage error for anything else."""
        obis, _, number = str(value).partition("=")
        said = f"expected a register and its value like 1-0:1.8.0=1234.5, got {value!r}"
        try:
            exact = Decimal(number)
            register = parse_obis(obis)
        except (InvalidOperation, ValueError):
            self.fail(said, param, ctx)
        if not exact.is_finite():
            self.fail(said, param, ctx)
        return register, exact


class Moment(click.ParamType[int]):
    """A time with its zone, as ms since the epoch."""

    name = "TIME"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Milliseconds; a usage error for a time without a zone."""
        try:
            return value if isinstance(value, int) else to_ms(datetime.fromisoformat(str(value)))
        except ValueError:
            self.fail(f"expected a time like 2026-10-05T12:00+03:00, got {value!r}", param, ctx)


@click.group()
def registry() -> None:
    """Houses, accounts, metering points, meters and devices."""


@registry.command("import")
@click.argument("file", type=FILE)
@by_person
@configured
@as_json
def import_file(config: GatewayConfig, file: Path, actor: str, *, as_json: bool) -> None:
    """Enter a registry CSV, one line per register; every bad line is named, or all is entered.

    A column factor may be there (40, 1.5, 1/3200): what the meter's values are multiplied by. And a
    column dial (wheels or lcd): how a register shows its digits, by which photos of it are read;
    what a later file says of that holds.
    """
    new = entered(book.import_csv, config, file, (actor, "registry import"))
    if as_json:
        print_json({"file": str(file), "new": new})
    else:
        listed = ", ".join(f"{count} {table}" for table, count in new.items() if count)
        click.echo(f"{file}: new: {listed or 'nothing'}")


@registry.command("gis-zhkh")
@click.argument("file", type=FILE)
@by_person
@configured
@as_json
def gis_zhkh(config: GatewayConfig, file: Path, actor: str, *, as_json: bool) -> None:
    """Enter what ГИС ЖКХ calls the meters, a CSV with one line per device.

    Columns: meter (serial), device_guid (root GUID), unit (the device's ОКЕИ code), resource_guid
    (its record of НСИ 2, empty for electricity), house_guid (ФИАС, may be empty). A line may
    correct what an earlier file said; every bad line is named, or all are entered.
    """
    counts = entered(gis_devices.import_csv, config, file, (actor, "registry gis-zhkh"))
    tell_entered(file, counts, as_json=as_json)


@registry.command("add-device")
@click.argument("name")
@click.option("--public-key", required=True, type=FILE, help="The PEM that enroll printed.")
@click.option("--house", help="Where it hangs.")
@click.option("--valid-from", type=Moment(), help="From when the key signs; now if left out.")
@by_person
@configured
@as_json
def add_device(
    config: GatewayConfig,
    name: str,
    public_key: Path,
    house: str | None,
    valid_from: int | None,
    *,
    actor: str,
    as_json: bool,
) -> None:
    """Let a device's key sign for it. Compare the fingerprint with the one it shows."""
    if not DEVICE_NAME.match(name):
        raise RegistryError(f"expected a device name like lesnaya-5 (a DNS label), got {name!r}")
    key = VerifyKey.from_pem(public_key.read_bytes())
    since_ms = system_clock() if valid_from is None else valid_from
    with acting(config, actor, "registry add-device", name) as deed:
        book.add_device_key(deed.store, name, key, since_ms)
        if house is not None:
            book.place_device(deed.store, name, house)
        placed = f" in {house}" if house else ""
        deed.after = f"key {key.key_id.hex()} from {from_ms(since_ms).isoformat()}{placed}"
    document = {"device": name, "key": key.key_id.hex(), "valid_from_ms": since_ms}
    print_json(document) if as_json else click.echo(f"{name}: key {key.fingerprint}")


@registry.command("add-devices")
@click.argument("file", type=FILE)
@by_person
@configured
@as_json
def add_devices(config: GatewayConfig, file: Path, actor: str, *, as_json: bool) -> None:
    """Let the keys of a consignment of devices sign, a CSV with one line per key.

    Columns: device, public_key (64 hex digits), valid_from (a time with its zone), house (may be
    empty). Every bad line is named, or all are entered.
    """
    counts = entered(device_csv.import_csv, config, file, (actor, "registry add-devices"))
    tell_entered(file, counts, as_json=as_json)


@registry.command("exchange")
@click.argument("point")
@click.option("--removed", required=True, help="Serial of the meter taken away.")
@click.option("--final", "finals", required=True, multiple=True, type=ValueOf())
@click.option("--installed", required=True, help="Serial of the meter put there.")
@click.option("--model", required=True, help="Its model.")
@click.option("--initial", "initials", required=True, multiple=True, type=ValueOf())
@click.option("--device", default="", help="Who reads it, if another device than before.")
@click.option("--factor", default="", help="40 or 1/3200: the new one's values times it.")
@click.option(
    "--rolled-over", is_flag=True, help="The old dial passed its end after the last reading."
)
@click.option("--at", type=Moment(), help="When; now if left out.")
@by_person
@configured
def exchange(
    config: GatewayConfig,
    *,
    point: str,
    removed: str,
    finals: Iterable[tuple[str, Decimal]],
    installed: str,
    model: str,
    initials: Iterable[tuple[str, Decimal]],
    device: str,
    factor: str,
    rolled_over: bool,
    at: int | None,
    actor: str,
) -> None:
    """Record that the meter of POINT was exchanged, with last and first values.

    A final value below the last reading is a turn of the dial where V-ROLL's rule sees one, else
    only with --rolled-over.
    """
    at_ms = system_clock() if at is None else at
    new = NewMeter(installed, model, dict(initials), device=device, factor=factor)
    with ledger(config) as store, store.transaction() as connection:
        book.exchange_meter(
            store,
            point,
            old=removed,
            finals=dict(finals),
            new=new,
            at_ms=at_ms,
            rolled_over=rolled_over,
        )
        SqlAudit(connection).append(_exchanged(point, removed, installed, at_ms, actor))
    click.echo(f"{point}: {removed} removed, {installed} installed")


@registry.command("list")
@click.option("--house", help="One house; all of them if left out.")
@configured
@as_json
def list_registers(config: GatewayConfig, house: str | None, *, as_json: bool) -> None:
    """List the meters that stand now, a line per register."""
    with ledger(config) as store:
        lines = [line for line in store.book.standing() if house in (None, line.house)]
    if as_json:
        for line in lines:
            print_json(_columns(line))
        return
    print_table(
        (
            *("house", "flat", "account", "point", "resource", "meter", "register", "unit"),
            *("dial", "device"),
        ),
        [
            (
                *(line.house, line.dwelling, line.account, line.point, line.resource),
                *(line.meter, line.register, line.unit, line.dial, line.device),
            )
            for line in lines
        ],
    )


def _exchanged(point: str, removed: str, installed: str, at_ms: int, actor: str) -> Act:
    when = from_ms(at_ms).isoformat()
    return Act(
        *(system_clock(), actor, via(), "exchange", point, removed, f"{installed}, {when}", "")
    )


def entered(
    enter: Callable[[SqlStore, bytes], dict[str, int]],
    config: GatewayConfig,
    file: Path,
    did: tuple[str, str] | None = None,
) -> dict[str, int]:
    """What `enter` counts of a file; its refusal begins with the file and how much is wrong.

    `did` is who did what, for the audit log; None where `enter` writes its entries itself.
    """
    data = file.read_bytes()
    with ledger(config) as store, store.transaction():
        try:
            counts = enter(store, data)
            if did is not None:
                deed = Deed(store, By(did[0], via()), file.name, "")
                deed.after = f"{_counted(counts)}; SHA-256 {hashlib.sha256(data).hexdigest()}"
                write(store, deed, did[1])
        except RegistryError as error:
            count = len(error.problems) or 1
            said = f"{file}: {count} problem{'s' if count > 1 else ''}, nothing was entered"
            raise RegistryError(f"{said}\n{error}") from error
        return counts


def tell_entered(file: Path, counts: Mapping[str, int], *, as_json: bool) -> None:
    """Say what was entered of a file."""
    if as_json:
        print_json({"file": str(file), **counts})
    else:
        click.echo(f"{file}: {_counted(counts)}")


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.items())


def _columns(line: RegisterLine) -> dict[str, object]:
    initial = Decimal(line.initial_value).scaleb(line.exponent)
    rate = Decimal(line.rate_max_per_h).scaleb(line.exponent)
    return line._asdict() | {
        "initial_value": f"{initial:f}",
        "rate_max_per_h": f"{rate:f}",
        "installed_on": from_ms(line.installed_on).isoformat(),
    }
