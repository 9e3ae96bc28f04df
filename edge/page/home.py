"""The first screen: what device this is, how it stands, and the one thing to do next."""

from contextlib import suppress
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloud_sync.visit import NAME_MAX, Check
from edge import spool
from edge.page import forms
from edge.page.away import gateway_of, has_route
from edge.page.desk import Card, Desk
from edge.page.front import to
from edge.page.refusal import NotDone
from edge.spool import SpoolError
from edge.visit import binding
from edge.visit.base import LATEST_MS
from edge.visit.core import VisitError
from edge.visit.draft import Draft

# The newest records: older ones are the terminal's and the gateway's.
_SHOWN_MAX = 5


class Fact(NamedTuple):
    """One thing of the device: its text, its state ("ok", "bad", "part"), a value."""

    key: str
    state: str
    value: str = ""


class Home:
    """The first screen, and the beginning and giving up of a visit."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._front = desk, desk.front

    def routes(self) -> list[Route]:
        """The routes."""
        inside = self._front.inside
        return [
            *inside("/", get=self.show),
            *inside("/begin", get=self.ask, post=self.begin),
            *inside("/give-up", get=self.doubt, post=self.give_up),
        ]

    async def show(self, request: Request) -> Response:
        """Where things stand."""
        desk = self._desk
        draft = desk.visiting.draft
        cards = [] if draft is None else desk.cards()
        numbers = desk.visiting.book.numbers()
        return self._front.draw(
            request, "home.html", facts=self._facts(), house=self._house(), draft=draft,
            lines=[] if draft is None else lines_of(draft), counts=counts_of(cards),
            step="" if draft is None else step_of(draft, cards),
            numbers=numbers[::-1][:_SHOWN_MAX], configured=len(desk.visiting.config.meters),
        )  # fmt: skip

    async def ask(self, request: Request) -> Response:
        """Ask who begins a visit."""
        if self._desk.visiting.draft is not None:
            return to("/")
        return self._front.draw(
            request, "begin.html", name=self._last_name(), most=NAME_MAX,
            asks_phone=not self._desk.visiting.knows_time,
        )  # fmt: skip

    async def begin(self, request: Request) -> Response:
        """Begin a visit; of a device that reads no meters yet it is its commissioning."""
        sent = await self._front.form(request)
        name = forms.line(sent.get("name", ""), NAME_MAX)
        if not name:
            raise NotDone("no_name", 422)
        if self._desk.visiting.draft is None:
            # What an earlier visit's search came to is no news of this one's.
            self._desk.work.ended.clear()
            is_first = not self._desk.visiting.config.meters
            phone_ms = forms.index(sent.get("phone") or "0", LATEST_MS)
            self._desk.visiting.begin(name, "commissioning" if is_first else "visit")
            if phone_ms:
                self._desk.visiting.note_phone(phone_ms)
        return to("/check")

    async def doubt(self, request: Request) -> Response:
        """Ask before a visit's work is thrown away."""
        return self._front.draw(request, "give_up.html", draft=self._desk.draft)

    async def give_up(self, request: Request) -> Response:
        """Throw the visit away."""
        await self._front.form(request)
        await self._desk.work.give_up()
        self._desk.visiting.give_up("by the installer")
        self._desk.visiting.let_go()
        return to("/")

    def _house(self) -> str:
        return binding.house_of(self._desk.visiting.config)

    def _last_name(self) -> str:
        book = self._desk.visiting.book
        for number in book.numbers()[::-1]:
            # One that was damaged on the disk keeps nobody from beginning the next.
            with suppress(VisitError):
                return book.finished(number).visit.installer
        return ""

    def _facts(self) -> list[Fact]:
        config = self._desk.visiting.config
        gateway = gateway_of(config)
        reached = self._desk.reach.look(gateway)
        lines = ", ".join(f"{line.name}: {len(line.meters)}" for line in config.lines)
        return [
            Fact("fact_clock", "ok" if self._desk.visiting.knows_time else "part"),
            Fact("fact_network", "ok" if has_route() else "part"),
            _gateway_fact(gateway, reached),
            self._agent_fact(),
            Fact("fact_lines", "ok", lines),
            self._spool_fact(),
        ]

    def _agent_fact(self) -> Fact:
        visiting = self._desk.visiting
        if spool.in_use(visiting.config.device.state_dir):
            return Fact("fact_agent", "ok")
        if visiting.draft is not None:
            return Fact("fact_agent_waits", "part")
        return Fact("fact_agent" if visiting.config.meters else "fact_agent_later", "part")

    def _spool_fact(self) -> Fact:
        try:
            seen = spool.glance(self._desk.visiting.config.device.state_dir)
        except SpoolError:
            return Fact("fact_spool", "bad")
        return Fact("fact_spool", "ok", str(0 if seen is None else seen.waiting))


def _gateway_fact(gateway: str, reached: bool | None) -> Fact:
    if not gateway:
        return Fact("fact_unenrolled", "part")
    if reached is None:
        return Fact("fact_gateway_asked", "part")
    return Fact("fact_gateway", "ok" if reached else "part")


def lines_of(draft: Draft) -> list[Check]:
    """What was found of the lines; the doctor's findings are told elsewhere."""
    return [one for one in draft.checks if one.what.startswith("line ")]


def counts_of(cards: list[Card]) -> dict[str, int]:
    """How many meters of each state."""
    counts: dict[str, int] = {}
    for card in cards:
        counts[card.state] = counts.get(card.state, 0) + 1
    return counts


def step_of(draft: Draft, cards: list[Card]) -> str:
    """What is to be done next in a visit."""
    if not lines_of(draft) and not cards:
        return "check"
    if not cards and not draft.gone and draft.device_was is None:
        return "scan"
    if any(card.state in {"todo", "bad"} for card in cards):
        return "meters"
    return "finish"
