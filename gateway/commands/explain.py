"""The command that explains a bill line, or all of an account's, to the resident who pays them."""

from collections.abc import Sequence
from pathlib import Path

import click

from gateway import periods
from gateway.commands.common import as_json, configured, looking, print_json
from gateway.config import GatewayConfig
from gateway.explain.assembly import explain
from gateway.explain.model import ExplainError, ExplainStore, Explanation
from gateway.explain.telling import tell
from gateway.explain.told import Explained, Row, document
from gateway.handoff.csv import write_whole
from gateway.web.texts import Words

# A dwelling has a dozen registers at most; a bill of more lines than this is no dwelling's.
LINES_MAX = 100


@click.command(name="explain")
@click.argument("line", required=False)
@click.option("--account", help="All lines of an account instead, with --period.")
@click.option("--period", help="The period of the account's lines, like 2026-10.")
@click.option("--lang", type=click.Choice(["ru", "en"]), default="ru", show_default=True)
@click.option("--pdf", "file", type=click.Path(path_type=Path), help="Write a PDF there.")
@configured
@as_json
def explain_line(
    config: GatewayConfig,
    line: str | None,
    *,
    account: str | None,
    period: str | None,
    lang: str,
    file: Path | None,
    as_json: bool,
) -> None:
    """Explain a bill LINE (like 2026-10-000123), or all lines of an account's period.

    It tells the opening and closing values, how each was read and checked, the arithmetic, and
    whether the signatures hold now.
    """
    words = Words("en" if lang == "en" else "ru")
    with looking(config) as overview:
        found = _found(overview.explain, line, account, period)
    told = [tell(one, words, config.web.verification_url) for one in found]
    if file is not None:
        _write(file, told, words)
    if as_json:
        lines = [document(one) for one in told]
        print_json(lines[0] if line is not None else {"lines": lines})
    elif file is None:
        for one in told:
            _print(one)
    else:
        click.echo(f"written   {file}")


def _found(
    store: ExplainStore, line: str | None, account: str | None, period: str | None
) -> Sequence[Explanation]:
    if line is not None and account is None and period is None:
        return [explain(store, line)]
    if line is not None or account is None or period is None:
        raise click.UsageError("give a LINE, or --account and --period")
    periods.following(period)  # says what a period looks like
    ids = store.of_account(account, period)
    if not ids:
        raise ExplainError(f"account {account!r} has no line in {period}: see export csv")
    if len(ids) > LINES_MAX:
        raise ExplainError(f"account {account!r} has {len(ids)} lines, at most {LINES_MAX} fit")
    return [explain(store, one) for one in ids]


def _write(file: Path, told: Sequence[Explained], words: Words) -> None:
    from gateway.explain import pdf  # noqa: PLC0415 - typesetting is loaded by who asks for it

    title = words("explain_account_title", words.period(told[0].period))
    content = pdf.of_line(told[0]) if len(told) == 1 else pdf.of_account(told, title)
    try:
        write_whole(file, content)
    except OSError as error:
        raise click.ClickException(f"cannot write {file}: {error.strerror}") from error


def _print(told: Explained) -> None:
    click.echo(f"{told.title}. {told.number}: {told.method}")
    for banner in told.banners:
        click.echo(f"! {banner.text}")
    _rows(told.about)
    for figure in told.figures:
        click.echo(f"  {figure.name}: {figure.value} {figure.unit} ({figure.note})")
    click.echo(f"{told.sum.title}")
    _rows((*told.sum.rows, told.sum.total))
    for section in told.sections:
        click.echo(section.title)
        _rows(section.rows)
        for note in section.notes:
            click.echo(f"  {note}")
    click.echo(told.proof.title)
    for text in (
        f"{told.proof.code_name}: {told.proof.code}",
        told.proof.url,
        *told.proof.commands,
    ):
        click.echo(f"  {text}")


def _rows(rows: Sequence[Row]) -> None:
    for row in rows:
        value = f": {row.value}" if row.value else ""
        click.echo(f"  {row.name}{value}{f' ({row.note})' if row.note else ''}")
