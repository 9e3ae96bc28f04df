"""Signing in with an account elsewhere: out to the provider, and back.

The way out is a plain link: a browser does not let a form of ours end elsewhere (form-action), and
beginning to sign in changes nothing. The way back comes from another site, so it brings no cookie
of ours but the flight's, which other sites may send the browser here with (Lax), for ten minutes.
Its answer is a page that goes on by itself: what comes next is then asked by us, with the session.
"""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TypeVar

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from gateway.resident.oidc import FLIGHT_MS, NotSignedInError, Way
from gateway.resident.oidc_http import ProviderError
from gateway.resident.signin_secrets import Flight
from gateway.resident_web import door
from gateway.resident_web.front import Front
from gateway.resident_web.limits import CODES
from gateway.resident_web.ports import NotDone
from gateway.resident_web.signin_desk import SignInDesk

_SEED_BYTES = 24
# Those who came back in the last ten minutes, some 100 bytes each.
LANDED_MAX = 10_000
# A provider that hangs holds a thread for ten seconds; photos and papers go on in the others.
ASKED_MAX = 6
_QUERY_MAX = 12

T = TypeVar("T")
log = structlog.get_logger()


class SigningIn:
    """The routes out and back."""

    def __init__(self, front: Front, desk: SignInDesk, ways: Mapping[str, Way]) -> None:
        self._front, self._desk, self._ways = front, desk, ways
        self._landed: OrderedDict[str, None] = OrderedDict()
        self._asked = 0

    def add_to(self, app: FastAPI) -> None:
        """Add them."""
        app.get("/signin/{name}")(self.out)
        app.get("/signin/{name}/back")(self.back)

    async def out(self, request: Request, name: str) -> Response:
        """Send the browser to the provider, with a state that only it can bring back."""
        front, way = self._front, self._way(name)
        front.pace(request, CODES)
        if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
            raise NotDone("not_ours", 403)
        until_ms = front.clock() + FLIGHT_MS
        flight, cookie = self._desk.secrets.flight(name, until_ms, secrets.token_bytes(_SEED_BYTES))
        try:
            address = await self._from_provider(lambda: way.address(flight))
        except ProviderError as error:
            raise self._told(name, error) from error
        response = RedirectResponse(address, 303)
        front.cookies.put_flight(response, cookie, FLIGHT_MS // 1000)
        return response

    async def back(self, request: Request, name: str) -> Response:
        """Sign in whoever comes back as the one that went."""
        front, way = self._front, self._way(name)
        front.pace(request, CODES)
        query = dict(request.query_params.multi_items()[:_QUERY_MAX])
        flight = self._flight(request, name, query.get("state"))
        try:
            person = await self._from_provider(lambda: way.person(flight, query))
        except NotSignedInError as error:
            raise NotDone("signin_nobody", 403) from error
        except ProviderError as error:
            raise self._told(name, error) from error
        secret = await front.ask(lambda: self._desk.arrive(name, person))
        response = front.draw(request, "signed_in.html", inside=False, here="/")
        front.cookies.drop(response, front.cookies.flight)
        front.cookies.put(response, front.cookies.session, secret)
        front.cookies.put(response, front.cookies.form, door.fresh())
        return response

    async def _from_provider(self, question: Callable[[], T]) -> T:
        """A provider's answer; NotDone where too many are waited for."""
        if self._asked >= ASKED_MAX:
            raise NotDone("busy", 503)
        self._asked += 1
        try:
            return await self._front.aside(question)
        finally:
            self._asked -= 1

    def _way(self, name: str) -> Way:
        if name not in self._ways:
            raise NotDone("no_page", 404)
        return self._ways[name]

    def _flight(self, request: Request, name: str, state: str | None) -> Flight:
        """The flight that this browser began, once."""
        cookies = self._front.cookies
        flight = self._desk.secrets.landed(cookies.read(request, cookies.flight))
        fresh = flight is not None and self._front.clock() < flight.until_ms
        if flight is None or not fresh or flight.provider != name or flight.state in self._landed:
            raise NotDone("signin_nobody", 403)
        # Only who brings the state uses the flight up: a stranger's link here ends nobody's.
        if state == flight.state:
            self._landed[flight.state] = None
        if len(self._landed) > LANDED_MAX:
            self._landed.popitem(last=False)
        return flight

    def _told(self, name: str, error: ProviderError) -> NotDone:
        """What went wrong, for the operator; the person is told to try again."""
        log.warning("sign-in failed", provider=name, why=str(error))
        return NotDone("signin_provider", 502)
