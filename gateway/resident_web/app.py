"""The resident's pages: forms that any phone can send, and a little script that makes them easier.

docs/resident.md tells the way of a reading. A browser gets HTML, one style sheet, one small module
and a service worker, all from here and less than 100 KB before the photo.
"""

from collections.abc import Mapping
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from gateway.resident.oidc import Way
from gateway.resident_web.door import harden
from gateway.resident_web.entry import Entry
from gateway.resident_web.front import Front
from gateway.resident_web.linking import Dwellings
from gateway.resident_web.meters import Meters
from gateway.resident_web.papers import Papers
from gateway.resident_web.passkeys import Phones
from gateway.resident_web.past import Past
from gateway.resident_web.sending import Sending
from gateway.resident_web.signin import SigningIn
from gateway.resident_web.signin_desk import SignInDesk
from gateway.resident_web.texts import Speech

_STATIC = Path(__file__).parent / "static"


def create_app(
    front: Front,
    hosts: tuple[str, ...],
    desk: SignInDesk | None = None,
    ways: Mapping[str, Way] | None = None,
) -> FastAPI:
    """The pages, answering only to the names of `hosts`.

    `desk`: where one may sign in beside links, with an account by one of `ways`, or a phone.
    """
    app = FastAPI(title="plomba", docs_url=None, redoc_url=None, openapi_url=None)
    front.guard(app)
    app.middleware("http")(harden)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*hosts])
    # Pages are not packed: they carry secrets beside what a stranger may have written (BREACH).
    app.mount("/static", GZipMiddleware(StaticFiles(directory=_STATIC)), name="static")
    for routes in (Entry(front), Meters(front), Sending(front), Papers(front), Past(front)):
        routes.add_to(app)
    if desk is not None:
        for more in (
            SigningIn(front, desk, ways or {}),
            Dwellings(front, desk),
            Phones(front, desk),
        ):
            more.add_to(app)

    async def worker(_request: Request) -> Response:
        # From the root, since a worker may only look after what lies below it.
        return FileResponse(_STATIC / "worker.js", media_type="text/javascript")

    async def offline(request: Request) -> Response:
        other = Speech(front.speech(request).other)
        return front.draw(request, "offline.html", inside=False, other=other)

    app.get("/worker.js")(worker)
    app.get("/offline")(offline)
    return app
