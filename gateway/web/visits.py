"""The pages of installers' visits: records, how their events stand, and what waits for a person.

They only look, as the whole site does: what waits is applied or refused by the commands that the
page names, each with its entry in the audit log.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import HTMLResponse

from cloud_sync import visit_pdf, visit_texts
from cloud_sync.visit import Check, Event, Exchange, Install, Level, Remove, Visit, When
from drivers.reading import ClockState
from gateway.photo.keeping import PhotoGoneError
from gateway.sql.overview import LedgerOverview, look
from gateway.visits.keeping import record_of
from gateway.visits.model import Outcome, PhotoRow, Step, Told, VisitRow, told, when_of
from gateway.visits.photos import found, kept
from gateway.visits.telling import Standing, standing, when_text
from gateway.visits.wired import files_of
from gateway.web.lines import PICTURE_POLICY
from gateway.web.site import Asking, Site
from gateway.web.texts import Words
from gateway.web.view import View

_LOOKS = {Outcome.APPLIED: "s0", Outcome.NEEDS_A_PERSON: "s2", Outcome.REFUSED: "snone"}


class Listed(NamedTuple):
    """A record as a line of the list."""

    row: VisitRow
    record: Visit
    standing: Standing


class Shown(NamedTuple):
    """An event as it is shown; `comes` is the meter that came, if one did."""

    number: int
    about: Told
    event: Event
    comes: Install | None
    step: Step | None


class VisitsView(View):
    """A house with the visits to it."""

    def __init__(
        self, overview: LedgerOverview, house: str | None, words: Words, now_ms: int
    ) -> None:
        super().__init__(overview, house, words, now_ms)
        self._visits = overview.visits

    @cached_property
    def visits(self) -> Sequence[Listed]:
        """The newest records of devices that hang in no house, then of the house's."""
        if self.house is None:
            return ()
        rows = [
            *self._visits.visits("", self.ROWS_MAX),
            *self._visits.visits(self.house.name, self.ROWS_MAX),
        ]
        return [Listed(row, record_of(row), standing(row)) for row in rows]

    @property
    def undecided(self) -> Sequence[Listed]:
        """Those with something that waits for a person."""
        return [one for one in self.visits if one.standing.waiting]


class VisitView(View):
    """One record, on its house's page."""

    def __init__(self, overview: LedgerOverview, row: VisitRow, words: Words, now_ms: int) -> None:
        super().__init__(overview, row.house or None, words, now_ms)
        self.row = row
        self.record = record_of(row)
        self._photos = {one.sha256: one for one in overview.visits.photos(row.visit_no)}

    @property
    def here(self) -> str:
        """Nothing: the path says it all."""
        return ""

    @property
    def digest(self) -> str:
        """The SHA-256 of the record in groups that a person compares and a line can break at."""
        text = self.row.sha256.hex()
        return " ".join(text[at : at + 8] for at in range(0, len(text), 8))

    @property
    def events(self) -> list[Shown]:
        """The events in the record's order."""
        steps = {one.position: one for one in self.row.steps}
        return [
            Shown(at + 1, told(event), event, _comes(event), steps.get(at))
            for at, event in enumerate(self.record.events)
        ]

    def when(self, when: When) -> str:
        """An instant on the clocks of the house, as far as the device knew it."""
        if when.clock_state in {ClockState.SYNCHRONISED, ClockState.INFORMATIVE}:
            return self.moment(when.ms)
        return when_text(when)

    def at(self, event: Event) -> str:
        """When an event was."""
        return self.when(when_of(event))

    def values(self, shown: Shown) -> list[str]:
        """The values of an event, a line each."""
        lines = []
        if isinstance(shown.event, Exchange | Remove):
            lines += self._levels("visit_value_final", shown.event.final)
        if shown.comes is not None:
            lines += self._levels("visit_value_first", shown.comes.levels)
            lines += self._levels("visit_value_dial", shown.comes.dial)
        return lines

    def _levels(self, key: str, levels: Sequence[Level]) -> list[str]:
        t = self._words
        return [t(key, f"{t.number(one.value)} {t.unit(one.unit)} ({one.obis})") for one in levels]

    def what(self, check: Check) -> str:
        """What was looked at."""
        return visit_texts.what(check, self._words.language)

    def sentence(self, check: Check) -> str:
        """What was found."""
        return visit_texts.sentence(check, self._words.language)

    def photo(self, sha256: bytes) -> PhotoRow | None:
        """A photo that came."""
        return self._photos.get(sha256)

    @staticmethod
    def look(step: Step) -> str:
        """The style of an outcome."""
        return _LOOKS[step.outcome]


def add_to(app: FastAPI, site: Site, data: Path) -> None:
    """Add the routes; `data` is the gateway's folder, which has the photos."""
    files = files_of(data)

    def visits(asked: Asking) -> HTMLResponse:
        return site.page(asked, "visits.html", VisitsView)

    def record(device: str, number: str, asked: Asking) -> HTMLResponse:
        return site.page(asked._replace(house=None), "visit.html", _view_of(device, number))

    def photo(device: str, number: str, sha256: str) -> Response:
        with look(site.ledger) as overview:
            row = _row(overview, device, number)
            one = row and found(overview.visits.photos(row.visit_no), sha256)
        if not one or one.file is None:
            raise HTTPException(404)
        try:
            jpeg = files.read(one.file, one.jpeg_sha256)
        except PhotoGoneError as error:
            raise HTTPException(404) from error
        headers = {"content-security-policy": PICTURE_POLICY}
        return Response(jpeg, media_type="image/jpeg", headers=headers)

    def pdf(device: str, number: str, asked: Asking) -> Response:
        with look(site.ledger) as overview:
            row = _row(overview, device, number)
            if row is None:
                raise HTTPException(404, asked.words("visit_no_such"))
            photos = overview.visits.photos(row.visit_no)
            zone = VisitView(overview, row, asked.words, 0).zone
        paper = visit_pdf.of_visit(row.sealed, kept(files, photos), asked.words.language, zone)
        name = f'inline; filename="{row.device}-{row.number}.pdf"'
        headers = {"content-disposition": name}
        return Response(paper, media_type="application/pdf", headers=headers)

    app.get("/visits", response_class=HTMLResponse)(visits)
    app.get("/visits/{device}/{number}.pdf")(pdf)
    app.get("/visits/{device}/{number}", response_class=HTMLResponse)(record)
    app.get("/visits/{device}/{number}/{sha256}.jpg")(photo)


def _view_of(
    device: str, number: str
) -> Callable[[LedgerOverview, str | None, Words, int], VisitView]:
    def view(overview: LedgerOverview, _house: str | None, words: Words, now_ms: int) -> VisitView:
        row = _row(overview, device, number)
        if row is None:
            raise HTTPException(404, words("visit_no_such"))
        return VisitView(overview, row, words, now_ms)

    return view


# A number has sixteen digits at most (cloud_sync/visit_road.py).
_NUMBER_CHARS_MAX = 16


def _row(overview: LedgerOverview, device: str, number: str) -> VisitRow | None:
    if not (number.isascii() and number.isdigit() and len(number) <= _NUMBER_CHARS_MAX):
        return None
    return overview.visits.visit(device, int(number))


def _comes(event: Event) -> Install | None:
    if isinstance(event, Exchange):
        return event.new
    return event if isinstance(event, Install) else None
