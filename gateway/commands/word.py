"""`plomba-gateway command`: the gateway's signed word to a device, and the signed answer."""

import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

import click

from cloud_sync import command as wire_command
from cloud_sync import signing
from cloud_sync.command import Order, ReadNow, Report, Resend
from cloud_sync.signing import SigningKey
from drivers.reading import from_ms
from gateway.commands.common import as_json, configured, ledger, print_json, print_table
from gateway.commands.noting import acting
from gateway.commands.people import by_person
from gateway.config import GatewayConfig
from gateway.sql.word import WordLedger
from gateway.wiring import system_clock
from gateway.word.issuing import LIFETIME_MS, give
from gateway.word.model import CommandError, Given

# How often the ledger is asked while somebody waits for an answer.
_LOOK_S = 0.2
_LISTED_MAX = 1000
# As much of a report that is none as shows what it is.
UNREADABLE_CHARS = 200

F = TypeVar("F", bound=Callable[..., Any])


def _sent(command: F) -> F:
    """What all commands to a device have in common."""
    for option in (
        as_json,
        configured,
        by_person,
        click.option(
            "--wait",
            "wait_s",
            type=click.FloatRange(0, 3600),
            default=0.0,
            help="Wait so many seconds for the answer; without one exit status 1.",
        ),
        click.option(
            "--expires-min",
            type=click.IntRange(1, 7 * 24 * 60),
            default=LIFETIME_MS // 60_000,
            show_default=True,
            help="After so many minutes the device refuses it.",
        ),
    ):
        command = option(command)
    return command


@click.group("command")
def command() -> None:
    """The gateway's signed word to a device: read now, send again, report."""


@command.command("read-now")
@click.argument("device")
@click.argument("meters", nargs=-1)
@_sent
def read_now(device: str, meters: tuple[str, ...], **how: Any) -> None:
    """Have a device read METERS now, or all of its meters. The readings come as a usual batch."""
    _give(device, ReadNow(meters), **how)


@command.command("resend")
@click.argument("device")
@click.argument("first", type=click.IntRange(min=1))
@click.argument("last", type=click.IntRange(min=1))
@_sent
def resend(device: str, first: int, last: int, **how: Any) -> None:
    """Have a device send batches FIRST to LAST again, after this ledger went back to a backup."""
    _give(device, Resend(first, last), **how)


@command.command("report")
@click.argument("device")
@_sent
def report(device: str, **how: Any) -> None:
    """Ask a device for a signed report: software, clock, spool, meters and lines that fail."""
    _give(device, Report(), **how)


@command.command("list")
@click.argument("device", required=False)
@click.option("--limit", type=click.IntRange(1, _LISTED_MAX), default=20, show_default=True)
@configured
@as_json
def list_given(config: GatewayConfig, device: str | None, limit: int, *, as_json: bool) -> None:
    """Commands and what became of them, the newest first."""
    with ledger(config) as store:
        given = WordLedger(store.database.connection).given(device, limit)
    if as_json:
        print_json([_document(one) for one in given])
        return
    print_table(
        ("number", "device", "command", "of", "given", "by", "outcome"),
        (
            (
                one.number,
                one.device,
                one.kind,
                one.told,
                from_ms(one.issued_at_ms).isoformat(timespec="seconds"),
                one.by,
                f"{one.outcome or 'waits'}: {one.reason}".removesuffix(": "),
            )
            for one in given
        ),
    )


def _give(
    device: str,
    order: Order,
    *,
    config: GatewayConfig,
    actor: str,
    wait_s: float,
    expires_min: int,
    as_json: bool,
) -> None:
    key = SigningKey.load(config.key_file)
    kind = type(order).__struct_config__.tag
    with acting(config, actor, f"command {kind}", device) as deed:
        word = WordLedger(deed.store.database.connection)
        new = give(
            *(word, key, device, order),
            by=actor,
            now_ms=system_clock(),
            lifetime_ms=expires_min * 60_000,
        )
        deed.after = f"number {new.number} {new.told}".strip()
    given = _awaited(config, device, new.number, wait_s)
    if as_json:
        print_json(_document(given))
    else:
        click.echo(_said(given))
    if wait_s and given.outcome != "done":
        raise click.exceptions.Exit(1)


def _awaited(config: GatewayConfig, device: str, number: int, wait_s: float) -> Given:
    until_s = time.monotonic() + wait_s
    with ledger(config) as store:
        word = WordLedger(store.database.connection)
        while True:
            found = [one for one in word.given(device, _LISTED_MAX) if one.number == number]
            if not found:
                raise CommandError(f"command {number} is not in the ledger any more")
            if found[0].outcome is not None or time.monotonic() >= until_s:
                return found[0]
            time.sleep(_LOOK_S)


def _said(given: Given) -> str:
    head = f"{given.device}: {given.kind} {given.told}".strip() + f", number {given.number}"
    if given.outcome is None:
        return f"{head}: waits for the device"
    lines = [f"{head}: {given.outcome} {given.reason}".strip()]
    report = _report(given)
    if report:
        lines += [f"  {name:18} {value}" for name, value in report.items()]
    return "\n".join(lines)


def _document(given: Given) -> dict[str, Any]:
    document = given._asdict()
    del document["answer"]
    return document | {"report": _report(given)}


def _report(given: Given) -> dict[str, Any] | None:
    """The report in a signed answer, which was verified when it came; what it says is not ours."""
    if given.answer is None:
        return None
    told = wire_command.decode_answer(signing.parse(given.answer).payload).report
    if not told:
        return None
    try:
        report = json.loads(told)
    except (ValueError, RecursionError):
        report = None
    return report if isinstance(report, dict) else {"unreadable": told[:UNREADABLE_CHARS]}
