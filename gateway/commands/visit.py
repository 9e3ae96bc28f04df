"""Commands of visits: what installers brought, what waits for a person, and the decision."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from cloud_sync.visit_texts import Language
from drivers.reading import from_ms
from gateway import files
from gateway.audit import By
from gateway.commands.common import (
    Commands,
    as_json,
    configured,
    ledger,
    print_json,
    print_table,
)
from gateway.commands.people import by_person, via
from gateway.commands.registry import Moment, ValueOf
from gateway.config import GatewayConfig
from gateway.sql.visits import SqlOffice
from gateway.visits import deciding
from gateway.visits.cautions import Person
from gateway.visits.keeping import record_of
from gateway.visits.model import Step, VisitError, VisitRow
from gateway.visits.photos import kept
from gateway.visits.telling import document, standing
from gateway.visits.wired import files_of
from gateway.wiring import system_clock

Values = Iterable[tuple[str, Decimal]]
# A house has some visits a year.
LISTED_MAX = 1000


@click.group(cls=Commands)
def visit() -> None:
    """What installers did: list, show, apply what waits, refuse, PDF."""


@visit.command("list")
@click.option("--house", help="Only of this house.")
@click.option("--waiting", is_flag=True, help="Only with events that wait for a person.")
@configured
@as_json
def listed(config: GatewayConfig, house: str | None, *, waiting: bool, as_json: bool) -> None:
    """List records of visits, the newest first."""
    with ledger(config) as store:
        visits = SqlOffice(store).visits
        rows = visits.visits(house, LISTED_MAX)
        found = [row for row in rows if not waiting or standing(row).waiting]
        if as_json:
            for row in found:
                print_json(document(row, record_of(row), visits.photos(row.visit_no)))
            return
    print_table(
        ("visit", "house", "came (UTC)", "by", "events", "applied", "waiting", "refused", "rivals"),
        map(_line, found),
    )


@visit.command("show")
@click.argument("name", metavar="DEVICE/NUMBER")
@configured
@as_json
def show(config: GatewayConfig, name: str, *, as_json: bool) -> None:
    """Show one record: its events, how each stands, and its photos."""
    with ledger(config) as store:
        office = SqlOffice(store)
        row = deciding.find(office, name)
        photos = office.visits.photos(row.visit_no)
    told = document(row, record_of(row), photos)
    if as_json:
        print_json(told)
        return
    for key, value in told.items():
        if not isinstance(value, list):
            click.echo(f"{key}: {value}")
    for one in told["events"]:
        click.echo(f"{one['event']}. {one['kind']} {one['about']}: {one['outcome']}")
        for text in (one["code"], one["said"], *one["values"]):
            if text:
                click.echo(f"   {text}")
    click.echo(f"photos: {sum(1 for one in photos if one.file)}")


@visit.command("apply")
@click.argument("name", metavar="DEVICE/NUMBER")
@click.option("--event", type=click.IntRange(1), help="Only this one; all that wait if left out.")
@click.option("--why", required=True, help="What was found out, for the log.")
@click.option("--at", type=Moment(), help="When it was, where the device's clock did not know.")
@click.option("--point", default="", help="The metering point, where the installer named none.")
@click.option("--final", "finals", multiple=True, type=ValueOf(), help="Last value of the old one.")
@click.option("--rate-max", "rates", multiple=True, type=ValueOf(), help="Most it counts an hour.")
@click.option("--factor", default="", help="40 or 1/3200: the new one's values times it.")
@click.option("--rolled-over", is_flag=True, help="The dial passed its end.")
@by_person
@configured
@as_json
def apply(
    config: GatewayConfig,
    *,
    name: str,
    event: int | None,
    why: str,
    at: int | None,
    point: str,
    finals: Values,
    rates: Values,
    factor: str,
    rolled_over: bool,
    actor: str,
    as_json: bool,
) -> None:
    """Apply what waits of a visit after all; what contradicts the registry goes on waiting.

    It is entered as the registry's own acts would enter it, with your name. Readings that came
    before are judged anew.
    """
    by = By(actor, via())
    person = Person(by, why, at, point, dict(finals), dict(rates), factor, rolled_over)
    with ledger(config) as store:
        made = deciding.apply(SqlOffice(store), name, event, person, system_clock())
    _tell(made, as_json=as_json)


@visit.command("refuse")
@click.argument("name", metavar="DEVICE/NUMBER")
@click.option("--event", type=click.IntRange(1), help="Only this one; all that wait if left out.")
@click.option("--why", required=True, help="The reason, for the log.")
@by_person
@configured
@as_json
def refuse(
    config: GatewayConfig, *, name: str, event: int | None, why: str, actor: str, as_json: bool
) -> None:
    """Refuse what waits of a visit: it is never applied then."""
    person = Person(By(actor, via()), why)
    with ledger(config) as store:
        made = deciding.refuse(SqlOffice(store), name, event, person, system_clock())
    _tell(made, as_json=as_json)


@visit.command("pdf")
@click.argument("name", metavar="DEVICE/NUMBER")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--lang", default="ru", type=click.Choice(["ru", "en"]), help="Of the paper.")
@configured
def pdf(config: GatewayConfig, name: str, out: Path, lang: Language) -> None:
    """Write a record as PDF, with the photos that came; its sealed bytes are attached."""
    from cloud_sync import visit_pdf  # noqa: PLC0415 - only a paper needs its libraries

    with ledger(config) as store:
        office = SqlOffice(store)
        row = deciding.find(office, name)
        photos = kept(files_of(config.data), office.visits.photos(row.visit_no))
        zone = ZoneInfo(office.visits.timezone(row.house))
    try:
        files.replace(out, visit_pdf.of_visit(row.sealed, photos, lang, zone), 0o600)
    except OSError as error:
        raise VisitError(f"cannot write {out}: {error.strerror}") from error


def _tell(made: Sequence[Step], *, as_json: bool) -> None:
    if as_json:
        print_json([one._asdict() | {"event": one.position + 1} for one in made])
        return
    for one in made:
        said = f": {one.said}" if one.said else ""
        click.echo(f"event {one.position + 1}: {one.outcome}{said}")


def _line(row: VisitRow) -> Sequence[object]:
    stands, record = standing(row), record_of(row)
    came = f"{from_ms(row.received_at_ms):%Y-%m-%d %H:%M}"
    return (
        *(f"{row.device}/{row.number}", row.house, came, record.installer, len(record.events)),
        *(stands.applied, stands.waiting, stands.refused, row.rivals),
    )
