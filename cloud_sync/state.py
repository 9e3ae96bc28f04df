"""What a device says of itself on its state topic: retained, for people, never for billing.

It is not signed. Nothing here may decide about a reading; it tells an operator whether a device is
there and what it complains of.
"""

from typing import Literal

import msgspec

from drivers.reading import ClockState

STATE_BYTES_MAX = 64 * 1024
# A cabinet in which more meters fail than this has one problem, not many.
PROBLEMS_MAX = 32


class DeviceState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One device's report. Everything but `state` may be missing: the last will knows no more."""

    state: Literal["online", "offline"]
    software: str = ""
    at_ms: int = 0
    clock_state: ClockState | None = None
    waiting_batches: int = 0
    spool_bytes: int = 0
    spool_bytes_max: int = 0
    sampling: bool = True
    """False while the spool is full: no meter is asked until there is room again."""
    skipped_reads: int = 0
    lost_batches: int = 0
    problems: dict[str, str] = {}
    """Meters that fail, by serial, and lines that are down; the reasons of PROBLEMS_MAX at most."""
    refused_receipts: dict[str, int] = {}
    """Messages on the receipt topic that did not count, by their reason."""
    last_command: int = 0
    """The number of the last command that was carried out."""
    refused_commands: dict[str, int] = {}
    """Messages on the command topic that were not carried out, by their reason."""
    update: str = ""
    """The release that was offered last and where it stands, like ``0.2.0 fetching 40 %``."""


OFFLINE = DeviceState(state="offline")


def encode(state: DeviceState) -> bytes:
    """JSON, one object."""
    return msgspec.json.encode(state)


def shortened(state: DeviceState, chars: int) -> DeviceState:
    """The same with every reason cut to so many characters."""
    problems = {subject[:64]: reason[:chars] for subject, reason in state.problems.items()}
    return msgspec.structs.replace(state, problems=problems)


def decode(payload: bytes) -> DeviceState | None:
    """The report, or None for anything else: it comes from outside and decides nothing."""
    if len(payload) > STATE_BYTES_MAX:
        return None
    try:
        return msgspec.json.decode(payload, type=DeviceState)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
