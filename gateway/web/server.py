"""The page's server: uvicorn on a socket that was bound before anything else started.

The door for devices (gateway/web/enrolment.py) and the residents' pages (gateway/resident_web) are
served in the same way.
"""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn

from gateway.config import ConfigError, EnrolmentConfig, GatewayConfig, WebConfig
from gateway.config_resident import ResidentConfig
from gateway.web.page import create_app

# A browser keeps its connection a while; a stopping gateway does not wait for it longer than this.
GOODBYE_S = 2
# A handful of people and a monitor; each browser holds up to six connections.
CONNECTIONS_MAX = 128
_SECTIONS: Final = {WebConfig: "web", EnrolmentConfig: "enrolment", ResidentConfig: "resident"}


class QuietServer(uvicorn.Server):
    """uvicorn without signal handlers of its own: the process has one owner, not a listener."""

    async def until_cancelled(self, listener: socket.socket) -> None:
        """Serve on `listener`; cancelled, it says goodbye to whoever is there first."""
        serving = asyncio.create_task(self.serve(sockets=[listener]))
        try:
            await asyncio.shield(serving)
        finally:
            self.should_exit = True
            await serving

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@contextmanager
def bound(config: WebConfig | EnrolmentConfig | ResidentConfig) -> Iterator[socket.socket]:
    """A socket bound to the configured address; ConfigError where it is taken or not ours."""
    section = _SECTIONS[type(config)]
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((config.host, config.port))
            listener.listen()
        except OSError as error:
            raise ConfigError(
                f"{section}: cannot listen on {config.host}:{config.port}: {error.strerror}; "
                f"choose another {section}.port or stop what is using it"
            ) from error
        yield listener
    finally:
        listener.close()


async def serve(listener: socket.socket, config: GatewayConfig, clock: Callable[[], int]) -> None:
    """Serve the page until cancelled."""
    server = QuietServer(
        uvicorn.Config(
            create_app(config.place, clock, config.web, config.data),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            limit_concurrency=CONNECTIONS_MAX,
            timeout_graceful_shutdown=GOODBYE_S,
        )
    )
    await server.until_cancelled(listener)
