"""Payloads that the meter encrypted: AES-128 in modes 5 and 7 of EN 13757-7:2018, both ways.

Both modes encrypt whole blocks in CBC. Mode 5 uses the meter's key itself and an initial vector of
its identity and access number; mode 7 derives a key for every message from the meter's key and a
counter, and starts from zero. Two fillers open the plain text: they tell that the key fits.

What is here knows bytes and keys; `sealed` knows where in a message they stand.
"""

from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.cmac import CMAC

MODE_5 = 5
MODE_7 = 7
# Modes that encrypt (EN 13757-7:2018, table 19). The configuration word of a wired meter may be
# junk (FFFFh, 1627h are in the field), so no other mode is believed, and these only with a number
# of encrypted blocks.
_MODES = {2, 3, 4, MODE_5, MODE_7, 8, 9, 10, 13}
_BLOCKS_SHIFT = 4
BLOCKS_MAX = 15
_MODE_SHIFT = 8
_MODE_MASK = 0x1F

BLOCK = 16
KEY_LENGTH = 16
NO_VECTOR = bytes(BLOCK)
FILLERS = b"\x2f\x2f"
_FILLER = b"\x2f"

_ACCESS_NUMBERS = 8
# The derivation constants of EN 13757-7:2018, 9.6.2, for what a meter sends.
_FOR_ENCRYPTION = b"\x00"
_FOR_MAC = b"\x01"
_DERIVATION_PADDING = 7 * b"\x07"


class SecurityError(ValueError):
    """Why a payload stays closed."""


class Secrecy(NamedTuple):
    """How a payload is encrypted: `blocks` of 16 bytes in `mode`."""

    mode: int
    blocks: int

    @property
    def length(self) -> int:
        """How many bytes of the payload are encrypted."""
        return self.blocks * BLOCK


def secrecy(configuration: int | None) -> Secrecy | None:
    """How a payload under this configuration word is encrypted; None for not at all."""
    if configuration is None:
        return None
    mode = configuration >> _MODE_SHIFT & _MODE_MASK
    blocks = configuration >> _BLOCKS_SHIFT & BLOCKS_MAX
    return Secrecy(mode, blocks) if blocks and mode in _MODES else None


def configured(configuration: int, secret: Secrecy) -> int:
    """`configuration` with mode and blocks of `secret`."""
    rest = configuration & ~(_MODE_MASK << _MODE_SHIFT | BLOCKS_MAX << _BLOCKS_SHIFT)
    return rest | secret.mode << _MODE_SHIFT | secret.blocks << _BLOCKS_SHIFT


def vector(identity: bytes, access_number: int) -> bytes:
    """The initial vector of mode 5, from the eight bytes of a secondary address.

    The manufacturer comes first in it, as a radio sends them.
    """
    repeated = bytes((access_number,)) * _ACCESS_NUMBERS
    return identity[4:6] + identity[:4] + identity[6:] + repeated


def decrypt(key: bytes, initial_vector: bytes, cipher_text: bytes) -> bytes:
    """What whole blocks of `cipher_text` say, without the fillers that prove the key."""
    plain = _run(_cipher(key, initial_vector).decryptor(), cipher_text)
    if not plain.startswith(FILLERS):
        raise SecurityError("the key does not fit: expected 2F2F in front of the decrypted records")
    return plain[len(FILLERS) :]


def encrypt(key: bytes, initial_vector: bytes, plain: bytes) -> bytes:
    """`plain` behind two fillers, filled up to whole blocks and encrypted."""
    whole = FILLERS + plain
    whole += _FILLER * (-len(whole) % BLOCK)
    if len(whole) > BLOCKS_MAX * BLOCK:
        raise ValueError(f"expected at most {BLOCKS_MAX} blocks of 16 bytes, got {len(whole)}")
    return _run(_cipher(key, initial_vector).encryptor(), whole)


def derive(key: bytes, counter: bytes, identification: bytes) -> tuple[bytes, bytes]:
    """The keys of one message of mode 7: to decrypt it, and to check its MAC."""
    rest = counter + identification + _DERIVATION_PADDING
    return mac(key, _FOR_ENCRYPTION + rest), mac(key, _FOR_MAC + rest)


def mac(key: bytes, message: bytes) -> bytes:
    """AES-CMAC (RFC 4493)."""
    cmac = CMAC(AES128(key))
    cmac.update(message)
    return cmac.finalize()


def check_key(key: bytes | None) -> bytes:
    """`key`, if it is one; SecurityError otherwise."""
    if key is None:
        raise SecurityError("encrypted: expected the meter's key, got none")
    if len(key) != KEY_LENGTH:
        raise SecurityError(f"expected a key of {KEY_LENGTH} bytes, got {len(key)}")
    return key


def _cipher(key: bytes, initial_vector: bytes) -> Cipher[CBC]:
    return Cipher(AES128(key), CBC(initial_vector))


def _run(context: CipherContext, data: bytes) -> bytes:
    return context.update(data) + context.finalize()
