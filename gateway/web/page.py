"""The page: what the gateway knows, for the person who runs a house. It only looks.

Every answer is one snapshot of the ledger. The page carries accounts and readings, so it listens
on this machine only (see `WebConfig`), answers only to the names it is expected under (which is
what stops a foreign page from reading it by DNS rebinding), is kept by no cache, and loads
nothing from anywhere else: its Content-Security-Policy allows its own files and no inline code.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import Cookie, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.middleware.trustedhost import TrustedHostMiddleware

from gateway.config import WebConfig
from gateway.sqlite.overview import look
from gateway.store import StoreError
from gateway.web import charts
from gateway.web.texts import LANGUAGES, Words, preferred
from gateway.web.view import PARTS, View

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# A chart is a picture whose colours stand inside it; as a document of its own it can do nothing.
CHART_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
_YEAR_S = 365 * 86_400

Chosen = Annotated[str | None, Query(max_length=8)]
Kept = Annotated[str | None, Cookie(alias="lang", max_length=8)]
Accepted = Annotated[str, Header(alias="accept-language", max_length=1000)]
House = Annotated[str | None, Query(max_length=200)]


def create_app(ledger: Path, clock: Callable[[], int], config: WebConfig) -> FastAPI:
    """The page over the ledger at `ledger`; `clock` tells ms since the epoch."""
    app = FastAPI(title="plomba", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*config.names])
    app.middleware("http")(_harden)
    app.exception_handler(StoreError)(_unreadable)
    app.mount("/static", StaticFiles(packages=[("gateway.web", "static")]), name="static")
    _Routes(ledger, clock).add_to(app)
    return app


class _Routes:
    def __init__(self, ledger: Path, clock: Callable[[], int]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._templates = Environment(
            loader=PackageLoader("gateway.web"), autoescape=True, undefined=StrictUndefined
        )

    def add_to(self, app: FastAPI) -> None:
        app.get("/healthz")(self.health)
        app.get("/api/status")(self.status)
        app.get("/", response_class=HTMLResponse)(self.page)
        app.get("/review", response_class=HTMLResponse)(self.review)
        app.get("/fragment/{part}", response_class=HTMLResponse)(self.fragment)
        app.get("/chart/{resource}.svg")(self.chart)

    def health(self) -> JSONResponse:
        with look(self._ledger) as overview:
            overview.counts()
        return JSONResponse({"status": "ok"})

    def status(self) -> JSONResponse:
        with look(self._ledger) as overview:
            devices = [device._asdict() for device in overview.devices(View.ROWS_MAX)]
            counts = overview.counts()._asdict()
        return JSONResponse({"now_ms": self._clock(), **counts, "devices": devices})

    def page(
        self, house: House = None, lang: Chosen = None, kept: Kept = None, accept: Accepted = ""
    ) -> HTMLResponse:
        return self._whole("page.html", house, lang, Words(preferred(lang or kept, accept)))

    def review(
        self, house: House = None, lang: Chosen = None, kept: Kept = None, accept: Accepted = ""
    ) -> HTMLResponse:
        return self._whole("review.html", house, lang, Words(preferred(lang or kept, accept)))

    def fragment(
        self, part: str, house: House = None, kept: Kept = None, accept: Accepted = ""
    ) -> HTMLResponse:
        if part not in PARTS:
            raise HTTPException(404)
        words = Words(preferred(kept, accept))
        return HTMLResponse(self._render(f"{part}.html", house, words))

    def chart(
        self, resource: str, house: str, kept: Kept = None, accept: Accepted = ""
    ) -> Response:
        words = Words(preferred(kept, accept))
        with look(self._ledger) as overview:
            view = View(overview, house, words, self._clock())
            series = view.series(resource)
            if series is None:
                raise HTTPException(404)
            svg = charts.bars(series, view.scale.daily, words, view.zone)
        headers = {"content-security-policy": CHART_POLICY}
        return Response(svg, media_type="image/svg+xml", headers=headers)

    def _whole(
        self, template: str, house: str | None, lang: str | None, words: Words
    ) -> HTMLResponse:
        """A whole page, which keeps the language that was chosen on it."""
        response = HTMLResponse(self._render(template, house, words))
        if lang in LANGUAGES:
            response.set_cookie("lang", lang, max_age=_YEAR_S, httponly=True, samesite="lax")
        return response

    def _render(self, template: str, house: str | None, words: Words) -> str:
        with look(self._ledger) as overview:
            view = View(overview, house, words, self._clock())
            if house is not None and view.house is None:
                raise HTTPException(404, words("no_house"))
            return self._templates.get_template(template).render(view=view, t=words)


async def _harden(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await call_next(request)
    headers: Any = response.headers
    headers.setdefault("content-security-policy", POLICY)
    headers["x-content-type-options"] = "nosniff"
    headers["referrer-policy"] = "no-referrer"
    headers["cross-origin-resource-policy"] = "same-origin"
    if not request.url.path.startswith("/static/"):
        headers["cache-control"] = "no-store"
    return response


async def _unreadable(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"status": "failed", "error": str(error)}, status_code=503)
