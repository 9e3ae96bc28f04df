"""A house's reconciliation as a page: what each target has of a month, against the ledger."""

from functools import cached_property

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from gateway.handoff.reconcile import Statement, reconcile
from gateway.web.month import Month, MonthView
from gateway.web.site import Asking, Site


def add_to(app: FastAPI, site: Site) -> None:
    """Add the route."""

    def page(asked: Asking, period: Month = None) -> HTMLResponse:
        return site.page(
            asked,
            "reconciliation.html",
            lambda overview, _house, _words, now_ms: ReconciliationView(
                overview, asked, now_ms, period
            ),
        )

    app.get("/reconciliation", response_class=HTMLResponse)(page)


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
