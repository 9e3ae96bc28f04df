"""What the route files share: how a page is asked for, drawn from one snapshot, and hardened.

The pages carry accounts and readings, so every answer is kept by no cache, and loads nothing from
anywhere else: the Content-Security-Policy allows the site's own files and no inline code.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NamedTuple

from fastapi import Cookie, Depends, Header, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway.config import WebConfig
from gateway.sql.engine import Place
from gateway.sql.overview import LedgerOverview, look
from gateway.web.navigation import PLACES
from gateway.web.texts import LANGUAGES, Words, preferred
from gateway.web.view import View

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_YEAR_S = 365 * 86_400

Chosen = Annotated[str | None, Query(max_length=8)]
Kept = Annotated[str | None, Cookie(alias="lang", max_length=8)]
Accepted = Annotated[str, Header(alias="accept-language", max_length=1000)]
House = Annotated[str | None, Query(max_length=200)]

ViewOf = Callable[[LedgerOverview, str | None, Words, int], View]


class Asked(NamedTuple):
    """What every page is asked with: a house (the first one unless named) and a language."""

    house: str | None
    words: Words
    chosen: str | None


async def _asked(
    house: House = None, lang: Chosen = None, kept: Kept = None, accept: Accepted = ""
) -> Asked:
    return Asked(house, Words(preferred(lang or kept, accept)), lang)


Asking = Annotated[Asked, Depends(_asked)]
"""The type of a route's parameter that takes house and language from the request."""


class Site:
    """The ledger at `ledger` as pages; `clock` tells ms since the epoch."""

    def __init__(self, ledger: Place, clock: Callable[[], int], config: WebConfig) -> None:
        self.ledger = ledger
        self.clock = clock
        self.config = config
        self._templates = Environment(
            loader=PackageLoader("gateway.web"), autoescape=True, undefined=StrictUndefined
        )
        self._templates.globals["places"] = PLACES

    def page(self, asked: Asked, template: str, view_of: ViewOf = View) -> HTMLResponse:
        """A whole page, which keeps the language that was chosen on it."""
        response = self.fragment(asked, template, view_of)
        if asked.chosen in LANGUAGES:
            response.set_cookie(
                "lang", asked.chosen, max_age=_YEAR_S, httponly=True, samesite="lax"
            )
        return response

    def draw(
        self, asked: Asked, template: str, *, status: int = 200, **about: object
    ) -> HTMLResponse:
        """A page that is about no house, so of its own and without the navigation."""
        drawn = self._templates.get_template(template).render(t=asked.words, **about)
        return HTMLResponse(drawn, status)

    def fragment(self, asked: Asked, template: str, view_of: ViewOf = View) -> HTMLResponse:
        """A template drawn from what `view_of` makes of one snapshot; 404 for no such house."""
        with look(self.ledger) as overview:
            view = view_of(overview, asked.house, asked.words, self.clock())
            if asked.house is not None and view.house is None:
                raise HTTPException(404, asked.words("no_house"))
            drawn = self._templates.get_template(template).render(view=view, t=asked.words)
        return HTMLResponse(drawn)


async def harden(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Put the headers on every answer."""
    response = await call_next(request)
    headers: Any = response.headers
    headers.setdefault("content-security-policy", POLICY)
    headers["x-content-type-options"] = "nosniff"
    headers["referrer-policy"] = "no-referrer"
    headers["cross-origin-resource-policy"] = "same-origin"
    if not request.url.path.startswith("/static/"):
        headers["cache-control"] = "no-store"
    return response
