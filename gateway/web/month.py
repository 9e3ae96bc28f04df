"""A look at one month of a house: what the pages of lines and of reconciliation have in common."""

from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, HTTPException, Query

from gateway.periods import is_period
from gateway.sql.overview import LedgerOverview
from gateway.web.site import Asked, Asking
from gateway.web.view import View


async def _month(
    asked: Asking, period: Annotated[str | None, Query(max_length=7)] = None
) -> str | None:
    if period is not None and not is_period(period):
        raise HTTPException(404, asked.words("lines_none"))
    return period


Month = Annotated[str | None, Depends(_month)]
"""The type of a route's parameter that takes a period from the request; 404 for what is none."""


class MonthView(View):
    """A house's month: the one asked for, else the newest closed one."""

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
