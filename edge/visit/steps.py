"""A visit from its beginning to its record, for whatever shows it: the page and the terminal.

At its end the configuration is brought up to date, then the record is sealed, then the lines go
back to the agent: cut short anywhere, the same step does the rest. What a network is needed for
comes after that by itself.
"""

import asyncio
from pathlib import Path

from cloud_sync.signing import KeyFileError
from cloud_sync.topics import visit_topic
from cloud_sync.visit import Check, encode
from cloud_sync.visit_texts import Language
from cloud_sync.wire import WireError
from drivers.link import open_link as real_link
from edge import https, identity
from edge.agent import software
from edge.clock import Clock
from edge.config import ConfigError
from edge.enrolment import Post
from edge.scan import notebook
from edge.visit import configuring, delivering, doctor, recording
from edge.visit.arriving import Arrival, arrival, head_of
from edge.visit.checking import OpenLink
from edge.visit.configuring import Coming
from edge.visit.core import Finished, VisitError
from edge.visit.delivering import Sent
from edge.visit.draft import Checked, Draft, Ending, MeterDraft
from edge.visit.later import Later
from edge.visit.taking import LINGER_S

__all__ = ["VisitError", "Visiting"]


class Visiting(Later):
    """A visit of the device that `config_path` configures; one object for a process.

    `open_link` is where a line's bytes come from, `post` how the gateway's door is asked, `clock`
    tells the time of what happens.
    """

    def __init__(
        self,
        config_path: Path,
        *,
        clock: Clock | None = None,
        open_link: OpenLink = real_link,
        post: Post = https.post,
        linger_s: float = LINGER_S,
    ) -> None:
        super().__init__(config_path, clock=clock, open_link=open_link, linger_s=linger_s)
        self._post = post

    async def doctor(self) -> tuple[Check, ...]:
        """Look at the device itself; noted in the visit, if one is open."""
        found = await doctor.examine(self.config, self.clock.now(), self._post)
        draft = self.draft
        if draft is not None:
            again = {one.what for one in found}
            others = [one for one in draft.checks if one.what not in again]
            self.book.note(Checked((*others, *found)))
        return found

    async def finish(self) -> Finished:
        """Write the configuration, seal the record, let the lines go.

        VisitError while something hinders it, and where a disk or a key does not do.
        """
        hindered = self.hindrances()
        if hindered:
            raise VisitError(f"the visit cannot be finished yet: {hindered[0].code}")
        async with self.lines.held():
            config = self.config
            ended = self.now()
            draft = self.book.note(Ending(ended, head_of(config.device.state_dir)))
            try:
                key = identity.load_or_make(config.device.key)
                visit = recording.record(
                    draft, device=config.device.name, software=software(), now=ended
                )
                configuring.write(self.config_path, _coming(draft), _going(draft))
            except (ConfigError, KeyFileError, WireError) as error:
                raise VisitError(str(error)) from error
            finished = self.book.seal(key.seal(encode(visit), visit_topic(visit.device)))
            notebook.forget(config.device.state_dir, [line.name for line in config.lines])
        self.lines.let_go()
        return finished

    def arrival(self, number: int) -> Arrival:
        """How far the first readings of a finished visit's meters are on their way."""
        finished = self.book.finished(number)
        serials = [install.serial for install in finished.visit.installs]
        known = self.book.first(number)
        if known is not None:
            return Arrival(dict.fromkeys(serials, "accepted"), known)
        state_dir = self.config.device.state_dir
        found = arrival(state_dir, serials, self.book.ending_head(number))
        if found.first is not None and found.is_accepted:
            self.book.keep_first(number, found.first)
        return found

    def pdf(self, number: int, language: Language) -> bytes:
        """The record of a finished visit on A4."""
        from cloud_sync import visit_pdf  # noqa: PLC0415 - the typesetter is an extra, and large

        finished = self.book.finished(number)
        photos = {name: self.book.photo(number, name.hex()) for name in finished.visit.photos}
        there = {name: jpeg for name, jpeg in photos.items() if jpeg is not None}
        zone = self.config.zone
        first = self.arrival(number).first if self.book.first(number) else None
        return visit_pdf.of_visit(finished.sealed, there, language, zone, first)

    async def deliver(self) -> tuple[Sent, ...]:
        """Send what waits to the gateway now; nothing where nothing waits."""
        now_ms = self.clock.now().utc_ms
        return await asyncio.to_thread(
            delivering.deliver, self.config, self.book, self._post, now_ms
        )


def _coming(draft: Draft) -> list[Coming]:
    return [_entry(meter) for meter in recording.taken_in(draft)]


def _entry(meter: MeterDraft) -> Coming:
    was = meter.replaces or meter.configured_as
    return Coming(meter.line, meter.found, meter.serial, meter.profile, was)


def _going(draft: Draft) -> list[str]:
    """Serials to remove: of meters taken away, and of exchanged ones that stood elsewhere."""
    stay = {meter.serial for meter in recording.taken_in(draft)}
    return [serial for serial in draft.gone if serial not in stay]
