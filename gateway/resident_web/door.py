"""Who stands before the door: cookies, the proof that a form is ours, the headers of every answer.

A session is a secret in a cookie that no script reads and no other site sends (HttpOnly, Strict).
Beside it lies the form's cookie; a form carries its hash, which no other site knows. A POST must
have both, and an Origin of ours where the browser tells one. Answers are kept by no cache and load
nothing from elsewhere; the camera is for these pages alone.
"""

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response

from gateway.resident_web.ports import NotDone

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
    " media-src 'self' blob:; connect-src 'self'; worker-src 'self'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)
# A month's window and the wait for its reminder fit in; the session itself ends far sooner.
_FORM_S = 40 * 86_400
_YEAR_S = 365 * 86_400
_SECRET_CHARS_MAX = 256
# Starlette's words (middleware/base.py): a RuntimeError of ours is none of these.
_NO_ANSWER = "No response returned."


class Cookies:
    """Names and flags of our cookies; over TLS they are bound to this very host (__Host-)."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        before = "__Host-" if secure else ""
        self.session, self.form, self.language = before + "session", before + "form", "lang"
        self.flight = before + "flight"

    def read(self, request: Request, name: str) -> str:
        """A cookie's value, empty if it is not there or no secret of ours."""
        value = request.cookies.get(name, "")
        return value if len(value) <= _SECRET_CHARS_MAX else ""

    def put(self, response: Response, name: str, value: str) -> None:
        """Set one that a script cannot read and another site does not send."""
        lives_s = {self.form: _FORM_S, self.language: _YEAR_S}.get(name)
        response.set_cookie(
            name, value, max_age=lives_s, httponly=True, secure=self._secure, samesite="strict"
        )

    def put_flight(self, response: Response, value: str, lives_s: int) -> None:
        """Set the one that a browser coming back from a provider brings along."""
        response.set_cookie(
            self.flight, value, max_age=lives_s, httponly=True, secure=self._secure, samesite="lax"
        )

    def drop(self, response: Response, name: str) -> None:
        """Take one back."""
        response.delete_cookie(name, httponly=True, secure=self._secure, samesite="strict")


def fresh() -> str:
    """A new secret of 128 bits."""
    return secrets.token_urlsafe(16)


def proof(form_secret: str) -> str:
    """What a form carries to show that it is ours."""
    return hashlib.sha256(b"plomba form " + form_secret.encode()).hexdigest()


def is_ours(request: Request, origins: frozenset[str], form_secret: str, shown: str) -> bool:
    """Whether a POST comes from a page of ours."""
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "same-origin")
    return (
        (origin is None or origin in origins)
        and site == "same-origin"
        and bool(form_secret)
        and secrets.compare_digest(proof(form_secret).encode(), shown.encode())
    )


def require_ours(request: Request, origins: frozenset[str], form_secret: str, shown: str) -> None:
    """NotDone where a POST may be somebody else's."""
    if not is_ours(request, origins, form_secret, shown):
        raise NotDone("not_ours", 403)


async def harden(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Put the headers on every answer."""
    try:
        response = await call_next(request)
    except RuntimeError as error:
        # The word for a browser that hung up before its answer began: nobody is there to
        # be told, and the log is not filled by whoever does it a thousand times.
        if str(error) != _NO_ANSWER or not await request.is_disconnected():
            raise
        return Response(status_code=408)
    return hardened(request, response)


def hardened(request: Request, response: Response) -> Response:
    """An answer with those headers."""
    headers: Any = response.headers
    headers.setdefault("content-security-policy", POLICY)
    headers["x-content-type-options"] = "nosniff"
    # With no-referrer a browser would hide the Origin of our own forms too.
    headers["referrer-policy"] = "same-origin"
    headers["cross-origin-resource-policy"] = "same-origin"
    headers["cross-origin-opener-policy"] = "same-origin"
    headers["permissions-policy"] = "camera=(self), geolocation=(), microphone=()"
    if request.url.scheme == "https":
        headers["strict-transport-security"] = "max-age=31536000"
    if not request.url.path.startswith("/static/"):
        headers["cache-control"] = "no-store"
    return response
