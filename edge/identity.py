"""The device's identity: its own key, born here and never leaving, and the gateway's public key."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cloud_sync.signing import KeyFileError, SigningKey, VerifyKey
from edge.config import DeviceConfig


class Identity(NamedTuple):
    """With what this device signs, and whose receipts it believes."""

    key: SigningKey
    gateway_key: VerifyKey


def load(device: DeviceConfig) -> Identity:
    """Both keys; KeyFileError with one line if a file does not do."""
    if not device.key.exists():
        raise KeyFileError(f"no key file {device.key}: run plomba-edge enroll first")
    return Identity(SigningKey.load(device.key), load_public(device.gateway_key))


def load_public(path: Path) -> VerifyKey:
    """The public key in a PEM file; KeyFileError if it does not do."""
    try:
        return VerifyKey.from_pem(path.read_bytes())
    except OSError as error:
        raise KeyFileError(f"cannot read public key {path}: {error.strerror}") from error
    except KeyFileError as error:
        raise KeyFileError(f"{path}: {error}") from error


def load_or_make(path: Path) -> SigningKey:
    """The key in a file, born now if there is none."""
    if not path.exists():
        enroll(path)
    return SigningKey.load(path)


def enroll(path: Path) -> VerifyKey:
    """Make this device's key; KeyFileError if there is one, which is never replaced."""
    if path.exists():
        raise KeyFileError(
            f"{path} exists: a device has one key, and with a new one nothing it has in its spool "
            "would be believed; move it away yourself if that is what you want"
        )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KeyFileError(f"cannot create {path.parent}: {error.strerror}") from error
    key = SigningKey.generate()
    bear(path, key.save)
    return key.public


def bear(path: Path, save: Callable[[Path], None]) -> None:
    """Let `save` write a new key file, which a power cut leaves whole or not there at all."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    save(part)
    try:
        # Unlike a rename a link never replaces a key that came meanwhile.
        os.link(part, path)
    except OSError as error:
        raise KeyFileError(f"cannot create key file {path}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
