"""The web site: what the gateway knows, for the person who runs a house. It only looks.

Every answer is one snapshot of the ledger. The pages carry accounts and readings, so the site
listens on this machine only (see `WebConfig`) and answers only to the names it is expected under,
which is what stops a foreign page from reading it by DNS rebinding. Each page has a route file
and a line in `create_app`; `gateway.web.navigation` says how to add one.
"""

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware.trustedhost import TrustedHostMiddleware

from gateway.config import WebConfig
from gateway.sql.engine import Place
from gateway.web import (
    act_check,
    audit,
    claims,
    disputes,
    house,
    identity,
    lines,
    periods,
    profile,
    reconciliation,
    sorry,
    verification,
    visits,
    years,
)
from gateway.web.api import Api
from gateway.web.site import Site, harden


def create_app(ledger: Place, clock: Callable[[], int], config: WebConfig, data: Path) -> FastAPI:
    """The site over the ledger at `ledger`; `clock` tells ms since the epoch.

    `data`: the gateway's folder, which has the tokens of those who draw lines.
    """
    app = FastAPI(title="plomba", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*config.names])
    app.middleware("http")(harden)
    app.mount("/static", StaticFiles(packages=[("gateway.web", "static")]), name="static")
    site = Site(ledger, clock, config)
    sorry.add_to(app, site)
    house.add_to(app, site)
    claims.add_to(app, site)
    disputes.add_to(app, site, data)
    act_check.add_act_routes(app, ledger, act_check.public_key(data))
    lines.add_to(app, site)
    periods.add_to(app, site)
    Api(ledger, clock, data).add_to(app)
    profile.add_to(app, site)
    years.add_to(app, site)
    verification.add_to(app, site)
    identity.add_to(app, site)
    visits.add_to(app, site, data)
    audit.add_to(app, site)
    reconciliation.add_to(app, site)
    return app
