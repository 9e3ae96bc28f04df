"""A provider of OpenID Connect on this machine: real HTTP, real signatures, faults by order."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT_ID, SECRET, SUBJECT = "plomba", "s3cret of ours", "248289761001"
Signing = RSAKey | ECKey


def rsa(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


class Oidc:
    """What it knows, was asked, and gets wrong as a test orders it."""

    def __init__(self) -> None:
        self.url = ""
        self.key: Signing = rsa("first")
        self.signs_with: Signing | None = None
        self.alg = "RS256"
        self.header: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.discovery: dict[str, Any] = {}
        self.back: dict[str, str] = {}
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.now_s: Callable[[], int] = lambda: int(time.time())
        self.flights: dict[str, dict[str, str]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.subject = SUBJECT
        self.tokens_without_secret = False
        self.token_extra: dict[str, Any] = {}

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    def document(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        } | self.discovery

    def keys(self) -> dict[str, Any]:
        return {"keys": [self.key.as_dict(private=False)]}

    def authorized(self, asked: dict[str, str]) -> str:
        """Where the browser goes back to, as if a person had typed the password."""
        code = hashlib.sha256(asked["state"].encode()).hexdigest()
        self.flights[code] = asked
        query = {"code": code, "state": asked["state"]} | self.back
        return f"{asked['redirect_uri']}?{urlencode(query)}"

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """The answer to a code, once; None for any other."""
        flight = self.flights.pop(form.get("code", ""), None)
        pair = base64.b64encode(f"{CLIENT_ID}:{SECRET.replace(' ', '%20')}".encode()).decode()
        known = authorization == f"Basic {pair}" or self.tokens_without_secret
        if flight is None or not known or form["redirect_uri"] != flight["redirect_uri"]:
            return None
        if "code_challenge" in flight:
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            if base64.urlsafe_b64encode(digest).decode().rstrip("=") != flight["code_challenge"]:
                return None
        return {"access_token": "x", "id_token": self.id_token(flight)} | self.token_extra

    def id_token(self, flight: dict[str, str]) -> str:
        now_s = self.now_s()
        claims = {
            "iss": self.url, "sub": self.subject, "aud": CLIENT_ID, "iat": now_s,
            "exp": now_s + 300, "nonce": flight.get("nonce"),
        } | self.claims  # fmt: skip
        key = self.signs_with or self.key
        header = {"alg": self.alg, "kid": self.key.kid} | self.header
        return jwt.encode(header, claims, key, algorithms=[self.alg])


def forged(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    """A token without a signature of anybody's."""
    parts = [json.dumps(one).encode() for one in (header, claims)] + [signature]
    return ".".join(base64.urlsafe_b64encode(one).decode().rstrip("=") for one in parts)


def answering(oidc: Oidc) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            self._at({key: one[0] for key, one in parse_qs(urlsplit(self.path).query).items()})

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["content-length"]))
            self._at({key: one[0] for key, one in parse_qs(data.decode()).items()})

        def _at(self, asked: dict[str, str]) -> None:
            path = urlsplit(self.path).path
            oidc.asked.append((path, asked))
            if path in oidc.answers:
                oidc.answers[path](self)
            elif path.endswith(("/authorize", "/ac")):
                self.send_response(302)
                self.send_header("location", oidc.authorized(asked))
                self.end_headers()
            elif path.endswith(("/token", "/te")):
                found = oidc.token(asked, self.headers.get("authorization", ""))
                self._json(found or {"error": "invalid_grant"}, 200 if found else 400)
            elif path == "/keys":
                self._json(oidc.keys())
            else:
                self._json(oidc.document())

        def _json(self, document: dict[str, Any], status: int = 200) -> None:
            said(self, json.dumps(document).encode(), status)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's
            """Say nothing."""

    return Handler


def said(to: BaseHTTPRequestHandler, data: bytes, status: int = 200) -> None:
    to.send_response(status)
    to.send_header("content-type", "application/json")
    to.end_headers()
    to.wfile.write(data)


@contextmanager
def serving(oidc: Oidc) -> Iterator[Oidc]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), answering(oidc))
    server.daemon_threads = True
    oidc.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield oidc
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
