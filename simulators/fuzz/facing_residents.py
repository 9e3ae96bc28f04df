"""Parsers of how residents are reached, and of the links they come with."""

import json
import string
from collections.abc import Collection, Iterator
from typing import Any

from cloud_sync.signing import SigningKey
from gateway.csv_lines import RegistryError
from gateway.resident import contacts
from gateway.resident.linking import LinkingError, checked_code, checked_number
from gateway.resident.model import Dwelling, Purpose
from gateway.resident.oidc import endpoints_of
from gateway.resident.oidc_http import ProviderError, object_of
from gateway.resident.oidc_token import Expected, checked, claims_of, keys_of
from gateway.resident.secrets import NONCE_BYTES, Secrets
from gateway.resident.signin_secrets import SignInSecrets
from simulators.fuzz.engine import Parser

_ISSUER = "https://id.example"
# The public key of RFC 7517, A.1.
_EC = {
    "kty": "EC", "crv": "P-256", "kid": "k",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
}  # fmt: skip
_NOON_MS = 1_796_040_000_000
_KEY = Secrets.of(SigningKey.from_seed(bytes(range(32))))
_SIGNING_IN = SignInSecrets.of(SigningKey.from_seed(bytes(range(32))))
_WORDS = (b'"', b"{", b"[", b"null", b"1e999", b".", b"=", b"\\u0000", b"none", b"HS256")
_HOME = Dwelling(1, "1", "A", "1", "Europe/Moscow")


class _Contacts:
    """One account that has no contact, which keeps nothing it is given."""

    def by_numbers(self, _numbers: Collection[str]) -> dict[str, Dwelling]:
        return {"1": _HOME}

    def contacts(self, _account_no: int) -> list[Any]:
        return []

    def add_contact(self, *_given: object) -> None:
        """Forgotten."""

    def end_contact(self, *_given: object) -> None:
        """As above."""

    def set_language(self, *_given: object) -> None:
        """As above."""


def parsers() -> Iterator[Parser]:
    """The rows of the table."""
    header = ",".join((*contacts.COLUMNS, *contacts.OPTIONAL))
    lines = "1,email,ivan@mail.example,ru,2026-10-01\n1,sms,+7 (900) 123-45-67,en,\n"
    words = (b",", b";", b'"', b"\n", b"@", b"..", b"+", b"\r", "\u0663".encode(), b"9999-12-31")
    yield Parser(
        "contacts-csv",
        lambda data: contacts.import_csv(_Contacts(), data, _NOON_MS),
        (RegistryError,),
        (f"{header}\n{lines}".encode(),),
        words,
    )
    yield from _of_providers()
    yield from _of_signing_in()
    tokens = [_KEY.token(purpose, _NOON_MS, bytes(NONCE_BYTES)).encode() for purpose in Purpose]
    yield Parser(
        "resident-token",
        lambda data: _KEY.claimed(data.decode("latin-1")),
        (),
        tuple(tokens),
        tuple(letter.encode() for letter in string.punctuation),
    )


def _of_providers() -> Iterator[Parser]:
    """What providers answer."""
    words = _WORDS
    document = {
        "issuer": _ISSUER,
        "authorization_endpoint": f"{_ISSUER}/a",
        "token_endpoint": f"{_ISSUER}/t",
        "jwks_uri": f"{_ISSUER}/k",
    }
    yield Parser(
        "oidc-discovery",
        lambda data: endpoints_of(_object(data), _ISSUER),
        (ProviderError,),
        (json.dumps(document).encode(),),
        words,
    )
    keys = json.dumps({"keys": [_EC]}).encode()
    yield Parser("oidc-keys", lambda data: keys_of(_object(data)), (ProviderError,), (keys,), words)
    claims = {
        "iss": _ISSUER,
        "sub": "1",
        "aud": ["c"],
        "azp": "c",
        "exp": 2,
        "iat": 1,
        "nonce": "n",
    }
    yield Parser(
        "oidc-claims",
        lambda data: checked(_object(data), Expected(_ISSUER, "c", "n", 1), esia=b"esia" in data),
        (ProviderError,),
        (json.dumps(claims).encode(), b'{"urn:esia:sbj": {"urn:esia:sbj:oid": 1}}'),
        words,
    )
    known = keys_of({"keys": [_EC]})
    yield Parser(
        "oidc-token",
        lambda data: claims_of(data.decode("latin-1"), known),
        (ProviderError,),
        (b"eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.e30.AAAA", b"eyJhbGciOiJub25lIn0.e30."),
        words,
    )


def _of_signing_in() -> Iterator[Parser]:
    """The cookie a browser brings back, and what people type from a bill."""
    words = _WORDS
    flight = _SIGNING_IN.flight("bank", _NOON_MS, bytes(24))[1].encode()
    yield Parser(
        "signin-flight",
        lambda data: _SIGNING_IN.landed(data.decode("latin-1")),
        (),
        (flight,),
        words,
    )
    code = _SIGNING_IN.bill_code(1, "2026-10", bytes(NONCE_BYTES))
    yield Parser(
        "bill-code",
        lambda data: checked_code(data.decode("utf-8", "replace")),
        (LinkingError,),
        (code.encode(),),
        words,
    )
    yield Parser(
        "account-number",
        lambda data: checked_number(data.decode("utf-8", "replace")),
        (LinkingError,),
        (b"4017781", "№ 12-34/5".encode()),
        words,
    )


def _object(data: bytes) -> dict[str, Any]:
    return object_of(data, _ISSUER)
