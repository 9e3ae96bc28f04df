"""The page of claims: what people say a house's meters showed, and what became of it."""

from functools import cached_property

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from gateway.claims.list import ClaimRow
from gateway.model import FOREVER_MS
from gateway.sql.overview import LedgerOverview
from gateway.web.site import Asking, Site
from gateway.web.texts import Words
from gateway.web.view import View

# How a standing looks: what counts, what waits, what does not count.
_LOOKS = {"chosen": "s0", "confirmed": "s0", "accepted": "s0", "agrees": "s0", "in review": "s1",
          "contradicts": "s1"}  # fmt: skip


class ClaimsView(View):
    """A house with the claims about its meters."""

    def __init__(
        self, overview: LedgerOverview, house: str | None, words: Words, now_ms: int
    ) -> None:
        super().__init__(overview, house, words, now_ms)
        self._listed = overview.claims

    @cached_property
    def claims(self) -> list[ClaimRow]:
        """The newest claims."""
        if self.house is None:
            return []
        return self._listed.claims(self.house.name, 0, FOREVER_MS, self.ROWS_MAX)

    def said(self, row: ClaimRow) -> list[str]:
        """What became of a claim and what looked wrong at its entry, each said once."""
        found = [self.finding(one) for one in (row.reason or "", *row.findings)]
        return [one for one in dict.fromkeys(found) if one]

    @staticmethod
    def look(row: ClaimRow) -> str:
        """The style of a claim's state."""
        return _LOOKS.get(row.standing, "s2")


def add_to(app: FastAPI, site: Site) -> None:
    """Add the route."""

    def claims(asked: Asking) -> HTMLResponse:
        return site.page(asked, "claims.html", ClaimsView)

    app.get("/claims", response_class=HTMLResponse)(claims)
