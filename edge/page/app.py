"""The page's application: the screens, the door before them, and the work behind them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from edge.page.desk import Desk
from edge.page.dials import Dials
from edge.page.door import OwnHost, own_names
from edge.page.entry import Entry
from edge.page.finishing import Finishing
from edge.page.home import Home
from edge.page.later import Later
from edge.page.looking import Looking
from edge.page.meters import Meters
from edge.page.pictures import Pictures
from edge.page.places import Places
from edge.page.refusal import NotDone
from edge.page.work import FAILURES

_STATIC = Path(__file__).parent / "static"
_SCREENS = (Entry, Home, Looking, Meters, Dials, Places, Pictures, Finishing, Later)


def create_app(desk: Desk) -> ASGIApp:
    """The page over a desk; it answers to this device's own addresses and names."""
    routes: list[BaseRoute] = [Mount("/static", StaticFiles(directory=_STATIC))]
    for screens in _SCREENS:
        routes += screens(desk).routes()

    @asynccontextmanager
    async def living(_: Starlette) -> AsyncIterator[None]:
        desk.go_on()
        try:
            yield
        finally:
            await desk.work.close()
            await desk.post.close()
            await desk.reach.close()
            desk.visiting.let_go()

    async def answered(request: Request, error: Exception) -> Response:
        return desk.front.refused(request, _as_refusal(error))

    kinds = (NotDone, HTTPException, OSError, *FAILURES)
    app = Starlette(
        routes=routes, lifespan=living, exception_handlers=dict.fromkeys(kinds, answered)
    )
    return OwnHost(app, own_names(desk.front.device))


def _as_refusal(error: Exception) -> NotDone:
    if isinstance(error, NotDone):
        return error
    if isinstance(error, HTTPException):
        return NotDone("no_page", error.status_code)
    if isinstance(error, OSError):
        return NotDone("disk", 507, error.strerror or "")
    return NotDone("visit", 409, str(error))
