"""The overview of a house, the review of its doubts, and the state of the gateway for machines."""

from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import HTMLResponse, JSONResponse

from gateway.sql.overview import look
from gateway.web import charts
from gateway.web.identity import IdentityView
from gateway.web.site import Asking, Site
from gateway.web.view import PARTS, View

# A chart is a picture whose colours stand inside it; as a document of its own it can do nothing.
CHART_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def add_to(app: FastAPI, site: Site) -> None:
    """Add the routes."""
    routes = _Routes(site)
    app.get("/healthz")(routes.health)
    app.get("/api/status")(routes.status)
    app.get("/", response_class=HTMLResponse)(routes.overview)
    app.get("/review", response_class=HTMLResponse)(routes.review)
    app.get("/fragment/{part}", response_class=HTMLResponse)(routes.fragment)
    app.get("/chart/{resource}.svg")(routes.chart)


class _Routes:
    def __init__(self, site: Site) -> None:
        self._site = site

    def health(self) -> JSONResponse:
        with look(self._site.ledger) as overview:
            overview.counts()
        return JSONResponse({"status": "ok"})

    def status(self) -> JSONResponse:
        with look(self._site.ledger) as overview:
            devices = [device._asdict() for device in overview.devices(View.ROWS_MAX)]
            counts = overview.counts()._asdict()
        return JSONResponse({"now_ms": self._site.clock(), **counts, "devices": devices})

    def overview(self, asked: Asking) -> HTMLResponse:
        return self._site.page(asked, "overview.html", IdentityView)

    def review(self, asked: Asking) -> HTMLResponse:
        return self._site.page(asked, "review.html")

    def fragment(self, part: str, asked: Asking) -> HTMLResponse:
        if part not in PARTS:
            raise HTTPException(404)
        return self._site.fragment(asked, f"{part}.html", IdentityView)

    def chart(self, resource: str, asked: Asking) -> Response:
        with look(self._site.ledger) as overview:
            view = View(overview, asked.house, asked.words, self._site.clock())
            series = view.series(resource)
            if series is None:
                raise HTTPException(404)
            svg = charts.bars(series, view.scale.daily, asked.words, view.zone)
        headers = {"content-security-policy": CHART_POLICY}
        return Response(svg, media_type="image/svg+xml", headers=headers)
