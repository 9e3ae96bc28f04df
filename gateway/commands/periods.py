"""Commands about periods: windows of contracts, what is due, and taking a closing back."""

from pathlib import Path

import click

from cloud_sync.signing import SigningKey
from gateway import period_book
from gateway.audit import Act
from gateway.closing import ClosingError, due_period
from gateway.commands.common import as_json, configured, ledger, print_json, print_table
from gateway.commands.people import by_person, via
from gateway.commands.registry import FILE, entered, registry, tell_entered
from gateway.config import GatewayConfig
from gateway.contract_csv import import_contracts
from gateway.handoff.event import event_maker
from gateway.period_book import PeriodView
from gateway.reopening import Person, reopen_period
from gateway.sql.audit import SqlAudit
from gateway.sql.billing import BillingLedger
from gateway.sql.contracts import ContractLedger
from gateway.sql.periods import PeriodLedger
from gateway.sql.store import SqlStore
from gateway.wiring import source_of, system_clock

ENTER_CONTRACTS = "enter-contracts"


@click.command()
@click.argument("house", required=False)
@click.option(
    "--limit", default=12, show_default=True, type=click.IntRange(1, 1200), help="Closed ones."
)
@configured
@as_json
def periods(config: GatewayConfig, house: str | None, limit: int, *, as_json: bool) -> None:
    """List periods of HOUSE (or all houses): open, due and closed, and what stands in the way.

    With --json also each resource's window and closing instant, and every register without a
    line, with the reason.
    """
    now_ms = system_clock()
    with ledger(config) as store:
        views = _views(store, house, now_ms, limit)
    if as_json:
        for one in views:
            print_json(period_book.document(one, now_ms))
        return
    print_table(
        ("house", "period", "state", "lines", "without a line", "what stands in the way"),
        [_row(one) for one in views],
    )


@click.command()
@click.argument("house")
@click.argument("period")
@click.option("--why", required=True, help="The reason, for the audit log and for billing.")
@by_person
@configured
@as_json
def reopen(
    config: GatewayConfig, house: str, period: str, why: str, actor: str, *, as_json: bool
) -> None:
    """Take back the closing of HOUSE's newest closed PERIOD, to close it again.

    Each of its lines and corrections is withdrawn towards billing; none is changed.
    """
    key = SigningKey.load(config.key_file)
    with ledger(config) as store:
        found = reopen_period(
            BillingLedger(store.database),
            house,
            period,
            Person(actor, via(), why),
            system_clock(),
            targets=config.target_names,
            event_of=event_maker(source_of(key)),
        )
    if as_json:
        withdrawn = [one.as_text() for one in found.withdrawn]
        print_json({"house": house, "period": period, "withdrawn": withdrawn})
        return
    click.echo(f"{house}: {period} is open again, {len(found.withdrawn)} records withdrawn")


@registry.command("contracts")
@click.argument("file", type=FILE)
@by_person
@configured
@as_json
def contracts(config: GatewayConfig, file: Path, actor: str, *, as_json: bool) -> None:
    """Enter when contracts take the readings of a period, a CSV.

    Columns: house, resource (empty: every one without a line of its own), since (the first period
    it holds for), first_day, last_day (1 to 31, 99: the last of the month), next_month (yes: the
    last day is in the month after), cutoff (reading or interpolated: how a period ends that was
    not read at its end). A line may correct what an earlier file said of periods not closed yet.
    """

    def enter(store: SqlStore, data: bytes) -> dict[str, int]:
        with store.transaction() as connection:
            counts = import_contracts(ContractLedger(connection), data)
            if counts["new"] or counts["changed"]:
                after = ", ".join(f"{count} {what}" for what, count in counts.items())
                told = (actor, via(), ENTER_CONTRACTS, file.name, "", after, "")
                SqlAudit(connection).append(Act(system_clock(), *told))
            return counts

    counts = entered(enter, config, file)
    tell_entered(file, counts, as_json=as_json)


def _views(store: SqlStore, name: str | None, now_ms: int, limit: int) -> list[PeriodView]:
    with BillingLedger(store.database).closing() as transaction:
        houses = [one for one in transaction.houses() if name in (None, one.name)]
        if name is not None and not houses:
            raise ClosingError(f"no house is called {name!r}: see plomba-gateway registry list")
        found = PeriodLedger(store.database.connection)
        return [
            view
            for house in houses
            for view in period_book.book(
                found,
                house,
                transaction.calendar(house),
                due_period(transaction, house),
                now_ms=now_ms,
                limit=limit,
            )
        ]


def _row(one: PeriodView) -> tuple[object, ...]:
    lines = (
        ", ".join(f"{count} {method}" for method, count in one.closed.lines.items())
        if (one.closed)
        else ""
    )
    again = f" (revision {one.closed.revision})" if one.closed and one.closed.revision > 1 else ""
    return (
        *(one.house.name, one.period, f"{one.state}{again}", lines),
        *(len(one.without_line) if one.closed else "", "; ".join(one.blocks)),
    )
