"""The command that writes a resident's electronic act, as the resident's own page gives it."""

from pathlib import Path

import click

from cloud_sync.signing import SigningKey
from gateway.commands.common import configured, ledger
from gateway.config import GatewayConfig
from gateway.handoff.csv import write_whole
from gateway.resident.act import ActError
from gateway.resident.submission import normal
from gateway.web.texts import LANGUAGES, Words
from gateway.wiring import system_clock


@click.command()
@click.argument("number")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the PDF goes.",
)
@click.option("--lang", "language", type=click.Choice(LANGUAGES), default="ru", show_default=True)
@configured
def act(config: GatewayConfig, number: str, out: Path, language: str) -> None:
    """Write the electronic act NUMBER as PDF, with its signed bytes attached."""
    from gateway.sql.receipts import Receipts  # noqa: PLC0415 - the base packages make no PDF

    with ledger(config):
        pass  # an older schema is brought up to date first
    receipts = Receipts(
        config.place,
        sealer=SigningKey.load(config.key_file),
        clock=system_clock,
        public_url=config.resident.public_url if config.resident else config.web.verification_url,
    )
    kept = receipts.of_number(normal(number) or "")
    if kept is None:
        raise ActError(f"there is no act {number[:40]!r}: compare it with the paper")
    words = Words("en" if language == "en" else "ru")
    pdf = receipts.pdf(kept.account_no, kept.number, words)
    if pdf is None:
        raise ActError(f"act {kept.number}: what it said was forgotten with its person")
    try:
        write_whole(out, pdf)
    except OSError as error:
        raise ActError(f"cannot write {out}: {error.strerror}") from error
    click.echo(f"act {kept.number}, code {kept.code}, in {out}")
