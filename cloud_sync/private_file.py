"""Files that hold secrets: who may read them, and what of a secret may be shown: nothing.

A key, a token or a webhook secret is read from a file of its own that nobody but its owner may
read. The rights are looked at when a configuration is loaded, and again when the file is read. A
secret that a person put into the configuration by mistake is told as a mistake, not repeated.
"""

import base64
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

OWNER_ONLY, OWNER_AND_GROUP = 0o077, 0o007
# What a secret of ours or of a webhook begins with, a PEM, an address with a password in it, and
# where a key in a token is, which somebody may have written a PIN into.
_SECRET = re.compile(r"^\s*(whsec_|plomba_|-----BEGIN|(?i:pkcs11:))|://[^/\s]*@|^[0-9A-Fa-f]{32,}$")


HIDDEN = "***"


class KeyFileError(ValueError):
    """A key file that cannot be used; the text says what to do and shows nothing of the key."""


def check(path: Path, what: str = "key file", others: int = OWNER_ONLY) -> None:
    """KeyFileError where somebody else may read `path`; OSError where it cannot be looked at."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & others:
        whose = "0600" if others == OWNER_ONLY else "0640 or less"
        right = "600" if others == OWNER_ONLY else "o-rwx"
        raise KeyFileError(
            f"{what} {path} has rights {mode:04o}, expected {whose}: run chmod {right} {path}"
        )


def refuse_open(path: Path, what: str = "key file", others: int = OWNER_ONLY) -> None:
    """KeyFileError where `path` is there and others may read it; not being there is told later."""
    try:
        check(path, what, others)
    except OSError:
        return


def create(path: Path, data: bytes, rights: int = 0o600) -> None:
    """Write a new file and force it to the disk; KeyFileError if there is one already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, rights)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # After a power cut a file without its name on the disk is gone.
        sync(path.parent)
    except OSError as error:
        raise KeyFileError(f"cannot create {path}: {error.strerror}") from error


def sync(path: Path) -> None:
    """Bring a file's content, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_secret(text: object) -> bool:
    """Whether a value looks like a secret, or like an address with one in it."""
    return _SECRET.search(str(text)) is not None


def shown(value: object) -> str:
    """A value from a configuration, as an error may show it."""
    return "(not shown: it looks like a secret)" if is_secret(value) else repr(value)


def without(text: str, secrets: Iterable[str]) -> str:
    """What another program said, without secrets it was told, in whichever form it repeats them."""
    forms = {form for one in secrets if one for form in _forms(one)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return text


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield from (quote(secret), quote(secret, safe=""), quote_plus(secret))
    yield json.dumps(secret)[1:-1]
    yield base64.b64encode(secret.encode()).decode()


def named(path: Path) -> Path:
    """`path`; ValueError where a secret itself stands in place of its file's name."""
    if is_secret(path):
        raise ValueError("expected the name of a file that holds it, not the secret itself")
    return path
