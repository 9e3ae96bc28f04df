"""The residents' listener: pages over a ledger connection of their own, behind a proxy with TLS.

Uploads lie in data/uploads; photos are looked at in processes of their own (gateway/photo/looking).
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TypeVar
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI

from cloud_sync.signing import SigningKey
from gateway.config import GatewayConfig
from gateway.config_base import LOOPBACK
from gateway.config_resident import ResidentConfig
from gateway.photo.looking import RECOGNISER, Looking, workers_of_machine
from gateway.resident.signin_wired import ways_of
from gateway.resident_web.app import create_app
from gateway.resident_web.forms import PLAIN_S
from gateway.resident_web.front import ASIDE_MAX, Front, Place, Threads, Ways
from gateway.resident_web.signin_desk import SignInDesk
from gateway.resident_web.uploads import Uploads
from gateway.resident_web.wired import LedgerDesk
from gateway.sql.store import open_store
from gateway.web.act_check import add_act_routes
from gateway.web.enrolment import Brief
from gateway.web.server import GOODBYE_S, QuietServer
from gateway.wiring import Clock

T = TypeVar("T")
FOLDER = "uploads"
# A whole house on the last evening of its window, each phone with a few connections.
CONNECTIONS_MAX = 512


class Unhurried(Brief):
    """A connection ends when the slowest plain form that is waited for would."""

    lives_s = PLAIN_S + 60


def place_of(config: ResidentConfig) -> Place:
    """From where forms may come: the public address, and this machine's own where that is meant."""
    parts = urlsplit(config.public_url)
    origins = {f"{parts.scheme}://{parts.netloc}"}
    if parts.hostname in LOOPBACK:
        origins |= {f"http://{host}:{config.port}" for host in ("127.0.0.1", "localhost", "[::1]")}
    return Place(frozenset(origins), secure=parts.scheme == "https")


async def serve(
    listener: socket.socket,
    config: GatewayConfig,
    resident: ResidentConfig,
    key: SigningKey,
    clock: Clock,
    *,
    recogniser: str = RECOGNISER,
) -> None:
    """Serve the pages until cancelled; `recogniser` reads photos (gateway/photo/looking.py)."""
    with ExitStack() as stack:
        ledger = stack.enter_context(ThreadPoolExecutor(1, "resident"))
        aside = stack.enter_context(ThreadPoolExecutor(ASIDE_MAX, "aside"))
        looker = stack.enter_context(Looking(workers_of_machine(), recogniser))
        store = await in_thread(ledger)(lambda: open_store(config.place))
        stack.callback(store.close)
        desk = LedgerDesk(store, config, resident, key=key, looker=looker, clock=clock)
        front = Front(
            desk,
            Threads(in_thread(ledger), in_thread(aside)),
            uploads=Uploads(config.data / FOLDER),
            place=place_of(resident),
            clock=clock,
            ways=ways_on_pages(resident),
        )
        signing = None
        if front.ways.any:
            signing = SignInDesk(store.database, key, resident, clock)
        app = create_app(front, resident.names, signing, ways_of(resident, clock, stack))
        add_act_routes(app, config.place, key.public, style="/static/resident.css")
        await _server(app).until_cancelled(listener)


def ways_on_pages(config: ResidentConfig) -> Ways:
    """How one may sign in, as the first page offers it."""
    titles = tuple((one.name, (one.title_ru, one.title_en)) for one in config.sign_in)
    return Ways(titles, config.passkeys)


def in_thread(executor: ThreadPoolExecutor) -> Callable[[Callable[[], T]], Awaitable[T]]:
    """Runs work there."""

    def run(work: Callable[[], T]) -> Awaitable[T]:
        return asyncio.get_running_loop().run_in_executor(executor, work)

    return run


def _server(app: FastAPI) -> QuietServer:
    return QuietServer(
        uvicorn.Config(
            app,
            http=Unhurried,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            # The proxy before it is on this machine; whom it names is who asks.
            proxy_headers=True,
            forwarded_allow_ips="127.0.0.1,::1",
            ws="none",
            limit_concurrency=CONNECTIONS_MAX,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=GOODBYE_S,
        )
    )
