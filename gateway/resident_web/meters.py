"""From the list of meters to the receipt: photo, digits, questions, done; each page works alone.

Every step is a form that a browser without JavaScript sends too. What a page carries on to the
next (photo, value, answers) is checked again by the house at the end, so changing it in the
browser says no more than typing something else would.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from fastapi import FastAPI, Request, Response

from gateway.photo.frame import Frame
from gateway.resident.model import Dwelling
from gateway.resident_web import dial, forms
from gateway.resident_web.close_up import close_up
from gateway.resident_web.front import Front, to
from gateway.resident_web.limits import PHOTOS, WORDS, AtOnce
from gateway.resident_web.ports import Item, NotDone, Seen
from gateway.resident_web.sending import framed

_NUMBER_MAX = 2**62
ANSWERS = frozenset({"yes", "no"})
# Photos in one piece are gathered in memory, up to 12 MB each and for a quarter of an hour on a
# slow line: 200 MB. Whoever has a script sends pieces.
WHOLE_MAX, WHOLE_OF_SESSION_MAX = 16, 2
# As many questions as there are checks, and some.
_QUESTIONS_MAX = 20


class At(NamedTuple):
    """Who asks, about which register of theirs, and all of these."""

    home: Dwelling
    secret: str
    item: Item
    items: list[Item]


class Meters:
    """The routes of giving a reading."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._whole = AtOnce(WHOLE_MAX, WHOLE_OF_SESSION_MAX)

    def add_to(self, app: FastAPI) -> None:
        """Add them."""
        app.get("/meters")(self.list)
        app.get("/meter/{register_no}")(self.capture)
        app.post("/meter/{register_no}/photo")(self.plain_photo)
        app.get("/meter/{register_no}/check")(self.check)
        app.post("/meter/{register_no}/check")(self.checked)
        app.post("/meter/{register_no}/confirm")(self.confirm)
        app.get("/photo/{photo_no}")(self.picture)
        app.get("/photo/{photo_no}/register")(self.register)
        app.post("/photo/{photo_no}/frame")(self.frame)
        app.get("/done/{number}")(self.done)

    async def list(self, request: Request) -> Response:
        """What is asked for, what is not, and what happens if nothing is sent."""
        visit = await self._front.visit(request)
        items = await self._front.ask(lambda: self._front.desk.items(visit.home))
        wanted = [one for one in items if one.wanted]
        rest = [one for one in items if not one.wanted]
        return self._front.draw(request, "meters.html", home=visit.home, wanted=wanted, rest=rest)

    async def capture(self, request: Request, register_no: int) -> Response:
        """The camera, and the way around it."""
        at = await self._at(request, register_no)
        others = [one for one in at.items if one.wanted and one is not at.item]
        return self._front.draw(request, "capture.html", home=at.home, item=at.item, others=others)

    async def plain_photo(self, request: Request, register_no: int) -> Response:
        """A photo in one piece: how browsers without JavaScript send it."""
        front = self._front
        at = await self._at(request, register_no)
        front.pace(request, PHOTOS, at.secret)
        with self._whole.taken(at.secret):
            data = await forms.body(request, forms.PLAIN_BYTES_MAX, forms.PLAIN_S)
        sent = forms.parts(data, request.headers.get("content-type", ""))
        front.require_ours(request, sent.get("proof", b"").decode("ascii", "replace"))
        if not (photo := sent.get("photo", b"")):
            raise NotDone("no_photo", 422)
        frame = framed(sent.get("frame", b"").decode("ascii", "replace"))
        number = await front.photo(at.home, register_no, photo, frame)
        return to(f"/meter/{register_no}/check?photo={number}")

    async def check(self, request: Request, register_no: int) -> Response:
        """The digits as they were read, or empty ones to type."""
        at = await self._at(request, register_no)
        seen = await self._seen(at, request.query_params.get("photo", ""))
        digits: tuple[int | None, ...] | str = seen.digits if seen else ()
        # Digits that are not as many as the dial has belong to no place of it.
        if len(digits) != sum(dial.shape(at.item)):
            digits = ()
        typed = request.query_params.get("value", "")
        if typed:
            digits = _filled(at.item, dial.parsed(typed))
        return self._digits(request, at, seen, digits)

    async def checked(self, request: Request, register_no: int) -> Response:
        """Digits that were looked at: the first question about them, or the receipt at once."""
        front = self._front
        sent = await front.form(request)
        at = await self._at(request, register_no)
        digits = dial.given(at.item, sent)
        try:
            value = dial.value_of(at.item, digits)
        except NotDone as refusal:
            seen = await self._seen(at, sent.get("photo", ""))
            t = front.speech(request)
            wrong = f"{t('sorry_' + refusal.kind)}. {t('sorry_' + refusal.kind + '_do')}"
            return self._digits(request, at, seen, digits, wrong)
        return await self._next(request, at, value, sent.get("photo", ""), {})

    async def confirm(self, request: Request, register_no: int) -> Response:
        """An answer; the next question, or the receipt."""
        sent = await self._front.form(request)
        at = await self._at(request, register_no)
        value = dial.parsed(sent.get("value", ""))
        answers = {
            name.removeprefix("a_"): answer
            for name, answer in sent.items()
            if name.startswith("a_") and answer in ANSWERS
        }
        if len(answers) > _QUESTIONS_MAX:
            raise NotDone("not_understood")
        photo = sent.get("photo", "")
        if "no" in answers.values():
            query = f"?photo={number}&" if (number := _number(photo)) else "?"
            return to(f"/meter/{register_no}/check{query}value={value}")
        return await self._next(request, at, value, photo, answers)

    async def picture(self, request: Request, photo_no: int) -> Response:
        """A photo of the dwelling's own."""
        visit = await self._front.visit(request)
        jpeg = await self._picture(request, visit.home, photo_no)
        return Response(jpeg, media_type="image/jpeg")

    async def register(self, request: Request, photo_no: int) -> Response:
        """The register out of it, enlarged; all of it where nobody remembers where that is."""
        front = self._front
        visit = await front.visit(request)
        jpeg = await self._picture(request, visit.home, photo_no)
        seen = await front.ask(lambda: front.desk.seen(visit.home, photo_no))
        points = seen.points if seen else ()
        near = await front.aside(lambda: close_up(jpeg, points))
        return Response(near or jpeg, media_type="image/jpeg")

    async def frame(self, request: Request, photo_no: int) -> Response:
        """Read a photo once more, where somebody put the corners of the register."""
        front = self._front
        sent = await front.form(request)
        home, secret = await front.visit(request)
        front.pace(request, PHOTOS, secret)
        if not 0 < photo_no < _NUMBER_MAX:
            raise NotDone("no_page", 404)
        try:
            frame = Frame.of(sent.get("frame", ""))
        except ValueError:
            raise NotDone("frame", 422) from None
        register_no = await front.photo_anew(home, photo_no, frame)
        return to(f"/meter/{register_no}/check?photo={photo_no}")

    async def _picture(self, request: Request, home: Dwelling, photo_no: int) -> bytes:
        front = self._front
        if not 0 < photo_no < _NUMBER_MAX:
            raise NotDone("no_page", 404)
        jpeg = await front.missing(request, lambda: front.desk.picture(home, photo_no))
        if jpeg is None:
            raise NotDone("no_page", 404)
        return jpeg

    async def done(self, request: Request, number: str) -> Response:
        """What was received, and what is left."""
        front = self._front
        visit = await front.visit(request)
        sent = await front.missing(request, lambda: front.desk.sent(visit.home, number[:64]))
        if sent is None:
            raise NotDone("no_page", 404)
        items = await front.ask(lambda: front.desk.items(visit.home))
        item = next((one for one in items if one.register_no == sent.register_no), None)
        left = [one for one in items if one.wanted and one is not item]
        return front.draw(
            request, "done.html", home=visit.home, sent=sent, item=item, count=len(left),
            left=left[0] if left else None,
        )  # fmt: skip

    async def _next(
        self, request: Request, at: At, value: Decimal, photo: str, answers: Mapping[str, str]
    ) -> Response:
        """The first question without an answer; handed in where there is none."""
        front, (home, secret, item, _), photo_no = self._front, at, _number(photo)
        number = item.register_no
        asked = await front.ask(lambda: front.desk.questions(home, number, value, photo_no))
        open_ones = [one for one in asked if one.code not in answers]
        if open_ones:
            return front.draw(
                request, "question.html", home=home, item=item, value=value, photo_no=photo_no,
                question=open_ones[0], answers=answers, here=f"/meter/{number}",
                place=len(asked) - len(open_ones) + 1, of=len(asked),
            )  # fmt: skip
        front.pace(request, WORDS if asked else PHOTOS, secret)
        sent = await front.ask(lambda: front.desk.confirm(home, number, value, photo_no, answers))
        return to(f"/done/{sent.number}")

    def _digits(
        self,
        request: Request,
        at: At,
        seen: Seen | None,
        digits: tuple[int | None, ...] | str,
        wrong: str = "",
    ) -> Response:
        cells = dial.cells(at.item, digits)
        return self._front.draw(
            request, "check.html", home=at.home, item=at.item, seen=seen, cells=cells, wrong=wrong,
            open=sum(not one.value for one in cells) if seen and seen.digits else 0,
            status=422 if wrong else 200, here=_check(at.item.register_no, seen),
        )  # fmt: skip

    async def _at(self, request: Request, register_no: int) -> At:
        """Who asks, and the register, if it is of their dwelling."""
        visit = await self._front.visit(request)
        items = await self._front.ask(lambda: self._front.desk.items(visit.home))
        for item in items:
            if item.register_no == register_no:
                return At(*visit, item, items)
        raise NotDone("no_meter", 404)

    async def _seen(self, at: At, photo: str) -> Seen | None:
        """What was read on a photo of the register; None without one."""
        number = _number(photo)
        if number is None:
            return None
        seen = await self._front.ask(lambda: self._front.desk.seen(at.home, number))
        return seen if seen is not None and seen.register_no == at.item.register_no else None


def _number(text: str) -> int | None:
    if not text.isascii() or not text.isdecimal() or len(text) > len(str(_NUMBER_MAX)):
        return None
    number = int(text)
    return number if 0 < number < _NUMBER_MAX else None


def _check(register_no: int, seen: Seen | None) -> str:
    """Where the digits are checked, of that photo."""
    return f"/meter/{register_no}/check" + (f"?photo={seen.photo_no}" if seen else "")


def _filled(item: Item, value: Decimal) -> str:
    """A value in the cells of its register; what was not given stays open."""
    whole, red = dial.shape(item)
    before, _, behind = str(value).partition(".")
    return before.zfill(whole)[-whole:] + behind[:red]
