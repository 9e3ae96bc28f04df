"""The lines: are converter and wires in order, and which meters hang on them? Both take a while."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.page.desk import Desk
from edge.page.front import to
from edge.page.home import lines_of
from edge.page.refusal import NotDone

# The lines' own wait; a phone that looks twice a second sees a search move.
LIVE_MS = 800
REFRESH_S = 3


class Looking:
    """The check of the lines, and the search."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._front = desk, desk.front

    def routes(self) -> list[Route]:
        """The routes."""
        inside = self._front.inside
        return [
            *inside("/check", get=self.checked, post=self.check),
            *inside("/check/mend", post=self.mend),
            *inside("/scan", get=self.searched, post=self.search),
            *inside("/scan/stop", post=self.stop),
        ]

    async def checked(self, request: Request) -> Response:
        """What the check found."""
        work, draft = self._desk.work, self._desk.draft
        busy = work.doing("check")
        return self._front.draw(
            request, "check.html", checks=lines_of(draft), busy=busy, live_ms=LIVE_MS,
            failed=work.failed.get("check", ""), progress=self._desk.visiting.progress,
            refresh_s=REFRESH_S if busy else 0, other=work.busy and not busy,
            mendable=self._desk.visiting.mendable(),
        )  # fmt: skip

    async def check(self, request: Request) -> Response:
        """Begin the check."""
        await self._front.form(request)
        self._desk.work.begin("check", self._desk.visiting.check_lines)
        return to("/check")

    async def mend(self, request: Request) -> Response:
        """Write into the configuration what the check found of a line, and check again."""
        sent = await self._front.form(request)
        visiting, line = self._desk.visiting, sent.get("line", "")
        if line not in visiting.mendable():
            raise NotDone("not_understood", 422)
        self._desk.work.begin("check", lambda: visiting.mend(line))
        return to("/check")

    async def searched(self, request: Request) -> Response:
        """How far the search is, and what it found."""
        work = self._desk.work
        busy = work.doing("search")
        return self._front.draw(
            request, "scan.html", cards=self._desk.cards(), busy=busy, live_ms=LIVE_MS,
            failed=work.failed.get("search", ""), progress=self._desk.visiting.progress,
            refresh_s=REFRESH_S if busy else 0, other=work.busy and not busy,
            ended="search" in work.ended,
        )  # fmt: skip

    async def search(self, request: Request) -> Response:
        """Begin the search, or go on where one was stopped; `fresh` begins it anew."""
        sent = await self._front.form(request)
        desk = self._desk
        fresh = sent.get("fresh") == "1"
        desk.work.begin("search", lambda: desk.search(fresh=fresh), kept=True)
        return to("/scan")

    async def stop(self, request: Request) -> Response:
        """Stop it; what was found stays, and is read."""
        await self._front.form(request)
        work = self._desk.work
        if work.doing("search"):
            await work.stop()
            if self._desk.draft.meters:
                work.begin("read all", self._desk.visiting.read_all, queued=True)
                return to("/meters")
        return to("/scan")
