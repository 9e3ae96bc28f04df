"""Who stands before the door: whom the browser meant to ask, its cookies, the proof of a form.

The page speaks plain HTTP on the device's own access point or cable: there is no name that an
authority would vouch for, and WPA2 guards the air. What plain HTTP leaves open is closed here:

- a page of somewhere else whose name suddenly leads here (DNS rebinding) names that name as Host,
  which is neither the address this very connection came in by nor a name of this device;
- a page of somewhere else that sends a form here has no proof, and Origin tells on it;
- every answer loads nothing from elsewhere, runs no script but ours, and is kept by no cache.
"""

import hashlib
import secrets
import socket
from ipaddress import IPv6Address, ip_address

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.page.refusal import NotDone

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
    " connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    # With no-referrer a browser would hide the Origin of our own forms too.
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
SESSION, FORM, LANGUAGE = "session", "form", "lang"
# A visit takes a working day; the session itself ends by its own count.
_FORM_S = 2 * 86_400
_YEAR_S = 365 * 86_400
_LIVES_S = {SESSION: _FORM_S, FORM: _FORM_S, LANGUAGE: _YEAR_S}
_SECRET_CHARS_MAX = 256
# An address, a name, a port; ours are far shorter.
_HOST_CHARS_MAX = 128
_LOOPBACK_NAMES = frozenset({"localhost"})


class OwnHost:
    """Lets in only requests that name this device; `names` are its names besides its addresses."""

    def __init__(self, app: ASGIApp, names: frozenset[str]) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        if not self._is_ours(scope):
            refusal = PlainTextResponse("this device has another address\n", 421, HEADERS)
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, _hardened(scope, send))

    def _is_ours(self, scope: Scope) -> bool:
        named = [value for name, value in scope["headers"] if name == b"host"]
        if len(named) != 1 or len(named[0]) > _HOST_CHARS_MAX:
            return False
        host = host_of(named[0].decode("latin-1"))
        at = plain(str((scope.get("server") or ("",))[0]))
        if host == at:
            return True
        return host in self._names or (host in _LOOPBACK_NAMES and _is_loopback(at))


def _hardened(scope: Scope, send: Send) -> Send:
    async def hardened(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            if not str(scope["path"]).startswith("/static/"):
                headers["cache-control"] = "no-store"
        await send(message)

    return hardened


def own_names(device: str) -> frozenset[str]:
    """What this device is called in its own networks, by mDNS too."""
    names = {socket.gethostname().lower(), device.lower()}
    return frozenset(names | {f"{name}.local" for name in names})


def host_of(header: str) -> str:
    """The host of a Host header, without its port and brackets."""
    host = header.strip().lower()
    if host.startswith("["):
        return plain(host[1:].partition("]")[0])
    return plain(host.partition(":")[0])


def plain(host: str) -> str:
    """An address in its shortest spelling; a name as it is."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def cookie(request: Request, name: str) -> str:
    """A cookie's value, empty if it is not there or no secret of ours."""
    value = request.cookies.get(name, "")
    return value if len(value) <= _SECRET_CHARS_MAX else ""


def put(response: Response, name: str, value: str) -> None:
    """Set one that no script reads and no other site sends."""
    response.set_cookie(name, value, max_age=_LIVES_S[name], httponly=True, samesite="strict")


def drop(response: Response, name: str) -> None:
    """Take one back."""
    response.delete_cookie(name, httponly=True, samesite="strict")


def fresh() -> str:
    """A new secret of 128 bits."""
    return secrets.token_urlsafe(16)


def proof(form_secret: str) -> str:
    """What a form carries to show that it is ours."""
    return hashlib.sha256(b"plomba page form " + form_secret.encode()).hexdigest()


def require_ours(request: Request, shown: str) -> None:
    """NotDone where a form may be somebody else's."""
    secret = cookie(request, FORM)
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "same-origin")
    same = origin is None or origin == f"http://{request.headers.get('host', '')}"
    proven = secrets.compare_digest(proof(secret).encode(), shown.encode())
    if not (same and site == "same-origin" and secret and proven):
        raise NotDone("not_ours", 403)
