"""A visit under way, as it is remembered: entries of its journal, and what they add up to.

An entry says one thing whole ("this meter is now so"), so that the last one counts and a journal
that lost its end is still true about everything before. Nothing here does I/O.
"""

from collections.abc import Iterable
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from cloud_sync.visit import Check, FinalSource, Kind, Level, When
from drivers.driver import Found
from drivers.reading import ClockState
from edge.clock import Stamp


class Moment(Struct, frozen=True, array_like=True):
    """An instant by both clocks: `utc_ms` as the wall clock stood, `uptime_ms` since `boot`."""

    utc_ms: int
    uptime_ms: int
    boot: bytes
    state: ClockState

    @classmethod
    def of(cls, stamp: Stamp) -> "Moment":
        """The moment of a look at the clock."""
        return cls(stamp.utc_ms, stamp.uptime_ms, stamp.boot, stamp.state)

    def told(self, now: "Moment") -> When:
        """How it is told at `now`: mended where the clock came to be known in the same boot."""
        if self.state is not ClockState.RELATIVE:
            return When(self.utc_ms, self.state, self.boot)
        if now.boot == self.boot and now.state is not ClockState.RELATIVE:
            return When(now.utc_ms - (now.uptime_ms - self.uptime_ms), now.state, self.boot)
        return When(self.uptime_ms, ClockState.RELATIVE, self.boot)


class MeterDraft(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A meter that was found or typed, with all that is known and was said of it so far.

    `key` names it in forms and addresses: line, protocol and address. It goes into the record once
    it is `confirmed` and not `left_out` (the reason why not). `known` says that the configuration
    had it before. `profile` is "" for a meter nobody recognised, whose `found` tells what it said.
    """

    key: str
    line: str
    found: Found
    serial: str
    serial_told: bool = True
    """False where the meter tells none: the one on the dial is to be typed."""
    known: bool = False
    configured_as: str = ""
    """Its serial in the configuration, if it is there."""
    in_place_of: str = ""
    """The serial of another meter that the configuration has where this one answers."""
    profile: str = ""
    levels: tuple[Level, ...] = ()
    read_at: Moment | None = None
    dial: tuple[Level, ...] = ()
    confirmed: bool = False
    remark: str = ""
    place: str = ""
    point: str = ""
    seal: str = ""
    photos: tuple[str, ...] = ()
    """The SHA-256 of each in hexadecimal."""
    asked: int = 0
    answered: int = 0
    slowest_ms: int = 0
    problem: str = ""
    """Why the last read gave nothing."""
    left_out: str = ""
    replaces: str = ""
    """The serial of the meter it came in the place of."""


class GoneDraft(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A meter that goes, or is being exchanged while `replaced_by` has no meter's key yet."""

    serial: str
    at: Moment
    is_exchange: bool
    final: tuple[Level, ...] = ()
    final_source: FinalSource | Literal[""] = ""
    reason: str = ""
    replaced_by: str = ""


class Begun(Struct, frozen=True, tag="begun"):
    """The visit begins."""

    number: int
    kind: Kind
    installer: str
    house: str
    at: Moment


class Checked(Struct, frozen=True, tag="checked"):
    """The lines and the device were looked at; replaces what an earlier look found."""

    checks: tuple[Check, ...]


class Put(Struct, frozen=True, tag="put"):
    """A meter is now so."""

    meter: MeterDraft


class Gone(Struct, frozen=True, tag="gone"):
    """A meter goes."""

    meter: GoneDraft


class Back(Struct, frozen=True, tag="back"):
    """It does not go after all."""

    serial: str


class DeviceWas(Struct, frozen=True, tag="device-was"):
    """The device reads the meters of another one on."""

    old_device: str
    meters: tuple[str, ...]
    at: Moment


class Remarks(Struct, frozen=True, tag="remarks"):
    """A person's words on the whole visit."""

    text: str


class Ending(Struct, frozen=True, tag="ending"):
    """The visit is being finished: with its end, and the last batch number given before it."""

    at: Moment
    head: int


class Dropped(Struct, frozen=True, tag="dropped"):
    """The visit is given up: nothing of it becomes a record."""

    reason: str


Entry = Begun | Checked | Put | Gone | Back | DeviceWas | Remarks | Ending | Dropped


class Draft(Struct, frozen=True, kw_only=True):
    """What the entries of a visit add up to."""

    begun: Begun
    checks: tuple[Check, ...] = ()
    meters: dict[str, MeterDraft] = {}
    """By key, in the order in which they appeared."""
    gone: dict[str, GoneDraft] = {}
    device_was: DeviceWas | None = None
    remarks: str = ""
    ending: Ending | None = None
    dropped: str | None = None

    @property
    def number(self) -> int:
        """Counts the device's visits from 1."""
        return self.begun.number


class NotAVisit(ValueError):
    """Entries that do not begin a visit."""


def add_up(entries: Iterable[Entry]) -> Draft:
    """The draft that entries make; NotAVisit where the first one does not begin it."""
    draft: Draft | None = None
    for entry in entries:
        if isinstance(entry, Begun):
            draft = Draft(begun=entry)
        elif draft is None:
            raise NotAVisit("the first entry does not begin a visit")
        else:
            draft = after(draft, entry)
    if draft is None:
        raise NotAVisit("no entry begins a visit")
    return draft


def after(draft: Draft, entry: Entry) -> Draft:
    """The draft with one more entry."""
    return replace(draft, **_changes(draft, entry))


def _changes(draft: Draft, entry: Entry) -> dict[str, Any]:
    changes: dict[str, Any]
    match entry:
        case Begun():
            raise NotAVisit("a visit begins once")
        case Checked(checks):
            changes = {"checks": checks}
        case Put(meter):
            changes = {"meters": draft.meters | {meter.key: meter}}
        case Gone(gone):
            changes = {"gone": draft.gone | {gone.serial: gone}}
        case Back(serial):
            kept = {name: one for name, one in draft.gone.items() if name != serial}
            changes = {"gone": kept}
        case DeviceWas():
            changes = {"device_was": entry}
        case Remarks(text):
            changes = {"remarks": text}
        case Ending():
            changes = {"ending": entry}
        case Dropped(reason):
            changes = {"dropped": reason}
    return changes
