"""Commands that show evidence: trace, verify and the quarantine."""

from pathlib import Path

import click

from cloud_sync.signing import MESSAGE_BYTES_MAX, SealError, VerifyKey, parse
from drivers.reading import from_ms
from gateway import evidence
from gateway.billing import Method, Role
from gateway.claims.list import ClaimRow
from gateway.commands.common import (
    as_json,
    configurable,
    configured,
    ledger,
    print_json,
    print_table,
)
from gateway.config import GatewayConfig
from gateway.evidence import EvidenceError, Inspection, Trace
from gateway.sql.estimates import EstimateLedger
from gateway.sql.trace import TraceLedger
from gateway.withdrawn import Withdrawal


@click.command()
@click.argument("line")
@click.option("--out", type=click.Path(path_type=Path), help="Write the batch and the key there.")
@configured
@as_json
def trace(config: GatewayConfig, line: str, out: Path | None, *, as_json: bool) -> None:
    """Follow a bill LINE (like 2026-10-000123) back to the meter's bytes."""
    with ledger(config) as store:
        found = evidence.trace(TraceLedger(store.database), line)
        correction = EstimateLedger(store.database.connection).correction_of(line)
    try:
        files = evidence.write(found, out) if out is not None else []
    except OSError as error:
        raise click.ClickException(f"cannot write to {out}: {error.strerror}") from error
    if as_json:
        document = evidence.trace_document(found)
        document |= {"correction": correction and correction.as_text()}
        print_json(document | {"files": [str(path) for path in files]})
        return
    _print_trace(found)
    if correction is not None:
        click.echo(
            f"corrected {correction.correction_id} in {correction.corrected_in}:"
            f" {correction.consumption:f} {correction.unit} by {correction.method}"
            f" ({correction.difference:+f}){f', {correction.reason}' * bool(correction.reason)}"
        )
    for path in files:
        click.echo(f"written   {path}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--public-key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The device's public key; <device>.pem beside FILE if left out.",
)
@configurable
@as_json
def verify(
    file: Path, public_key: Path | None, config: GatewayConfig | None, *, as_json: bool
) -> None:
    """Check an exported batch offline, with the device's public key alone.

    With --data or --config the key comes from that gateway's registry instead.
    """
    with file.open("rb") as opened:
        message = opened.read(MESSAGE_BYTES_MAX + 1)
    if config is not None and public_key is None:
        key = _registered_key(config, message)
    else:
        key = _key_in(public_key or file.with_name(f"{file.stem.rpartition('-')[0]}.pem"))
    checked = evidence.check(message, key)
    if as_json:
        print_json(evidence.batch_document(checked) | {"file": str(file)})
        return
    content = checked.content
    click.echo(
        f"verified: batch {content.sequence} of {content.device}, {content.reading_count} readings,"
        f" signed {from_ms(content.signed_at_ms):%Y-%m-%d %H:%M:%S} UTC"
        f" by {checked.key.fingerprint}"
    )


def _key_in(file: Path) -> VerifyKey:
    if not file.exists():
        raise click.UsageError(f"there is no {file}: give --public-key PEM")
    return VerifyKey.from_pem(file.read_bytes())


def _registered_key(config: GatewayConfig, message: bytes) -> VerifyKey:
    try:
        key_id = parse(message).key_id
    except SealError as error:
        raise EvidenceError(str(error)) from error
    with ledger(config) as store:
        found = store.registry.device_keys([key_id]).get(key_id)
    if found is None:
        raise EvidenceError(f"no device of {config.data} has the key {key_id.hex()}")
    return VerifyKey(found.public_key)


@click.command()
@click.option("--reason", help="Only what was refused for this reason.")
@configured
@as_json
def quarantine(config: GatewayConfig, reason: str | None, *, as_json: bool) -> None:
    """List refused messages, the newest first, with why and how many there were."""
    with ledger(config) as store:
        kept = list(store.quarantine.kept(reason))
        counts = store.quarantine.counts()
    if as_json:
        for row in kept:
            texts = {"sha256": row.sha256.hex(), "evidence": row.evidence.hex()}
            print_json(row._asdict() | texts)
        return
    print_table(
        ("reason", "received", "topic", "bytes", "detail"),
        [
            (row.reason, _minute(row.received_at_ms), row.topic, row.size, row.detail)
            for row in kept
        ],
    )
    for name, (refused, dropped) in sorted(counts.items()):
        click.echo(f"{name}: {refused} refused, {dropped} of them no longer kept")


def _minute(moment_ms: int) -> str:
    return f"{from_ms(moment_ms):%Y-%m-%d %H:%M}"


def _print_trace(found: Trace) -> None:
    line = found.line
    click.echo(f"line      {line.line_id}: {line.point}, {line.register}, account {line.account}")
    click.echo(
        f"billed    {line.consumption:f} {line.unit}: from {line.opening_value:f}"
        f" ({found.opening_line or 'installation'}) to {line.closing_value:f}"
        f"{'' if line.factor == '1' else f', times {line.factor}'}"
        f"{'' if line.role == Role.BILLED else f'; not billed: {line.role}'}"
    )
    click.echo(f"method    {line.method}{f': {line.reason}' if line.reason else ''}")
    if line.replaces is not None:
        click.echo(f"replaces  {line.replaces}, which was withdrawn")
    if found.withdrawal is not None:
        _print_withdrawal(found.withdrawal)
    if found.claim is not None:
        _print_claim(found.claim)
        return
    if found.inspection is not None:
        _print_inspection(found.inspection)
        return
    if found.stored is None or found.checked is None or found.reading is None:
        drawn = found.line.method == Method.INTERPOLATED
        instead = (
            "a line between two" if drawn else "the value of the meter's installation or removal"
        )
        click.echo(f"reading   none: {instead}")
        return
    stored, readout = found.stored, found.reading.readout
    click.echo(
        f"reading   {stored.value:f} {line.unit} of meter {stored.meter}, captured"
        f" {from_ms(stored.captured_at_ms):%Y-%m-%d %H:%M:%S} UTC (clock {readout.clock_state})"
    )
    for verdict in stored.verdicts:
        click.echo(f"verdict   {verdict.rule} {verdict.severity} {verdict.detail}")
    if not stored.verdicts:
        click.echo(f"verdict   passed every rule of version {stored.rules_version}")
    content = found.checked.content
    click.echo(
        f"batch     {content.sequence} of {content.device}, signed by"
        f" {found.checked.key.fingerprint}: the signature holds"
    )
    click.echo(f"meter     {readout.evidence.kind.name.lower()} {readout.evidence.data.hex()}")


def _print_withdrawal(found: Withdrawal) -> None:
    instead = f"; {found.replaced_by} stands instead" if found.replaced_by else ""
    click.echo(
        f"withdrawn {_minute(found.withdrawn_at_ms)} UTC by {found.by}: {found.why}{instead}"
    )


def _print_claim(found: ClaimRow) -> None:
    click.echo(f"reading   {found.told()}")
    for finding in found.findings:
        click.echo(f"asked     {finding}")
    click.echo("evidence  no device has signed it: it is as good as who gave it and what they show")


def _print_inspection(found: Inspection) -> None:
    told = f"read at the meter, decision {found.decision} of {found.actor}"
    click.echo(f"reading   {told}, {from_ms(found.decided_at_ms):%Y-%m-%d %H:%M:%S} UTC")
    click.echo(f"reason    {found.why}")
    sha256 = f", SHA-256 {found.document_sha256}" if found.document_sha256 else ""
    click.echo(f"document  {found.document}{sha256}")
