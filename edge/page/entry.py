"""The way in, by the code on the label, and the way out."""

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.page import door
from edge.page.desk import Desk
from edge.page.front import to
from edge.page.label import CODE_CHARS_MAX
from edge.page.refusal import NotDone

# Where somebody may have been going who was asked for the code first.
_NEXT = re.compile(r"/point/[1-9][0-9]{0,15}")


class Entry:
    """The routes of coming and going."""

    def __init__(self, desk: Desk) -> None:
        self._front = desk.front

    def routes(self) -> list[Route]:
        """What is before the door."""
        return [
            Route("/enter", self.show, methods=["GET"]),
            Route("/enter", self.enter, methods=["POST"]),
            Route("/leave", self.leave, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Ask for the code."""
        return self._asked(request, request.query_params.get("next", ""))

    async def enter(self, request: Request) -> Response:
        """Begin a session for whoever has the code; its old form is left behind."""
        front = self._front
        sent = await front.form(request)
        where = sent.get("next", "")
        t = front.speech(request)
        try:
            right = front.label.opens(sent.get("code", "")[: 2 * CODE_CHARS_MAX])
        except NotDone as refusal:
            key = f"sorry_{refusal.kind}"
            wrong = f"{t(key, refusal.detail)}. {t(f'{key}_do')}"
            return self._asked(request, where, wrong=wrong, status=refusal.status)
        if not right:
            wrong = f"{t('sorry_wrong_code')}. {t('sorry_wrong_code_do')}"
            return self._asked(request, where, wrong=wrong, status=403)
        response = to(where if _NEXT.fullmatch(where) else "/")
        door.put(response, door.SESSION, front.sessions.begin())
        door.put(response, door.FORM, door.fresh())
        return response

    async def leave(self, request: Request) -> Response:
        """End the session."""
        await self._front.form(request)
        self._front.sessions.end(door.cookie(request, door.SESSION))
        response = to("/enter")
        door.drop(response, door.SESSION)
        return response

    def _asked(
        self, request: Request, where: str, *, wrong: str = "", status: int = 200
    ) -> Response:
        return self._front.draw(
            request, "enter.html", status=status, wrong=wrong, inside=False, here="/enter",
            next=where if _NEXT.fullmatch(where) else "", there=self._front.label.there(),
        )  # fmt: skip
