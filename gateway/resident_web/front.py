"""What all routes share: the house behind, who asks, how a page is drawn and how it is refused.

The house is asked in a thread of its own with a ledger connection of its own, one question after
another, so that the thread that takes readings in waits for nobody's browser. Photos are looked at,
and papers set, aside. Whoever would wait behind too many others is told so instead.
"""

import time
from collections.abc import Awaitable, Callable
from ipaddress import IPv6Address, IPv6Network
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException

from gateway.photo.frame import Frame
from gateway.resident.model import Dwelling
from gateway.resident_web import door, forms
from gateway.resident_web.door import Cookies
from gateway.resident_web.limits import CODES, MISSES, PAGES, Limits, Pace
from gateway.resident_web.ports import Desk, NotDone
from gateway.resident_web.texts import Speech
from gateway.resident_web.uploads import Uploads
from gateway.store import StoreError
from gateway.web.texts import LANGUAGES, preferred

T = TypeVar("T")
# Told to whoever is not in: no way to the meters is offered.
_OUTSIDE = {"signed_out", "link_unknown", "signin_nobody", "signin_provider"}
# As a network hands them out: whoever has one IPv6 address has all of its lower half.
_IPV6_PREFIX = 64
Call = Callable[[Callable[[], T]], Awaitable[T]]
"""Runs a question to the house in the thread that owns it."""

# Questions take milliseconds, photos a second: a person does not wait longer for an answer.
WAITING_MAX, ASIDE_MAX = 64, 16


class Threads(NamedTuple):
    """Who runs what: `ledger` asks the house, one question at a time, `aside` what takes longer."""

    ledger: Call[Any]
    aside: Call[Any]


class Place(NamedTuple):
    """Where the pages are: the addresses a form may come from, and whether they are secure."""

    origins: frozenset[str]
    secure: bool


class Ways(NamedTuple):
    """How one may sign in beside a link: providers by name with their titles (ru, en), phones."""

    providers: tuple[tuple[str, tuple[str, str]], ...] = ()
    passkeys: bool = False

    @property
    def any(self) -> bool:
        """Whether there is another way than a link."""
        return bool(self.providers) or self.passkeys


NO_WAYS = Ways()


class Visit(NamedTuple):
    """Who asks: the dwelling, and the secret of its session."""

    home: Dwelling
    secret: str


class Front:
    """The pages over a house; `clock` tells ms since the epoch."""

    def __init__(
        self,
        desk: Desk,
        threads: Threads,
        *,
        uploads: Uploads,
        place: Place,
        clock: Callable[[], int],
        clock_s: Callable[[], float] = time.monotonic,
        ways: Ways = NO_WAYS,
    ) -> None:
        self.desk, self.uploads, self.place, self.clock = desk, uploads, place, clock
        self.ways = ways
        self.cookies = Cookies(secure=place.secure)
        self.limits = Limits(clock_s)
        self._threads = threads
        self._waiting = self._aside = 0
        self._templates = Environment(
            loader=PackageLoader("gateway.resident_web"), autoescape=True, undefined=StrictUndefined
        )
        self._templates.globals["ways"] = ways

    async def ask(self, question: Callable[[], T]) -> T:
        """The house's answer; NotDone too when it has too many questions already."""
        if self._waiting >= WAITING_MAX:
            raise NotDone("busy", 503)
        self._waiting += 1
        try:
            answer: T = await self._threads.ledger(question)
        finally:
            self._waiting -= 1
        return answer

    async def photo(
        self, home: Dwelling, register_no: int, data: bytes, frame: Frame | None = None
    ) -> int:
        """Have a photo of a register read and kept; its number."""
        ready = await self.ask(lambda: self.desk.ready(home, register_no))
        sight = await self.aside(lambda: self.desk.look(ready, data, frame))
        return await self.ask(lambda: self.desk.keep(home, ready, sight))

    async def photo_anew(self, home: Dwelling, photo_no: int, frame: Frame) -> int:
        """Have a kept photo read where somebody says its register is; that register's number."""
        ready, jpeg = await self.ask(lambda: self.desk.anew(home, photo_no))
        sight = await self.aside(lambda: self.desk.look(ready, jpeg, frame))
        return await self.ask(lambda: self.desk.keep_anew(home, photo_no, sight))

    async def aside(self, work: Callable[[], T]) -> T:
        """As `ask`, of what takes a second and not the ledger's thread."""
        if self._aside >= ASIDE_MAX:
            raise NotDone("busy", 503)
        self._aside += 1
        try:
            done: T = await self._threads.aside(work)
        finally:
            self._aside -= 1
        return done

    def speech(self, request: Request) -> Speech:
        """The language chosen here or before, else the browser's."""
        chosen = request.query_params.get("lang") or request.cookies.get(self.cookies.language)
        accepted = request.headers.get("accept-language", "")[:1000]
        return Speech(preferred((chosen or "")[:8], accepted))

    def draw(
        self, request: Request, template: str, *, status: int = 200, **about: object
    ) -> HTMLResponse:
        """A page in the visitor's language; its forms are proven by the form's cookie."""
        kept = self.cookies.read(request, self.cookies.form)
        secret = kept or door.fresh()
        about.setdefault("turn", _turned(request, about.get("here")))
        about.setdefault("here", request.url.path)
        about.setdefault("inside", True)
        drawn = self._templates.get_template(template).render(
            t=self.speech(request), proof=door.proof(secret), **about
        )
        response = HTMLResponse(drawn, status)
        if not kept:
            self.cookies.put(response, self.cookies.form, secret)
        chosen = request.query_params.get("lang")
        if chosen in LANGUAGES:
            self.cookies.put(response, self.cookies.language, chosen)
        return response

    def pace(self, request: Request, pace: Pace, who: str | None = None) -> None:
        """Count this request; NotDone where there were too many."""
        if not self.limits.take(pace, who or address(request)):
            raise NotDone("too_often", 429)

    async def visit(self, request: Request) -> Visit:
        """Who asks; NotDone without a session that stands."""
        secret = self.cookies.read(request, self.cookies.session)
        if not secret:
            raise NotDone("signed_out", 401)
        home = await self.missing(request, lambda: self.desk.home(secret))
        if home is None:
            raise NotDone("signed_out", 401)
        return Visit(home, secret)

    async def missing(self, request: Request, question: Callable[[], T]) -> T:
        """As `ask`, for what is named by a secret: whoever names too many wrong ones must wait."""
        if not self.limits.has(MISSES, address(request)):
            raise NotDone("too_often", 429)
        try:
            answer = await self.ask(question)
        except NotDone as refusal:
            if refusal.kind in {"link_unknown", "no_upload"}:
                self.missed(request)
            raise
        if answer is None:
            self.missed(request)
        return answer

    def missed(self, request: Request) -> None:
        """Count a name that there is not."""
        self.limits.take(MISSES, address(request))

    async def form(self, request: Request, *, codes: bool = False) -> dict[str, str]:
        """The fields of a form of ours; NotDone for one that may be somebody else's."""
        if codes:
            self.pace(request, CODES)
        data = await forms.body(request, forms.FORM_BYTES_MAX, forms.FORM_S)
        sent = forms.fields(data)
        self.require_ours(request, sent.get("proof", ""))
        return sent

    def require_ours(self, request: Request, shown: str) -> None:
        """NotDone where what came may be somebody else's."""
        secret = self.cookies.read(request, self.cookies.form)
        door.require_ours(request, self.place.origins, secret, shown)

    def refused(self, request: Request, refusal: NotDone) -> Response:
        """What went wrong and what to do, as a page or for a script."""
        t = self.speech(request)
        key = f"sorry_{refusal.kind}"
        if "application/json" in request.headers.get("accept", ""):
            told = {"error": t(key, refusal.detail), "do": t(f"{key}_do"), "kind": refusal.kind}
            return JSONResponse(told, refusal.status)
        if refusal.kind == "choose":
            return to("/dwellings")
        is_in = bool(self.cookies.read(request, self.cookies.session))
        response = self.draw(
            request, "problem.html", status=refusal.status, what=t(key, refusal.detail),
            todo=t(f"{key}_do"), inside=is_in and refusal.kind not in _OUTSIDE,
            here="/",
        )  # fmt: skip
        if refusal.kind == "signed_out":
            self.cookies.drop(response, self.cookies.session)
        return response

    def guard(self, app: FastAPI) -> None:
        """Answer every error with a page of ours, and count every request."""

        async def counted(
            request: Request, call_next: Callable[[Request], Awaitable[Response]]
        ) -> Response:
            if not self.limits.take(PAGES, address(request)):
                return self.refused(request, NotDone("too_often", 429))
            return await call_next(request)

        def answered(request: Request, error: Exception) -> Response:
            return self.refused(request, _as_refusal(error))

        def broken(request: Request, _error: Exception) -> Response:
            # Outside of all middleware; the error itself goes on to the log.
            return door.hardened(request, self.refused(request, NotDone("broken", 500)))

        app.middleware("http")(counted)
        for kind in (NotDone, StoreError, HTTPException, RequestValidationError):
            app.exception_handler(kind)(answered)
        app.exception_handler(Exception)(broken)


def _as_refusal(error: Exception) -> NotDone:
    if isinstance(error, NotDone):
        return error
    if isinstance(error, StoreError):
        return NotDone("busy", 503)
    return NotDone("no_page", error.status_code if isinstance(error, HTTPException) else 404)


def address(request: Request) -> str:
    """From where a request came; of an IPv6 address the part that a subscriber does not choose."""
    host = request.client.host if request.client else ""
    if ":" not in host:
        return host
    try:
        known = IPv6Address(host)
    except ValueError:
        return host
    return str(known.ipv4_mapped or IPv6Network((int(known), _IPV6_PREFIX), strict=False))


def _turned(request: Request, here: object) -> str:
    """Where the same page is in another language, up to the language's name."""
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    where = f"{request.url.path}?{urlencode([*asked, ('lang', '')])}"
    return where if here is None else f"{here}{'&' if '?' in str(here) else '?'}lang="


def to(path: str) -> RedirectResponse:
    """Go on there, with GET."""
    return RedirectResponse(path, 303)
