"""The HTTP side of ГИС ЖКХ: one POST per message, its answer read up to a bound.

A SOAP fault comes with status 500, so an answer's status does not say what it is; its content
does. TLS with the information system's certificate is an option: where GOST suites are asked for,
a proxy on this machine (stunnel with a GOST engine) does it, and is the endpoint.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from gateway.config import ConfigError, GisConfig
from gateway.gis.model import GisError
from gateway.handoff.target import words
from gateway.handoff.webhook import http_client

# A page of a thousand devices with all their values of two months is a few MiB.
ANSWER_BYTES_MAX = 32 * 1024 * 1024
# Against a server that sends a byte now and then, which no pause between two bytes is too long for.
WHOLE_ANSWER = 10
"""How many times the wait for any one thing the wait for a whole answer is."""
_SOAP_STATUSES = frozenset({200, 202, 500})
_WORDS_CHARS_MAX = 200


class GisClient:
    """A `Road` that posts to `endpoint` and waits no longer than `patience_s` for an answer."""

    def __init__(self, endpoint: str, http: httpx.AsyncClient, patience_s: float) -> None:
        self._endpoint = endpoint
        self._http = http
        self._patience_s = patience_s

    async def call(self, action: str, envelope: bytes) -> bytes:
        """The answer's bytes; GisError where there is none, which may well be tried again."""
        headers = {"content-type": "text/xml; charset=utf-8", "soapaction": f'"{action}"'}
        try:
            async with (
                asyncio.timeout(self._patience_s),
                self._http.stream(
                    "POST", self._endpoint, content=envelope, headers=headers
                ) as response,
            ):
                answer = await _whole(response)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise GisError(f"no answer in time ({type(error).__name__})") from error
        except httpx.HTTPError as error:
            said = error or type(error).__name__
            raise GisError(f"cannot reach {self._endpoint}: {said}") from error
        if response.status_code not in _SOAP_STATUSES:
            said = words(answer[:_WORDS_CHARS_MAX].decode(errors="replace"))
            raise GisError(f"HTTP {response.status_code} {said}".rstrip())
        return answer


async def _whole(response: httpx.Response) -> bytes:
    parts, size = [], 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > ANSWER_BYTES_MAX:
            raise GisError(f"expected an answer of at most {ANSWER_BYTES_MAX} bytes, got more")
        parts.append(chunk)
    return b"".join(parts)


@asynccontextmanager
async def client_of(config: GisConfig) -> AsyncIterator[GisClient]:
    """A client as configured; ConfigError for certificates that cannot be used."""
    async with http_client(config.timeout_s, _tls(config)) as http:
        yield GisClient(config.endpoint, http, WHOLE_ANSWER * config.timeout_s)


def _tls(config: GisConfig) -> ssl.SSLContext | None:
    """The TLS of the information system's certificate; None for the machine's own."""
    if config.tls is None:
        return None
    try:
        context = ssl.create_default_context(cafile=str(config.tls.ca))
        context.load_cert_chain(config.tls.cert, config.tls.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"gis_zhkh.tls: cannot use the certificates: {error}") from error
    return context
