"""Tokens of links and codes, made from the gateway's key, so that neither is in the ledger.

A token is purpose, end, nonce and a MAC over them; a code is six digits of a MAC over a nonce. The
ledger keeps the nonces, so what a message says can be said again when it has to be sent again, and
whoever reads the ledger, or a copy of it, has neither without the gateway's key. A hash would not
do for a code: a million of them are tried in a second.

The MAC's key is made of a seal bound to a topic that is no device's (as gateway/collecting.py
makes its names): whoever holds the gateway's key has it, and it tells nothing of that key.
"""

import base64
import binascii
import hashlib
import hmac
from typing import NamedTuple

from cloud_sync.signing import SigningKey
from gateway.resident.model import Purpose

_BOUND_TO = "plomba/residents"
NONCE_BYTES = 12
# As long as a good key: nobody finds a token by trying.
_MAC_BYTES = 16
# Seconds since the epoch; enough until the year 36 000.
_TIME_BYTES = 5
_LETTERS = {Purpose.GIVE: b"g", Purpose.STOP: b"u"}
_PURPOSES = {letter: purpose for purpose, letter in _LETTERS.items()}
# A letter, the time, the nonce and the MAC are 34 bytes; in base64url without padding.
TOKEN_CHARS = 46
CODE_DIGITS = 6


class Claimed(NamedTuple):
    """What a token says of itself, once its MAC has been found to be ours."""

    purpose: Purpose
    expires_ms: int
    nonce: bytes


class Secrets:
    """Makes and checks tokens and codes with one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of(cls, key: SigningKey) -> "Secrets":
        """Those of a gateway; the same for each of its processes, and after each start."""
        return cls(hashlib.sha256(key.seal(b"links and codes", _BOUND_TO)).digest())

    def token(self, purpose: Purpose, expires_ms: int, nonce: bytes) -> str:
        """The token of a link; its end counts in whole seconds."""
        head = _LETTERS[purpose] + (expires_ms // 1000).to_bytes(_TIME_BYTES, "big") + nonce
        return base64.urlsafe_b64encode(head + self._mac(b"token", head)).decode().rstrip("=")

    def claimed(self, token: str) -> Claimed | None:
        """What a token says; None for one that was not made here."""
        if len(token) != TOKEN_CHARS or not token.isascii():
            return None
        try:
            data = base64.b64decode(token + "==", altchars=b"-_", validate=True)
        except binascii.Error:
            return None
        head, mac = data[:-_MAC_BYTES], data[-_MAC_BYTES:]
        if not hmac.compare_digest(self._mac(b"token", head), mac):
            return None
        expires_s = int.from_bytes(head[1 : 1 + _TIME_BYTES], "big")
        return Claimed(_PURPOSES[head[:1]], expires_s * 1000, head[1 + _TIME_BYTES :])

    def code(self, link_no: int, nonce: bytes) -> str:
        """The six digits of a code for a link."""
        number = int.from_bytes(self._mac(b"code", b"%d:" % link_no + nonce), "big")
        return f"{number % 10**CODE_DIGITS:0{CODE_DIGITS}d}"

    def is_code(self, link_no: int, nonce: bytes, given: str) -> bool:
        """Whether `given` is that code, in a time that tells nothing."""
        return same(self.code(link_no, nonce), "".join(given.split())[: CODE_DIGITS + 1])

    def _mac(self, what: bytes, data: bytes) -> bytes:
        return hmac.digest(self._key, what + b"\0" + data, "sha256")[:_MAC_BYTES]


def same(expected: str, given: str) -> bool:
    """Whether two texts are equal, in a time that tells nothing of how much of it is."""
    return hmac.compare_digest(hashed(expected), hashed(given))


def hashed(secret: str) -> bytes:
    """SHA-256, as the ledger finds tokens and sessions by."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
