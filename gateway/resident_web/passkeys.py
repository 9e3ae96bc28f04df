"""Passkeys on the pages: "sign in with this phone next time", and signing in with it.

These two need a script, since only a script can ask the phone for its key; the list and removing
are plain forms, and whoever has no script signs in as before. What the script sends is JSON with
the proof of our forms.
"""

import json
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from gateway.resident_web import door, forms
from gateway.resident_web.front import Front, to
from gateway.resident_web.limits import CODES
from gateway.resident_web.linking import Dwellings
from gateway.resident_web.ports import NotDone
from gateway.resident_web.signin_desk import SignInDesk

# An answer of a phone has some 2 KB; an attestation that nobody asked for some 5.
ANSWER_BYTES_MAX = 16 * 1024
_NUMBER_DIGITS_MAX = 12


class Phones:
    """The routes of passkeys."""

    def __init__(self, front: Front, desk: SignInDesk) -> None:
        self._front, self._desk, self._dwellings = front, desk, Dwellings(front, desk)

    def add_to(self, app: FastAPI) -> None:
        """Add them."""
        app.get("/phone")(self.page)
        app.post("/phone/{number}/remove")(self.remove)
        app.post("/passkey/add/begin")(self.begin_adding)
        app.post("/passkey/add")(self.add)
        app.post("/passkey/begin")(self.begin)
        app.post("/passkey")(self.enter)

    async def page(self, request: Request) -> Response:
        """The passkeys there are, and how to add this phone."""
        mine = await self._dwellings.mine(request)
        return self._front.draw(request, "phone.html", mine=mine)

    async def remove(self, request: Request, number: str) -> Response:
        """Delete one."""
        await self._front.form(request)
        if not number.isdecimal() or len(number) > _NUMBER_DIGITS_MAX:
            raise NotDone("no_page", 404)
        secret, passkey_no = self._secret(request), int(number)
        await self._front.ask(lambda: self._desk.remove(secret, passkey_no))
        return to("/phone")

    async def begin_adding(self, request: Request) -> Response:
        """The question to a phone that shall make a key."""
        await self._sent(request)
        mine, t = await self._dwellings.mine(request), self._front.speech(request)
        shown = t("title")
        if mine.home is not None:
            shown = ", ".join(filter(None, (mine.home.house, mine.home.dwelling)))
        secret = self._secret(request)
        return JSONResponse(await self._front.ask(lambda: self._desk.begin_adding(secret, shown)))

    async def add(self, request: Request) -> Response:
        """Keep the key it made."""
        sent, secret = await self._sent(request), self._secret(request)
        answer = _object(sent.get("answer"))
        await self._front.ask(lambda: self._desk.add(secret, answer))
        return JSONResponse({"to": "/phone"})

    async def begin(self, request: Request) -> Response:
        """The question to a phone that has a key."""
        await self._sent(request)
        browser = self._front.cookies.read(request, self._front.cookies.form)
        return JSONResponse(await self._front.ask(lambda: self._desk.begin_entering(browser)))

    async def enter(self, request: Request) -> Response:
        """Sign in whoever signed."""
        sent, front = await self._sent(request), self._front
        browser = front.cookies.read(request, front.cookies.form)
        answer = _object(sent.get("answer"))
        secret = await front.ask(lambda: self._desk.enter(browser, answer))
        response = JSONResponse({"to": "/meters"})
        front.cookies.put(response, front.cookies.session, secret)
        front.cookies.put(response, front.cookies.form, door.fresh())
        return response

    async def _sent(self, request: Request) -> dict[str, Any]:
        """A JSON object of our script's; NotDone for one that may be somebody else's."""
        self._front.pace(request, CODES)
        data = await forms.body(request, ANSWER_BYTES_MAX, forms.FORM_S)
        sent = said(data)
        self._front.require_ours(request, str(sent.get("proof", "")))
        return sent

    def _secret(self, request: Request) -> str:
        secret = self._front.cookies.read(request, self._front.cookies.session)
        if not secret:
            raise NotDone("signed_out", 401)
        return secret


def said(data: bytes) -> dict[str, Any]:
    """The JSON object that our script sent; NotDone for anything else."""
    try:
        return _object(json.loads(data))
    except (ValueError, RecursionError):
        raise NotDone("not_understood") from None


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise NotDone("not_understood")
    return value
