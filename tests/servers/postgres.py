"""A real PostgreSQL for tests: one server for a test process, a fresh database for each test.

    server = postgres.server()            # started at the first call, gone with the process
    place = server.database()             # an empty database with the schema at its head
    bare = server.database(bare=True)     # one without any schema
    server.drop(place)                    # or leave it: it goes with the server

    with postgres.started(folder, "fsync=on") as own: ...   # a server of one's own, to be killed
    own.kill(); own.start()                                 # kill -9, and again

The shared server runs without fsync and says so in its places (`unsafe`). The folder is the
cluster's own; the server listens on a free port of 127.0.0.1 and on a socket in that folder.
PostgreSQL never runs as root: there it is started as the user `postgres`.
"""

import atexit
import functools
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from gateway.postgres.connection import connect
from gateway.postgres.place import Server
from tests.servers.ports import free_port

# Debian's place, newest first; elsewhere the programs are looked for on PATH.
_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
_QUICK = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "autovacuum=off")
_SETTINGS = ("max_connections=100", "shared_buffers=64MB", "timezone=UTC", "log_min_messages=panic")
START_S = 60.0
# A test process that is killed cannot stop its servers: the kernel then does (at once, SIGQUIT).
_ENDS_WITH_US = ("setpriv", "--pdeathsig", "QUIT") if shutil.which("setpriv") else ()
# A database is some 800 files: where there is memory for them, a test has its own in a blink.
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of one's own is made in it
_ROOM_BYTES = 2 * 1024**3
OWNER = "plomba"
GUARDED = "guarded"
"""Whoever comes so needs a password; the role is the test's to make."""


class Cluster:
    """One server with its folder."""

    def __init__(self, folder: Path, *settings: str, user: str | None = None) -> None:
        self.folder = folder
        self.settings = settings
        self.port = free_port()
        self.user = user or server_user()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        self._template: str | None = None

    @property
    def unsafe(self) -> bool:
        return "fsync=off" in self.settings

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def init(self) -> "Cluster":
        """Make the cluster; it trusts everybody of this machine but the user `guarded`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.user is not None:
            shutil.chown(self.folder, self.user)
        self.run(
            *(program("initdb"), "-D", self.data, "-U", OWNER, "-A", "trust", "--no-sync"),
            *("-E", "UTF8", "--locale=C", "--no-instructions"),
        )
        rules = self.data / "pg_hba.conf"
        rules.write_text(f"host all {GUARDED} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        return self

    def start(self) -> "Cluster":
        """Start the server and wait until it answers."""
        options = (
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self.folder}",
            *_SETTINGS,
            *self.settings,
        )
        flags = [part for option in options for part in ("-c", option)]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_ENDS_WITH_US, program("postgres"), "-D", self.data, *flags],
                **self._as_user(),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.wait()
        return self

    def wait(self) -> None:
        """Until the server takes connections."""
        deadline = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self.conninfo("postgres")).close()
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (self.folder / "server.log").read_text()
                assert self._process is not None
                assert self._process.poll() is None, (self.folder / "server.log").read_text()
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        """SIGKILL to the server and its children, as when the power goes."""
        if self._process is not None:
            kill_all(self._process)
            self._process = None

    def stop(self) -> None:
        """Immediately, without a checkpoint."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def conninfo(self, database: str, user: str = OWNER) -> str:
        return f"host=127.0.0.1 port={self.port} dbname={database} user={user}"

    def place(self, database: str) -> Server:
        return Server(self.conninfo(database), unsafe=self.unsafe)

    def database(self, *, bare: bool = False) -> Server:
        """A new database, with the schema unless it is to be bare."""
        name = f"t{next(self._numbers)}"
        template = "template1" if bare else self._made_template()
        self._when_unused(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return self.place(name)

    def drop(self, place: Server) -> None:
        self._when_unused(f"DROP DATABASE IF EXISTS {name_of(place)} WITH (FORCE)")

    def _when_unused(self, statement: str) -> None:
        """A statement for which the server waits five seconds until sessions have ended."""
        deadline = time.monotonic() + START_S
        while True:
            try:
                self.execute(statement)
            except psycopg.errors.ObjectInUse:
                assert time.monotonic() < deadline, statement
            else:
                return

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """One statement as the cluster's owner."""
        with closing(psycopg.connect(self.conninfo(database), autocommit=True)) as session:
            cursor = session.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _made_template(self) -> str:
        if self._template is None:
            self.execute("CREATE DATABASE pattern")
            connect(self.place("pattern"), "off").close()
            self._template = "pattern"
        return self._template

    def run(self, *arguments: object) -> None:
        """A program of PostgreSQL as the server's user; its words if it fails."""
        done = subprocess.run(
            [str(argument) for argument in arguments],
            **self._as_user(),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, (done.stdout + done.stderr).decode()

    def _as_user(self) -> dict[str, Any]:
        return {"user": self.user, "cwd": "/"} if self.user is not None else {"cwd": "/"}


@functools.cache
def server() -> Cluster:
    """The server all tests of this process share."""
    cluster = Cluster(home(), *_QUICK)
    atexit.register(_end, cluster)
    return cluster.init().start()


@contextmanager
def started(folder: Path, *settings: str) -> Iterator[Cluster]:
    """A server of the test's own; `folder` is made."""
    cluster = Cluster(folder, *settings).init().start()
    try:
        yield cluster
    finally:
        cluster.kill()


def home() -> Path:
    """A new folder that the server's user may reach (pytest's are its user's alone)."""
    memory = _MEMORY if _roomy(_MEMORY) else None
    folder = Path(tempfile.mkdtemp(prefix="plomba-pg-", dir=memory))
    folder.chmod(0o755)
    return folder


def _roomy(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > _ROOM_BYTES


def server_user() -> str | None:
    """As whom the server runs, None for the tests' own user."""
    if os.geteuid() != 0:
        return None
    return pwd.getpwnam("postgres").pw_name


def program(name: str) -> str:
    """A program of PostgreSQL."""
    for folder in _BINARIES:
        if (folder / name).exists():
            return str(folder / name)
    return name


def name_of(place: Server) -> str:
    """The database a place names."""
    return str(psycopg.conninfo.conninfo_to_dict(place.conninfo)["dbname"])


def kill_all(server: subprocess.Popen[bytes]) -> None:
    """SIGKILL to a server and all it has started; none of them is left when this returns.

    A child that came between the look and the kill, or that is still dying, would hold the
    server's memory, and the next server on the same data would not start.
    """
    # Stopped it starts no more of them.
    server.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, server.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    started = _children(server.pid)
    for pid in (server.pid, *started):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.wait()
    deadline = time.monotonic() + START_S
    while left := [pid for pid in started if _status(pid)[:1] not in ([], ["Z"], ["X"])]:
        assert time.monotonic() < deadline, f"killed, and still there: {left}"
        time.sleep(0.01)


def _children(pid: int) -> list[int]:
    """The processes a server has started; each leads a group of its own."""
    processes = (int(one.name) for one in Path("/proc").glob("[0-9]*"))
    return [one for one in processes if _status(one)[1:2] == [str(pid)]]


def _status(pid: int) -> list[str]:
    """What the kernel says of a process, from its state and its parent on; [] if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _end(cluster: Cluster) -> None:
    cluster.stop()
    shutil.rmtree(cluster.folder, ignore_errors=True)
