"""The words that sections of gateway.toml are made of: paths, addresses, private files."""

from contextvars import ContextVar
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from cloud_sync import private_file

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
# pydantic-settings hands its validators no context of their own, so the folder travels here.
base: ContextVar[Path] = ContextVar("base", default=Path())


class ConfigError(ValueError):
    """A configuration that cannot be used; the text is one line and names the key."""


def from_folder(path: Path) -> Path:
    """`path` seen from the configuration file's folder."""
    return base.get() / path.expanduser()


def http_url(url: str) -> str:
    """An address whose content nobody on the way can read; ValueError otherwise."""
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise ValueError("expected an address without a password: it would stand in logs")
    if parts.scheme == "https" and parts.hostname:
        return url
    # Readings and account numbers are personal data; in clear they stay on this machine.
    if parts.scheme == "http" and parts.hostname in LOOPBACK:
        return url
    raise ValueError("expected an https:// address (http:// only on this machine)")


def private(path: Path, others: int = private_file.OWNER_ONLY) -> Path:
    """A secret's file, seen from the configuration's folder, that others may not read."""
    file = from_folder(private_file.named(path))
    private_file.refuse_open(file, others=others)
    return file


def private_to_group(path: Path) -> Path:
    """The same of a file that another program reads, as a user of its own."""
    return private(path, private_file.OWNER_AND_GROUP)


Port = Annotated[int, Field(ge=1, le=65535)]
Folder = Annotated[Path, AfterValidator(from_folder)]
PrivateFile = Annotated[Path, AfterValidator(private)]
"""A file with a secret in it."""
GroupFile = Annotated[Path, AfterValidator(private_to_group)]
"""A file with a secret in it that the group of whoever reads it may read."""
TargetName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9\-]{0,31}$")]


class Section(BaseModel):
    """A part of the file; a key that is not known is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Tls(Section):
    """Mutual TLS towards the broker."""

    ca: Folder
    cert: Folder
    key: PrivateFile
