"""The dwellings of whoever signed in: linking one by number and code, choosing, letting go."""

from fastapi import FastAPI, Request, Response

from gateway.resident_web.front import Front, to
from gateway.resident_web.ports import NotDone
from gateway.resident_web.signin_desk import Mine, SignInDesk, Wrong

# Account numbers and codes are far shorter; the rest of a longer text is nobody's.
_FIELD_CHARS_MAX = 64
_NUMBER_DIGITS_MAX = 12


class Dwellings:
    """The routes of dwellings."""

    def __init__(self, front: Front, desk: SignInDesk) -> None:
        self._front, self._desk = front, desk

    def add_to(self, app: FastAPI) -> None:
        """Add them."""
        app.get("/dwellings")(self.page)
        app.get("/dwellings/add")(self.adding)
        app.post("/dwellings/add")(self.add)
        app.post("/dwellings/{number}/open")(self.open)
        app.post("/dwellings/{number}/unlink")(self.unlink)

    async def page(self, request: Request) -> Response:
        """What is linked; whoever has nothing yet is asked for it at once."""
        mine = await self.mine(request)
        if mine.linked is None:
            return to("/phone")
        if not mine.linked:
            return to("/dwellings/add")
        return self._front.draw(request, "dwellings.html", mine=mine)

    async def adding(self, request: Request) -> Response:
        """Ask for number and code."""
        return await self._adding(request)

    async def add(self, request: Request) -> Response:
        """Link a dwelling, or say which field is to be put right."""
        sent = await self._front.form(request, codes=True)
        number, code = (sent.get(one, "")[:_FIELD_CHARS_MAX] for one in ("number", "code"))
        secret = self._secret(request)
        wrong = await self._front.ask(lambda: self._desk.link(secret, number, code))
        if wrong is None:
            return to("/meters")
        return await self._adding(request, wrong, number, code)

    async def open(self, request: Request, number: str) -> Response:
        """Look at one of them."""
        await self._front.form(request)
        secret, linked_no = self._secret(request), _number(number)
        await self._front.ask(lambda: self._desk.choose(secret, linked_no))
        return to("/meters")

    async def unlink(self, request: Request, number: str) -> Response:
        """Let go of one."""
        await self._front.form(request)
        secret, linked_no = self._secret(request), _number(number)
        await self._front.ask(lambda: self._desk.unlink(secret, linked_no))
        return to("/dwellings")

    async def mine(self, request: Request) -> Mine:
        """What whoever asks has; NotDone for nobody."""
        secret = self._secret(request)
        found = await self._front.missing(request, lambda: self._desk.mine(secret))
        if found is None:
            raise NotDone("signed_out", 401)
        return found

    async def _adding(
        self, request: Request, wrong: Wrong | None = None, number: str = "", code: str = ""
    ) -> Response:
        mine = await self.mine(request)
        if mine.linked is None:
            return to("/meters")
        return self._front.draw(
            request, "linking.html", status=422 if wrong else 200, wrong=wrong, mine=mine,
            number=number, code=code, here="/dwellings/add",
        )  # fmt: skip

    def _secret(self, request: Request) -> str:
        secret = self._front.cookies.read(request, self._front.cookies.session)
        if not secret:
            raise NotDone("signed_out", 401)
        return secret


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > _NUMBER_DIGITS_MAX:
        raise NotDone("no_page", 404)
    return int(text)
