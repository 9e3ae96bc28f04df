"""What every step of a visit stands on: the device's configuration, its clock, book and lines.

Every step is in the journal before it counts as made, so a step that was cut short is made again
and one that was made stays. What a person may have got wrong is one VisitError with one line.
"""

from pathlib import Path

from cloud_sync.visit import HOUSE_MAX, NAME_MAX, REMARKS_MAX, WORDS_MAX, Kind
from drivers.link import open_link as real_link
from drivers.reading import ClockState, from_ms
from edge import config
from edge.clock import Clock, SystemClock
from edge.config import EdgeConfig
from edge.scan import notebook
from edge.visit import binding, findings, recording
from edge.visit.checking import OpenLink
from edge.visit.core import VisitBook, VisitError
from edge.visit.draft import Begun, Checked, Draft, MeterDraft, Moment, Put, Remarks
from edge.visit.progress import Progress
from edge.visit.recording import Hindrance
from edge.visit.taking import LINGER_S, Lines

# No clock of a device that runs this software can be before this, nor after (UTC).
EARLIEST_MS, LATEST_MS = 1_767_225_600_000, 4_102_444_800_000
PHONE = "phone"


class Base:
    """A visit of the device that `config_path` configures; one object for a process.

    `open_link` is where a line's bytes come from; `clock` tells the time of what happens.
    """

    def __init__(
        self,
        config_path: Path,
        *,
        clock: Clock | None = None,
        open_link: OpenLink = real_link,
        linger_s: float = LINGER_S,
    ) -> None:
        self.config_path = config_path
        self._loaded: tuple[tuple[int, ...], EdgeConfig] | None = None
        self.clock = clock or SystemClock()
        self.open_link = open_link
        self.book = VisitBook(self.config.device.state_dir)
        self.lines = Lines(self.config.device.state_dir, linger_s=linger_s)
        self.progress: Progress | None = None

    @property
    def config(self) -> EdgeConfig:
        """The configuration as it is now; ConfigError if it cannot be used."""
        try:
            seen = self.config_path.stat()
        except OSError:
            return config.load(self.config_path)
        stamp = (seen.st_mtime_ns, seen.st_size, seen.st_ino)
        if self._loaded is None or self._loaded[0] != stamp:
            self._loaded = (stamp, config.load(self.config_path))
        return self._loaded[1]

    @property
    def draft(self) -> Draft | None:
        """The visit under way, if there is one."""
        return self.book.current()

    @property
    def open(self) -> Draft:
        """The visit under way; VisitError if there is none."""
        draft = self.draft
        if draft is None:
            raise VisitError("no visit is open: begin one first")
        return draft

    def meter(self, key: str) -> MeterDraft:
        """A meter of the visit; VisitError for a key that is none."""
        found = self.open.meters.get(key)
        if found is None:
            raise VisitError(f"no meter {key[:NAME_MAX]!r} in this visit: search first")
        return found

    def now(self) -> Moment:
        """The time, as it is noted."""
        return Moment.of(self.clock.now())

    def begin(self, installer: str, kind: Kind = "commissioning") -> Draft:
        """Begin a visit in the installer's name; VisitError while one is open."""
        name = words(installer, NAME_MAX, "your name")
        if not name:
            raise VisitError("expected your name: the record says who was here")
        conf = self.config
        house = binding.house_of(conf)[:HOUSE_MAX]
        if self.draft is None:
            # What an earlier search found may hang there no more.
            notebook.forget(conf.device.state_dir, [line.name for line in conf.lines])
        return self.book.begin(Begun(0, kind, name, house, self.now()))

    @property
    def knows_time(self) -> bool:
        """Whether somebody vouches for this device's clock."""
        return self.clock.now().state in {ClockState.SYNCHRONISED, ClockState.INFORMATIVE}

    def note_phone(self, utc_ms: int) -> None:
        """Note what an installer's phone shows as the time, in ms UTC, where the device has none.

        It vouches for nothing and sets no clock: it is for whoever has to date this visit later.
        """
        if not EARLIEST_MS <= utc_ms < LATEST_MS:
            raise VisitError(f"expected a time from 2026 to 2099, the phone says {utc_ms}")
        if self.knows_time:
            return
        at = from_ms(utc_ms).astimezone(self.config.zone).strftime("%Y-%m-%d %H:%M %z")
        others = [one for one in self.open.checks if one.what != PHONE]
        self.book.note(Checked((*others, findings.check(PHONE, "phone-time", at))))

    def give_up(self, reason: str) -> None:
        """End the visit without a record; the configuration stays as it is."""
        self.book.drop(words(reason, WORDS_MAX, "the reason"))
        self.lines.let_go()

    def remark(self, text: str) -> Draft:
        """Words on the whole visit, in place of earlier ones."""
        return self.book.note(Remarks(words(text, REMARKS_MAX, "the remark")))

    def hindrances(self) -> tuple[Hindrance, ...]:
        """What keeps the visit from being finished, nothing if it can be."""
        return recording.hindrances(self.open)

    def let_go(self) -> None:
        """Give the lines back to the agent now, where they are not in use."""
        self.lines.let_go()

    def _put(self, meter: MeterDraft) -> MeterDraft:
        self.book.note(Put(meter))
        return meter


def words(text: str, length: int, what: str) -> str:
    """A person's words as one line; VisitError if they are too many."""
    plain = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    if len(plain) > length:
        raise VisitError(f"{what}: expected at most {length} characters, got {len(plain)}")
    return plain
