from collections.abc import Iterator

import pytest

from gateway.postgres.place import Server
from tests.servers import postgres


@pytest.fixture(autouse=True)
def engine() -> None:
    """Nothing: these tests make their own ledgers, of either engine, whatever the others are on."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A new database with the schema."""
    shared = postgres.server()
    place = shared.database()
    yield place
    shared.drop(place)


@pytest.fixture
def bare() -> Iterator[Server]:
    """A new database without anything."""
    shared = postgres.server()
    place = shared.database(bare=True)
    yield place
    shared.drop(place)
