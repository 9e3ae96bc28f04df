"""The history of a dwelling: its readings with who says so, its months, and both to take home."""

from collections.abc import Callable

from fastapi import FastAPI, Request, Response

from gateway.resident import history_pdf, history_sheet
from gateway.resident.history import History
from gateway.resident_web.front import Front
from gateway.resident_web.limits import PAPERS
from gateway.resident_web.ports import NotDone
from gateway.web import charts
from gateway.web.house import CHART_POLICY

# A year of months, of what was billed and what was given: a page on a phone; the files have all.
VALUES_MAX = 40


class Past:
    """What a dwelling's meters showed and used."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def add_to(self, app: FastAPI) -> None:
        """Add the routes."""
        app.get("/history")(self.page)
        app.get("/history/{index}.svg")(self.chart)
        app.get("/history.csv")(self.sheet)
        app.get("/history.pdf")(self.paper)

    async def page(self, request: Request) -> Response:
        """All registers with their months and last values."""
        front, words = self._front, self._front.speech(request)
        visit, found = await front.visit(request), await self._found(request)
        complaints = await front.ask(lambda: front.desk.opened(visit.home))
        return front.draw(
            request,
            "history.html",
            home=visit.home,
            history=found,
            complaints=complaints,
            sheet=history_sheet,
            words=words,
            most=VALUES_MAX,
        )

    async def chart(self, request: Request, index: int) -> Response:
        """The months of one register as a picture."""
        found, words = await self._found(request), self._front.speech(request)
        if not 0 <= index < len(found.registers):
            raise NotDone("no_page", 404)
        svg = await self._front.aside(lambda: charts.compared(found.registers[index], words))
        headers = {"content-security-policy": CHART_POLICY}
        return Response(svg, media_type="image/svg+xml", headers=headers)

    async def sheet(self, request: Request) -> Response:
        """All values as a table."""
        words = self._front.speech(request)
        return await self._file(
            request,
            "history.csv",
            "text/csv; charset=utf-8",
            lambda of: history_sheet.csv(of, words),
        )

    async def paper(self, request: Request) -> Response:
        """Months and values as a document."""
        words = self._front.speech(request)
        return await self._file(
            request, "history.pdf", "application/pdf", lambda of: history_pdf.of_history(of, words)
        )

    async def _file(
        self, request: Request, name: str, kind: str, make: Callable[[History], bytes]
    ) -> Response:
        front = self._front
        visit = await front.visit(request)
        front.pace(request, PAPERS, visit.secret)
        found = await self._found(request)
        data = await front.aside(lambda: make(found))
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(data, media_type=kind, headers=headers)

    async def _found(self, request: Request) -> History:
        """The history of whoever asks; NotDone where their session may not look back."""
        front = self._front
        visit = await front.visit(request)
        if not await front.ask(lambda: front.desk.may_look_back(visit.secret)):
            raise NotDone("past_paper", 403)
        found = await front.aside(lambda: front.desk.history(visit.home))
        if found is None:
            raise NotDone("no_page", 404)
        return found
