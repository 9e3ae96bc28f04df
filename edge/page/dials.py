"""The value beside the dial: the same with one tap, or what a person sees instead."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloud_sync.visit import WORDS_MAX
from edge.page import forms
from edge.page.desk import Card, Desk
from edge.page.front import to
from edge.page.refusal import NotDone
from edge.visit.core import VisitError

# The longest counter has eighteen digits, a sign and a point.
VALUE_CHARS_MAX = 24


class Dials:
    """Confirming and correcting."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._front = desk, desk.front

    def routes(self) -> list[Route]:
        """The routes."""
        inside = self._front.inside
        return [
            *inside("/meter/{at}/same", post=self.same),
            *inside("/meter/{at}/unseen", post=self.unseen),
            *inside("/meter/{at}/dial", get=self.ask, post=self.typed),
        ]

    async def same(self, request: Request) -> Response:
        """The dial shows what was read."""
        sent = await self._front.form(request)
        card = self._desk.card(request)
        # What was confirmed is what stood on the screen: another read may have come since.
        if sent.get("shown", "") != shown(card):
            return to(f"/meter/{card.at}")
        self._desk.visiting.confirm(card.meter.key, None)
        return self._onward(request)

    async def unseen(self, request: Request) -> Response:
        """Nobody can see the dial."""
        await self._front.form(request)
        card = self._desk.card(request)
        self._desk.visiting.confirm(card.meter.key, {})
        return self._onward(request)

    async def ask(self, request: Request) -> Response:
        """Ask what the dial shows."""
        return self._asked(request, self._desk.card(request), {})

    async def typed(self, request: Request) -> Response:
        """Take what was typed; where it differs, ask once more with what that may come from."""
        sent = await self._front.form(request)
        card = self._desk.card(request)
        remark = forms.line(sent.get("remark", ""), WORDS_MAX)
        seen = seen_of(card, sent)
        if not seen:
            raise NotDone("no_value", 422)
        try:
            look = self._desk.visiting.look(card.meter.key, seen)
        except VisitError:
            wrong = self._front.speech(request)("dial_wrong")
            return self._asked(request, card, sent, wrong=wrong, status=422)
        if look.agrees or remark:
            self._desk.visiting.confirm(card.meter.key, seen, remark)
            return self._onward(request)
        return self._asked(request, card, sent, hints=look.hints)

    def _asked(
        self,
        request: Request,
        card: Card,
        sent: dict[str, str],
        *,
        hints: object = (),
        wrong: str = "",
        status: int = 200,
    ) -> Response:
        return self._front.draw(
            request, "dial.html", status=status, card=card, sent=sent, hints=hints, wrong=wrong,
            here=f"/meter/{card.at}/dial",
        )  # fmt: skip

    def _onward(self, request: Request) -> Response:
        card = self._desk.card(request)
        needs_point = not card.meter.point and not card.meter.configured_as
        return to(f"/meter/{card.at}/{'point' if needs_point else 'details'}")


def shown(card: Card) -> str:
    """The values on a screen in a form of their own, to be sent back with what was confirmed."""
    return " ".join(f"{one.obis}={one.mantissa}e{one.exponent}" for one in card.counted)


def seen_of(card: Card, sent: dict[str, str]) -> dict[str, str]:
    """What was typed, by register; registers that were left empty are left out."""
    seen = {}
    for at, level in enumerate(card.counted):
        text = forms.line(sent.get(f"v{at}", ""), VALUE_CHARS_MAX)
        if text:
            seen[level.obis] = text
    return seen
