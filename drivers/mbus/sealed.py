"""Encrypted messages: where a message keeps what its key depends on, and what part is encrypted.

The configuration word of the header says mode and number of encrypted blocks; what follows them is
clear. Mode 5 needs the meter's identity, which a short header leaves to whoever knows whom he
asked; mode 7 needs the counter of the layer in front (`afl`), and has a third configuration byte.
Other modes are named and stay closed.
"""

from typing import NamedTuple

from drivers.mbus import afl, header, security
from drivers.mbus.header import Header, Identity
from drivers.mbus.security import MODE_5, MODE_7, Secrecy, SecurityError

# The third configuration byte: which derivation, in bits 4 and 5. One is defined.
_DERIVATION_MASK = 0x30
_DERIVATION = 0x10


class Message(NamedTuple):
    """A message with what is known around it: the layer in front, and whom it is from."""

    ci: int
    body: bytes
    header: Header
    identity: Identity | None
    layer: afl.Layer | None


def open_payload(message: Message, secret: Secrecy, payload: bytes, key: bytes | None) -> bytes:
    """The records in `payload`, what stands behind a header; SecurityError says why not."""
    if secret.mode not in {MODE_5, MODE_7}:
        raise SecurityError(f"encrypted: expected security mode 5 or 7, got {secret.mode}")
    key = security.check_key(key)
    identity = _identity(message)
    if secret.mode == MODE_5:
        vector = security.vector(identity, message.header.access_number or 0)
        return _open_blocks(secret, key, vector, payload)
    message_key, mac_key = _message_keys(message.layer, key, identity)
    if message.layer and not message.layer.fits(mac_key, bytes((message.ci,)) + message.body):
        raise SecurityError("the key does not fit: the message has another MAC")
    if not payload or payload[0] & _DERIVATION_MASK != _DERIVATION:
        raise SecurityError("expected a key derived by AES-CMAC, got another derivation")
    return _open_blocks(secret, message_key, security.NO_VECTOR, payload[1:])


def seal(ci: int, head: Header, plain: bytes, key: bytes, counter: int | None) -> tuple[int, bytes]:
    """CI field and body of the frame that holds the records `plain` encrypted.

    In mode 5, or where there is a `counter` in mode 7.
    """
    if head.identity is None:
        raise ValueError("expected the meter's whole identity to encrypt with, got a part of it")
    key = security.check_key(key)
    identity = header.encode_identity(head.identity)
    if counter is None:
        vector = security.vector(identity, head.access_number or 0)
        cipher_text = security.encrypt(key, vector, plain)
        return ci, _header(ci, head, MODE_5, cipher_text) + cipher_text
    message_key, mac_key = security.derive(key, counter.to_bytes(4, "little"), identity[:4])
    cipher_text = security.encrypt(message_key, security.NO_VECTOR, plain)
    body = _header(ci, head, MODE_7, cipher_text) + bytes((_DERIVATION,)) + cipher_text
    return afl.CI, afl.encode(counter, mac_key, bytes((ci,)) + body)


def _identity(message: Message) -> bytes:
    """The eight bytes of the secondary address, low bytes first."""
    if message.ci == header.LONG:
        # As sent: a manufacturer's bit 15 is no letter of an identity, but part of the vector.
        return message.body[: header.IDENTITY_LENGTH]
    known = message.header.identity or message.identity
    if known is None:
        raise SecurityError("encrypted: expected to know whose telegram it is, its header is short")
    return header.encode_identity(known)


def _message_keys(layer: afl.Layer | None, key: bytes, identity: bytes) -> tuple[bytes, bytes]:
    if layer is None or not layer.counter:
        raise SecurityError("expected a message counter in front of the message, got none")
    return security.derive(key, layer.counter, identity[:4])


def _open_blocks(secret: Secrecy, key: bytes, vector: bytes, payload: bytes) -> bytes:
    if len(payload) < secret.length:
        raise SecurityError(f"expected {secret.length} encrypted bytes, got {len(payload)}")
    clear = payload[secret.length :]
    return security.decrypt(key, vector, payload[: secret.length]) + clear


def _header(ci: int, head: Header, mode: int, cipher_text: bytes) -> bytes:
    secret = Secrecy(mode, len(cipher_text) // security.BLOCK)
    configuration = security.configured(head.configuration or 0, secret)
    return header.encode(ci, head._replace(configuration=configuration))
