"""The rehearsal of docs/operations.md: back up, go on, lose the server, restore to an instant.

What devices had receipted after that instant is reported, asked for and, as far as they still
have it, back; with the log carried away synchronously there is nothing to ask for.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gateway import registry
from gateway.ingest import Ingest
from gateway.sql.engine import Place
from gateway.sql.lost import lost_batches
from gateway.sql.moving import digest_of
from gateway.sql.store import open_store
from gateway.sql.tables import whole
from tests.gateway.estate import GATEWAY_KEY, LINES, MIDNIGHT_MS, Device, a_day, csv, opened
from tests.servers import standbys
from tests.servers.node import DEPLOY, Node, as_user
from tests.servers.postgres import program
from tests.servers.standbys import ScriptError, Standbys

pytestmark = pytest.mark.processes

ALONE = ("n1",)
# Two groups' worth of quarter hours.
STEP = 8


class Edge:
    """A device that forgets what is receipted, and the gateway it sends to."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.device = Device()
        self.left = list(a_day(self.device))
        self.sent = 0
        with closing(open_store(place)) as store:
            registry.import_csv(store, csv(*LINES))
            registry.add_device_key(store, self.device.name, self.device.key.public, 0)

    def send(self, first: int, last: int) -> tuple[int, tuple[tuple[int, int], ...]]:
        """Deliver those batches; what the receipt then says is stored, and missing."""
        with closing(open_store(self.place)) as store:
            outcome = Ingest(store, GATEWAY_KEY).process(self.left[first - 1 : last], MIDNIGHT_MS)
        receipt = opened(outcome)[self.device.name]
        return receipt.through, receipt.missing

    def digest(self) -> str:
        return whole(digest_of(self.place))

    def lost(self) -> list[tuple[int, int]]:
        with closing(open_store(self.place)) as store:
            return [(gap.first, gap.last) for gap in lost_batches(store.database.connection)]


@contextmanager
def archiving(nodes: Standbys) -> Iterator[None]:
    """The machine of plomba-wal-receiver.service: the log, as it is written."""
    receive = [program("pg_receivewal"), "--no-password", "--slot=wal_receiver"]
    run = [*receive, "--synchronous", "-D", str(nodes.archive / "wal")]
    told = nodes.environment() | {"PGAPPNAME": "wal-receiver"}
    user = as_user(nodes.nodes["n1"].user)
    subprocess.run([*receive, "--create-slot"], env=told, check=True, **user)
    process = subprocess.Popen(run, env=told, stderr=subprocess.DEVNULL, **user)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def destroy(node: Node) -> None:
    """The power goes, and the disk with it."""
    node.kill()
    shutil.rmtree(node.data)


def begin_anew(node: Node) -> None:
    """Start a restored server: it replays, and then waits for nobody, having no standbys yet."""
    with node.config.open("a") as config:
        config.write("synchronous_standby_names = ''\n")
    node.start()
    node.until("SELECT NOT pg_is_in_recovery()")


def test_a_restored_instant_is_that_instant_and_what_came_after_is_reported() -> None:
    with standbys.started(ALONE, ("plomba.conf", "archive.conf")) as nodes:
        node = nodes.nodes["n1"]
        edge = Edge(nodes.place())
        assert edge.send(1, STEP) == (STEP, ())
        base = Path(nodes.script("base-backup.sh", nodes.archive).strip())
        edge.send(STEP + 1, 2 * STEP)
        then, digest = node.ask("SELECT clock_timestamp()"), edge.digest()
        edge.send(2 * STEP + 1, 3 * STEP)  # receipted: the device forgets it
        assert edge.digest() != digest
        written = node.ask("SELECT pg_walfile_name(pg_switch_wal())")
        is_there = f"SELECT last_archived_wal >= '{written}' FROM pg_stat_archiver"  # noqa: S608 - a name
        node.until(is_there)
        destroy(node)

        with pytest.raises(ScriptError, match="take an older base backup"):
            nodes.script("restore.sh", base, nodes.archive / "wal", node.data, "2026-01-01 00:00Z")
        damaged = nodes.folder / "damaged"
        shutil.copytree(base, damaged, symlinks=True)
        (damaged / "PG_VERSION").write_text("14\n")
        with pytest.raises(ScriptError, match="not a whole base backup"):
            nodes.script("restore.sh", damaged, nodes.archive / "wal", node.data)
        assert not node.data.exists()
        nodes.script("restore.sh", base, nodes.archive / "wal", node.data, then)
        begin_anew(node)
        assert edge.digest() == digest
        assert edge.lost() == []  # nobody can know yet

        gap = (2 * STEP + 1, 3 * STEP)
        assert edge.send(3 * STEP + 1, 4 * STEP) == (2 * STEP, (gap,))
        assert edge.lost() == [gap]
        # `command resend`: the device still has the newest of what it had let go of.
        assert edge.send(*gap) == (4 * STEP, ())
        assert edge.lost() == []


def test_nothing_receipted_is_lost_where_the_log_is_carried_away_synchronously() -> None:
    with standbys.started(ALONE, ("plomba.conf",)) as nodes:
        node = nodes.nodes["n1"]
        edge = Edge(nodes.place())
        with archiving(nodes):
            base = Path(nodes.script("base-backup.sh", nodes.archive, 1).strip())
            with node.config.open("a") as config:
                config.write("synchronous_standby_names = 'ANY 1 (\"wal-receiver\")'\n")
            node.ask("SELECT pg_reload_conf()")
            node.until("SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'quorum'")
            assert edge.send(1, STEP) == (STEP, ())
            digest = edge.digest()
            destroy(node)
        nodes.script("restore.sh", base, nodes.archive / "wal", node.data)
        begin_anew(node)
        assert edge.digest() == digest
        assert edge.send(STEP + 1, 2 * STEP) == (2 * STEP, ())


def test_a_log_file_is_archived_whole_and_never_overwritten(tmp_path: Path) -> None:
    file, target = tmp_path / "log", tmp_path / "wal"
    file.write_bytes(b"a" * 1000)
    archive = [DEPLOY / "archive-wal.sh", file, target]
    subprocess.run(archive, check=True)
    assert target.read_bytes() == file.read_bytes()
    subprocess.run(archive, check=True)  # the server asks again after a crash
    file.write_bytes(b"b" * 1000)
    refused = subprocess.run(archive, check=False, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "not overwritten" in refused.stderr
    assert target.read_bytes() == b"a" * 1000
