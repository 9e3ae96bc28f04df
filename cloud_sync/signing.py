"""COSE_Sign1 with Ed25519 (RFC 9052, RFC 9053): the seal. The only user of the crypto library.

Sign and verify act on transported bytes, never on a re-encoded object. The external_aad is the
canonical topic, so a sealed batch cannot be moved to another topic. The unprotected header must
be empty and the envelope canonical: there is no byte in a message that could change unseen.
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol

import cbor2
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cloud_sync import private_file

KeyFileError = private_file.KeyFileError

COSE_SIGN1_TAG = 18
CONTENT_TYPE = "application/cbor"
KEY_ID_BYTES = 8
_ALGORITHM, _CONTENT_TYPE, _KEY_ID = 1, 3, 4  # RFC 9052, 3.1
_EDDSA = -8  # RFC 9053, 2.2
_SIGNATURE_BYTES = 64
# The batch bound plus tag, headers and signature, generously.
MESSAGE_BYTES_MAX = 256 * 1024 + 512


class KeyUnavailable(KeyFileError):
    """A key that cannot sign now, but may again: its token was taken out, its PIN changed."""


class SealError(ValueError):
    """A message whose seal does not hold; `reason` is one stable word for counters and records."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Sealed(NamedTuple):
    """A parsed, not yet verified message."""

    key_id: bytes
    payload: bytes
    protected: bytes
    signature: bytes


class VerifyKey:
    """A public key, known by `key_id`, the first 8 bytes of its SHA-256."""

    def __init__(self, public_bytes: bytes) -> None:
        self.public_bytes = public_bytes
        self.key_id = hashlib.sha256(public_bytes).digest()[:KEY_ID_BYTES]
        self._key = Ed25519PublicKey.from_public_bytes(public_bytes)

    @classmethod
    def from_pem(cls, pem: bytes) -> "VerifyKey":
        """The key of a SubjectPublicKeyInfo PEM; KeyFileError if it is not an Ed25519 one."""
        try:
            key = serialization.load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyFileError("expected a public key in PEM form") from error
        if not isinstance(key, Ed25519PublicKey):
            raise KeyFileError(f"expected an Ed25519 key, got {type(key).__name__}")
        return cls(key.public_bytes_raw())

    def to_pem(self) -> bytes:
        """SubjectPublicKeyInfo PEM."""
        return self._key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def fingerprint(self) -> str:
        """The key id as a person compares it, in groups of four."""
        text = self.key_id.hex()
        return " ".join(text[i : i + 4] for i in range(0, len(text), 4))

    def verify(self, sealed: Sealed, topic: str) -> None:
        """Raise SealError unless this key sealed exactly these bytes for `topic`."""
        signed = _to_be_signed(sealed.protected, topic, sealed.payload)
        try:
            self._key.verify(sealed.signature, signed)
        except InvalidSignature:
            raise SealError("bad-signature", f"not signed by {self.key_id.hex()}") from None


class Sealer(Protocol):
    """Whatever holds a private key: a file (`SigningKey`) or a token (`token_key.TokenKey`)."""

    @property
    def public(self) -> VerifyKey:
        """Its public half."""

    def seal(self, payload: bytes, topic: str) -> bytes:
        """The COSE_Sign1 message of `payload`, bound to `topic`; KeyUnavailable."""

    def probe(self) -> None:
        """KeyUnavailable if `seal` could not be done now."""


class SigningKey:
    """A private key; it leaves this class only into its own file."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = VerifyKey(private.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> "SigningKey":
        """A new key from the system's random source."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> "SigningKey":
        """The key of a 32-byte seed: for golden bytes and seeded worlds."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def load(cls, path: Path) -> "SigningKey":
        """Read a PKCS#8 PEM that only its owner can read; KeyFileError otherwise."""
        try:
            private_file.check(path)
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise KeyFileError(f"cannot read key file {path}: {error.strerror}") from error
        except (TypeError, UnsupportedAlgorithm) as error:
            raise KeyFileError(f"key file {path} is encrypted or of an unknown kind") from error
        except ValueError as error:
            if isinstance(error, KeyFileError):
                raise
            raise KeyFileError(f"key file {path} is not a private key in PEM form") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyFileError(f"key file {path}: expected Ed25519, got {type(key).__name__}")
        return cls(key)

    def save(self, path: Path) -> None:
        """Write a new file that only its owner can read; an existing file is never replaced."""
        pem = self._private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        private_file.create(path, pem)

    def seal(self, payload: bytes, topic: str) -> bytes:
        """The COSE_Sign1 message of `payload`, bound to `topic`."""
        return seal_with(self.public, self._private.sign, payload, topic)

    def probe(self) -> None:
        """Nothing: a key in memory can always seal."""


def seal_with(
    public: VerifyKey, sign: Callable[[bytes], bytes], payload: bytes, topic: str
) -> bytes:
    """The COSE_Sign1 message of `payload`, bound to `topic`, signed by the key of `public`."""
    protected = _protected_header(public.key_id)
    return _envelope(protected, payload, sign(_to_be_signed(protected, topic, payload)))


def parse(message: bytes) -> Sealed:
    """Take a message apart without believing it.

    The canonical envelope has one layout, so it is cut by position and then compared whole with
    the envelope its parts would make; no general decoder sees bytes of unknown origin.
    Raises SealError with reason `oversized` or `malformed`.
    """
    if len(message) > MESSAGE_BYTES_MAX:
        raise SealError("oversized", f"{len(message)} bytes, at most {MESSAGE_BYTES_MAX}")
    sealed = cut(message)
    if message != _envelope(sealed.protected, sealed.payload, sealed.signature):
        raise SealError("malformed", "not the canonical COSE_Sign1 envelope of format v1")
    return sealed


def cut(message: bytes) -> Sealed:
    """The parts of a message that has the canonical envelope; of any other, nonsense."""
    key_id = key_id_of(message)
    signature = message[-_SIGNATURE_BYTES:]
    body = message[len(_BEFORE_KEY_ID) + KEY_ID_BYTES + 1 : -_SIGNATURE_BYTES - 2]
    payload = body[_BYTES_HEADER.get(body[0], 1) if body else 0 :]
    return Sealed(key_id, payload, _protected_header(key_id), signature)


def key_id_of(message: bytes) -> bytes:
    """The key id that a message with the canonical envelope names."""
    key_at = len(_BEFORE_KEY_ID)
    return message[key_at : key_at + KEY_ID_BYTES]


# As many devices as one gateway hears in a minute; each is asked for again with every batch.
@lru_cache(maxsize=16_384)
def _protected_header(key_id: bytes) -> bytes:
    header = {_ALGORITHM: _EDDSA, _CONTENT_TYPE: CONTENT_TYPE, _KEY_ID: key_id}
    return cbor2.dumps(header, canonical=True)


def _envelope(protected: bytes, payload: bytes, signature: bytes) -> bytes:
    return cbor2.dumps(cbor2.CBORTag(COSE_SIGN1_TAG, [protected, {}, payload, signature]))


def _to_be_signed(protected: bytes, topic: str, payload: bytes) -> bytes:
    """Sig_structure of RFC 9052, 4.4."""
    return cbor2.dumps(["Signature1", protected, topic.encode(), payload])


# Everything of a canonical envelope up to the key id, which stands last in the protected header.
_BEFORE_KEY_ID = _envelope(_protected_header(bytes(KEY_ID_BYTES)), b"", b"").partition(
    bytes(KEY_ID_BYTES)
)[0]
# How long a CBOR byte string's own header is, by its first byte (RFC 8949, 3.1); else one byte.
_BYTES_HEADER = {0x58: 2, 0x59: 3, 0x5A: 5}
