"""A PostgreSQL of a measurement's own: in a folder of its own, durable, gone afterwards."""

import getpass
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from simulators.demo.brokers import HOST, free_port
from simulators.fleet.folder import FleetError

# Where Debian keeps it, the newest first; elsewhere it is on PATH.
_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
_NAME = "plomba"
_START_S_MAX = 60.0
# As deploy/cloud/postgres/plomba.conf, for a smaller machine; fsync stays on.
_SETTINGS = ("max_connections=50", "shared_buffers=256MB", "max_wal_size=2GB", "timezone=UTC")


class Server(NamedTuple):
    """A running server with a database for the ledger."""

    pid: int
    port: int

    @property
    def toml(self) -> str:
        """The section that brings a gateway to it."""
        words = f"host={HOST} port={self.port} dbname={_NAME} user={_NAME}"
        return f'[ledger]\nserver = "{words}"\n'

    def analyze(self) -> None:
        """Have the planner know the tables, as autovacuum does some minute after an import."""
        _run(None, "psql", "-h", HOST, "-p", str(self.port), "-U", _NAME, "-c", "ANALYZE", _NAME)


@contextmanager
def started() -> Iterator[Server]:
    """A server with an empty database; FleetError where PostgreSQL is not installed."""
    with tempfile.TemporaryDirectory(prefix="plomba-pg-", ignore_cleanup_errors=True) as name:
        folder, port = Path(name), free_port()
        # As root it would not run; its user has to reach the folder.
        user = "postgres" if os.geteuid() == 0 else None
        if user is not None:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        data = str(folder / "data")
        _run(user, "initdb", "-D", data, "-U", _NAME, "-A", "trust", "-E", "UTF8", "--locale=C")
        settings = (*_SETTINGS, f"port={port}", f"unix_socket_directories={folder}")
        flags = [word for setting in settings for word in ("-c", setting)]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - found above
                [_program("postgres"), "-D", data, *flags],
                user=user,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )
        try:
            _await(user, port, folder / "log")
            yield Server(process.pid, port)
        finally:
            # The fast shutdown: the one of SIGTERM would wait for whoever is still connected.
            process.send_signal(signal.SIGINT)
            process.wait()


def _await(user: str | None, port: int, log: Path) -> None:
    """Until the server is there and has its database."""
    ends_s = time.monotonic() + _START_S_MAX
    while True:
        try:
            _run(user, "createdb", "-h", HOST, "-p", str(port), "-U", _NAME, _NAME)
        except FleetError as error:
            if time.monotonic() > ends_s:
                raise FleetError(f"{error}; {log.read_text()[-300:]}") from error
            time.sleep(0.1)
        else:
            return


def _run(user: str | None, program: str, *words: str) -> None:
    done = subprocess.run(  # noqa: S603 - found below
        [_program(program), *words],
        user=user,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    if done.returncode:
        raise FleetError(f"{program} as {user or getpass.getuser()}: {done.stderr.strip()}")


def _program(name: str) -> str:
    path = os.pathsep.join([*map(str, _FOLDERS), os.environ.get("PATH", "")])
    found = shutil.which(name, path=path)
    if found is None:
        raise FleetError(f"{name} is not installed: apt-get install postgresql")
    return found
