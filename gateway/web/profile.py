"""The day of a meter, slot by slot, and what was noticed in the days of a house."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cached_property
from typing import Annotated
from urllib.parse import urlencode

from fastapi import FastAPI, HTTPException, Query, Response
from fastapi.responses import HTMLResponse
from pydantic import AfterValidator

from drivers.reading import from_ms
from gateway.profile.day import DayProfile
from gateway.profile.model import DayFinding, ProfileError, Standing
from gateway.profile.report import amount, profiles, total
from gateway.profile.series import Slot
from gateway.profile.slots import day_of, local_day
from gateway.sql.overview import LedgerOverview, look
from gateway.web import charts
from gateway.web.house import CHART_POLICY
from gateway.web.site import Asked, Asking, Site
from gateway.web.view import View

Meter = Annotated[str | None, Query(max_length=200)]
Register = Annotated[str, Query(max_length=24)]
# The days that periods are of; where the calendar of dates ends there is no day before or after.
_FIRST, _LAST = date(2000, 1, 1), date(2099, 12, 31)


def _of_these_centuries(day: date | None) -> date | None:
    if day is not None and not _FIRST <= day <= _LAST:
        raise ValueError(f"expected a day from {_FIRST} to {_LAST}")
    return day


Day = Annotated[date | None, Query(), AfterValidator(_of_these_centuries)]


def add_to(app: FastAPI, site: Site) -> None:
    """Add the routes."""
    routes = _Routes(site)
    app.get("/profile", response_class=HTMLResponse)(routes.page)
    app.get("/profile/chart.svg")(routes.chart)


class ProfileView(View):
    """A meter's day; without a meter the findings of the house."""

    # A week's findings of a house are a screen; the command shows all of them.
    FOUND_MAX = 60
    FOUND_DAYS = 7

    def __init__(
        self,
        overview: LedgerOverview,
        asked: Asked,
        now_ms: int,
        meter: str | None,
        day: date | None,
    ) -> None:
        super().__init__(overview, asked.house, asked.words, now_ms)
        self._day = day
        self.meter = meter

    @property
    def today(self) -> date:
        """The day of the house that is running."""
        return day_of(self.now_ms, self.zone)

    @property
    def day(self) -> date:
        """The day on the page, the last one that is over unless asked for."""
        return self._day or self.today - timedelta(days=1)

    @property
    def here(self) -> str:
        """The query that leads back to this very page."""
        return self.link(self.meter, self.day)

    def link(self, meter: str | None, day: date) -> str:
        """The query of a meter's day."""
        asked = {"house": self.house.name if self.house else "", "meter": meter or "", "day": day}
        return "?" + urlencode({name: value for name, value in asked.items() if value})

    def beside(self, days: int) -> date | None:
        """The day before or after, none after today."""
        day = self.day + timedelta(days=days)
        return day if day <= self.today else None

    @cached_property
    def registers(self) -> list[Standing]:
        """The registers of the house that stood on the day, to choose from."""
        if self.house is None:
            return []
        span = local_day(self.day, self.zone)
        return self._overview.days.standing(self.house.name, *span, 0, self.ROWS_MAX)

    @cached_property
    def profiles(self) -> list[DayProfile]:
        """The registers of the meter asked for; only meters of the house are shown."""
        if self.meter not in {one.meter for one in self.registers}:
            return []
        try:
            return profiles(self._overview.days, self.meter or "", self.day, self.now_ms)
        except ProfileError:
            return []

    @cached_property
    def found(self) -> list[DayFinding]:
        """What was noticed in the last days of the house."""
        if self.house is None:
            return []
        first = self.day - timedelta(days=self.FOUND_DAYS - 1)
        span = (first.isoformat(), self.day.isoformat())
        return self._overview.days.findings(self.house.name, span, self.FOUND_MAX)

    def clock(self, at_ms: int) -> str:
        """A time of the day."""
        return f"{from_ms(at_ms).astimezone(self.zone):%H:%M}"

    def used(self, profile: DayProfile, slot: Slot) -> str:
        """A slot's use."""
        used = amount(profile, slot.amount)
        return "" if used is None else self._words.number(used)

    def sum(self, profile: DayProfile) -> str:
        """The day's use."""
        return self._words.number(total(profile))

    def odd(self, profile: DayProfile) -> Sequence[Slot]:
        """The slots that were not measured."""
        return [one for one in profile.series.slots if one.method.value != "measured"]


class _Routes:
    def __init__(self, site: Site) -> None:
        self._site = site

    def page(self, asked: Asking, meter: Meter = None, day: Day = None) -> HTMLResponse:
        return self._site.page(
            asked,
            "profile.html",
            lambda overview, _house, _words, now_ms: ProfileView(
                overview, asked, now_ms, meter, day
            ),
        )

    def chart(self, asked: Asking, register: Register, meter: Meter, day: Day = None) -> Response:
        with look(self._site.ledger) as overview:
            view = ProfileView(overview, asked, self._site.clock(), meter, day)
            found = [one for one in view.profiles if one.register.obis == register]
            if not found:
                raise HTTPException(404)
            svg = charts.slots(found[0], asked.words, view.zone)
        headers = {"content-security-policy": CHART_POLICY}
        return Response(svg, media_type="image/svg+xml", headers=headers)
