"""A batch of cards into a folder: one folder each, and the sheet of labels.

A card's folder holds what is copied to the partition as it is. What it holds opens a device until
the claim is used, so files are for their owner's eyes only, and nothing that exists is written
over. The package is one file that every card's folder has a link to, where the disk can do that.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.cards.model import CardError, check_package

_HEAD_BYTES: Final = 64


def package_of(path: Path) -> Path:
    """The device's package; CardError if it is not one."""
    try:
        with path.open("rb") as file:
            check_package(path.name, file.read(_HEAD_BYTES), path.stat().st_size)
    except OSError as error:
        raise CardError(f"cannot read the package {path}: {error.strerror}") from error
    return path


def write_card(folder: Path, files: Mapping[str, bytes], package: Path) -> None:
    """One card's folder, which must not exist yet."""
    try:
        folder.mkdir(mode=0o700, parents=True)
        for name, content in files.items():
            write_private(folder / name, content)
        _placed(package, folder / "plomba" / package.name)
    except FileExistsError as error:
        raise CardError(
            f"{folder} exists: a card is not written over; name another --out, or remove it"
        ) from error
    except OSError as error:
        raise CardError(f"cannot write {folder}: {error.strerror}") from error


def write_labels(path: Path, content: bytes) -> None:
    """The sheet of labels; CardError if it cannot be written, or is there already."""
    try:
        write_private(path, content)
    except OSError as error:
        raise CardError(f"cannot write {path}: {error.strerror}; name another --out") from error


def write_private(path: Path, content: bytes) -> None:
    """A new file for its owner's eyes only; OSError if that cannot be."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _placed(package: Path, place: Path) -> None:
    """Fifty cards of 40 MB are 2 GB as copies and one file as links."""
    try:
        os.link(package, place)
    except OSError:
        shutil.copyfile(package, place)
