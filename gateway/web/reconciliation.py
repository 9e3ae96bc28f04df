"""A house's reconciliation as a page: what each target has of a month, against the ledger."""

from functools import cached_property
from typing import Annotated
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import FastAPI, HTTPException, Query
from fastapi.responses import HTMLResponse

from gateway import periods
from gateway.handoff.reconcile import Statement, reconcile
from gateway.periods import PeriodError
from gateway.sqlite.overview import LedgerOverview
from gateway.web.site import Asked, Asking, Site
from gateway.web.view import View

Period = Annotated[str | None, Query(max_length=7)]


def add_to(app: FastAPI, site: Site) -> None:
    """Add the route."""

    def page(asked: Asking, period: Period = None) -> HTMLResponse:
        if period is not None and not _is_period(period):
            raise HTTPException(404)
        return site.page(
            asked,
            "reconciliation.html",
            lambda overview, _house, _words, now_ms: ReconciliationView(
                overview, asked, now_ms, period
            ),
        )

    app.get("/reconciliation", response_class=HTMLResponse)(page)


def _is_period(text: str) -> bool:
    try:
        periods.bounds(text, ZoneInfo("UTC"))
    except PeriodError:
        return False
    return True


class ReconciliationView(View):
    """A house's month on both sides."""

    def __init__(
        self, overview: LedgerOverview, asked: Asked, now_ms: int, period: str | None
    ) -> None:
        super().__init__(overview, asked.house, asked.words, now_ms)
        self._period = period

    @property
    def period(self) -> str | None:
        """The period asked for, else the newest closed one."""
        return self._period or (self.periods[0].period if self.periods else None)

    @property
    def here(self) -> str:
        """The query of this page."""
        period = f"&period={quote(self.period)}" if self.period else ""
        return f"{self.query}{period}" if self.query else ""

    @cached_property
    def statement(self) -> Statement | None:
        """The month reconciled, None where there is nothing to."""
        if self.house is None or self.period is None:
            return None
        book = self._overview.reconcile.book(self.period, self.house.name)
        statement = reconcile(book, self.period, self.house.name)
        return statement if statement.records else None
