"""The steps of a visit that use the lines: checked, searched, and every meter read.

They take the lines from the agent and hold them for a while. Lines are independent wires and are
worked on side by side; a meter is read as soon as it is found, so that a person can look at its
dial while the search goes on.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, TypeVar

import structlog

from cloud_sync.points import WaitingPoint
from cloud_sync.visit import NAME_MAX, Check
from drivers.bus import Line
from drivers.mbus import search as mbus
from drivers.modbus import probe
from drivers.reading import from_ms
from edge import app
from edge.config import ConfigError, LineConfig
from edge.scan import searches
from edge.scan.job import Job, prepare
from edge.scan.scan import scan
from edge.scan.searches import Searchers
from edge.visit import asking, binding, configuring, finding
from edge.visit.asking import Means
from edge.visit.base import Base
from edge.visit.checking import at_speed, check_line
from edge.visit.core import VisitError
from edge.visit.draft import Checked, MeterDraft
from edge.visit.progress import Progress, added_up

T = TypeVar("T")
log = structlog.get_logger("edge.visit")

_MENDABLE = frozenset({"answers-elsewhere", "echo", "no-echo"})
SEARCHERS = Searchers(modbus=probe.search, primary=mbus.primary, secondary=mbus.secondary)


class OnTheBus(Base):
    """Steps that ask meters."""

    _parts: dict[str, Progress]

    async def check_lines(self) -> tuple[Check, ...]:
        """Look at every line; the checks of the lines, noted in the visit."""
        _ = self.open
        lines = self.config.lines
        async with self.lines.held():
            found = await self._side_by_side([self._check(line) for line in lines])
        others = [one for one in self.open.checks if not one.what.startswith("line ")]
        self.book.note(Checked((*found, *others)))
        return tuple(found)

    def mendable(self) -> tuple[str, ...]:
        """The lines whose check found what the configuration only has to be told."""
        return tuple(
            one.what.removeprefix("line ")
            for one in self.open.checks
            if one.what.startswith("line ") and one.said[0] in _MENDABLE
        )

    async def mend(self, line: str) -> Check:
        """Write into the configuration what the line's check found, and check it again."""
        told = next((one for one in self.open.checks if one.what == f"line {line}"), None)
        known = next((one for one in self.config.lines if one.name == line), None)
        if told is None or known is None or told.said[0] not in _MENDABLE:
            raise VisitError(f"nothing to mend on line {line[:NAME_MAX]!r}: check it first")
        try:
            configuring.set_line(self.config_path, line, _mended(known, told))
        except ConfigError as error:
            raise VisitError(str(error)) from error
        checks = await self.check_lines()
        return next(one for one in checks if one.what == f"line {line}")

    async def search(self, *, fresh: bool = False, lines: Iterable[str] = ()) -> None:
        """Find the meters on the lines, or on some of them, and read them as they are found.

        Goes on where it was cut short; one that came to its end begins anew, for a wire was mended
        since. DriverError for a line that failed, after the others have come to their end; what
        was found stays.
        """
        _ = self.open
        wanted = set(lines)
        known = [one for one in self.config.lines if not wanted or one.name in wanted]
        async with self.lines.held():
            conf, now = self.config, self.clock.now()
            jobs = [self._job(line, fresh=fresh) for line in known]
            if all(job.notes.complete for job in jobs):
                jobs = [self._job(line, fresh=True) for line in known]
            waiting = self._waiting()
            with app.reads_of(conf, now) as reads:
                means = Means(conf, asking.keys_of(conf), reads, self.clock)
                await self._side_by_side([self._search(job, means, waiting) for job in jobs])

    async def read(self, key: str) -> MeterDraft:
        """Ask a meter now; with its values, or with `problem` as the reason why there are none."""
        await self._read([self.meter(key)])
        return self.meter(key)

    async def read_all(self, keys: Iterable[str] | None = None) -> None:
        """Ask all of these meters, or all that gave no value yet."""
        meters = list(self.open.meters.values())
        chosen = None if keys is None else dict.fromkeys(keys)
        wanted = (
            asking.worth_asking(meters) if chosen is None else [self.meter(key) for key in chosen]
        )
        await self._read(wanted)

    async def _side_by_side(self, work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
        """All of it at once; the first error is raised when the rest has come to its end."""
        self._parts = {}
        try:
            done = await asyncio.gather(*work, return_exceptions=True)
        finally:
            self.progress = None
        for one in done:
            if isinstance(one, BaseException):
                raise one
        return [one for one in done if not isinstance(one, BaseException)]

    def _tell(self, progress: Progress) -> None:
        """How far the work on one line is, beside that on the others."""
        self._parts[progress.where] = progress
        self.progress = added_up(list(self._parts.values()))

    async def _check(self, line: LineConfig) -> Check:
        self._tell(Progress("check", line.name, 0, 1))
        found = await check_line(line, self.open_link)
        self._tell(Progress("check", line.name, 1, 1))
        return found

    def _waiting(self) -> tuple[WaitingPoint, ...]:
        """The points that wait in the registry; none where their list cannot be believed."""
        try:
            known = binding.points_of(self.config)
        except VisitError as error:
            # Told on every screen that needs the list; a search does without.
            log.warning("search without the list of points", reason=str(error))
            return ()
        return () if known is None else known.points

    async def _search(self, job: Job, means: Means, waiting: tuple[WaitingPoint, ...]) -> None:
        line = job.line
        for found in job.notes.found:
            self._add(finding.drafted(found, line, self.config, self._taken(), waiting))
        talking = asking.line_of(line, self.open_link)
        try:
            async for one in scan(talking, job.searches, job.notes, job.save):
                step, count = one.step, len(job.notes.found)
                self._tell(Progress("search", line.name, step.asked, step.of, count))
                if one.found is not None:
                    meter = finding.drafted(one.found, line, self.config, self._taken(), waiting)
                    self._add(meter)
                    await self._ask_once(talking, meter.key, means)
        finally:
            await talking.close()

    def _job(self, line: LineConfig, *, fresh: bool) -> Job:
        planned = searches.plan(SEARCHERS, protocol="all", framing=line.framing)
        now = from_ms(self.clock.now().utc_ms).astimezone(self.config.zone)
        state_dir = self.config.device.state_dir
        return prepare(line, planned, state_dir, fresh=fresh, writes=True, now=_minute(now))

    async def _ask_once(self, talking: Line, key: str, means: Means) -> None:
        """Read a meter that was just found, if nothing is known of it yet."""
        meter = self.meter(key)
        if asking.worth_asking([meter]):
            self._put(asking.merged(self.meter(key), await asking.ask(talking, meter, means)))

    def _add(self, meter: MeterDraft) -> None:
        """A meter that was found; one that the visit knows keeps what was said of it."""
        known = self.open.meters.get(meter.key)
        if known is None:
            self._put(meter)
        elif known.found != meter.found and known.found.identification not in (
            None,
            meter.found.identification,
        ):
            # Another meter hangs there now: what was said was of the one before.
            self._put(meter)

    def _taken(self) -> set[str]:
        drafts = {one.serial for one in self.open.meters.values()}
        return drafts | {meter.serial for _, meter in self.config.meters}

    async def _read(self, meters: Iterable[MeterDraft]) -> None:
        conf = self.config
        async with self.lines.held():
            with app.reads_of(conf, self.clock.now()) as reads:
                means = Means(conf, asking.keys_of(conf), reads, self.clock)
                ordered = sorted(meters, key=lambda one: one.line)
                parts = {name: list(mine) for name, mine in groupby(ordered, lambda one: one.line)}
                known = [line for line in conf.lines if line.name in parts]
                work = [self._read_line(line, parts[line.name], means) for line in known]
                await self._side_by_side(work)

    async def _read_line(self, line: LineConfig, meters: list[MeterDraft], means: Means) -> None:
        talking = asking.line_of(line, self.open_link)
        try:
            for number, meter in enumerate(meters):
                self._tell(Progress("read", line.name, number, len(meters)))
                answered = await asking.ask(talking, meter, means)
                # A person may have written something about it meanwhile: that stays.
                self._put(asking.merged(self.meter(meter.key), answered))
        finally:
            await talking.close()


def _mended(line: LineConfig, told: Check) -> dict[str, str | bool]:
    """What the configuration has to say of a line."""
    if told.said[0] != "answers-elsewhere":
        return {"echo": told.said[0] == "echo"}
    baud, _, character = told.said[1].partition(" ")
    url = at_speed(line.url, int(baud), character[1:2])
    if url is None:
        raise VisitError(f"the speed of {line.url} is set in its box, not here")
    return {"url": url}


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
