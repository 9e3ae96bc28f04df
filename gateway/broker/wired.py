"""The keeper as configured."""

import functools
from pathlib import Path

from gateway.broker import reload
from gateway.broker.keeper import Keeper, Reload
from gateway.broker.model import Listener, Plan, SpeakersPort, Tls
from gateway.config import BrokerRulesConfig, GatewayConfig, ListenerConfig
from gateway.identity.authority import CRL_FILE


def plan_of(section: BrokerRulesConfig, folder: Path | None = None, partitions: int = 0) -> Plan:
    """What stands in the configuration, with absolute paths: the broker has a folder of its own."""
    return Plan(
        folder=(folder or section.directory).absolute(),
        tls=Tls(section.ca.absolute(), section.cert.absolute(), section.key.absolute()),
        devices=_listener(section.devices),
        collectors=_listener(section.collectors),
        collector_names=section.collector_names,
        store=None if section.store is None else section.store.absolute(),
        engine=section.engine,
        partitions=partitions,
        replicas=section.replicas,
    )


def keeper_of(
    config: GatewayConfig,
    section: BrokerRulesConfig,
    speakers: SpeakersPort,
    folder: Path | None = None,
) -> Keeper:
    """A keeper of the section's plan that tells the broker as configured."""
    crl = section.crl or config.ca_folder / CRL_FILE
    plan = plan_of(section, folder, config.ingest.partitions)
    return Keeper(plan, crl, speakers, _reload(section))


def _listener(section: ListenerConfig) -> Listener:
    return Listener(section.host, section.port, section.connections_max)


def _reload(section: BrokerRulesConfig) -> Reload | None:
    if section.pid_file is not None:
        return functools.partial(reload.by_signal, section.pid_file)
    if section.reload:
        return functools.partial(reload.by_command, section.reload)
    return None
