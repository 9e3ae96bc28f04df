from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from gateway.config import GatewayConfig, for_data
from gateway.config_resident import ResidentConfig
from gateway.photo.looking import Looking
from gateway.resident_web.app import create_app
from gateway.resident_web.front import Front, Threads
from gateway.resident_web.server import FOLDER, place_of
from gateway.resident_web.uploads import Uploads
from gateway.resident_web.wired import LedgerDesk
from tests.gateway.resident.block import Block
from tests.gateway.resident.provider import Oidc, serving
from tests.gateway.resident_web.browser import HOST
from tests.gateway.resident_web.memory import ORIGIN, Memory, Watch, at_once, front_of
from tests.gateway.town import GATEWAY_KEY
from tests.servers.ledgers import of_data

# 13.8 kW, so that the highest value possible is known.
POWER_MAX = 1_380


@pytest.fixture
def house() -> Memory:
    return Memory()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def app(house: Memory, watch: Watch, tmp_path: Path) -> FastAPI:
    return create_app(front_of(house, tmp_path, watch), (HOST,))


@pytest.fixture
def block(tmp_path: Path) -> Iterator[Block]:
    block = Block(tmp_path)
    with block.town.store.transaction() as connection:
        connection.execute("UPDATE register SET rate_max_per_h = ?", (POWER_MAX,))
    block.contact(1)
    yield block
    block.town.store.close()


@pytest.fixture
def config(block: Block, monkeypatch: pytest.MonkeyPatch) -> GatewayConfig:
    for name, value in of_data(block.town.folder).items():
        monkeypatch.setenv(name, value)
    return for_data(block.town.folder)


@pytest.fixture
def street(
    block: Block, config: GatewayConfig, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FastAPI]:
    """The pages over a real ledger, on the block's clock."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    resident = ResidentConfig(public_url=ORIGIN)
    with Looking(1, "tests.gateway.photo.readers:Unsure") as looker:
        desk = LedgerDesk(
            block.town.store, config, resident, key=GATEWAY_KEY, looker=looker, clock=block.clock
        )
        front = Front(
            desk,
            Threads(at_once, at_once),
            uploads=Uploads(config.data / FOLDER),
            place=place_of(resident),
            clock=block.clock,
        )
        yield create_app(front, resident.names)


@pytest.fixture
def oidc(block: Block) -> Iterator[Oidc]:
    """A provider of sign-ins on the block's clock."""
    oidc = Oidc()
    oidc.now_s = lambda: block.now_ms // 1000
    with serving(oidc):
        yield oidc
