"""One PostgreSQL server with its configuration outside its data, as Debian has it.

What `standbys` starts three of. As root the server and the scripts run as the user `postgres`.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.servers.ports import free_port
from tests.servers.postgres import kill_all, program, server_user

DEPLOY = Path(__file__).parents[2] / "deploy/cloud/postgres"
HOST = "127.0.0.1"
START_S = 60.0


class Node:
    """One server: its data, its configuration beside it, its process."""

    def __init__(self, name: str, folder: Path, fragments: tuple[str, ...], more: str) -> None:
        self.name = name
        self._more = more
        self.folder = folder / name
        self.port = free_port()
        self.user = server_user()
        self._shared = folder
        self._fragments = fragments
        self._process: subprocess.Popen[bytes] | None = None
        self.folder.mkdir()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def config(self) -> Path:
        return self.folder / "postgresql.conf"

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text()[-3000:]

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def configure(self) -> None:
        """The fragments of deploy/, this node's own lines, and who may come in."""
        shared = self._shared
        self.config.write_text(
            "".join(f"include '{shared}/postgres/{one}'\n" for one in self._fragments)
            + f"cluster_name = '{self.name}'\ndata_directory = '{self.data}'\n"
            f"hba_file = '{self.folder}/pg_hba.conf'\nport = {self.port}\n"
            f"listen_addresses = '{HOST}'\nunix_socket_directories = '{self.folder}'\n"
            f"ssl_cert_file = '{shared}/ca-{HOST}.pem'\nssl_key_file = '{shared}/ca-{HOST}.key'\n"
            + self._more
        )
        # The test's own user is no `peer` of the superuser; the socket's folder is nobody else's.
        rules = "local all postgres trust\n" + (DEPLOY / "pg_hba.conf").read_text()
        (self.folder / "pg_hba.conf").write_text(rules)
        if self.user is not None:
            for path in (self.folder, self.config, self.folder / "pg_hba.conf"):
                shutil.chown(path, self.user)

    def start(self) -> None:
        """Start the server and wait until it answers on its socket."""
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program("postgres"), "-D", self.data, "-c", f"config_file={self.config}"],
                **as_user(self.user),
                env=environment(self.folder),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while not self._answers():
            assert time.monotonic() < deadline, self.log
            assert self.runs, self.log
            time.sleep(0.05)

    def _answers(self) -> bool:
        return self._psql("SELECT 1").returncode == 0

    def ask(self, statements: str, database: str = "postgres") -> str:
        """What the superuser is answered over the socket, bare."""
        done = self._psql(statements, database)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def begin(self, statement: str, database: str = "postgres") -> subprocess.Popen[bytes]:
        """A statement as the superuser whose end is not waited for."""
        return subprocess.Popen(
            [program("psql"), "-XAtq", "-c", statement, self._where(database)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def until(self, statement: str) -> None:
        """Until the server says true."""
        deadline = time.monotonic() + START_S
        while self.ask(statement) != "t":
            assert time.monotonic() < deadline, statement
            time.sleep(0.05)

    def _where(self, database: str) -> str:
        return f"host={self.folder} port={self.port} user=postgres dbname={database}"

    def _psql(
        self, statements: str, database: str = "postgres"
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", self._where(database)],
            input=statements,
            text=True,
            capture_output=True,
            check=False,
        )

    def kill(self) -> None:
        """SIGKILL to the server and its children, as when the power goes."""
        if self._process is not None:
            kill_all(self._process)
            self._process = None


def environment(folder: Path) -> dict[str, str]:
    """HOME is where libpq looks for a client's certificate; the test's may not be readable."""
    return os.environ | {"HOME": str(folder)}


def own(file: Path) -> None:
    """Give a file to the servers' user, where that is another one."""
    user = server_user()
    if user is not None:
        shutil.chown(file, user)


def as_user(user: str | None) -> dict[str, Any]:
    return {"user": user, "group": user, "cwd": "/"} if user is not None else {"cwd": "/"}


def run_as(
    *arguments: object, env: dict[str, str] | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a program as the servers' user."""
    done = subprocess.run(
        [str(argument) for argument in arguments],
        **as_user(server_user()),
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    return done
