"""What signing in is made of, from the gateway's key: hashes of people, codes on bills, flights.

The ledger knows a person by a keyed hash of issuer and subject, so that a copy of it tells nobody
who signs in; the code on a bill is a MAC over a nonce, as the codes in messages are (secrets.py). A
flight is one way to a provider and back: all it needs is derived from one seed, which travels in a
cookie with a MAC, so that nothing is kept for whoever never comes back.

The code is seven signs of Crockford's base 32 and an eighth that checks them (Luhn modulo 32: every
single slip, nearly every exchange of neighbours), so a slip is told before anything is counted.
"""

import base64
import hashlib
import hmac
import uuid
from typing import NamedTuple

from cloud_sync.signing import SigningKey
from gateway.resident.secrets import NONCE_BYTES

_BOUND_TO = "plomba/residents"
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: no I, L, O, U."""
CODE_CHARS = 8
# What is mistaken for a sign, also on a keyboard that is set to Russian.
_READ_AS = str.maketrans("ILOАВЕКМНОРСТУХ", "110ABEKMH0PCTYX")
_SEED_BYTES = NONCE_BYTES + 12
_MAC_BYTES = 16
_PARTS = 4


class Flight(NamedTuple):
    """One way to a provider and back: what was sent along, each of at least 122 random bits.

    `provider` names the section of gateway.toml, `until_ms` when it is over.
    """

    provider: str
    until_ms: int
    state: str
    nonce: str
    verifier: str

    @property
    def challenge(self) -> str:
        """The PKCE challenge of the verifier (S256, RFC 7636)."""
        return _b64(hashlib.sha256(self.verifier.encode()).digest())


class SignInSecrets:
    """Makes and checks them with one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of(cls, key: SigningKey) -> "SignInSecrets":
        """Those of a gateway; the same for each of its processes, and after each start."""
        return cls(hashlib.sha256(key.seal(b"signing in", _BOUND_TO)).digest())

    def subject(self, issuer: str, subject: str) -> bytes:
        """How the ledger knows a person; the lengths keep two pairs from being one text."""
        return self._mac(b"subject", f"{len(issuer)}:{issuer}:{subject}".encode())

    def handle(self, subject_mac: bytes) -> bytes:
        """What a phone keeps beside a passkey: it tells nothing, and is the same each time."""
        return self._mac(b"handle", subject_mac)

    def bill_code(self, account_no: int, period: str, nonce: bytes) -> str:
        """The code on an account's bill: 35 bits in seven signs, and one that checks them."""
        mac = self._mac(b"bill", f"{account_no}:{period}:".encode() + nonce)
        number = int.from_bytes(mac[:8], "big")
        signs = "".join(ALPHABET[number >> 5 * at & 31] for at in range(CODE_CHARS - 1))
        return signs + _check_sign(signs)

    def flight(self, provider: str, until_ms: int, seed: bytes) -> tuple[Flight, str]:
        """A flight, and the cookie it comes home by; `seed` is random."""
        seed = seed[:_SEED_BYTES]
        head = f"{provider}.{until_ms}.{_b64(seed)}"
        cookie = f"{head}.{_b64(self._mac(b'flight', head.encode())[:_MAC_BYTES])}"
        return self._of_seed(provider, until_ms, seed), cookie

    def landed(self, cookie: str) -> Flight | None:
        """The flight of a cookie; None for one that was not made here."""
        parts = cookie.split(".")
        if len(parts) != _PARTS or not cookie.isascii():
            return None
        head, _, mac = cookie.rpartition(".")
        expected = _b64(self._mac(b"flight", head.encode())[:_MAC_BYTES])
        if not hmac.compare_digest(expected.encode(), mac.encode()):
            return None
        seed = base64.urlsafe_b64decode(parts[2] + "=" * (-len(parts[2]) % 4))
        return self._of_seed(parts[0], int(parts[1]), seed)

    def _of_seed(self, provider: str, until_ms: int, seed: bytes) -> Flight:
        # ЕСИА wants a state that looks like a UUID; nobody else minds.
        state = str(uuid.UUID(bytes=self._mac(b"state", seed)[:16], version=4))
        nonce = _b64(self._mac(b"nonce", seed)[:_MAC_BYTES])
        return Flight(provider, until_ms, state, nonce, _b64(self._mac(b"verifier", seed)))

    def _mac(self, what: bytes, data: bytes) -> bytes:
        return hmac.digest(self._key, what + b"\0" + data, "sha256")


def typed_code(text: str) -> str:
    """A code as people type it: without blanks and dashes, letters that look alike as one."""
    return "".join(text.upper().translate(_READ_AS).replace("-", "").split())


def is_sound(code: str) -> bool:
    """Whether the last sign of a code checks the others."""
    return (
        len(code) == CODE_CHARS
        and set(code) <= set(ALPHABET)
        and _check_sign(code[:-1]) == code[-1]
    )


def printed(code: str) -> str:
    """A code as it is printed: in two groups of four."""
    return f"{code[:4]}-{code[4:]}"


def _check_sign(signs: str) -> str:
    """Luhn's check, modulo 32: every second value counts double, with its digits added up."""
    total = 0
    for at, sign in enumerate(reversed(signs)):
        value = ALPHABET.index(sign) * (2 if at % 2 == 0 else 1)
        total += value // len(ALPHABET) + value % len(ALPHABET)
    return ALPHABET[-total % len(ALPHABET)]


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
