"""A metering point over the years, month by month, from roll-ups."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from itertools import groupby
from typing import Annotated
from urllib.parse import urlencode

from fastapi import FastAPI, HTTPException, Query, Response
from fastapi.responses import HTMLResponse

from gateway.history.model import HistoryError
from gateway.history.years import MonthUse, Years, years
from gateway.profile.model import Standing
from gateway.sql.overview import LedgerOverview, look
from gateway.web import charts
from gateway.web.house import CHART_POLICY
from gateway.web.site import Asked, Asking, Site
from gateway.web.view import View

Point = Annotated[str | None, Query(max_length=200)]
Register = Annotated[str, Query(max_length=24)]
_MONTHS = tuple(f"{month:02d}" for month in range(1, 13))


def add_to(app: FastAPI, site: Site) -> None:
    """Add the routes."""
    routes = _Routes(site)
    app.get("/years", response_class=HTMLResponse)(routes.page)
    app.get("/years/chart.svg")(routes.chart)


class YearsView(View):
    """A point's months, of the house's first point unless one is asked for."""

    MONTHS = _MONTHS

    def __init__(
        self, overview: LedgerOverview, asked: Asked, now_ms: int, point: str | None
    ) -> None:
        super().__init__(overview, asked.house, asked.words, now_ms)
        self._point = point

    @cached_property
    def points(self) -> list[Standing]:
        """A register of each point of the house, to choose from."""
        if self.house is None:
            return []
        stood = self._overview.days.standing(
            self.house.name, 0, self.now_ms, 0, self.ROWS_MAX * len(charts.COLOURS)
        )
        by_point = groupby(sorted(stood, key=_by_place), key=lambda one: one.point)
        return [next(group) for _, group in by_point]

    @property
    def point(self) -> str | None:
        """The point on the page; only points of the house are shown."""
        names = [one.point for one in self.points]
        if self._point is None:
            return names[0] if names else None
        return self._point if self._point in names else None

    @property
    def here(self) -> str:
        """The query that leads back to this very page."""
        return self.link(self.point)

    def link(self, point: str | None) -> str:
        """The query of a point."""
        asked = {"house": self.house.name if self.house else "", "point": point or ""}
        return "?" + urlencode({name: value for name, value in asked.items() if value})

    @cached_property
    def registers(self) -> list[Years]:
        """The point's registers that have any months."""
        if self.point is None:
            return []
        try:
            found = years(self._overview.days, self._overview.history, self.point, self.now_ms)
        except HistoryError:
            return []
        return [one for one in found if one.months]

    def rows(self, register: Years) -> Iterator[tuple[str, dict[str, MonthUse], Decimal]]:
        """A register's years, the newest first: each with its months and their sum."""
        for year, group in groupby(reversed(register.months), key=lambda one: one.month[:4]):
            months = {one.month[5:]: one for one in group}
            yield year, months, sum((one.used for one in months.values()), Decimal())

    def month(self, number: str) -> str:
        """A month's short name."""
        return self._words.month(int(number))

    def shown(self, amount: Decimal, register: Years) -> str:
        """An amount to the digit the register has; a transformer's factor may bring more."""
        return self._words.number(amount.quantize(Decimal(1).scaleb(min(0, register.exponent))))


def _by_place(one: Standing) -> tuple[int, str, str]:
    dwelling = one.dwelling or ""
    return len(dwelling), dwelling, one.point


class _Routes:
    def __init__(self, site: Site) -> None:
        self._site = site

    def page(self, asked: Asking, point: Point = None) -> HTMLResponse:
        return self._site.page(
            asked,
            "years.html",
            lambda overview, _house, _words, now_ms: YearsView(overview, asked, now_ms, point),
        )

    def chart(self, asked: Asking, register: Register, point: Point = None) -> Response:
        with look(self._site.ledger) as overview:
            view = YearsView(overview, asked, self._site.clock(), point)
            found: Sequence[Years] = [one for one in view.registers if one.obis == register]
            if not found:
                raise HTTPException(404)
            svg = charts.months(found[0], asked.words)
        headers = {"content-security-policy": CHART_POLICY}
        return Response(svg, media_type="image/svg+xml", headers=headers)
