"""The door for devices: enrolment, renewal and rotation over HTTPS on a listener of its own.

TLS 1.3 with the server's certificate; there is nothing else behind this door but records of visits
(gateway/web/visits_door.py), and nothing on it in clear. Bodies are bounded before they are read,
connections have an end, knocks are counted before they are judged, and the judgement runs in the
thread that writes the ledger.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable

import structlog
import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect
from uvicorn.protocols.http.h11_impl import H11Protocol

from cloud_sync.certificates import CertificateError
from cloud_sync.enrolment import (
    ENROL_PATH,
    MESSAGE_BYTES_MAX,
    RENEW_PATH,
    ROTATE_PATH,
    Answer,
    Refused,
    encode_answer,
)
from gateway.config import ConfigError, EnrolmentConfig
from gateway.handoff.pump import Caller
from gateway.identity.enrolling import Doorkeeper
from gateway.identity.gate import Gate
from gateway.identity.model import NotLetIn, Why
from gateway.store import StoreError
from gateway.web.server import GOODBYE_S, QuietServer

Judge = Callable[[bytes, str, int], Answer]
Handle = Callable[[bytes, str], Awaitable[bytes]]
"""What becomes of a body and where it came from: the answer's bytes, or NotLetIn."""

# A device knocks once in months; whoever holds more connections open is no device.
CONNECTIONS_MAX = 64
# A request is one packet or two, also over a bad mobile link.
BODY_S = 15.0
# A place is given back then, whatever its holder sends or does not: several times a slow request.
CONNECTION_S = 60.0
# Knocks that came too often are counted here and recorded as one.
TOO_OFTEN_RECORDED_S = 60.0
_STATUS = {Why.MALFORMED: 400, Why.TOO_OFTEN: 429}
_TYPE = "application/cbor"

log = structlog.get_logger()


class Door:
    """The routes before a `Doorkeeper`; `clock` tells ms since the epoch."""

    def __init__(self, keeper: Doorkeeper, call: Caller, clock: Callable[[], int]) -> None:
        self._keeper = keeper
        self._call = call
        self._clock = clock
        self._gate = Gate()
        self._recorded_s = -TOO_OFTEN_RECORDED_S

    def app(self) -> FastAPI:
        """Three routes and no others."""
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        judges = {
            ENROL_PATH: self._keeper.enrol,
            RENEW_PATH: self._keeper.renew,
            ROTATE_PATH: self._keeper.rotate,
        }
        for path, judge in judges.items():
            app.post(path)(self.route(self._judged(judge), MESSAGE_BYTES_MAX))
        return app

    def route(
        self,
        handle: Handle,
        bytes_max: int,
        *,
        body_s: float = BODY_S,
        gate: Gate | None = None,
    ) -> Callable[[Request], Awaitable[Response]]:
        """A route to `handle`, which records by itself whom it refuses; with a gate of its own."""
        counted = gate or self._gate

        async def answer(request: Request) -> Response:
            source = request.client.host if request.client else ""
            try:
                if not counted.admits(source, time.monotonic()):
                    await self._too_often(source)
                body = await self._bounded(request, source, bytes_max, body_s)
                return Response(await handle(body, source), media_type=_TYPE)
            except NotLetIn as refusal:
                log.warning("not let in", reason=refusal.why, device=refusal.device, source=source)
                return _refused(refusal)
            except StoreError as error:
                log.warning("ledger cannot write", error=str(error))
                return Response(status_code=503)
            except CertificateError as error:
                # An authority that ended, or that did not make what the ledger holds.
                log.error("no certificate can be given", error=str(error))  # noqa: TRY400 - a refusal to explain, not a bug to trace
                return Response(status_code=503)

        return answer

    async def record(self, refusal: NotLetIn, source: str, what: str = "enrolment") -> None:
        """Note who was not let in, and with what."""
        await self._call(lambda: self._keeper.refused(refusal, source, self._clock(), what))

    def _judged(self, judge: Judge) -> Handle:
        async def handle(body: bytes, source: str) -> bytes:
            return encode_answer(await self._call(lambda: judge(body, source, self._clock())))

        return handle

    async def _bounded(self, request: Request, source: str, bytes_max: int, body_s: float) -> bytes:
        try:
            return await _body(request, bytes_max, body_s)
        except NotLetIn as refusal:
            await self.record(refusal, source)
            raise

    async def _too_often(self, source: str) -> None:
        refusal = NotLetIn(Why.TOO_OFTEN, "try again in a minute")
        now_s = time.monotonic()
        if now_s - self._recorded_s >= TOO_OFTEN_RECORDED_S:
            self._recorded_s = now_s
            await self.record(refusal, source)
        raise refusal


async def _body(request: Request, bytes_max: int, body_s: float) -> bytes:
    """At most as much as a message has; NotLetIn for more, or for one that does not come."""
    body = bytearray()
    try:
        async with asyncio.timeout(body_s):
            async for piece in request.stream():
                body += piece
                if len(body) > bytes_max:
                    raise NotLetIn(Why.MALFORMED, f"expected at most {bytes_max} bytes")
    except (TimeoutError, ClientDisconnect):
        raise NotLetIn(Why.MALFORMED, "the request did not come to its end") from None
    return bytes(body)


def _refused(refusal: NotLetIn) -> Response:
    said = Refused(1, refusal.why, refusal.detail[:500])
    return Response(encode_answer(said), _STATUS.get(refusal.why, 403), media_type=_TYPE)


def tls(config: EnrolmentConfig) -> ssl.SSLContext:
    """TLS 1.3 with the server's certificate; ConfigError for files that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(config.cert, config.key)
    except (OSError, ssl.SSLError) as error:
        both = f"{config.cert} with {config.key}"
        raise ConfigError(f"enrolment: cannot use the certificate {both}: {error}") from error
    return context


class Brief(H11Protocol):
    """A connection with an end: uvicorn would wait for a first request as long as it likes."""

    lives_s = CONNECTION_S

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, and know the end."""
        super().connection_made(transport)
        self._end = self.loop.call_later(self.lives_s, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Over, in time or by then."""
        self._end.cancel()
        super().connection_lost(exc)


async def serve(
    listener: socket.socket,
    app: FastAPI,
    context: ssl.SSLContext,
    protocol: type[Brief] = Brief,
) -> None:
    """Serve the door until cancelled."""
    server = QuietServer(
        uvicorn.Config(
            app,
            http=protocol,
            ssl_context_factory=lambda _config, _default: context,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            ws="none",
            limit_concurrency=CONNECTIONS_MAX,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=GOODBYE_S,
        )
    )
    await server.until_cancelled(listener)
