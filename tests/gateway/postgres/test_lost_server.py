"""A server killed (-9) in the middle of groups and started again: nothing lost, nothing twice."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from gateway import registry
from gateway.ingest import Ingest
from gateway.postgres.connection import Connection, Database
from gateway.postgres.ledger import PostgresLedger
from gateway.postgres.place import Server
from gateway.postgres.session import Purpose, open_session
from gateway.sql.engine import snapshot
from gateway.sql.store import SqlStore, open_store
from gateway.store import BatchRow, Range, StoreError
from tests.gateway.estate import (
    DAY_MS,
    GATEWAY_KEY,
    LINES,
    MIDNIGHT_MS,
    Device,
    a_day,
    content,
    csv,
    opened,
)
from tests.servers import postgres
from tests.servers.ports import free_port
from tests.servers.postgres import Cluster

NOW_MS = MIDNIGHT_MS + 2 * DAY_MS


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A server of this module's own, with fsync: what it has committed survives a SIGKILL."""
    folder = postgres.home()
    with postgres.started(folder, "fsync=on") as cluster:
        yield cluster
    shutil.rmtree(folder)


@pytest.fixture
def place(cluster: Cluster) -> Iterator[Server]:
    place = cluster.database()
    yield place
    cluster.drop(place)


def a_house(place: Server, device: Device) -> SqlStore:
    store = open_store(place)
    registry.import_csv(store, csv(*LINES))
    registry.add_device_key(store, device.name, device.key.public, 0)
    return store


class MortalLedger(PostgresLedger):
    """The ledger port, under which the server dies after one of a group's steps."""

    def __init__(self, database: Database, step: str, kill: Callable[[], None]) -> None:
        super().__init__(database)
        self._steps = {step: kill}

    def _done(self, step: str) -> None:
        self._steps.pop(step, lambda: None)()

    def add_batches(self, rows: Sequence[BatchRow]) -> None:
        super().add_batches(rows)
        self._done("batches")

    def set_ranges(self, ranges: Mapping[int, Sequence[Range]]) -> None:
        super().set_ranges(ranges)
        self._done("ranges")

    def count(self, steps: Mapping[str, int]) -> None:
        super().count(steps)
        self._done("count")


class MortalConnection(Connection):
    """A connection that breaks after a COMMIT, before its answer is here."""

    kill: Callable[[], None] | None = None

    def commit(self) -> None:
        super().commit()
        if self.kill is not None:
            self.kill()
            self.execute("SELECT 1")


def test_the_receipted_is_there_and_nothing_twice_whenever_the_server_dies(
    cluster: Cluster, place: Server
) -> None:
    device = Device()
    store = a_house(place, device)
    messages = a_day(device, batches=24)
    first = Ingest(store, GATEWAY_KEY)
    receipted = opened(first.process(messages[:4], NOW_MS))["edge-1"].through
    for start, step in ((4, "batches"), (10, "ranges"), (16, "count")):
        group = messages[start : start + 6]
        database = store.database
        assert isinstance(database, Database)
        store.ledger = MortalLedger(database, step, cluster.kill)
        ingest = Ingest(store, GATEWAY_KEY)
        with pytest.raises(StoreError, match="cannot be written"):
            ingest.process(group, NOW_MS)
        with pytest.raises(StoreError, match="cannot reach"):
            ingest.process(group, NOW_MS)
        cluster.start()
        with snapshot(place) as look:
            (there,) = look.execute("SELECT max(sequence) FROM batch").fetchall()[0]
        assert there == receipted == start
        receipted = opened(ingest.process(group, NOW_MS))["edge-1"].through
        assert receipted == start + 6
    rows = content(store)
    assert len(rows) == 3 * receipted
    assert len({row[:4] for row in rows}) == len(rows)
    store.close()


def test_a_commit_in_doubt_is_asked_again_and_answered_as_a_repeat(
    cluster: Cluster, place: Server
) -> None:
    device = Device()
    a_house(place, device).close()
    connection = MortalConnection(lambda: open_session(place, Purpose.WRITE))
    store = SqlStore(Database(connection))
    ingest = Ingest(store, GATEWAY_KEY)
    messages = a_day(device, batches=3)
    connection.kill = cluster.kill
    with pytest.raises(StoreError, match="cannot be written"):
        ingest.process(messages, NOW_MS)
    connection.kill = None
    cluster.start()
    outcome = ingest.process(messages, NOW_MS)
    assert outcome.counts == {"repeated_batches": 3}
    assert opened(outcome)["edge-1"].through == 3
    assert len(content(store)) == 9
    store.close()


def test_a_look_and_a_read_find_the_server_again(cluster: Cluster, place: Server) -> None:
    store = a_house(place, Device())
    cluster.kill()
    with pytest.raises(StoreError, match="cannot reach"):
        store.registry.revision()
    cluster.start()
    assert store.registry.revision() > 1
    cluster.kill()
    cluster.start()
    assert store.registry.revision() > 1
    store.close()


def test_of_several_hosts_the_one_that_writes_is_found(cluster: Cluster, place: Server) -> None:
    dead = free_port()
    several = Server(
        f"host=127.0.0.1,127.0.0.1 port={dead},{cluster.port}"
        f" target_session_attrs=read-write dbname={postgres.name_of(place)} user={postgres.OWNER}"
    )
    store = open_store(several)
    assert store.horizon() == 0
    store.close()
