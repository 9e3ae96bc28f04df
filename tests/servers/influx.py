"""A real InfluxDB 1.6 on a free port: it takes the same lines as 2 and 3, by its older API."""

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.cloud_sync.brokers import free_port

STARTS_WITHIN_S = 60.0
ANSWERS_WITHIN_S = 60.0
_CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
[monitor]
store-enabled = false
"""


class Influx:
    """A running server with one database."""

    def __init__(self, url: str) -> None:
        self.url = url

    def write(self, lines: Sequence[str]) -> None:
        """Bring lines in, times in milliseconds; all of them or an error."""
        answer = httpx.post(
            f"{self.url}/write",
            params={"db": "plomba", "precision": "ms"},
            content="\n".join(lines).encode(),
            timeout=ANSWERS_WITHIN_S,
        )
        assert answer.is_success, answer.text

    def points(self, statement: str) -> list[dict[str, Any]]:
        """The rows of a query, by column; times in milliseconds."""
        params = {"db": "plomba", "q": statement, "epoch": "ms"}
        answer = httpx.post(f"{self.url}/query", params=params, timeout=ANSWERS_WITHIN_S)
        assert answer.is_success, answer.text
        series = answer.json()["results"][0].get("series", [])
        return [
            dict(zip(one["columns"], row, strict=True)) for one in series for row in one["values"]
        ]


@contextmanager
def influx(folder: Path) -> Iterator[Influx]:
    """A server with an empty database, killed afterwards."""
    program = shutil.which("influxd")
    assert program, "influxd is not installed: run make servers"
    port = free_port()
    config = folder / "influxdb.conf"
    config.write_text(_CONFIG.format(folder=folder, port=port, rpc=free_port()))
    process = subprocess.Popen(
        [program, "run", "-config", str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = Influx(f"http://127.0.0.1:{port}")
    try:
        until = time.monotonic() + STARTS_WITHIN_S
        while not _listens(server):
            assert time.monotonic() < until, "influxd did not start"
            time.sleep(0.05)
        server.points("CREATE DATABASE plomba")
        yield server
    finally:
        process.kill()
        process.wait()


def _listens(server: Influx) -> bool:
    try:
        return httpx.get(f"{server.url}/ping").is_success
    except httpx.HTTPError:
        return False
