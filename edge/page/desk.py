"""What the screens work on: the visit, the work under way, and the meter in a person's hand."""

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import structlog
from starlette.requests import Request

from cloud_sync.points import Points, WaitingPoint
from cloud_sync.visit import Check, Level
from drivers import profile
from edge.config import ConfigError
from edge.page import forms
from edge.page.away import Reach
from edge.page.front import Front
from edge.page.refusal import NotDone
from edge.page.work import Post, Work
from edge.scan.standing import stand_in
from edge.visit import binding, dial
from edge.visit.core import VisitError
from edge.visit.draft import Draft, MeterDraft
from edge.visit.steps import Visiting

log = structlog.get_logger("edge.page")

# A household turns the last digit of its dial in about this time; an older value is asked anew.
STALE_S = 60
# A list of more is not read on a phone but searched: a page stays within 60 KB.
ROWS_MAX = 40


class Card(NamedTuple):
    """A meter as the screens show it: its place in the visit, and how it stands."""

    at: int
    meter: MeterDraft
    resource: str
    state: str
    point: WaitingPoint | None
    """The point it is bound to, where the list on this device has it."""

    @property
    def counted(self) -> tuple[Level, ...]:
        """What a person can compare with the dial."""
        return dial.shown(self.meter.levels)

    @property
    def waits_for(self) -> str:
        """The resource its point waits for, where that is another one."""
        other = self.point is not None and self.point.resource != self.resource
        return self.point.resource if other and self.point is not None else ""

    @property
    def where(self) -> str:
        """Where it answers; an address that only repeats its number says nothing more."""
        address = str(self.meter.found.address)
        told = address.startswith(self.meter.serial) and not nameless(self.meter)
        return self.meter.line if told else f"{self.meter.line}/{address}"

    @property
    def short(self) -> str:
        """The end of its name, as it fits a tile: neighbours differ there."""
        if nameless(self.meter):
            return f"…/{str(self.meter.found.address)[-3:]}"
        return self.meter.serial[-5:]

    @property
    def name(self) -> str:
        """Its serial, or where it answers while nobody knows that."""
        return self.where if nameless(self.meter) else self.meter.serial


class Desk:
    """One device's visit as the screens see it."""

    def __init__(
        self, front: Front, visiting: Visiting, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self.front, self.visiting, self.clock_s = front, visiting, clock_s
        self.work = Work(visiting.config.device.state_dir)
        self.post = Post(visiting.deliver, clock_s)
        self.reach = Reach(clock_s)
        self.in_hand: str = ""
        """The key of the meter whose screen was open last."""
        self.examined: tuple[Check, ...] = ()
        """What the doctor found last."""
        self._listed: tuple[object, Points | None] = (None, None)

    @property
    def draft(self) -> Draft:
        """The visit under way; NotDone if there is none."""
        draft = self.visiting.draft
        if draft is None:
            raise NotDone("no_visit", 409)
        return draft

    def cards(self) -> list[Card]:
        """The meters of the visit, in the order in which they were found."""
        names = self._names()
        return [self._card(at, one, names) for at, one in enumerate(self.draft.meters.values())]

    def card(self, request: Request) -> Card:
        """The meter a request is about; NotDone for one that there is not."""
        meters = self.draft.meters
        at = forms.index(str(request.path_params["at"]), len(meters))
        return self._card(at, list(meters.values())[at], self._names())

    def card_of(self, key: str) -> Card | None:
        """The meter of that key, if it is there."""
        return next((one for one in self.cards() if one.meter.key == key), None)

    def listed(self) -> Points | None:
        """The list of points on this device; kept while its file is the same."""
        path = binding.place_of(self.visiting.config)
        try:
            stat = path.stat()
        except OSError:
            return None
        stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if stamp != self._listed[0]:
            # A seal over a thousand points is not checked for each of sixty meters.
            self._listed = (stamp, self.visiting.points())
        return self._listed[1]

    def points(self) -> dict[int, WaitingPoint]:
        """The metering points that wait in the registry, by number."""
        known = self.listed()
        return {} if known is None else {one.number: one for one in known.points}

    def free_points(self) -> tuple[WaitingPoint, ...]:
        """Those of them to which no meter of this visit is bound."""
        return binding.free(self.listed(), self.draft)

    def proposal(self, card: Card) -> WaitingPoint | None:
        """The free point that expects this meter's serial."""
        return binding.expected(self.free_points(), card.meter.serial)

    def expected(self, cards: list[Card]) -> int:
        """How many meters could be taken in by their serials alone."""
        free = self.free_points()
        open_ones = [one.meter for one in cards if one.state == "todo" and one.meter.levels]
        proposed = [(binding.expected(free, one.serial), one) for one in open_ones]
        return sum(
            point is not None and binding.fits(point, one.profile) for point, one in proposed
        )

    def point(self, request: Request) -> WaitingPoint | None:
        """The point a request is about, None for one that no list here knows."""
        return self.points().get(self.number(request))

    def number(self, request: Request) -> int:
        """The number of a point out of an address."""
        return forms.index(str(request.path_params["number"]), 2**53)

    def next_of(self, at: int) -> Card | None:
        """The next meter that somebody has to look at, from `at` on and around."""
        cards = self.cards()
        waiting = [
            one for one in [*cards[at + 1 :], *cards[: at + 1]] if one.state in {"todo", "bad"}
        ]
        return waiting[0] if waiting else None

    def begin_read(self, card: Card) -> None:
        """Read a meter in the background, as soon as the lines are free."""
        key = card.meter.key
        read = partial(self.visiting.read, key)
        self.work.begin("read", read, about=key, queued=True)

    def stale(self, card: Card) -> bool:
        """Whether a value is worth asking for anew; a battery is not asked for comfort."""
        if not card.meter.profile:
            return False
        if not card.meter.levels:
            return True
        if profile.load(card.meter.profile).reads_per_day_max is not None:
            return False
        age_s = self.age_s(card)
        return age_s is None or age_s > STALE_S

    async def search(self, *, fresh: bool = False) -> None:
        """Find the meters on all lines and read what was found."""
        await self.visiting.search(fresh=fresh)
        await self.visiting.read_all()

    async def examine(self) -> None:
        """Have the doctor look."""
        self.examined = await self.visiting.doctor()

    def age_s(self, card: Card) -> int | None:
        """How old a meter's value is, in seconds; None where nobody knows."""
        read, now = card.meter.read_at, self.visiting.now()
        if read is None or read.boot != now.boot:
            return None
        return (now.uptime_ms - read.uptime_ms) // 1000

    def go_on(self) -> None:
        """What a power cut interrupted goes on."""
        try:
            is_open = self.visiting.draft is not None
        except (ConfigError, VisitError) as error:
            # Told on every screen too; a page that did not start could not tell it.
            log.warning("cannot go on", reason=str(error))
            return
        if is_open and self.work.left() == "search":
            self.work.begin("search", self.search, kept=True)

    def _names(self) -> dict[str, WaitingPoint]:
        return {one.point: one for one in self.points().values()}

    def _card(self, at: int, meter: MeterDraft, names: dict[str, WaitingPoint]) -> Card:
        known = names.get(meter.point)
        resource = profile.load(meter.profile).resource if meter.profile else ""
        is_first = self.draft.begun.kind == "commissioning"
        return Card(at, meter, resource, state_of(meter, is_first=is_first), known)


def state_of(meter: MeterDraft, *, is_first: bool) -> str:
    """How a meter stands, on the first visit or a later one: a word with a colour and a text."""
    if meter.left_out:
        return "left"
    if meter.confirmed:
        return "ok" if meter.point or meter.known else "part"
    if meter.known and not is_first:
        return "known"
    if not meter.profile or (meter.asked and not meter.levels):
        return "bad"
    return "todo"


def nameless(meter: MeterDraft) -> bool:
    """Whether nobody knows its serial yet: a search has put a stand-in there."""
    return meter.serial == stand_in(meter.line, meter.found.protocol, meter.found.address)
