"""The page of a house's verifications (поверка): what is due or expired, and broken seals."""

from datetime import date
from functools import cached_property

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from gateway.meter_life.seals import Seal
from gateway.meter_life.verification import Due, Tier, due
from gateway.sql.overview import LedgerOverview
from gateway.web.site import Asking, Site
from gateway.web.texts import Words
from gateway.web.view import View


class VerificationView(View):
    """A house with the standing of its meters' verifications."""

    def __init__(
        self, overview: LedgerOverview, house: str | None, words: Words, now_ms: int
    ) -> None:
        super().__init__(overview, house, words, now_ms)
        self._life, self._at_ms = overview.life, now_ms

    @cached_property
    def all_meters(self) -> list[Due]:
        """Every meter that stands in the house."""
        return [] if self.house is None else self._life.due(self.house.name, self._at_ms)

    @property
    def due(self) -> list[Due]:
        """What somebody is to look at, the most urgent first."""
        return due(self.all_meters)

    @property
    def unknown(self) -> int:
        """How many have no verification entered."""
        return sum(one.standing.tier is Tier.UNKNOWN for one in self.all_meters)

    @property
    def broken_seals(self) -> list[Seal]:
        """Seals found broken and not replaced."""
        return [] if self.house is None else self._life.broken_seals(self.house.name)

    def day(self, day: date | None) -> str:
        """A day as people there write it."""
        return "" if day is None else self._words.date(day)


def add_to(app: FastAPI, site: Site) -> None:
    """Add the route."""

    def verification(asked: Asking) -> HTMLResponse:
        return site.page(asked, "verification.html", VerificationView)

    app.get("/verification", response_class=HTMLResponse)(verification)
