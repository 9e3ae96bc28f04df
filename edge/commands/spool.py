"""`plomba-edge spool`: what waits for the gateway, and what has gone before."""

import json
from typing import Any

import click

from cloud_sync import batch, signing
from cloud_sync.signing import SealError
from cloud_sync.wire import WireError
from drivers.reading import ClockState, from_ms
from edge.commands.common import config_option, json_option, one_line_errors
from edge.config import EdgeConfig
from edge.spool import Glance, glance


@click.command("spool")
@config_option
@json_option
@one_line_errors
def spool(config: EdgeConfig, *, as_json: bool) -> None:
    """Show how much waits in the spool, since when, and the counts of readings so far."""
    found = glance(config.device.state_dir)
    if found is None:
        raise click.ClickException(f"no spool in {config.device.state_dir} yet: run the agent once")
    document = _document(found, config.spool.max_bytes)
    if as_json:
        click.echo(json.dumps(document))
        return
    for name, value in document.items():
        click.echo(f"{name:16} {value}")


def _document(found: Glance, max_bytes: int) -> dict[str, Any]:
    state = found.state
    return {
        "head": state.head,
        "through": state.through,
        "waiting": found.waiting,
        "oldest": None if found.oldest is None else _signed_at(found.oldest),
        "bytes": state.bytes,
        "max_bytes": max_bytes,
        "polled": state.polled,
        "signed": state.signed,
        "delivered": state.delivered,
        "lost_batches": state.lost_batches,
    }


def _signed_at(message: bytes) -> str:
    """When a batch was signed, as it says itself."""
    try:
        oldest = batch.decode(signing.parse(message).payload)
    except (SealError, WireError):
        return "damaged"
    if oldest.clock_state is ClockState.RELATIVE:
        return f"{oldest.signed_at_ms // 1000} s after boot"
    return from_ms(oldest.signed_at_ms).isoformat()
