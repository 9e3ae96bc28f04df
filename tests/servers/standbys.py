"""Three real PostgreSQL servers as deploy/cloud/postgres has them: one leads, two stand by.

    with standbys.started() as nodes:          # n1 leads; every commit waits for n2 or n3
        place = nodes.place()                  # an empty database `plomba`, by all three hosts
        nodes.kill(nodes.leader())             # kill -9 of the server and all it has started
        nodes.failover()                       # failover.sh: the name of the new leader
        nodes.rejoin("n1")                     # rejoin.sh, and started: a standby again

    with standbys.started(("n1",), ("plomba.conf", "archive.conf")) as nodes:   # one server alone

Settings, access rules, roles and scripts are the files of deploy/cloud/postgres themselves, only
the sizes are smaller; each connection is TLS with a throw-away authority. A killed process leaves
what it wrote to the system, so fsync is off unless asked for (`fsync=True`): the same outcome, less
waiting for the disk. The configuration stands outside the data folder, as Debian has it. Nothing
here is async: wrap a call in `asyncio.to_thread` where a loop must go on.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.postgres.place import Server
from tests.cloud_sync.brokers import Authority
from tests.servers.node import DEPLOY, HOST, START_S, Node, environment, own, run_as
from tests.servers.postgres import home, program

NAMES = ("n1", "n2", "n3")
DATABASE = "plomba"
PASSWORDS = {
    "plomba_owner": "owner-secret",
    "plomba_writer": "writer-secret",
    "plomba_reader": "reader-secret",
    "plomba_replication": "replication-secret",
    "plomba_failover": "failover-secret",
}
SMALL = """\
shared_buffers = 32MB
effective_cache_size = 64MB
min_wal_size = 32MB
max_wal_size = 256MB
wal_keep_size = 64MB
log_min_messages = log
"""


class ScriptError(RuntimeError):
    """A script's exit status other than 0, with what it said."""


class Standbys:
    """The nodes (three, or one alone), and what an operator does with them."""

    def __init__(
        self, folder: Path, names: tuple[str, ...], fragments: tuple[str, ...], *, fsync: bool
    ) -> None:
        self.folder = folder
        self.fsync = fsync
        self._copy_deployed()
        more = SMALL if fsync else SMALL + "fsync = off\n"
        self.nodes = {name: Node(name, folder, fragments, more) for name in names}
        self.cluster = folder / "cluster"
        self.passwords = {
            role: self._private(f"{role}.password", word) for role, word in PASSWORDS.items()
        }
        self._write_files()

    def _copy_deployed(self) -> None:
        """The files of deploy/ where the servers' user can read them, with the test's folders."""
        shutil.copytree(DEPLOY, self.folder / "postgres")
        for file in (self.folder / "postgres").glob("*.conf"):
            text = file.read_text().replace("/usr/local/lib/plomba", f"{self.folder}/postgres")
            file.write_text(text.replace("/srv/plomba-archive", str(self.archive)))
        (self.archive / "wal").mkdir(parents=True)
        own(self.archive)
        own(self.archive / "wal")

    @property
    def archive(self) -> Path:
        return self.folder / "archive"

    def _write_files(self) -> None:
        Authority(self.folder).issue(HOST)
        key = self.folder / f"ca-{HOST}.key"
        key.chmod(0o600)
        own(key)
        entries = [f"{HOST}:*:*:{role}:{word}\n" for role, word in PASSWORDS.items()]
        passfile = self._private("pgpass", "".join(entries))
        tls = f"{self.tls} passfile={passfile}"
        self.cluster.write_text(
            "".join(f"node {n.name} host={HOST} port={n.port}\n" for n in self.nodes.values())
            + f"connect user=plomba_failover dbname=postgres {tls}\n"
            f"replicate user=plomba_replication {tls}\n"
        )

    @property
    def tls(self) -> str:
        return f"sslmode=verify-full sslrootcert={self.folder / 'ca.pem'}"

    def start(self) -> None:
        """Make n1 with its roles and the database, and copy n2 and n3 from it."""
        first = self.nodes["n1"]
        for node in self.nodes.values():
            node.configure()
        run_as(
            *(program("initdb"), "-D", first.data, "-U", "postgres", "-A", "trust", "--no-sync"),
            *("-E", "UTF8", "--locale=C", "--no-instructions", "--data-checksums"),
        )
        first.start()
        sets = "".join(f"\\set {role.split('_')[1]} {word}\n" for role, word in PASSWORDS.items())
        first.ask(sets + (DEPLOY / "roles.sql").read_text())
        standing_by = list(self.nodes)[1:]
        for name in standing_by:
            self.rejoin(name, copy=True)
        self.wait_in_step(len(standing_by))

    def place(self, role: str = "plomba_owner") -> Server:
        """The ledger wherever it leads, as the gateway's configuration has it."""
        ports = ",".join(str(node.port) for node in self.nodes.values())
        hosts = ",".join([HOST] * len(self.nodes))
        return Server(
            f"host={hosts} port={ports} dbname={DATABASE} user={role} "
            f"target_session_attrs=read-write {self.tls}",
            self.passwords[role],
            unsafe=not self.fsync,
        )

    def leader(self) -> str:
        """The running node that takes writes."""
        leading = [
            node.name
            for node in self.nodes.values()
            if node.runs and node.ask("SELECT pg_is_in_recovery()") == "f"
        ]
        assert len(leading) == 1, f"expected one leader, found {leading}"
        return leading[0]

    def kill(self, name: str) -> None:
        self.nodes[name].kill()

    def failover(self, *options: str) -> str:
        """Promote a standby by the documented script; its name. ScriptError if it refuses."""
        self.script("failover.sh", *options)
        return self.leader()

    def rejoin(self, name: str, *, copy: bool = False) -> None:
        """Put a killed node back by the documented script and start it."""
        node = self.nodes[name]
        self.script("rejoin.sh", *["--copy"] * copy, name, node.data, node.config)
        self.script("may-start.sh", name, node.data)
        node.start()

    def wait_in_step(self, count: int, timeout_s: float = START_S) -> None:
        """Until so many standbys stream from the leader and may answer for a commit."""
        leader, deadline = self.nodes[self.leader()], time.monotonic() + timeout_s
        asked = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum'"
        while int(leader.ask(asked)) < count:
            assert time.monotonic() < deadline, leader.log
            time.sleep(0.05)

    def script(self, name: str, *arguments: object) -> str:
        """Run a script of deploy/cloud/postgres as the servers' user; what it printed."""
        # A killed server refuses at once; one that answers late on a busy machine is not dead.
        told = self.environment() | {
            "PLOMBA_CLUSTER": str(self.cluster),
            "PGCONNECT_TIMEOUT": str(int(START_S)),
        }
        done = run_as(self.folder / "postgres" / name, *arguments, env=told, check=False)
        if done.returncode != 0:
            raise ScriptError(f"{name}: {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def environment(self) -> dict[str, str]:
        """What libpq's programs need to come to n1 for replication."""
        words = {
            "PGHOST": HOST,
            "PGPORT": str(self.nodes["n1"].port),
            "PGUSER": "plomba_replication",
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": str(self.folder / "ca.pem"),
            "PGPASSFILE": str(self.folder / "pgpass"),
        }
        return environment(self.folder) | words

    def close(self) -> None:
        for node in self.nodes.values():
            node.kill()

    def _private(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.write_text(text)
        file.chmod(0o600)
        own(file)
        return file


@contextmanager
def started(
    names: tuple[str, ...] = NAMES,
    fragments: tuple[str, ...] = ("plomba.conf", "cluster.conf"),
    *,
    fsync: bool = False,
) -> Iterator[Standbys]:
    """Nodes in step in a folder of their own; both are gone afterwards."""
    folder = home()
    own(folder)
    nodes = Standbys(folder, names, fragments, fsync=fsync)
    try:
        nodes.start()
        yield nodes
    finally:
        nodes.close()
        with suppress(OSError):
            shutil.rmtree(folder)
