"""Parsers of what a phone says of its keys: that it made one, and that it signs with one.

Whoever answers chooses in which of seven forms the maker of the phone vouches for it, and each has
a parser of its own in the library; so each is a seed here. The library's lines are not seen by the
fuzzer: what leads into its depth are the seeds and the words.
"""

import hashlib
import json
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import cbor2

from gateway.resident.passkeys import PasskeyError, Passkeys, Site, made_key
from gateway.resident.signin import SignIns
from gateway.resident.signin_ports import AccountsPort, Passkey
from gateway.resident.signin_secrets import SignInSecrets
from gateway.resident_web.passkeys import said
from gateway.resident_web.ports import NotDone
from simulators.fuzz.engine import Parser

_ORIGIN, _SITE = "https://id.example", Site("id.example", ("https://id.example",))
_NOON_MS = 1_796_040_000_000
_CHALLENGE = "CHALLENGE"
# The public key of RFC 7517, A.1, as COSE has it.
_KEY = cbor2.dumps({
    1: 2, 3: -7, -1: 1,
    -2: urlsafe_b64decode("MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4="),
    -3: urlsafe_b64decode("4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM="),
})  # fmt: skip
# Where the key is for, and that the person was there and known: without a key, and with one of no
# maker, called "id", which never signed.
_SIGNED = hashlib.sha256(b"id.example").digest() + b"\x05" + bytes(4)
_MADE = _SIGNED[:32] + b"\x45" + bytes(4 + 16) + b"\x00\x02id" + _KEY
# The certificate of a maker whom nobody knows: P-256, signed by itself.
_MAKER = """
MIIBEDCBt6ADAgECAgEBMAoGCCqGSM49BAMCMBIxEDAOBgNVBAMMB0EgbWFrZXIwHhcNMjYwMTAxMDAwMDAwWhcN
MzUxMjMwMDAwMDAwWjASMRAwDgYDVQQDDAdBIG1ha2VyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEjlM7b6C/
e0YluzBmfAH7YH75+LioD+9bMAYocDGHsqNz6x294DMYNm0Gn4Om9ZAAU8c2M8sEGyHFXhqGwfQAtDAKBggqhkjO
PQQDAgNIADBFAiBDC8ZOcUA8AuZeIFS605+RkQV5QJSCGxCZvzwb/eG65AIhANMxZGhP+1lD0u0NUBBSPB2PCfwq
MkB0AP/1/VDelG1b
"""
_CBOR_WORDS = (b"\x81" * 40, b"\xa0", b"\xf6", b"\x5b" + b"\xff" * 8, b"fmt", b"attStmt", b"x5c")
_JSON_WORDS = (
    b'"', b"{", b"[", b"null", b"-1", b"1e999", b'"proof":', b'"answer":', b'"rawId":', b"====",
    b'"response":{}', b"\\ud800", b"webauthn.get", b"webauthn.create", b"[" * 3000,
)  # fmt: skip


class _Accounts:
    """A ledger that knows one phone, which keeps nothing it is given."""

    def transaction(self) -> AbstractContextManager[object]:
        return nullcontext()

    def passkey(self, credential_id: bytes) -> Passkey | None:
        found = Passkey(1, 1, credential_id, _KEY, 0, _NOON_MS, None)
        return found if credential_id == b"id" else None


def parsers() -> Iterator[Parser]:
    """The rows of the table."""
    forms = tuple(
        cbor2.dumps({"fmt": name, "attStmt": vouched, "authData": _MADE})
        for name, vouched in _vouchers()
    )
    yield Parser("passkey-made", _made, (PasskeyError,), forms, _CBOR_WORDS)
    answered = json.dumps(_answer("webauthn.create", {"attestationObject": _b64(forms[0])}))
    yield Parser(
        "passkey-added", _added, (PasskeyError, NotDone), (answered.encode(),), _JSON_WORDS
    )
    given = {"authenticatorData": _b64(_SIGNED), "signature": _b64(bytes(70)), "userHandle": "aWQ"}
    signed = json.dumps(_answer("webauthn.get", given)).encode()
    yield Parser("passkey-signed", _entered, (PasskeyError, NotDone), (signed,), _JSON_WORDS)


def _vouchers() -> Iterator[tuple[str, dict[str, Any]]]:
    """How makers vouch for a phone: every form of WebAuthn, with what stands in it."""
    chain = [b64decode(_MAKER)]
    signed = {"alg": -7, "sig": bytes(70)}
    yield "none", {}
    yield "packed", signed
    yield "packed", signed | {"x5c": chain}
    yield "fido-u2f", {"sig": bytes(70), "x5c": chain}
    yield "android-key", signed | {"x5c": chain}
    yield "apple", {"x5c": chain}
    yield "android-safetynet", {"ver": "1", "response": _b64(b"{}").encode() + b".e30.AAAA"}
    # TPM_GENERATED, an attested creation; an ECC key of P-256 that signs.
    attested = b"\xff\x54\x43\x47\x80\x17" + bytes((0, 2, 1, 2, 0, 2, 3, 4)) + bytes(40)
    public = bytes.fromhex("0023000b00060472000000100010000300100020") + bytes(32) + b"\x00\x20"
    words = {"ver": "2.0", "certInfo": attested, "pubArea": public + bytes(32)}
    yield "tpm", signed | words | {"x5c": chain}


def _answer(purpose: str, response: dict[str, Any]) -> dict[str, Any]:
    """A phone's answer; what it signed stands as JSON in the place of its base64."""
    asked = {"type": purpose, "challenge": _CHALLENGE, "origin": _ORIGIN}
    about = {"id": "aWQ", "rawId": "aWQ", "type": "public-key"}
    return about | {"response": {"clientDataJSON": json.dumps(asked), **response}}


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _made(data: bytes) -> object:
    answer = _answer("webauthn.create", {"attestationObject": _b64(data)})
    return made_key(_for(answer, bytes(32)), bytes(32), _SITE)


def _added(data: bytes) -> object:
    return made_key(_for(said(data), bytes(32)), bytes(32), _SITE)


def _entered(data: bytes) -> object:
    port, key = cast("AccountsPort", _Accounts()), SignInSecrets(bytes(32))
    signins = SignIns(port, key, lambda: _NOON_MS)
    passkeys = Passkeys(port, key, signins, _SITE, lambda: _NOON_MS)
    asked = urlsafe_b64decode(passkeys.begin_entering("browser")["challenge"] + "==")
    return passkeys.enter("browser", _for(said(data), asked))


def _for(answer: dict[str, Any], challenge: bytes) -> dict[str, Any]:
    """The answer with our question in what it signed, and that in base64 as phones send it."""
    response = answer.get("response")
    if not isinstance(response, dict) or not isinstance(response.get("clientDataJSON"), str):
        return answer
    text = response["clientDataJSON"].replace(_CHALLENGE, _b64(challenge))
    return answer | {
        "response": response | {"clientDataJSON": _b64(text.encode("utf-8", "replace"))}
    }
