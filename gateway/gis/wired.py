"""The exchange as gateway.toml describes it, made ready."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import SystemRandom

from gateway.config import ConfigError, GatewayConfig, GisConfig
from gateway.gis.client import client_of
from gateway.gis.exchange import Exchange, Settings, Signer
from gateway.gis.fetching import Fetcher
from gateway.gis.journal import Journal
from gateway.gis.signer import CommandSigner
from gateway.gis.soap import Sender
from gateway.handoff.pump import Caller, directly


def section(config: GatewayConfig) -> GisConfig:
    """What gateway.toml says of ГИС ЖКХ; ConfigError if nothing."""
    if config.gis_zhkh is None:
        raise ConfigError("gis_zhkh: missing, the exchange with ГИС ЖКХ needs this section")
    return config.gis_zhkh


@asynccontextmanager
async def exchange_of(
    config: GisConfig, journal: Journal, call: Caller = directly
) -> AsyncIterator[Exchange]:
    """The exchange of lines; ConfigError for certificates that cannot be used."""
    async with client_of(config) as client:
        yield Exchange(
            journal,
            client,
            _sender(config),
            sign=_signer(config),
            settings=Settings(config.poll_interval_s, config.error_words),
            random=SystemRandom(),
            call=call,
        )


@asynccontextmanager
async def fetcher_of(config: GisConfig) -> AsyncIterator[Fetcher]:
    """The import of readings that are in ГИС ЖКХ already."""
    async with client_of(config) as client:
        yield Fetcher(client, _sender(config), _signer(config), SystemRandom())


def _sender(config: GisConfig) -> Sender:
    return Sender(config.organisation, as_operator=config.operator_signature)


def _signer(config: GisConfig) -> Signer | None:
    if not config.signer:
        return None
    return CommandSigner(config.signer, config.signer_timeout_s)
