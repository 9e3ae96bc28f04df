"""Acts and disputes of a dwelling."""

from fastapi import FastAPI, Request, Response

from gateway.resident.dispute import SUBJECT_CHARS_MAX
from gateway.resident_web.front import Front, to
from gateway.resident_web.limits import PAPERS, WORDS
from gateway.resident_web.ports import NotDone

KINDS = ("no-meter", "wrong-meter", "reading")
ABOUT = ("reading", "line")
"""What a dispute from the history is about, which names its subject."""
_NUMBER_CHARS_MAX = 64
_TEXT_CHARS_MIN, TEXT_CHARS_MAX = 3, 2000


class Papers:
    """What a resident keeps, and what they object to."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def add_to(self, app: FastAPI) -> None:
        """Add the routes."""
        app.get("/a/{number}.pdf")(self.act_pdf)
        app.get("/a/{number}")(self.act)
        app.get("/dispute")(self.ask)
        app.post("/dispute")(self.open)
        app.get("/dispute/{number}")(self.state)
        app.post("/dispute/{number}/withdraw")(self.withdraw)

    async def act(self, request: Request, number: str) -> Response:
        """The act as a page."""
        front, words = self._front, self._front.speech(request)
        visit, known = await front.visit(request), number[:_NUMBER_CHARS_MAX]
        told = await front.aside(lambda: front.desk.act(visit.home, known, words))
        if told is None:
            front.missed(request)
            raise NotDone("no_page", 404)
        return front.draw(request, "act.html", home=visit.home, told=told, number=known)

    async def act_pdf(self, request: Request, number: str) -> Response:
        """The act as a document."""
        front, words = self._front, self._front.speech(request)
        visit, known = await front.visit(request), number[:_NUMBER_CHARS_MAX]
        front.pace(request, PAPERS, visit.secret)
        pdf = await front.aside(lambda: front.desk.act_pdf(visit.home, known, words))
        if pdf is None:
            front.missed(request)
            raise NotDone("no_page", 404)
        name = "".join(one for one in known if one.isascii() and (one.isalnum() or one == "-"))
        headers = {"content-disposition": f'attachment; filename="{name}.pdf"'}
        return Response(pdf, media_type="application/pdf", headers=headers)

    async def ask(self, request: Request) -> Response:
        """Ask what is wrong."""
        front = self._front
        visit = await front.visit(request)
        items = await front.ask(lambda: front.desk.items(visit.home))
        about = request.query_params.get("register", "")
        subject = request.query_params.get("about", "")[:SUBJECT_CHARS_MAX]
        kind = request.query_params.get("kind", "")
        kinds = (kind,) if subject and kind in ABOUT else KINDS
        return front.draw(
            request, "dispute.html", home=visit.home, items=items, about=about, kinds=kinds,
            subject=subject if kinds is not KINDS else "",
        )  # fmt: skip

    async def open(self, request: Request) -> Response:
        """Open it."""
        front = self._front
        sent = await front.form(request)
        visit = await front.visit(request)
        kind, text = sent.get("kind", ""), sent.get("text", "").strip()[:TEXT_CHARS_MAX]
        subject = sent.get("subject", "")[:SUBJECT_CHARS_MAX]
        if kind not in (ABOUT if subject else KINDS) or len(text) < _TEXT_CHARS_MIN:
            raise NotDone("dispute", 422)
        items = await front.ask(lambda: front.desk.items(visit.home))
        chosen = sent.get("register", "")
        about = next((one.register_no for one in items if str(one.register_no) == chosen), None)
        front.pace(request, WORDS, visit.secret)
        opened = await front.ask(
            lambda: front.desk.complain(visit.home, about, kind, text, subject)
        )
        return to(f"/dispute/{opened.number}")

    async def state(self, request: Request, number: str) -> Response:
        """Where it stands."""
        front = self._front
        visit = await front.visit(request)
        known = number[:_NUMBER_CHARS_MAX]
        found = await front.missing(request, lambda: front.desk.complaint(visit.home, known))
        if found is None:
            raise NotDone("no_page", 404)
        return front.draw(request, "disputed.html", home=visit.home, dispute=found)

    async def withdraw(self, request: Request, number: str) -> Response:
        """Take it back."""
        front = self._front
        await front.form(request)
        visit = await front.visit(request)
        known = number[:_NUMBER_CHARS_MAX]
        front.pace(request, WORDS, visit.secret)
        found = await front.missing(request, lambda: front.desk.withdraw(visit.home, known))
        return to(f"/dispute/{found.number}")
