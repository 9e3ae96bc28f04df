"""`plomba-gateway broker`: the rules of the broker, written from the registry."""

import asyncio
from pathlib import Path

import click

from gateway.broker import rules as wording
from gateway.broker.wired import keeper_of, plan_of
from gateway.commands.common import as_json, configured, ledger, print_json
from gateway.config import ConfigError, GatewayConfig
from gateway.sql.broker import SpeakersLedger


@click.group()
def broker() -> None:
    """The MQTT broker between the devices and this gateway."""


@broker.command("rules")
@click.option("--out", type=click.Path(path_type=Path), help="Another folder than configured.")
@click.option(
    "--tell", is_flag=True, help="Have the broker read them, as the running gateway does."
)
@configured
@as_json
def rules(config: GatewayConfig, out: Path | None, *, tell: bool, as_json: bool) -> None:
    """Write the broker's configuration and access rules, from the registry and [broker_rules].

    Only what differs is written, each file whole or not at all. The running gateway does the same
    by itself. Without --tell nothing is reloaded.
    """
    section = config.broker_rules
    if section is None:
        raise ConfigError("broker_rules: missing, please add it (see docs/broker.md)")
    plan = plan_of(section, out, config.ingest.partitions)
    with ledger(config) as store:
        speakers = SpeakersLedger(store.database.connection)
        keeper = keeper_of(config, section, speakers, out)
        changed = keeper.bring_up()
        devices, left_out = wording.sorted_out(speakers.speaking(), plan.collector_names)
    if tell:
        asyncio.run(keeper.tell())
    document = {
        "folder": plan.folder,
        "changed": changed,
        "devices": len(devices),
        "left_out": left_out,
        "collectors": plan.collector_names,
    }
    if as_json:
        print_json(document)
        return
    click.echo(f"{plan.folder}: {len(devices)} devices may speak; written: {_listed(changed)}")
    if left_out:
        click.echo(f"left out, the broker cannot have these names: {', '.join(left_out)}", err=True)


def _listed(changed: list[str]) -> str:
    return ", ".join(changed) or "nothing, it was so already"
