"""Commands about billing: closing periods, the outbox, the balance."""

import asyncio
from random import SystemRandom

import click

from cloud_sync.signing import SigningKey
from gateway.audit import Act, By
from gateway.billing import ESTIMATED
from gateway.closing import ClosingError, close_period
from gateway.closing_records import Closing
from gateway.commands.common import (
    as_json,
    configured,
    ledger,
    looking,
    print_json,
    print_table,
)
from gateway.commands.noting import note
from gateway.commands.people import by_person, via
from gateway.config import GatewayConfig
from gateway.handoff.event import event_maker
from gateway.handoff.pump import Pump
from gateway.handoff.target import State
from gateway.sql.audit import SqlAudit
from gateway.sql.billing import BillingLedger
from gateway.sql.outbox import Delivery, OutboxLedger
from gateway.sql.store import SqlStore
from gateway.wiring import source_of, system_clock


@click.command("close-period")
@click.argument("period", required=False)
@click.option("--house", help="One house; all of them if left out.")
@by_person
@configured
@as_json
def close(
    config: GatewayConfig, period: str | None, house: str | None, actor: str, *, as_json: bool
) -> None:
    """Close PERIOD (YYYY-MM): one closing line per metering point and register.

    Without PERIOD each house's next one is closed, if it is over.
    """
    closed, refusals = [], []
    with ledger(config) as store:
        names = [house] if house else _house_names(store)
        for name in names:
            try:
                closed.append(_close(store, config, name, period, By(actor, via())))
            except ClosingError as error:
                refusals.append(str(error))
    for one in closed:
        _print_closed(one, as_json=as_json)
    # Asked for a period or a house by name, a refusal is a failure; asked for whatever is due,
    # it is one only if nothing was.
    if refusals and (period or house or not closed):
        raise ClosingError("; ".join(refusals))
    if not names:
        raise ClosingError("there are no houses: run plomba-gateway registry import first")


@click.group()
def outbox() -> None:
    """Closing lines on their way to billing."""


@outbox.command("list")
@click.option("--state", type=click.Choice([state.value for state in State]))
@configured
@as_json
def outbox_list(config: GatewayConfig, state: str | None, *, as_json: bool) -> None:
    """List deliveries with their state and last error."""
    with ledger(config) as store:
        found = list(OutboxLedger(store.database).deliveries(State(state) if state else None))
    if as_json:
        for one in found:
            print_json(one._asdict())
        return
    rows = [(one.event_id, one.target, one.state, one.attempts, one.last_error) for one in found]
    print_table(("event", "target", "state", "attempts", "last error"), rows)


@outbox.command("retry")
@click.argument("event", required=False)
@click.option("--left-out", is_flag=True, help="What a target had no place for, instead.")
@by_person
@click.option("--why", default="put right", show_default=True, help="The reason.")
@configured
def outbox_retry(
    config: GatewayConfig, event: str | None, actor: str, why: str, *, left_out: bool
) -> None:
    """Put refused deliveries (of one EVENT, or all) back into the queue.

    For whoever has put right what a billing system would not take. ГИС ЖКХ gets the values of
    the whole device again, under a number of their own.
    """
    state = State.LEFT_OUT if left_out else State.REFUSED
    with ledger(config) as store:
        outbox = OutboxLedger(store.database)
        found = retry(outbox, event, state, (actor, via(), why))
        is_withdrawn = event is not None and outbox.is_withdrawn(event)
    if not found and is_withdrawn:
        raise click.ClickException(
            f"{event} was withdrawn when its period was reopened and is not sent any more:"
            " what stands instead is sent when the period is closed again"
        )
    if not found:
        raise click.ClickException(
            f"nothing {state}{f' with the id {event}' if event else ''}: see outbox list"
        )
    withdrawn = sum(one.state is State.LEFT_OUT for one in found)
    if len(found) > withdrawn:
        click.echo(f"{len(found) - withdrawn} deliveries will be tried again")
    if withdrawn:
        click.echo(f"{withdrawn} deliveries of withdrawn records are left out")


def retry(
    outbox: OutboxLedger, event: str | None, state: State, by: tuple[str, str, str]
) -> list[Delivery]:
    """Put deliveries back into the queue and write down who did it, or nothing of either.

    What was refused and then withdrawn is left out instead. Each delivery as it is now.
    """
    now_ms = system_clock()
    with outbox.transaction() as connection:
        moved = [(one, State.PENDING) for one in outbox.retry(event, now_ms, state)]
        if state is State.REFUSED:
            withdrawn = outbox.leave_out_withdrawn(event, now_ms)
            moved += [(one, State.LEFT_OUT) for one in withdrawn]
        log = SqlAudit(connection)
        actor, via_, why = by
        for one, now in moved:
            subject = f"line {one.event_id}"
            before = f"{one.target}: {one.state}: {one.last_error}"
            after = f"{one.target}: {'due' if now is State.PENDING else 'withdrawn, left out'}"
            log.append(Act(now_ms, actor, via_, "outbox retry", subject, before, after, why))
    return [one._replace(state=now) for one, now in moved]


@outbox.command("deliver")
@by_person
@configured
@as_json
def outbox_deliver(config: GatewayConfig, actor: str, *, as_json: bool) -> None:
    """Try everything that is due now, once, without a running gateway."""
    with ledger(config) as store:
        due = sum(1 for _ in OutboxLedger(store.database).deliveries(State.PENDING))
        note(store, actor, "outbox deliver", after=f"{due} pending")
        tried = asyncio.run(_deliver(config, store))
        waiting = sum(1 for _ in OutboxLedger(store.database).deliveries(State.PENDING))
        refused = sum(1 for _ in OutboxLedger(store.database).deliveries(State.REFUSED))
    document = {"tried": tried, "pending": waiting, "refused": refused}
    said = f"{tried} tried, {waiting} still pending, {refused} refused"
    print_json(document) if as_json else click.echo(said)


@click.command()
@configured
@as_json
def balance(config: GatewayConfig, *, as_json: bool) -> None:
    """Count what came, what became of it and what billing has."""
    with looking(config) as overview:
        counts = {"delivered": overview.delivered(), **overview.counts()._asdict()}
    if as_json:
        print_json(counts)
        return
    print_table(("what", "how many"), list(counts.items()))


def _close(
    store: SqlStore, config: GatewayConfig, house: str, period: str | None, by: By
) -> Closing:
    key = SigningKey.load(config.key_file)
    return close_period(
        BillingLedger(store.database),
        house,
        period,
        system_clock(),
        targets=config.target_names,
        event_of=event_maker(source_of(key)),
        by=by,
    )


def _print_closed(closed: Closing, *, as_json: bool) -> None:
    counts = {
        "lines": len(closed.lines),
        "estimated": sum(line.method in ESTIMATED for line in closed.lines),
        "corrections": len(closed.corrections),
        "charges": len(closed.charges),
    }
    if as_json:
        print_json({"house": closed.house, "period": closed.period, **counts})
        return
    said = f"{closed.house}: closed {closed.period} with {counts['lines']} lines"
    beside = [f"{count} {what}" for what, count in counts.items() if what != "lines" and count]
    click.echo(" ".join([said, *[f"({', '.join(beside)})"] * bool(beside)]))


def _house_names(store: SqlStore) -> list[str]:
    with BillingLedger(store.database).closing() as transaction:
        return [house.name for house in transaction.houses()]


async def _deliver(config: GatewayConfig, store: SqlStore) -> int:
    from gateway.handoff.targets import targets_of  # noqa: PLC0415 - other commands need no HTTP

    async with targets_of(config) as targets:
        pump = Pump(OutboxLedger(store.database), targets, SystemRandom())
        return await pump.once(system_clock())
