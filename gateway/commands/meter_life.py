"""Commands about the life of meters: verification, seals, relations, and what happens to them."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click

from drivers.reading import from_ms
from gateway.audit import Act
from gateway.commands.common import as_json, configured, ledger, print_json, print_table, warn_of
from gateway.commands.people import by_person, via
from gateway.commands.registry import FILE, Moment, ValueOf, entered, registry, tell_entered
from gateway.config import GatewayConfig
from gateway.csv_lines import RegistryError
from gateway.meter_life import acts, files
from gateway.meter_life.acts import Placed
from gateway.meter_life.files import Author
from gateway.meter_life.story import Story
from gateway.meter_life.verification import Due, due
from gateway.sql.audit import SqlAudit
from gateway.sql.meter_life import LifeLedger
from gateway.sql.store import SqlStore
from gateway.sql.too_late import bars_entered
from gateway.wiring import system_clock

F = TypeVar("F", bound=Callable[..., Any])
Values = Iterable[tuple[str, Decimal]]

at_time: Callable[[F], F] = click.option("--at", type=Moment(), help="When; now if left out.")
rolled: Callable[[F], F] = click.option(
    "--rolled-over", is_flag=True, help="The dial passed its end after the last reading."
)


@registry.command("verifications")
@click.argument("file", type=FILE)
@by_person
@configured
@as_json
def verifications(config: GatewayConfig, file: Path, actor: str, *, as_json: bool) -> None:
    """Enter verifications of meters (поверка), a CSV with one line each.

    Columns: meter, verified_on, interval (6y or 72m), number, by, finding (fit, fit-throughout,
    unfit; empty: fit), and, if known, valid_until (the certificate's last day) and values (what
    the dial showed, 8-0:1.0.0=123.456). Readings after the last day do not bill. Periods that
    were closed by such readings already are named on stderr, with how to reopen them.
    """
    author = Author(actor, via(), system_clock(), file.name)
    _enter(files.import_verifications, config, file, author, as_json=as_json)


@registry.command("seals")
@click.argument("file", type=FILE)
@by_person
@configured
@as_json
def seals(config: GatewayConfig, file: Path, actor: str, *, as_json: bool) -> None:
    """Enter seals of meters, a CSV with one line each.

    Columns: meter, number, place (terminal cover, antimagnetic, ...), set_on, by, checked_on,
    broken_on, removed_on. A broken seal is shown; only registry out-of-order says what follows.
    """
    author = Author(actor, via(), system_clock(), file.name)
    _enter(files.import_seals, config, file, author, as_json=as_json)


@registry.command("relations")
@click.argument("file", type=FILE)
@by_person
@configured
@as_json
def relations(config: GatewayConfig, file: Path, actor: str, *, as_json: bool) -> None:
    """Enter which point is a sub-meter's or a check meter's, a CSV with one line each.

    Columns: point, kind (behind, checks), other, since, and if it has ended until (the first day
    without it).
    """
    author = Author(actor, via(), system_clock(), file.name)
    _enter(files.import_relations, config, file, author, as_json=as_json)


@registry.command("remove")
@click.argument("point")
@click.option("--removed", "meter", required=True, help="Serial of the meter taken away.")
@click.option("--final", "finals", required=True, multiple=True, type=ValueOf())
@rolled
@at_time
@by_person
@configured
def remove(
    config: GatewayConfig,
    *,
    point: str,
    meter: str,
    finals: Values,
    rolled_over: bool,
    at: int | None,
    actor: str,
) -> None:
    """Record that the meter of POINT was taken away and none put there, with its last values."""
    at_ms = system_clock() if at is None else at
    with ledger(config) as store, store.transaction():
        acts.remove_meter(store, point, meter, dict(finals), at_ms, rolled_over=rolled_over)
        _audit(store, actor, ("remove", meter), point, f"{_when(at_ms)}: {_listed(finals)}")
    click.echo(f"{point}: {meter} removed")


@registry.command("install")
@click.argument("point")
@click.argument("meter")
@click.option("--initial", "initials", required=True, multiple=True, type=ValueOf())
@click.option("--device", required=True, help="Who reads it there.")
@click.option("--factor", default="1", show_default=True, help="40 or 1/3200: its values times it.")
@at_time
@by_person
@configured
def install(
    config: GatewayConfig,
    *,
    point: str,
    meter: str,
    initials: Values,
    device: str,
    factor: str,
    at: int | None,
    actor: str,
) -> None:
    """Put up METER, which the registry knows and which stands nowhere, at POINT.

    What it counted in between belongs to no point. An order against it ends with this.
    """
    at_ms = system_clock() if at is None else at
    with ledger(config) as store, store.transaction():
        acts.install_meter(store, Placed(point, meter, device, factor), dict(initials), at_ms)
        said = f"{point}, {_when(at_ms)}, x{factor}, by {device}: {_listed(initials)}"
        _audit(store, actor, ("install", meter), "", said)
    click.echo(f"{point}: {meter} installed, read by {device}")


@registry.command("move-meter")
@click.argument("meter")
@click.argument("device")
@at_time
@by_person
@configured
def move(config: GatewayConfig, *, meter: str, device: str, at: int | None, actor: str) -> None:
    """Record that from now on DEVICE reads METER.

    What the device before read until then counts, however late it comes; what it reads after
    that is rejected (V-SIG).
    """
    at_ms = system_clock() if at is None else at
    with ledger(config) as store, store.transaction():
        before = acts.move_meter(store, meter, device, at_ms)
        _audit(store, actor, ("move-meter", meter), before, f"{device}, {_when(at_ms)}")
    click.echo(f"{meter}: read by {device}, until then by {before}")


@registry.command("factor")
@click.argument("meter")
@click.argument("factor")
@click.option("--shows", "shown", required=True, multiple=True, type=ValueOf())
@rolled
@at_time
@by_person
@configured
def factor(
    config: GatewayConfig,
    *,
    meter: str,
    factor: str,
    shown: Values,
    rolled_over: bool,
    at: int | None,
    actor: str,
) -> None:
    """Multiply what METER counts from now on by FACTOR (40, 1.5 or 1/3200).

    An act with the values it shows at that instant: what it counted before is multiplied by the
    factor it had.
    """
    at_ms = system_clock() if at is None else at
    with ledger(config) as store, store.transaction():
        before = acts.change_factor(
            store, meter, factor, dict(shown), at_ms, rolled_over=rolled_over
        )
        _audit(
            store, actor, ("factor", meter), before, f"{factor}, {_when(at_ms)}: {_listed(shown)}"
        )
    click.echo(f"{meter}: times {factor}, until then times {before}")


@registry.command("show")
@click.argument("name")
@configured
@as_json
def show(config: GatewayConfig, name: str, *, as_json: bool) -> None:
    """Show the whole life of a meter, or of all meters that have stood at a point."""
    with ledger(config) as store:
        life = LifeLedger(store.database.connection)
        stories = [life.story(meter) for meter in life.meters_of(name)]
    if not stories:
        raise RegistryError(f"no meter or point is called {name!r}: see registry list")
    if as_json:
        print_json({"name": name, "meters": [story.document() for story in stories]})
        return
    for story in stories:
        _print_story(story)


@click.command("verification")
@click.argument("house", required=False)
@click.option("--all", "everything", is_flag=True, help="Also those that are valid, or unknown.")
@configured
@as_json
def verification(
    config: GatewayConfig, house: str | None, *, everything: bool, as_json: bool
) -> None:
    """List meters whose verification (поверка) ends within 90, 30 or 7 days, or has expired.

    Each stands there once, with the tier it has reached and since when. V-VERIF is judged when a
    period is closed: from the end of the last day on, readings are kept and do not bill.
    """
    with ledger(config) as store:
        life = LifeLedger(store.database.connection)
        if house is not None and house not in {one.house for one in life.places().values()}:
            raise RegistryError(f"no house is called {house!r}: see registry list")
        found = due(life.due(house, system_clock()), everything=everything)
        seals_broken = life.broken_seals(house)
    if as_json:
        broken = [
            {"meter": one.meter, "seal": one.number, "said": one.said} for one in seals_broken
        ]
        print_json({"meters": [_document(one) for one in found], "broken_seals": broken})
        return
    print_table(
        ("house", "flat", "point", "meter", "tier", "since", "last day", "days left"),
        [
            (
                *(one.house, one.dwelling, one.point, one.meter, one.standing.tier.value),
                *(one.standing.since, one.verification and one.verification.last_day),
                one.standing.days_left,
            )
            for one in found
        ],
    )
    for seal in seals_broken:
        click.echo(f"{seal.meter}: seal {seal.number} broken, {seal.said}")


def _document(one: Due) -> dict[str, object]:
    known = one.verification
    return {
        "house": one.house,
        "dwelling": one.dwelling,
        "point": one.point,
        "resource": one.resource,
        "meter": one.meter,
        "tier": one.standing.tier.value,
        "since": one.standing.since,
        "days_left": one.standing.days_left,
        "verified_on": known and known.verified_on,
        "last_day": known and known.last_day,
        "number": known and known.number,
        "finding": known and known.finding.value,
    }


def _enter(
    importing: Callable[[files.LifeStore, bytes, Author], dict[str, int]],
    config: GatewayConfig,
    file: Path,
    author: Author,
    *,
    as_json: bool,
) -> None:
    def enter(store: SqlStore, data: bytes) -> dict[str, int]:
        with store.transaction() as connection, bars_entered(connection) as concerned:
            counts = importing(LifeLedger(connection), data, author)
        warn_of(concerned)
        return counts

    counts = entered(enter, config, file)
    tell_entered(file, counts, as_json=as_json)


def _audit(store: SqlStore, actor: str, did: tuple[str, str], before: str, after: str) -> None:
    """Write an act (what was done to which meter) to the log."""
    entry = Act(system_clock(), actor, via(), *did, before, after, "")
    SqlAudit(store.database.connection).append(entry)


def _listed(values: Values) -> str:
    return " ".join(f"{obis}={value}" for obis, value in values)


def _when(at_ms: int | None) -> str:
    return "" if at_ms is None else f"{from_ms(at_ms):%Y-%m-%d %H:%M} UTC"


def _print_story(story: Story) -> None:
    click.echo(f"{story.meter} ({story.model})")
    for stood in story.installations:
        until = _when(stood.removed_at_ms) or "now"
        click.echo(
            f"  at {stood.point}, {stood.house} {stood.dwelling}: {_when(stood.installed_at_ms)}"
            f" to {until}, times {stood.factor}"
        )
        for value in stood.values:
            last = "" if value.final is None else f" to {value.final:f}"
            over = " over the end of the dial" if value.rolled_over else ""
            click.echo(f"    {value.register} from {value.initial:f}{last} {value.unit}{over}")
    for known in story.verifications:
        click.echo(
            f"  verified {known.verified_on} until {known.last_day}: {known.finding},"
            f" no. {known.number} by {known.verified_by}"
        )
    for seal in story.seals:
        click.echo(f"  seal {seal.number}: {seal.said}")
    for order in story.orders:
        ended = _when(order.fit_at_ms) and f", found fit {_when(order.fit_at_ms)}"
        ended = ended or (_when(order.until_ms) and f", until {_when(order.until_ms)}")
        click.echo(f"  out of order since {_when(order.from_ms)} ({order.cause}){ended}")
    for read in story.devices:
        click.echo(
            f"  read by {read.device}: {_when(read.from_ms)} to {_when(read.to_ms) or 'now'}"
        )
    for relation in story.relations:
        click.echo(f"  {relation.point}: {relation.said}")
