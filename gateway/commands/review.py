"""Commands of the review: what waits, a reading's story, and the decisions."""

import hashlib
import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from drivers.reading import from_ms
from gateway.claims.deciding import bring, reference_of
from gateway.claims.list import ClaimRow
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
from gateway.commands.registry import Moment
from gateway.config import GatewayConfig
from gateway.review import decisions, reference
from gateway.review.queue import Queue, Story, Task, Waiting
from gateway.review.reference import Reference
from gateway.review.story import story_document, story_lines
from gateway.review.words import ASKS, Decided, Kind, Order, Read, ReviewError
from gateway.sql.claims import SqlClaims
from gateway.sql.review import SqlReviewStore
from gateway.wiring import system_clock

# A photo of a phone has a few MiB, a scanned act some more; a hash needs the whole of it once.
DOCUMENT_BYTES_MAX = 64 * 1024 * 1024

_CLAIM = re.compile(r"claim-(\d{1,12})")

F = TypeVar("F", bound=Callable[..., Any])


class ListedFirst(Commands):
    """A group that lists what waits where no command of it is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``list`` before options that belong to it."""
        named = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        if not named and (not args or args[0].startswith("-")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


class ClaimNumber(NamedTuple):
    """A claim, as ``claims list`` names it."""

    number: int


class ReadingName(click.ParamType[Reference | ClaimNumber]):
    """A reading, as ``review list`` names it, or a claim (``claim-17``)."""

    name = "READING"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Reference | ClaimNumber:
        """The reference; a usage error for anything else."""
        if isinstance(value, Reference | ClaimNumber):
            return value
        if match := _CLAIM.fullmatch(str(value)):
            return ClaimNumber(int(match[1]))
        try:
            return reference.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Exact(click.ParamType[Decimal]):
    """A value with all its digits."""

    name = "VALUE"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Decimal:
        """The decimal; a usage error for anything else."""
        try:
            exact = Decimal(str(value))
        except InvalidOperation:
            exact = Decimal("NaN")
        if not exact.is_finite():
            self.fail(f"expected a number like 1234.56, got {value!r}", param, ctx)
        return exact


def _deciding(command: F) -> F:
    """What every decision takes: the reading, who and why."""
    for decorate in (
        as_json,
        configured,
        click.option("--why", required=True, help="The reason, as the log will keep it."),
        by_person,
        click.argument("reading", type=ReadingName()),
    ):
        command = decorate(command)
    return command


_through = click.option(
    "--through", type=Moment(), help="And the register's later readings in doubt up to then."
)


@click.group(cls=ListedFirst)
def review() -> None:
    """Readings in doubt and what people decide about them; alone it lists what waits."""


@review.command("list")
@click.option("--house", help="One house; all of them if left out.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--warned", is_flag=True, help="Accepted readings that a rule warned of instead.")
@configured
@as_json
def list_waiting(
    config: GatewayConfig, house: str | None, limit: int, *, warned: bool, as_json: bool
) -> None:
    """List suspect readings, the newest first, with what the rules found."""
    with looking(config) as overview:
        rows = overview.queue.waiting(house, limit, warned=warned)
    if as_json:
        for row in rows:
            print_json(row.document())
        return
    print_table(
        ("reading", "house", "flat", "value", "accepted before", "rule", "detail", "open"),
        [_row(row) for row in rows],
    )
    if rows:
        click.echo(f"next: plomba-gateway review show READING, then {', '.join(Kind)}")


@review.command("tasks")
@click.option("--house", help="One house; all of them if left out.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
@configured
@as_json
def list_tasks(config: GatewayConfig, house: str | None, limit: int, *, as_json: bool) -> None:
    """List what people are to do, the oldest first: photos, visits, proposals to confirm."""
    with looking(config) as overview:
        tasks = overview.queue.tasks(house, limit)
    if as_json:
        for task in tasks:
            print_json(task.document())
        return
    print_table(
        ("no", "to do", "reading", "house", "address", "flat", "since (UTC)", "by", "why"),
        [_task(task) for task in tasks],
    )
    if tasks:
        click.echo(
            "next: plomba-gateway review replace, accept or reject READING with what was found, or"
            " review confirm NO"
        )


@review.command("show")
@click.argument("reading", type=ReadingName())
@configured
@as_json
def show(config: GatewayConfig, reading: Reference | ClaimNumber, *, as_json: bool) -> None:
    """Show all that is known of READING: verdicts, neighbours, claims, evidence, decisions."""
    with looking(config) as overview:
        if isinstance(reading, ClaimNumber):
            claim = _claim(overview.queue, reading)
            if claim.reference_name is None:
                _tell_claim(claim, as_json=as_json)
                return
            reading = reference.parse(claim.reference_name)
        found = overview.queue.story(reading)
    if found is None:
        raise ReviewError(f"there is no reading {reading}: see review list")
    if as_json:
        print_json(story_document(found))
    else:
        _print_story(found)


@review.command("accept")
@_through
@_deciding
def accept(config: GatewayConfig, *, as_json: bool, **said: Any) -> None:
    """Let READING count."""
    _decide(config, Kind.ACCEPT, as_json=as_json, **said)


@review.command("reject")
@_through
@_deciding
def reject(config: GatewayConfig, *, as_json: bool, **said: Any) -> None:
    """Never let READING count; an accepted one neither, from the next closing on."""
    _decide(config, Kind.REJECT, as_json=as_json, **said)


@review.command("replace")
@click.option("--value", required=True, type=Exact(), help="What the meter shows, all digits.")
@click.option("--at", type=Moment(), help="When it was read; now if left out.")
@click.option(
    "--document", required=True, help="The act or photo that shows it, by number or name."
)
@click.option(
    "--file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="That document; its SHA-256 is kept, the file stays with you.",
)
@_deciding
def replace(
    config: GatewayConfig,
    *,
    value: Decimal,
    at: int | None,
    document: str,
    file: Path | None,
    as_json: bool,
    **said: Any,
) -> None:
    """Let a value that a person read at the meter count in place of READING."""
    if not document.strip():
        raise ReviewError("expected the act or photo that shows the value, got none")
    sha256 = _sha256(file) if file is not None else None
    read = Read(value, system_clock() if at is None else at, document.strip(), sha256)
    _decide(config, Kind.REPLACE, as_json=as_json, read=read, **said)


@review.command("ask-photo")
@_deciding
def ask_photo(config: GatewayConfig, *, as_json: bool, **said: Any) -> None:
    """Note that the resident is to send a photo; open until READING is decided on."""
    _decide(config, Kind.ASK_PHOTO, as_json=as_json, **said)


@review.command("inspect")
@_deciding
def inspect(config: GatewayConfig, *, as_json: bool, **said: Any) -> None:
    """Note that somebody is to visit the meter; open until READING is decided on."""
    _decide(config, Kind.INSPECT, as_json=as_json, **said)


@review.command("confirm")
@click.argument("proposal", type=click.IntRange(min=1))
@by_person
@click.option("--why", default="agreed", show_default=True, help="The reason.")
@configured
@as_json
def confirm(config: GatewayConfig, proposal: int, actor: str, why: str, *, as_json: bool) -> None:
    """Carry out the PROPOSAL of another person (see review tasks)."""
    with ledger(config) as store:
        agreed = (actor, via(), why)
        made = decisions.confirm(SqlReviewStore(store.database), proposal, agreed, system_clock())
    _tell(made, as_json=as_json)


def _decide(
    config: GatewayConfig,
    act: Kind,
    *,
    reading: Reference | ClaimNumber,
    actor: str,
    why: str,
    as_json: bool,
    read: Read | None = None,
    through: int | None = None,
) -> None:
    with ledger(config) as store:
        reviewed, limits = SqlReviewStore(store.database), config.review.limits
        now_ms = system_clock()
        asked = (actor, via(), why, read, through)
        if isinstance(reading, ClaimNumber):
            claims, number = SqlClaims(store.database.connection), reading.number
            order = Order(act, reference_of(claims, number), *asked)
            brought = partial(bring, claims, number, actor, now_ms)
            made = decisions.decide(reviewed, order, now_ms, limits, bring=brought)
        else:
            made = decisions.decide(reviewed, Order(act, reading, *asked), now_ms, limits)
    _tell(made, act, as_json=as_json)


def _claim(queue: Queue, asked: ClaimNumber) -> ClaimRow:
    claim = queue.claim(asked.number)
    if claim is None:
        raise ReviewError(f"there is no claim-{asked.number}: see claims list")
    return claim


def _tell_claim(claim: ClaimRow, *, as_json: bool) -> None:
    if as_json:
        print_json(claim.document())
        return
    click.echo(f"{'claim':<10}{claim.told()}")
    for finding in claim.findings:
        click.echo(f"{'asked':<10}{finding}")


def _tell(made: Decided, act: Kind | None = None, *, as_json: bool) -> None:
    moved = None if made.moved is None else f"{made.moved:f} {made.subject.unit}"
    if as_json:
        print_json(
            {
                "decision": made.number,
                "readings": made.readings,
                "reading": str(made.subject.reference),
                "done": made.done,
                "moved": moved,
                "line": made.line,
                "findings": [one._asdict() for one in made.told],
            }
        )
        return
    if act in ASKS:
        click.echo(f"task {made.number}: {ASKS[act]}")
    elif made.done:
        later = f"; line {made.line} is closed: it shows in the next period" if made.line else ""
        count = f" ({made.readings} readings)" if made.readings > 1 else ""
        click.echo(
            f"decision {made.number}{count}: done, what counts moved by {moved or 'nothing'}{later}"
        )
    else:
        click.echo(
            f"proposal {made.number}: it would move what counts by {moved or 'an unknown amount'};"
            f" another person must say plomba-gateway review confirm {made.number}"
        )
    for finding in made.told:
        click.echo(f"{finding.rule}: {finding.detail}")


def _row(row: Waiting) -> Sequence[object]:
    before = f"{row.before.value:f}" if row.before else ""
    opened = ", ".join(str(number) for number in row.open)
    value = f"{row.value:f} {row.unit}"
    return row.reference, row.house, row.dwelling, value, before, row.rule, row.detail, opened


def _task(task: Task) -> Sequence[object]:
    todo = f"confirm {task.act}" if task.proposed else task.act
    since = f"{from_ms(task.at_ms):%Y-%m-%d %H:%M}"
    place = (task.house, task.address, task.dwelling)
    return task.number, todo, task.reference, *place, since, task.actor, task.why


def _print_story(found: Story) -> None:
    for name, text in story_lines(found):
        click.echo(f"{name:<10}{text}")


def _sha256(file: Path) -> bytes:
    with file.open("rb") as opened:
        data = opened.read(DOCUMENT_BYTES_MAX + 1)
    if len(data) > DOCUMENT_BYTES_MAX:
        raise ReviewError(f"{file}: expected a document of at most {DOCUMENT_BYTES_MAX} bytes")
    return hashlib.sha256(data).digest()
