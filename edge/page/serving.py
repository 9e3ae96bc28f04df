"""The page put together: configuration, visit, door and server."""

import time
from collections.abc import Callable
from pathlib import Path

import structlog

from edge.page.app import create_app
from edge.page.desk import Desk
from edge.page.front import Front
from edge.page.label import Label
from edge.page.server import bound, server_of
from edge.page.sessions import Sessions
from edge.visit.steps import Visiting

log = structlog.get_logger("edge.page")


def desk_of(visiting: Visiting, clock_s: Callable[[], float] = time.monotonic) -> Desk:
    """The screens' desk over a visit; `clock_s` only goes forward."""
    device = visiting.config.device
    label = Label(device.state_dir, clock_s)
    sessions = Sessions(device.state_dir, clock_s)
    return Desk(Front(device.name, label, sessions), visiting, clock_s)


async def serve(config_path: Path, host: str, port: int) -> None:
    """Serve the page until SIGINT or SIGTERM; ConfigError where it cannot be."""
    visiting = Visiting(config_path)
    visiting.config.device.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    desk = desk_of(visiting)
    with bound(host, port) as listener:
        log.info("page is open", listen=f"{host}:{port}", has_code=desk.front.label.there())
        await server_of(create_app(desk)).serve(sockets=[listener])
