"""Commands of the exchange with ГИС ЖКХ: send, ask, look, fetch."""

import asyncio
from collections import Counter

import click

from gateway.claims.model import CLAIMS_MAX, enter
from gateway.commands.common import as_json, configured, ledger, print_json, print_table
from gateway.commands.noting import note
from gateway.commands.people import by_person
from gateway.config import GIS_TARGET, GatewayConfig
from gateway.gis import fetching, history
from gateway.gis.fetching import Book, Pace
from gateway.gis.history import Known
from gateway.gis.model import Message
from gateway.periods import following
from gateway.sql.claims import SqlClaimStore
from gateway.sql.gis import GisLedger
from gateway.sql.outbox import OutboxLedger
from gateway.sql.store import SqlStore
from gateway.wiring import system_clock

# ГИС ЖКХ answers a question about a hundred devices in minutes when it is well.
PATIENCE_S = 3600.0


@click.group()
def gis() -> None:
    """The exchange with ГИС ЖКХ, beside a running gateway or without one."""


@gis.command("send")
@click.option("--period", help="YYYY-MM; all that is due if left out.")
@click.option("--house", help="One house; all of them if left out.")
@by_person
@configured
@as_json
def send(
    config: GatewayConfig, period: str | None, house: str | None, actor: str, *, as_json: bool
) -> None:
    """Send the lines that are due, and again what nobody has acknowledged."""
    if period is not None:
        following(period)  # a text that is no period would send nothing and say nothing
    with ledger(config) as store:
        asked = " ".join(filter(None, (house, period))) or "all that is due"
        note(store, actor, "gis send", asked, _endpoint(config))
        tried = asyncio.run(_send(config, store, period, house))
        _tell(store, tried, as_json=as_json)


@gis.command("poll")
@by_person
@configured
@as_json
def poll(config: GatewayConfig, actor: str, *, as_json: bool) -> None:
    """Ask what became of the requests ГИС ЖКХ has taken."""
    with ledger(config) as store:
        note(store, actor, "gis poll", after=_endpoint(config))
        tried = asyncio.run(_poll(config, store))
        _tell(store, tried, as_json=as_json)


@gis.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000))
@configured
@as_json
def list_messages(config: GatewayConfig, limit: int, *, as_json: bool) -> None:
    """List requests, the newest first, with what became of their devices."""
    with ledger(config) as store:
        journal = GisLedger(store.database)
        found = [(one, journal.values(one.message_no)) for one in journal.messages(limit)]
    if as_json:
        for message, values in found:
            told = _document(message) | {"values": [one._asdict() for one in values]}
            print_json(told)
        return
    rows = [
        (
            message.message_no,
            message.period,
            message.stage,
            message.gis_guid,
            ", ".join(f"{n} {state}" for state, n in Counter(v.state for v in values).items()),
            message.last_error,
        )
        for message, values in found
    ]
    print_table(("request", "period", "state", "number there", "devices", "last error"), rows)


@gis.command("fetch")
@click.option("--period", required=True, help="YYYY-MM: it and the month after it are read.")
@by_person
@configured
@as_json
def fetch(config: GatewayConfig, period: str, actor: str, *, as_json: bool) -> None:
    """Bring in the figures that residents gave ГИС ЖКХ for a period.

    They become claims, which a closing believes where no automatic reading is fresh.
    """
    asked = history.window(period)
    with ledger(config) as store:
        book = _book(store)
        note(store, actor, "gis fetch", period, f"{len(book.devices)} devices asked for")
        known = asyncio.run(_fetch(config, book, asked))
        made, unread = fetching.claims(known, book)
        now_ms = system_clock()
        entered = [
            enter(SqlClaimStore(store.database), made[start : start + CLAIMS_MAX], now_ms)
            for start in range(0, len(made), CLAIMS_MAX)
        ]
    refused = [one for few in entered for one in few.refused]
    counts = {
        "readings": len(known),
        "new": sum(len(few.taken) for few in entered),
        "known": sum(len(few.repeated) for few in entered),
    }
    why = [f"{one.claim.serial} {one.claim.obis}: {one.why}" for one in refused]
    why += [f"{one.device_guid}: {one.why}" for one in unread]
    if as_json:
        print_json({"period": period, **counts, "refused": why})
        return
    click.echo(", ".join(f"{count} {what}" for what, count in counts.items()))
    for line in why:
        click.echo(f"not taken: {line}")


def _endpoint(config: GatewayConfig) -> str:
    """Whom it is spoken with; ConfigError before anything is noted if with nobody."""
    from gateway.gis import wired  # noqa: PLC0415 - other commands need no HTTP

    return wired.section(config).endpoint


async def _send(
    config: GatewayConfig, store: SqlStore, period: str | None, house: str | None
) -> int:
    from gateway.gis import wired  # noqa: PLC0415 - as above

    journal = GisLedger(store.database)
    async with wired.exchange_of(wired.section(config), journal) as exchange:
        return await exchange.send(system_clock(), period, house, force=True)


async def _poll(config: GatewayConfig, store: SqlStore) -> int:
    from gateway.gis import wired  # noqa: PLC0415 - as above

    journal = GisLedger(store.database)
    async with wired.exchange_of(wired.section(config), journal) as exchange:
        return await exchange.poll(system_clock(), force=True)


async def _fetch(config: GatewayConfig, book: Book, asked: history.Window) -> list[Known]:
    from gateway.gis import wired  # noqa: PLC0415 - as above

    section = wired.section(config)
    pace = Pace(section.poll_interval_s, PATIENCE_S)
    async with wired.fetcher_of(section) as fetcher:
        return await fetcher.fetch(list(book.devices.values()), asked, pace, system_clock())


def _book(store: SqlStore) -> Book:
    devices = store.book.gis_devices()
    zones = {line.meter: line.timezone for line in store.book.standing()}
    return Book(devices, store.registry.meters(devices.keys()), zones)


def _tell(store: SqlStore, tried: int, *, as_json: bool) -> None:
    """How many requests were tried, and where the lines are now."""
    deliveries = OutboxLedger(store.database).deliveries()
    counts = Counter(str(one.state) for one in deliveries if one.target == GIS_TARGET)
    if as_json:
        print_json({"requests": tried, **dict(sorted(counts.items()))})
        return
    lines = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    click.echo(f"{tried} requests tried; lines: {lines or 'none'}")


def _document(message: Message) -> dict[str, object]:
    told = message._asdict()
    del told["body"]
    return told
