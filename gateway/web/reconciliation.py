"""A house's reconciliation as a page: what each target has of a month, against the ledger."""

from functools import cached_property
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import FastAPI, HTTPException, Query
from fastapi.responses import HTMLResponse

from gateway import periods
from gateway.handoff.reconcile import Statement, reconcile
from gateway.periods import PeriodError
from gateway.web.month import MonthView
from gateway.web.site import Asking, Site

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


class ReconciliationView(MonthView):
    """A house's month on both sides."""

    @cached_property
    def statement(self) -> Statement | None:
        """The month reconciled, None where there is nothing to."""
        if self.house is None or self.period is None:
            return None
        book = self._overview.reconcile.book(self.period, self.house.name)
        statement = reconcile(book, self.period, self.house.name)
        return statement if statement.records else None
