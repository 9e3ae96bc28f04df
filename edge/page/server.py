"""The page's server: uvicorn on one socket, connections with an end, stopped by signals."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from edge.config import ConfigError
from edge.page.forms import PHOTO_S

# A few phones, each with up to six connections.
CONNECTIONS_MAX = 32
# The slowest photo that is waited for, and what comes before and after it.
CONNECTION_S = PHOTO_S + 60.0
GOODBYE_S = 2


class Brief(H11Protocol):
    """A connection with an end: uvicorn would wait for a first request as long as it likes."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, and know the end."""
        super().connection_made(transport)
        self._end = self.loop.call_later(CONNECTION_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Over, in time or by then."""
        self._end.cancel()
        super().connection_lost(exc)


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    """A socket bound to that address; ConfigError where it is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen()
        except OSError as error:
            raise ConfigError(
                f"cannot listen on {host}:{port}: {error.strerror}; "
                "choose another --listen or stop what is using it"
            ) from error
        yield listener
    finally:
        listener.close()


def server_of(app: ASGIApp) -> uvicorn.Server:
    """A server to be run with `serve(sockets=[listener])`."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=Brief,
            log_config=None,
            access_log=False,
            lifespan="on",
            server_header=False,
            proxy_headers=False,
            ws="none",
            limit_concurrency=CONNECTIONS_MAX,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=GOODBYE_S,
        )
    )
