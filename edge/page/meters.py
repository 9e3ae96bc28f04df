"""The meters of a visit: all at a glance, one after the other, and those that are left out."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloud_sync.visit import NAME_MAX, WORDS_MAX
from drivers import profile
from drivers.reading import is_serial
from edge.page import forms
from edge.page.desk import ROWS_MAX, Card, Desk, nameless
from edge.page.front import to
from edge.page.home import counts_of
from edge.page.looking import LIVE_MS, REFRESH_S
from edge.page.refusal import NotDone

# The order in which a glance shows them: what waits for a person first.
_ORDER = ("bad", "todo", "part", "ok", "known", "left")


class Meters:
    """The overview, and whatever screen a meter needs next."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._front = desk, desk.front

    def routes(self) -> list[Route]:
        """The routes."""
        inside = self._front.inside
        return [
            *inside("/meters", get=self.glance),
            *inside("/next", post=self.go_next),
            *inside("/expected", post=self.take_expected),
            *inside("/read-all", post=self.read_all),
            *inside("/meter/{at}", get=self.show),
            *inside("/meter/{at}/open", post=self.open),
            *inside("/meter/{at}/read", post=self.read),
            *inside("/meter/{at}/model", get=self.models, post=self.model),
            *inside("/meter/{at}/serial", get=self.ask_serial, post=self.serial),
            *inside("/meter/{at}/leave-out", get=self.ask_leave, post=self.leave),
            *inside("/meter/{at}/take-in", post=self.take_in),
        ]

    async def glance(self, request: Request) -> Response:
        """All meters, and what is missing."""
        cards = self._desk.cards()
        busy = self._desk.work.doing("read all")
        return self._front.draw(
            request, "meters.html", cards=sorted(cards, key=lambda one: _ORDER.index(one.state)),
            counts=counts_of(cards), rows=ROWS_MAX, expected=self._desk.expected(cards), busy=busy,
            progress=self._desk.visiting.progress, live_ms=LIVE_MS,
            refresh_s=REFRESH_S if busy else 0,
        )  # fmt: skip

    async def show(self, request: Request) -> Response:
        """The screen this meter needs next."""
        desk, card = self._desk, self._desk.card(request)
        meter = card.meter
        desk.in_hand = meter.key
        reading = desk.work.doing("read", meter.key)
        waits = desk.work.waits("read", meter.key)
        # While a search is under way it reads what it finds.
        busy = reading or (desk.work.busy and not meter.levels and not meter.asked)
        if not meter.profile and not meter.left_out:
            return to(f"/meter/{card.at}/model")
        if not busy and meter.levels and nameless(meter) and not meter.left_out:
            return to(f"/meter/{card.at}/serial")
        cards, proposal = desk.cards(), desk.proposal(card)
        return self._front.draw(
            request, "meter.html", card=card, busy=busy, live_ms=LIVE_MS,
            refresh_s=REFRESH_S if busy else 0, number=card.at + 1, of=len(cards),
            reading=reading and not waits, age_s=desk.age_s(card), proposed=proposal,
            title=profile.load(meter.profile).title if meter.profile else "",
            failed=desk.work.failed.get("read", ""),
        )  # fmt: skip

    async def open(self, request: Request) -> Response:
        """Show a meter; a value that is old by now is read anew on the way."""
        await self._front.form(request)
        return self._opened(self._desk.card(request))

    async def go_next(self, request: Request) -> Response:
        """The next meter that waits for a person, else the overview."""
        sent = await self._front.form(request)
        count = max(len(self._desk.draft.meters), 1)
        at = forms.index(sent.get("at", "0"), count)
        following = self._desk.next_of(at)
        return to("/meters") if following is None else self._opened(following)

    async def take_expected(self, request: Request) -> Response:
        """Take in every meter whose serial the registry expects, without looking at its dial."""
        await self._front.form(request)
        self._desk.visiting.confirm_expected()
        return to("/meters")

    async def read_all(self, request: Request) -> Response:
        """Read those that have no value yet."""
        await self._front.form(request)
        self._desk.work.begin("read all", self._desk.visiting.read_all)
        return to("/meters")

    async def read(self, request: Request) -> Response:
        """Read it now."""
        await self._front.form(request)
        card = self._desk.card(request)
        self._desk.begin_read(card)
        return to(f"/meter/{card.at}")

    async def models(self, request: Request) -> Response:
        """Ask what a meter is that nobody recognised."""
        card = self._desk.card(request)
        named = [profile.load(name) for name in profile.names()]
        found = card.meter.found
        return self._front.draw(
            request, "model.html", card=card,
            fits=[(one.name, one.title) for one in named if one.name in found.profiles],
            models=[(one.name, one.title) for one in named if one.protocol == found.protocol],
        )  # fmt: skip

    async def model(self, request: Request) -> Response:
        """Take it for that model, and read it as such."""
        sent = await self._front.form(request)
        card = self._desk.card(request)
        name = sent.get("model", "")
        protocol = card.meter.found.protocol
        if name not in profile.names() or profile.load(name).protocol != protocol:
            raise NotDone("not_understood", 422)
        self._desk.visiting.describe(card.meter.key, profile=name)
        self._desk.begin_read(self._desk.card(request))
        return to(f"/meter/{card.at}")

    async def ask_serial(self, request: Request) -> Response:
        """Ask for the number on a meter that does not tell it."""
        return self._front.draw(request, "serial.html", card=self._desk.card(request), wrong="")

    async def serial(self, request: Request) -> Response:
        """Note it."""
        sent = await self._front.form(request)
        card = self._desk.card(request)
        serial = forms.line(sent.get("serial", ""), NAME_MAX).replace(" ", "")
        if not is_serial(serial):
            wrong = self._front.speech(request)("serial_wrong")
            return self._front.draw(request, "serial.html", status=422, card=card, wrong=wrong)
        self._desk.visiting.describe(card.meter.key, serial=serial)
        return to(f"/meter/{card.at}")

    async def ask_leave(self, request: Request) -> Response:
        """Ask why a meter is left out."""
        return self._front.draw(request, "leave_out.html", card=self._desk.card(request))

    async def leave(self, request: Request) -> Response:
        """Leave it out of the record and of the configuration."""
        sent = await self._front.form(request)
        card = self._desk.card(request)
        reason = forms.line(sent.get("reason", ""), WORDS_MAX)
        if not reason:
            raise NotDone("no_reason", 422)
        self._desk.visiting.leave_out(card.meter.key, reason)
        return to("/meters")

    async def take_in(self, request: Request) -> Response:
        """Take it in after all."""
        await self._front.form(request)
        card = self._desk.card(request)
        self._desk.visiting.take_in(card.meter.key)
        return to(f"/meter/{card.at}")

    def _opened(self, card: Card) -> Response:
        desk = self._desk
        if card.state in {"todo", "bad", "known"} and desk.stale(card) and not desk.work.busy:
            desk.begin_read(card)
        return to(f"/meter/{card.at}")
