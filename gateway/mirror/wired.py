"""The mirror of a configuration, wired to its ledger and its target."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from gateway.config import ConfigError, GatewayConfig
from gateway.mirror.follower import Follower
from gateway.mirror.target import opened
from gateway.sql.mirror import mirror_look
from gateway.sql.store import SqlStore
from gateway.sql.stream import StreamLedger
from gateway.wiring import Clock


@contextmanager
def following(config: GatewayConfig, store: SqlStore, clock: Clock) -> Iterator[Follower]:
    """The follower that a configuration asks for; ConfigError where it asks for none."""
    section = config.mirror
    if section is None:
        raise ConfigError("mirror: missing, add the section [mirror] with kind and url")
    looks = partial(mirror_look, config.place)
    with opened(section) as sink:
        yield Follower(StreamLedger(store.database), looks, sink, section.gateway, clock)
