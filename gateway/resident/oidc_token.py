"""What an ID token must say to be believed (OpenID Connect Core, 3.1.3.7), and who signs it.

The keys are the provider's public ones, and only asymmetric signatures are taken: with no `none`
and no HMAC in the list, a public key can never be used as a shared secret. The clock is given.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, RSAKey

from gateway.resident.oidc_http import ProviderError

ALGORITHMS = ("RS256", "PS256", "ES256")
# A large provider has a dozen.
KEYS_MAX = 32
# 2048 bits in base64url: shorter keys are broken, or soon will be.
_MODULUS_CHARS_MIN = 342
TOKEN_CHARS_MAX = 16 * 1024
# Clocks of two machines that are kept.
LEEWAY_S = 60
# A token is made for the answer that brings it.
AGE_S_MAX = 600
_SUBJECT_CHARS_MAX = 255
ESIA_SUBJECT, ESIA_PERSON, ESIA_OID = "urn:esia:sbj_id", "urn:esia:sbj", "urn:esia:sbj:oid"


class UnknownKeyError(ProviderError):
    """The token names a key that is not among those known: they may have been changed."""


class Expected(NamedTuple):
    """What a token is checked against; `nonce` None where the provider returns none (ЕСИА)."""

    issuer: str
    client_id: str
    nonce: str | None
    now_s: int


def keys_of(document: Mapping[str, Any]) -> list[RSAKey | ECKey]:
    """The keys of a JWKS that may sign; others are left out, as RFC 7517 wants it."""
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > KEYS_MAX:
        raise ProviderError(f"expected a key set of at most {KEYS_MAX} keys")
    found = [key for one in listed if isinstance(one, dict) and (key := _key(one)) is not None]
    if not found:
        raise ProviderError(
            "expected an RSA key of 2048 bits or more, or an EC key, among the keys"
        )
    return found


def key_of_pem(pem: bytes) -> list[RSAKey | ECKey]:
    """The public key of a provider that publishes a certificate in place of a key set."""
    try:
        return [RSAKey.import_key(pem)]
    except (JoseError, ValueError) as error:
        raise ProviderError("expected an RSA public key or certificate in PEM") from error


def claims_of(token: object, keys: Sequence[RSAKey | ECKey]) -> Mapping[str, Any]:
    """What a token says, once its signature was found to be the provider's."""
    if not isinstance(token, str) or not 0 < len(token) <= TOKEN_CHARS_MAX:
        raise ProviderError("expected an ID token in the answer")
    named = {key.kid for key in keys if key.kid}

    def choose(sign: Any) -> Any:
        header = sign.headers()
        kid = header.get("kid")
        kty = "EC" if str(header.get("alg")).startswith("ES") else "RSA"
        if kid is not None and named and kid not in named:
            raise UnknownKeyError("the ID token names a key that the provider does not list")
        fit = [
            one for one in keys if one.key_type == kty and (kid is None or one.kid in {kid, None})
        ]
        if len(fit) != 1:
            raise UnknownKeyError("the ID token fits no key, or more than one, of the provider's")
        return fit[0]

    try:
        return jwt.decode(token, choose, algorithms=ALGORITHMS).claims
    except (JoseError, ValueError, TypeError, KeyError) as error:
        if isinstance(error, ProviderError):
            raise
        raise ProviderError(
            f"the ID token is not signed as expected: {type(error).__name__}"
        ) from error


def checked(claims: Mapping[str, Any], expected: Expected, *, esia: bool) -> str:
    """The subject of a token that was made for us, now; ProviderError for any other."""
    if claims.get("iss") != expected.issuer:
        raise ProviderError("the ID token is of another issuer")
    _for_us(claims, expected.client_id)
    expires_s, issued_s = _seconds(claims, "exp"), _seconds(claims, "iat")
    if expected.now_s >= expires_s + LEEWAY_S:
        raise ProviderError("the ID token is over")
    if not -LEEWAY_S <= expected.now_s - issued_s <= AGE_S_MAX:
        raise ProviderError("the ID token was not made just now: see the clocks of both machines")
    if expected.nonce is not None and claims.get("nonce") != expected.nonce:
        raise ProviderError("the ID token answers another question: its nonce is not ours")
    return _esia_subject(claims) if esia else _subject(claims.get("sub"))


def _for_us(claims: Mapping[str, Any], client_id: str) -> None:
    audience = claims.get("aud")
    listed = [audience] if isinstance(audience, str) else audience
    if not isinstance(listed, list) or client_id not in listed:
        raise ProviderError("the ID token is for another client")
    party = claims.get("azp")
    if party != client_id and (party is not None or len(listed) > 1):
        raise ProviderError("the ID token was given to another client")


def _seconds(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 2**40:
        raise ProviderError(f"the ID token has no {name}")
    return int(value)


def _subject(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _SUBJECT_CHARS_MAX:
        raise ProviderError("the ID token names nobody")
    return value


def _esia_subject(claims: Mapping[str, Any]) -> str:
    """ЕСИА names a person up to three times, by number or text; all that do must agree."""
    person = claims.get(ESIA_PERSON)
    nested = person.get(ESIA_OID) if isinstance(person, dict) else None
    named = {
        _subject(str(one))
        for one in (claims.get("sub"), claims.get(ESIA_SUBJECT), nested)
        if isinstance(one, str | int) and not isinstance(one, bool)
    }
    if len(named) != 1:
        raise ProviderError("the ID token of ЕСИА names nobody, or more than one person")
    return named.pop()


def _key(one: dict[str, Any]) -> RSAKey | ECKey | None:
    kind, modulus, kid = one.get("kty"), one.get("n"), one.get("kid", "")
    # Compared one by one: whoever answers may have put a list where a text belongs.
    if "d" in one or not isinstance(kid, str) or one.get("use", "sig") != "sig":
        return None
    if not isinstance(kind, str) or kind not in {"RSA", "EC"}:
        return None
    if kind == "RSA" and (not isinstance(modulus, str) or len(modulus) < _MODULUS_CHARS_MIN):
        return None
    try:
        key = JWKRegistry.import_key(one)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return key if isinstance(key, RSAKey | ECKey) else None
