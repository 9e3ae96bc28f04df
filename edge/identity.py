"""The device's identity: its own key, born here and never leaving, and the gateway's public key.

The key is in a file, or in a token; this is the one place that knows which. The token's library is
an extra and is loaded only where a token is configured.
"""

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from cloud_sync import private_file
from cloud_sync.signing import KeyFileError, Sealer, SigningKey, VerifyKey
from cloud_sync.token_uri import NEXT, TokenUri
from edge import files
from edge.config import DeviceConfig


class Identity(NamedTuple):
    """With what this device signs, and whose receipts it believes."""

    key: Sealer
    gateway_key: VerifyKey


class HeldKey:
    """The key in use, which may be exchanged between two seals of whoever was given it."""

    def __init__(self, key: Sealer) -> None:
        self._key = key

    @property
    def public(self) -> VerifyKey:
        """The public half of the key in use."""
        return self._key.public

    def seal(self, payload: bytes, topic: str) -> bytes:
        """Sealed with the key in use; KeyUnavailable."""
        return self._key.seal(payload, topic)

    def probe(self) -> None:
        """KeyUnavailable if it could not seal now."""
        self._key.probe()

    def exchange(self, key: Sealer) -> None:
        """Seal with `key` from now on."""
        self._key = key


def load(device: DeviceConfig) -> Identity:
    """Both keys; KeyFileError with one line if a file or the token does not do."""
    return Identity(signing_key(device.key), load_public(device.gateway_key))


def signing_key(place: Path | TokenUri) -> Sealer:
    """The key there; KeyFileError with one line if there is none."""
    if isinstance(place, TokenUri):
        key: Sealer = _token_key().TokenKey.load(place)
        return key
    if not place.exists():
        raise KeyFileError(f"no key file {place}: run plomba-edge enroll first")
    return SigningKey.load(place)


def exists(place: Path | TokenUri) -> bool:
    """Whether there is a key; KeyFileError where a token cannot be asked."""
    if isinstance(place, TokenUri):
        found: bool = _token_key().exists(place)
        return found
    return place.exists()


def next_of(place: Path | TokenUri) -> Path | TokenUri:
    """Where a new signing key waits until the gateway knows it."""
    if isinstance(place, TokenUri):
        return place._replace(object=place.object + NEXT)
    return place.with_name(place.name + NEXT)


def switch(place: Path | TokenUri) -> None:
    """Put the key that waits in place of the one in use, which is gone then; KeyFileError."""
    if isinstance(place, TokenUri):
        _token_key().switch(place)
        return
    waiting = place.with_name(place.name + NEXT)
    try:
        waiting.replace(place)
    except OSError as error:
        raise KeyFileError(f"cannot put {waiting} into place: {error.strerror}") from error


def load_public(path: Path) -> VerifyKey:
    """The public key in a PEM file; KeyFileError if it does not do."""
    try:
        return VerifyKey.from_pem(path.read_bytes())
    except OSError as error:
        raise KeyFileError(f"cannot read public key {path}: {error.strerror}") from error
    except KeyFileError as error:
        raise KeyFileError(f"{path}: {error}") from error


def load_or_make(place: Path | TokenUri) -> Sealer:
    """The key there, born now if there is none."""
    if not exists(place):
        enroll(place)
    return signing_key(place)


def enroll(place: Path | TokenUri) -> VerifyKey:
    """Make this device's key; KeyFileError if there is one, which is never replaced."""
    if exists(place):
        raise KeyFileError(
            f"{place} exists: a device has one key, and with a new one nothing it has in its spool "
            "would be believed; move it away yourself if that is what you want"
        )
    if isinstance(place, TokenUri):
        _token_key().generate(place)
        return signing_key(place).public
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KeyFileError(f"cannot create {place.parent}: {error.strerror}") from error
    key = SigningKey.generate()
    bear(place, key.save)
    return key.public


def _token_key() -> ModuleType:
    try:
        from cloud_sync import token_key  # noqa: PLC0415 - its library is an extra
    except ModuleNotFoundError as error:
        if error.name != "pkcs11":
            raise
        raise KeyFileError(
            "a key in a token needs python-pkcs11: install requirements/token.txt beside the agent"
        ) from error
    return token_key


def bear(path: Path, save: Callable[[Path], None]) -> None:
    """Let `save` write a new key file, which a power cut leaves whole or not there at all."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    save(part)
    # A visit that ends under sudo must not leave a key that the agent's user cannot read.
    files.hand_over(part)
    try:
        # Unlike a rename a link never replaces a key that came meanwhile.
        os.link(part, path)
        # The gateway is told of this key at once; it must not be gone after a power cut.
        private_file.sync(path.parent)
    except OSError as error:
        raise KeyFileError(f"cannot create key file {path}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
