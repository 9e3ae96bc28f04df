"""The codes on bills: by them residents who sign in link their personal account."""

import csv
import io
import os
from pathlib import Path

import click

from cloud_sync.signing import SigningKey
from drivers.reading import from_ms
from gateway.commands.common import as_json, configured, print_json
from gateway.commands.noting import acting
from gateway.commands.people import by_person
from gateway.config import GatewayConfig
from gateway.resident.linking import BILL_DAYS, BILL_DAYS_MAX, BillCodes, Coded
from gateway.resident.model import ResidentError
from gateway.resident.signin_secrets import SignInSecrets, printed
from gateway.sql.resident_accounts import AccountsLedger
from gateway.sql.store import SqlStore
from gateway.wiring import system_clock


@click.command("bill-codes")
@click.option("--period", required=True, help="The period of the bills, like 2026-10.")
@click.option("--house", help="One house; all of them if left out.")
@click.option("--out", "file", required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--days",
    type=click.IntRange(1, BILL_DAYS_MAX),
    default=BILL_DAYS,
    show_default=True,
    help="How long after the period's end they work.",
)
@by_person
@configured
@as_json
def bill_codes(
    config: GatewayConfig,
    *,
    period: str,
    house: str | None,
    file: Path,
    days: int,
    actor: str,
    as_json: bool,
) -> None:
    """Write the codes to print on the bills of a period, a CSV for the billing system.

    Columns: account, code, until. The same codes again for a period that has them.
    """
    key = SigningKey.load(config.key_file)
    with acting(config, actor, "resident bill-codes", f"{house or 'all houses'} {period}") as deed:
        made = _made(deed.store, SignInSecrets.of(key), period, house, days)
        _write(file, made)
        deed.after = f"{len(made)} codes"
    if as_json:
        print_json({"file": str(file), "codes": len(made)})
    else:
        click.echo(f"{file}: {len(made)} codes; each lets in to a dwelling, so keep it to yourself")


def _made(
    store: SqlStore, key: SignInSecrets, period: str, house: str | None, days: int
) -> list[Coded]:
    ledger, now_ms = AccountsLedger(store.database), system_clock()
    codes, dwellings = BillCodes(ledger, key), ledger.dwellings(house)
    if not dwellings:
        raise ResidentError(f"no account is in {house or 'the registry'}: see registry list")
    return [codes.code_of(one, period, now_ms, days) for one in dwellings]


def _write(file: Path, made: list[Coded]) -> None:
    """A file for its owner's eyes alone, in the place of an older one."""
    text = io.StringIO(newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(("account", "code", "until"))
    for one in made:
        last = from_ms(one.until_ms - 1).astimezone(one.dwelling.zone).date()
        lines.writerow((one.dwelling.number, printed(one.code), last.isoformat()))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.fchmod(descriptor, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(text.getvalue())
    except OSError as error:
        raise ResidentError(f"cannot write {file}: {error.strerror}") from error
