"""Whether a release that is offered is wanted: the whole of it decided here, by agent and by root.

A statement that is sealed well is not enough, for it stays so for ever: the version must be newer
than what runs, made for this machine, able to give the spool back to the program before it, and
not one that failed here already, unless the gateway offers it anew.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

from cloud_sync import release, wire
from cloud_sync.command import Number
from cloud_sync.release import STATEMENT_BYTES_MAX, Release, ReleaseError
from cloud_sync.signing import VerifyKey
from cloud_sync.wire import WireError
from edge.update.places import Own

WISH_BYTES_MAX = STATEMENT_BYTES_MAX + 64


class Unwanted(Exception):
    """A release that is not to be installed; the first word tells which of the reasons it is."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Wish(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a command offered: its number, and the statement as it came."""

    version: Literal[1]
    number: Number
    statement: Annotated[bytes, Meta(min_length=1, max_length=STATEMENT_BYTES_MAX)]


def encode(wish: Wish) -> bytes:
    """The note's bytes."""
    return wire.encode(wish)


def decode(note: bytes) -> Wish:
    """The wish of a note; Unwanted for anything else."""
    try:
        return wire.decode(note, Wish, limit=WISH_BYTES_MAX)
    except WireError as error:
        raise Unwanted("malformed", str(error)) from error


def judge(
    wish: Wish, own: Own, key: VerifyKey | None, failed: Mapping[str, int] | None = None
) -> Release:
    """The release of a wish; Unwanted with the reason why not.

    `failed`: versions that failed here, with the number of the command that had offered them.
    """
    if key is None:
        raise Unwanted("no-release-key", "the package of this device carries none")
    try:
        found = release.opened(wish.statement, key)
        running = release.number(own.version)
    except ReleaseError as error:
        raise Unwanted("bad-release", str(error)) from error
    if found.arch != own.arch:
        raise Unwanted("other-machine", f"it is for {found.arch}, this is {own.arch}")
    if release.number(found.software) <= running:
        raise Unwanted("not-newer", f"{found.software} is offered, {own.version} runs")
    if found.spool > own.spool:
        raise Unwanted(
            "no-way-back",
            f"its spool needs format {found.spool} to be read, {own.version} reads {own.spool}",
        )
    if (failed or {}).get(found.software, 0) >= wish.number:
        raise Unwanted("failed-before", f"{found.software} was tried here and rolled back")
    return found
