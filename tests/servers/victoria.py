"""A real VictoriaMetrics on a free port of this machine, in a folder of its own."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.cloud_sync.brokers import free_port

STARTS_WITHIN_S = 60.0
ANSWERS_WITHIN_S = 60.0


class Sample(NamedTuple):
    """One sample of a series, the labels sorted."""

    name: str
    labels: tuple[tuple[str, str], ...]
    at_ms: int
    value: float

    def label(self, name: str) -> str:
        return dict(self.labels).get(name, "")


class Victoria:
    """A running server; it can be killed and started again on what it has on disk."""

    def __init__(self, folder: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._folder = folder
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = shutil.which("victoria-metrics")
        assert program, "victoria-metrics is not installed: run make servers"
        self._process = subprocess.Popen(
            [
                program,
                f"-storageDataPath={self._folder}",
                f"-httpListenAddr=127.0.0.1:{self._port}",
                "-retentionPeriod=100y",
                "-search.latencyOffset=0s",
                "-search.disableCache",
                "-memory.allowedBytes=256MB",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                httpx.get(f"{self.url}/health").raise_for_status()
            except httpx.HTTPError:
                assert time.monotonic() < until, "victoria-metrics did not start"
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def samples(self, match: str) -> list[Sample]:
        """Every sample as it lies there, those written twice too."""
        answer = self._asked("export", {"match[]": match, "start": "1970-01-01T00:00:00Z"})
        found = []
        for line in answer.text.splitlines():
            series = json.loads(line)
            labels = dict(series["metric"])
            name = labels.pop("__name__")
            told = tuple(sorted(labels.items()))
            found += [
                Sample(name, told, at_ms, value)
                for at_ms, value in zip(series["timestamps"], series["values"], strict=True)
            ]
        return sorted(found)

    def query(self, expression: str, at_ms: int) -> list[dict[str, object]]:
        """What a dashboard's question is answered with."""
        asked = {"query": expression, "time": at_ms / 1000, "step": "15m"}
        result: list[dict[str, object]] = self._asked("query", asked).json()["data"]["result"]
        return result

    def _asked(self, what: str, params: dict[str, str | float]) -> httpx.Response:
        """An answer that knows all that was taken in before."""
        for path, more in (("internal/force_flush", {}), (f"api/v1/{what}", params)):
            answer = httpx.get(f"{self.url}/{path}", params=more, timeout=ANSWERS_WITHIN_S)
            assert answer.is_success, answer.text
        return answer


@contextmanager
def victoria(folder: Path) -> Iterator[Victoria]:
    """A server with nothing in it, killed afterwards."""
    server = Victoria(folder / "victoria", free_port())
    server.start()
    try:
        yield server
    finally:
        server.kill()
