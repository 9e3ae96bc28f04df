"""The end of a visit: what is missing, the signature, and the wait until the gateway has it all.

Signing works without a network. What is signed waits on the disk; whoever looks at this screen sees
it go, and who leaves before that may: the agent sends it later.
"""

import asyncio
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloud_sync.visit import REMARKS_MAX
from cloud_sync.visit_doubts import doubt
from cloud_sync.visit_road import VisitAnswer
from edge import spool
from edge.page import forms
from edge.page.away import gateway_of, has_route
from edge.page.desk import ROWS_MAX, Desk
from edge.page.front import to
from edge.page.home import counts_of
from edge.page.looking import LIVE_MS, REFRESH_S
from edge.page.refusal import NotDone
from edge.page.texts import LANGUAGES
from edge.visit.core import Finished

# The gateway answers within seconds once there is a network; a phone need not ask more often.
WAIT_MS = 2_000
# Visits are numbered by one file each (edge/visit/core.py).
_NUMBER_MAX = 10**6


class Arrived(NamedTuple):
    """How far a record and its meters are."""

    answer: VisitAnswer | None
    meters: dict[str, str]
    is_accepted: bool
    photos: int
    photos_of: int

    @property
    def is_refused(self) -> bool:
        """Whether the gateway wants none of it: a person has to look."""
        return self.answer is not None and self.answer.outcome == "refused"

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to wait for."""
        if self.answer is None or self.is_refused:
            return False
        return self.photos == self.photos_of and (self.is_accepted or not self.meters)


class Finishing:
    """Signing, waiting, the record."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._front = desk, desk.front
        # Typesetting takes a core for seconds: one after the other.
        self._setting = asyncio.Lock()

    def routes(self) -> list[Route]:
        """The routes."""
        inside = self._front.inside
        return [
            *inside("/finish", get=self.ask, post=self.sign),
            *inside("/visit/{number}", get=self.show),
            *inside("/visit/{number}/record-{language}.pdf", get=self.pdf),
        ]

    async def ask(self, request: Request) -> Response:
        """What is missing, and whose name goes below."""
        desk = self._desk
        if desk.work.doing("finish"):
            return to(f"/visit/{desk.draft.number}")
        cards = desk.cards()
        places = {card.meter.key: card for card in cards}
        return self._front.draw(
            request, "finish.html", draft=desk.draft, counts=counts_of(cards), places=places,
            hindrances=desk.visiting.hindrances(), failed=desk.work.failed.get("finish", ""),
            most=REMARKS_MAX, sealed=sum(1 for one in cards if one.meter.seal),
            shot=sum(1 for one in cards if one.meter.photos),
            astray=[one for one in cards if one.state == "ok" and one.waits_for][:ROWS_MAX],
        )  # fmt: skip

    async def sign(self, request: Request) -> Response:
        """Sign it."""
        sent = await self._front.form(request)
        desk = self._desk
        number = desk.draft.number
        remark = forms.line(sent.get("remark", ""), REMARKS_MAX)
        if remark != desk.draft.remarks:
            desk.visiting.remark(remark)
        desk.work.begin("finish", desk.visiting.finish)
        return to(f"/visit/{number}")

    async def show(self, request: Request) -> Response:
        """How far it is."""
        desk = self._desk
        number = self._number(request)
        draft = desk.visiting.draft
        if draft is not None and draft.number == number:
            if not desk.work.doing("finish"):
                return to("/finish")
            return self._front.draw(
                request, "signing.html", live_ms=LIVE_MS, refresh_s=REFRESH_S, number=number
            )
        finished = desk.visiting.book.finished(number)
        arrived = self._arrived(finished)
        if not arrived.is_done:
            desk.post.nudge()
        gateway = gateway_of(desk.visiting.config)
        return self._front.draw(
            request, "visit.html", finished=finished, arrived=arrived, route=has_route(),
            reached=desk.reach.look(gateway), enrolled=bool(gateway),
            agent=spool.in_use(desk.visiting.config.device.state_dir),
            waiting=[one for one in arrived.meters if arrived.meters[one] != "accepted"],
            needs=[] if arrived.answer is None else [
                doubt(one.code, self._front.speech(request).language) or one.text
                for one in arrived.answer.events
                if one.outcome != "applied"
            ],
            live_ms=0 if arrived.is_done else WAIT_MS,
            refresh_s=0 if arrived.is_done else REFRESH_S,
        )  # fmt: skip

    async def pdf(self, request: Request) -> Response:
        """The record on paper."""
        number = self._number(request)
        language = str(request.path_params["language"])
        if language not in LANGUAGES:
            raise NotDone("no_page", 404)
        self._desk.visiting.book.finished(number)
        async with self._setting:
            data = await asyncio.to_thread(self._desk.visiting.pdf, number, language)
        name = f"plomba-{self._front.device}-{number}-{language}.pdf"
        told = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(data, media_type="application/pdf", headers=told)

    def _number(self, request: Request) -> int:
        number = forms.index(str(request.path_params["number"]), _NUMBER_MAX)
        if number not in {*self._desk.visiting.book.numbers(), self._open_number()}:
            raise NotDone("no_page", 404)
        return number

    def _open_number(self) -> int:
        draft = self._desk.visiting.draft
        return 0 if draft is None else draft.number

    def _arrived(self, finished: Finished) -> Arrived:
        arrival = self._desk.visiting.arrival(finished.number)
        photos = finished.visit.photos
        book, number = self._desk.visiting.book, finished.number
        return Arrived(
            answer=book.answer(number),
            meters=dict(arrival.meters),
            is_accepted=arrival.is_accepted,
            photos=sum(book.photo_answered(number, one.hex()) for one in photos),
            photos_of=len(photos),
        )
