"""Commands of disputes: which are open, who has one, and the answer."""

from collections.abc import Sequence

import click

from cloud_sync.signing import SigningKey
from drivers.reading import from_ms
from gateway.audit import By
from gateway.commands.common import (
    Commands,
    as_json,
    configured,
    ledger,
    looking,
    print_json,
    print_table,
)
from gateway.commands.people import by_person, via
from gateway.config import GatewayConfig
from gateway.resident import dispute as disputes
from gateway.resident.dispute import Dispute, Telling
from gateway.sql.disputes import SqlDisputeStore
from gateway.sql.store import SqlStore
from gateway.wiring import system_clock

# A house of a thousand flats has some ten open; a longer list is looked through house by house.
LISTED_MAX = 1000


@click.group(cls=Commands)
def dispute() -> None:
    """What residents do not agree with: list, take, answer."""


@dispute.command("list")
@click.option("--house", help="Only of this house.")
@configured
@as_json
def listed(config: GatewayConfig, house: str | None, *, as_json: bool) -> None:
    """List open disputes, the nearest term first."""
    with looking(config) as overview:
        found = overview.disputes.waiting(house, LISTED_MAX)
    now_ms = system_clock()
    if as_json:
        for one in found:
            print_json(_document(one, now_ms))
        return
    header = ("number", "answer before", "state", "house", "dwelling", "about", "text")
    print_table(header, (_row(one, now_ms) for one in found))


@dispute.command("take")
@click.argument("number")
@by_person
@configured
@as_json
def take(config: GatewayConfig, number: str, actor: str, *, as_json: bool) -> None:
    """Begin to look into dispute NUMBER; the resident sees that somebody does."""
    with ledger(config) as store:
        made = disputes.take(
            *(SqlDisputeStore(store.database), number, By(actor, via()), system_clock()),
            tell=_telling(config, store),
        )
    _tell(made, as_json=as_json)


@dispute.command("answer")
@click.argument("number")
@click.option("--text", required=True, help="What the resident is told; 1 to 2000 characters.")
@by_person
@configured
@as_json
def answer(config: GatewayConfig, number: str, text: str, actor: str, *, as_json: bool) -> None:
    """Answer dispute NUMBER and close it; the resident sees the text."""
    with ledger(config) as store:
        made = disputes.answer(
            *(SqlDisputeStore(store.database), number, By(actor, via()), text, system_clock()),
            tell=_telling(config, store),
        )
    _tell(made, as_json=as_json)


def _telling(config: GatewayConfig, store: SqlStore) -> Telling | None:
    """How residents are told, where they are written to at all."""
    if config.resident is None or not config.resident.enabled:
        return None
    from gateway.resident.wired import teller_of  # noqa: PLC0415 - needs httpx

    key = SigningKey.load(config.key_file)
    return teller_of(store.database, key, config.resident, system_clock).tell


def _tell(made: Dispute, *, as_json: bool) -> None:
    if as_json:
        print_json(_document(made, made.steps[-1].at_ms))
    else:
        click.echo(f"dispute {made.number}: {made.state}")


def _row(one: Dispute, now_ms: int) -> Sequence[object]:
    due = f"{_time(one.due_at_ms)}{' late' if one.is_late(now_ms) else ''}"
    about = f"{one.kind} {one.subject}".strip()
    said = " ".join(one.said.split())
    return one.number, due, one.state, one.house, one.dwelling, about, said


def _document(one: Dispute, now_ms: int) -> dict[str, object]:
    steps = [
        {"state": step.state, "by": step.actor, "told": step.told, "at": _time(step.at_ms)}
        for step in one.steps
    ]
    return {
        "number": one.number,
        "state": one.state,
        "house": one.house,
        "dwelling": one.dwelling,
        "kind": one.kind,
        "subject": one.subject,
        "text": one.said,
        "opened_at": _time(one.opened_at_ms),
        "answer_before": _time(one.due_at_ms),
        "late": one.is_late(now_ms),
        "steps": steps,
    }


def _time(moment_ms: int) -> str:
    return from_ms(moment_ms).isoformat(timespec="seconds").replace("+00:00", "Z")
