"""Where points go, by InfluxDB's write API: the one place that knows its client.

A request either ended with "taken" or it did not, and then all of it goes again: a point that is
there already is the same point. What the target refuses for good (a bad token, a wrong bucket) is
said and tried again as one that is away is, since only a person can mend it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS, WriteApi
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from cloud_sync import private_file
from cloud_sync.private_file import KeyFileError, without
from gateway.config_base import LOOPBACK, ConfigError
from gateway.config_mirror import MirrorConfig
from gateway.mirror.lines import MEASUREMENT, MIRROR
from gateway.mirror.model import MirrorError, Target

# A point takes some 250 bytes: a request of a megabyte before it is packed.
LINES_PER_REQUEST = 5000
# The library's `WritePrecision.MS`, which it declares as text and asks for as a member.
_MS: Any = "ms"


class Sink(Protocol):
    """What takes lines."""

    @property
    def kind(self) -> Target:
        """What it makes of points."""

    def write(self, lines: Sequence[str]) -> None:
        """Return once all of them are taken; MirrorError otherwise."""

    def forget(self) -> None:
        """Let go of everything that was ever mirrored; MirrorError if that cannot be."""


class HttpSink:
    """A store behind InfluxDB's write API."""

    def __init__(self, config: MirrorConfig, client: InfluxDBClient, token: str) -> None:
        self.kind = Target(config.kind)
        self._config = config
        self._client = client
        self._api: WriteApi = client.write_api(write_options=SYNCHRONOUS)
        self._token = token

    def write(self, lines: Sequence[str]) -> None:
        """Return once all of them are taken; MirrorError otherwise."""
        for start in range(0, len(lines), LINES_PER_REQUEST):
            body = "\n".join(lines[start : start + LINES_PER_REQUEST])
            with self._asked():
                self._api.write(self._config.bucket, record=body, write_precision=_MS)

    def forget(self) -> None:
        """Let go of everything of this gateway; MirrorError if that cannot be."""
        if self.kind is Target.INFLUXDB:
            with self._asked():
                for name in (MEASUREMENT, MIRROR):
                    predicate = f'_measurement="{name}" AND gateway="{self._config.gateway}"'
                    everything = ("1970-01-01T00:00:00Z", "2200-01-01T00:00:00Z")
                    self._client.delete_api().delete(
                        *everything, predicate, bucket=self._config.bucket, org=self._config.org
                    )
            return
        names = f'__name__=~"{MEASUREMENT}_.*|{MIRROR}_.*"'
        self._delete_series(f'{{{names},gateway="{self._config.gateway}"}}')

    def _delete_series(self, match: str) -> None:
        """What VictoriaMetrics has instead: it finds only what has been flushed."""
        self._ask("/internal/force_flush")
        self._ask("/api/v1/admin/tsdb/delete_series", {"match[]": match})

    def _ask(self, path: str, params: dict[str, str] | None = None) -> None:
        address = self._config.url.rstrip("/") + path
        headers = {"Authorization": f"Token {self._token}"} if self._token else {}
        try:
            answer = httpx.post(
                address, params=params, headers=headers, timeout=self._config.timeout_s
            )
        except httpx.HTTPError as error:
            raise _unreachable(self._config.url, error) from error
        if not answer.is_success:
            raise _refused(address, answer.status_code, without(answer.text, [self._token]))

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Whatever the client raises, as one line."""
        try:
            yield
        except ApiException as error:
            said = without(str(error.body or error.reason), [self._token])
            raise _refused(self._config.url, int(error.status or 0), said) from error
        except (HTTPError, InfluxDBError, OSError) as error:
            raise _unreachable(self._config.url, error) from error


@contextmanager
def opened(config: MirrorConfig) -> Iterator[HttpSink]:
    """The target of a configuration, closed afterwards."""
    token = "" if config.token_file is None else _token(config.token_file)
    client = InfluxDBClient(
        config.url,
        token=token,
        org=config.org,
        timeout=int(config.timeout_s * 1000),
        # Packing costs as much as all else, so not on one machine.
        enable_gzip=urlsplit(config.url).hostname not in LOOPBACK,
        retries=False,  # the follower's own: they end when the gateway does
    )
    with client:
        yield HttpSink(config, client, token)


def _token(file: Path) -> str:
    try:
        private_file.check(file, "token")
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError, KeyFileError) as error:
        raise ConfigError(f"mirror.token_file: {file}: {error}") from error


def _refused(url: str, status: int, said: str) -> MirrorError:
    text = " ".join(said.split())[:200]
    return MirrorError(f"{url} does not take points: {status} {text}")


def _unreachable(url: str, error: Exception) -> MirrorError:
    return MirrorError(f"cannot reach {url}: {type(error).__name__}")
