"""The way in: the link of a message, the code, and the way out; also out of the messages.

Looking at a link uses nothing up: programs that preview messages look too. Only the form does.
"""

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from gateway.resident.model import LINK_PATH, STOP_PATH
from gateway.resident_web import door
from gateway.resident_web.front import Front, to
from gateway.resident_web.limits import CODES
from gateway.resident_web.ports import NotDone

# Ours have some 40 characters; the rest of a longer address is nobody's token.
_TOKEN_CHARS_MAX = 512
# Six digits, or the number of an account.
_CODE_CHARS_MAX = 64
# Told where the code is typed: there it is put right.
_ON_THE_SPOT = {"wrong_code", "wrong_account", "code_spent"}


class Entry:
    """The routes of coming and going."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def add_to(self, app: FastAPI) -> None:
        """Add them."""
        app.get("/")(self.begin)
        app.get(LINK_PATH + "{token}")(self.landing)
        app.post(LINK_PATH + "{token}/code")(self.send_code)
        app.post(LINK_PATH + "{token}/again")(self.send_link)
        app.post(LINK_PATH + "{token}/enter")(self.enter)
        app.post("/leave")(self.leave)
        app.get(STOP_PATH + "{token}")(self.messages)
        app.post(STOP_PATH + "{token}")(self.stop_messages)
        app.get("/proof")(self.proof)

    async def begin(self, request: Request) -> Response:
        """Without a link there is nothing to enter by."""
        try:
            await self._front.visit(request)
        except NotDone as refusal:
            if refusal.kind != "signed_out":
                raise
            return self._front.draw(request, "begin.html", inside=False)
        return to("/meters")

    async def landing(self, request: Request, token: str) -> Response:
        """Whose dwelling the link is about, and what comes next."""
        return await self._landing(request, token, sent=False)

    async def send_code(self, request: Request, token: str) -> Response:
        """Send a code, and ask for it."""
        await self._front.form(request, codes=True)
        desk, known = self._front.desk, _token(token)
        try:
            await self._front.missing(request, lambda: desk.send_code(known))
        except NotDone as refusal:
            if refusal.kind != "code_wait":
                raise
            return await self._landing(request, token, sent=True, wrong=refusal)
        return await self._landing(request, token, sent=True)

    async def send_link(self, request: Request, token: str) -> Response:
        """Send a new link, to the contact that had this one."""
        await self._front.form(request, codes=True)
        desk, known = self._front.desk, _token(token)
        contact = await self._front.missing(request, lambda: desk.send_link(known))
        return self._front.draw(
            request, "again.html", contact=contact, token=token, over="", inside=False,
            here=f"{LINK_PATH}{token}",
        )  # fmt: skip

    async def enter(self, request: Request, token: str) -> Response:
        """Begin a session; what the browser had before is not taken over into it."""
        front, known = self._front, _token(token)
        sent = await front.form(request, codes=True)
        code = sent.get("code", "").strip()[:_CODE_CHARS_MAX]
        try:
            secret = await front.missing(request, lambda: front.desk.sign_in(known, code))
        except NotDone as refusal:
            if refusal.kind not in _ON_THE_SPOT:
                raise
            sent_one = refusal.kind != "code_spent"
            return await self._landing(request, token, sent=sent_one, wrong=refusal)
        response = to("/meters")
        front.cookies.put(response, front.cookies.session, secret)
        front.cookies.put(response, front.cookies.form, door.fresh())
        return response

    async def _landing(
        self, request: Request, token: str, *, sent: bool, wrong: NotDone | None = None
    ) -> Response:
        """What a link shows; `wrong`: why the code that was `sent`, or a new one, was refused."""
        front, known, here = self._front, _token(token), f"{LINK_PATH}{token}"
        secret = front.cookies.read(request, front.cookies.session)
        try:
            landing = await front.missing(request, lambda: front.desk.landing(known, secret))
        except NotDone as refusal:
            if refusal.kind not in {"link_used", "link_expired"}:
                raise
            return front.draw(
                request, "again.html", status=refusal.status, contact="", over=refusal.kind,
                token=token, inside=False, here=here,
            )  # fmt: skip
        if not landing.needs:
            return to("/meters")
        t, key = front.speech(request), f"sorry_{wrong.kind}" if wrong else ""
        return front.draw(
            request, "landing.html", status=wrong.status if wrong else 200, landing=landing,
            token=token, sent=sent, wrong=f"{t(key)}. {t(f'{key}_do')}" if wrong else "",
            inside=False, here=here, stop=STOP_PATH + landing.stop if landing.stop else "",
        )  # fmt: skip

    async def leave(self, request: Request) -> Response:
        """End the session."""
        front = self._front
        await front.form(request)
        secret = front.cookies.read(request, front.cookies.session)
        if secret:
            await front.ask(lambda: front.desk.sign_out(secret))
        response = to("/")
        front.cookies.drop(response, front.cookies.session)
        # What the phone kept for later is not for whoever holds it next.
        response.headers["clear-site-data"] = '"storage"'
        return response

    async def messages(self, request: Request, token: str) -> Response:
        """Ask whether messages are to stop."""
        return self._front.draw(
            request, "messages.html", contact="", token=_token(token), inside=False
        )

    async def stop_messages(self, request: Request, token: str) -> Response:
        """Stop them; mail programs do it by themselves (RFC 8058), with nothing but the token."""
        self._front.pace(request, CODES)
        desk, known = self._front.desk, _token(token)
        contact = await self._front.missing(request, lambda: desk.stop_messages(known))
        return self._front.draw(
            request, "messages.html", contact=contact, token=token, inside=False
        )

    async def proof(self, request: Request) -> Response:
        """For what the phone kept and sends later: the proof of this day's forms."""
        front = self._front
        await front.visit(request)
        secret = front.cookies.read(request, front.cookies.form) or door.fresh()
        response = JSONResponse({"proof": door.proof(secret)})
        front.cookies.put(response, front.cookies.form, secret)
        return response


def _token(token: str) -> str:
    if len(token) > _TOKEN_CHARS_MAX:
        raise NotDone("link_unknown", 404)
    return token
