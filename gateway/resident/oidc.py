"""Signing in with an account elsewhere: OpenID Connect's authorization code flow with PKCE.

A browser is sent to the provider and comes back with a code; we change the code for an ID token
and believe what that says, once its signature, issuer, audience, times and nonce are right. Nothing
else is asked of the provider, and nothing is kept but a keyed hash of issuer and subject.

What a provider says of itself (its discovery document, its keys) is kept for an hour. A token by a
key that is not among them makes us look again, once a minute at most: that is how keys are changed,
and it is no way to keep us busy.
"""

import base64
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote, urlencode, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from gateway.config_base import http_url
from gateway.resident.model import ResidentError
from gateway.resident.oidc_http import ProviderError, ProviderHttp
from gateway.resident.oidc_token import Expected, UnknownKeyError, checked, claims_of, keys_of
from gateway.resident.signin_secrets import Flight

KNOWN_MS = 3_600_000
AGAIN_MS = 60_000
# As long as signing in takes somebody who has to find a password and a text message.
FLIGHT_MS = 10 * 60_000
CODE_CHARS_MAX = 2048
_ASSERTION_S = 60
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_WELL_KNOWN = "/.well-known/openid-configuration"


class NotSignedInError(ResidentError):
    """The person did not sign in there, or the browser that came back is not the one that went."""


class Endpoints(NamedTuple):
    """Where a provider is asked. `names_itself`: an answer has to say `iss` (RFC 9207)."""

    authorization: str
    token: str
    keys: str
    by_post: bool = False
    names_itself: bool = False


class Client(NamedTuple):
    """Who we are to a provider, and where its answers come back to."""

    client_id: str
    scopes: tuple[str, ...]
    redirect_uri: str


class Proof(Protocol):
    """How we show a provider that we are that client."""

    def added(self, token_endpoint: str, flight: Flight, *, by_post: bool) -> "Shown":
        """What goes with the request for a token."""


class Shown(NamedTuple):
    """Fields of the form, and headers."""

    form: Mapping[str, str]
    headers: Mapping[str, str]


class Person(NamedTuple):
    """Whom a provider vouched for."""

    issuer: str
    subject: str


class Way(Protocol):
    """A way to sign in: out to a provider, and back."""

    def address(self, flight: Flight) -> str:
        """Where the browser goes; ProviderError where the provider cannot be asked."""

    def person(self, flight: Flight, query: Mapping[str, str]) -> Person:
        """Who came back; NotSignedInError for nobody, ProviderError for a bad answer."""


class Provider:
    """A provider as OpenID Connect has it; `clock` says now, in ms UTC."""

    def __init__(
        self,
        issuer: str,
        client: Client,
        proof: Proof,
        http: ProviderHttp,
        clock: Callable[[], int],
        *,
        endpoints: Endpoints | None = None,
    ) -> None:
        self._issuer, self._client, self._proof = issuer, client, proof
        self._http, self._clock, self._given = http, clock, endpoints
        self._endpoints: tuple[Endpoints, int] | None = None
        self._keys: tuple[list[RSAKey | ECKey], int] | None = None

    def address(self, flight: Flight) -> str:
        """As the protocol has it."""
        asked = {
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": self._client.redirect_uri,
            "scope": " ".join(self._client.scopes),
            "state": flight.state,
            "nonce": flight.nonce,
            "code_challenge": flight.challenge,
            "code_challenge_method": "S256",
        }
        return joined(self.endpoints().authorization, asked)

    def person(self, flight: Flight, query: Mapping[str, str]) -> Person:
        """As the protocol has it."""
        ends = self.endpoints()
        code = code_of(flight, query, self._issuer, names_itself=ends.names_itself)
        shown = self._proof.added(ends.token, flight, by_post=ends.by_post)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._client.redirect_uri,
            "code_verifier": flight.verifier,
            **shown.form,
        }
        answer = self._http.post(ends.token, form, shown.headers)
        now_s = self._clock() // 1000
        expected = Expected(self._issuer, self._client.client_id, flight.nonce, now_s)
        return Person(self._issuer, checked(self._believed(answer), expected, esia=False))

    def endpoints(self) -> Endpoints:
        """Where it is asked: as configured, else as its discovery document says."""
        if self._given is not None:
            return self._given
        now_ms = self._clock()
        if self._endpoints is None or now_ms >= self._endpoints[1] + KNOWN_MS:
            found = self._http.get(self._issuer.rstrip("/") + _WELL_KNOWN)
            self._endpoints = endpoints_of(found, self._issuer), now_ms
        return self._endpoints[0]

    def _believed(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        keys, since_ms = self._known_keys()
        try:
            return claims_of(answer.get("id_token"), keys)
        except UnknownKeyError:
            if self._clock() < since_ms + AGAIN_MS:
                raise
        return claims_of(answer.get("id_token"), self._fetched_keys()[0])

    def _known_keys(self) -> tuple[list[RSAKey | ECKey], int]:
        if self._keys is None or self._clock() >= self._keys[1] + KNOWN_MS:
            return self._fetched_keys()
        return self._keys

    def _fetched_keys(self) -> tuple[list[RSAKey | ECKey], int]:
        self._keys = keys_of(self._http.get(self.endpoints().keys)), self._clock()
        return self._keys


class SecretProof:
    """A shared secret, asked for each time so that it can be exchanged in its file."""

    def __init__(self, client_id: str, secret: Callable[[], str]) -> None:
        self._client_id, self._secret = client_id, secret

    def added(self, token_endpoint: str, flight: Flight, *, by_post: bool) -> Shown:
        """In a header (RFC 6749, 2.3.1), or in the form where the provider takes only that."""
        del token_endpoint, flight
        secret = self._secret()
        if by_post:
            return Shown({"client_id": self._client_id, "client_secret": secret}, {})
        pair = f"{quote(self._client_id, safe='')}:{quote(secret, safe='')}"
        told = base64.b64encode(pair.encode()).decode()
        return Shown({}, {"authorization": f"Basic {told}"})


class KeyProof:
    """A key of ours that the provider knows the public half of (private_key_jwt, RFC 7523)."""

    def __init__(
        self, client_id: str, pem: Callable[[], str], key_id: str, clock: Callable[[], int]
    ) -> None:
        self._client_id, self._pem, self._key_id, self._clock = client_id, pem, key_id, clock

    def added(self, token_endpoint: str, flight: Flight, *, by_post: bool) -> Shown:
        """A token that says who we are, for this provider and a minute."""
        del flight, by_post
        key, now_s = _our_key(self._pem()), self._clock() // 1000
        header = {"alg": "ES256" if isinstance(key, ECKey) else "RS256"}
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": token_endpoint,
            "jti": str(uuid.uuid4()),
            "iat": now_s,
            "exp": now_s + _ASSERTION_S,
        }
        named = header | ({"kid": self._key_id} if self._key_id else {})
        assertion = jwt.encode(named, claims, key)
        form = {"client_id": self._client_id, "client_assertion_type": _ASSERTION}
        return Shown(form | {"client_assertion": assertion}, {})


def _our_key(pem: str) -> RSAKey | ECKey:
    """The key of a PEM, whose words do not always say of which kind it is."""
    kinds: tuple[type[RSAKey | ECKey], ...] = (RSAKey, ECKey)
    for kind in kinds:
        try:
            key = kind.import_key(pem)
        except (JoseError, ValueError, TypeError):
            continue
        if key.is_private and (isinstance(key, RSAKey) or key.curve_name == "P-256"):
            return key
    raise ProviderError("key_file: expected an RSA key or one of P-256, in PEM, without a password")


def code_of(
    flight: Flight, query: Mapping[str, str], issuer: str, *, names_itself: bool = False
) -> str:
    """The code a browser brings back, if it is the one that went."""
    if query.get("state") != flight.state:
        raise NotSignedInError("another answer than the one that was waited for came back")
    told = query.get("iss")
    if told not in {None, issuer} or (names_itself and told is None):
        raise ProviderError("the answer comes from another issuer")
    code = query.get("code", "")
    if "error" in query or not 0 < len(code) <= CODE_CHARS_MAX:
        raise NotSignedInError("the provider let nobody in")
    return code


def endpoints_of(document: Mapping[str, Any], issuer: str) -> Endpoints:
    """What a discovery document says, if it is this issuer's own."""
    if document.get("issuer") != issuer:
        raise ProviderError(f"expected the discovery document of {issuer}, got another issuer's")
    found = []
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        try:
            found.append(http_url(str(document.get(name, ""))))
        except ValueError as error:
            raise ProviderError(f"the discovery document's {name}: {error}") from error
    methods = document.get("token_endpoint_auth_methods_supported")
    by_post = isinstance(methods, list) and "client_secret_basic" not in methods
    named = document.get("authorization_response_iss_parameter_supported") is True
    return Endpoints(found[0], found[1], found[2], by_post=by_post, names_itself=named)


def joined(url: str, asked: Mapping[str, str]) -> str:
    """An address with a query, which may have had one before."""
    return url + ("&" if urlsplit(url).query else "?") + urlencode(asked)
