"""The page of a house's periods: what is open, due or closed, and what has no line and why."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from drivers.reading import Resource
from gateway.contracts import Cutoff
from gateway.period_book import Days, PeriodState, PeriodView
from gateway.web.site import Asking, Site
from gateway.web.view import View

_METHOD_LOOKS: Mapping[str, str] = {"actual": "s0", "check": "s0"}
_STATE_LOOKS: Mapping[PeriodState, str] = {PeriodState.CLOSED: "s0", PeriodState.DUE: "s1"}


class WindowRow(NamedTuple):
    """When readings are taken for some resources, and where their lines end."""

    resources: tuple[Resource, ...]
    opens_ms: int
    ends_ms: int
    closing_ms: int
    cutoff: Cutoff | None


class PeriodsView(View):
    """A house with its periods, the newest first."""

    # A year; the command lists as many as it is asked for.
    CLOSED_MAX = 12
    # Names beyond these are counted: who wants them all asks the command.
    MISSING_MAX = 30

    @cached_property
    def book(self) -> list[PeriodView]:
        """Every period that is known of."""
        if self.house is None:
            return []
        return self._overview.period_book(self.house.name, self.now_ms, self.CLOSED_MAX)

    @property
    def current(self) -> list[PeriodView]:
        """What is not closed yet, the one to be closed first at the top."""
        return [one for one in reversed(self.book) if one.closed is None]

    @property
    def done(self) -> list[PeriodView]:
        """What is closed."""
        return [one for one in self.book if one.closed is not None]

    def look(self, one: PeriodView) -> str:
        """The style of a period's state."""
        return _STATE_LOOKS.get(one.state, "snone")

    def method_look(self, method: str) -> str:
        """The style of a method."""
        return _METHOD_LOOKS.get(method, "s1")

    def blocks(self, one: PeriodView) -> list[str]:
        """What stands in the way of closing a period."""
        said = []
        if self.now_ms < one.over_ms:
            said.append(self._words("periods_not_over", self.moment(one.over_ms)))
        first = self.current[0].period
        if one.period != first:
            said.append(self._words("periods_first", self._words.period(first)))
        return said

    def windows(self, one: PeriodView) -> list[WindowRow]:
        """The windows of a period, of resources with the same one together."""

        def days(window: Days) -> tuple[int, int, int, str]:
            return *window[1:4], window.cutoff or ""

        rows = []
        for _, same in groupby(sorted(one.windows, key=days), days):
            group = list(same)
            resources = tuple(window.resource for window in group)
            rows.append(WindowRow(resources, *group[0][1:]))
        return rows

    def command(self, verb: str, one: PeriodView) -> str:
        """What a person enters to close a period or to open it again."""
        if verb == "close":
            return f'plomba-gateway close-period {one.period} --house "{one.house.name}"'
        return f'plomba-gateway reopen "{one.house.name}" {one.period} --why "…" --by "…"'

    @property
    def newest(self) -> Sequence[PeriodView]:
        """The one that can be opened again, none where nothing is closed."""
        return self.done[:1]


def add_to(app: FastAPI, site: Site) -> None:
    """Add the route."""

    def page(asked: Asking) -> HTMLResponse:
        return site.page(asked, "periods.html", PeriodsView)

    app.get("/periods", response_class=HTMLResponse)(page)
