"""Where a meter belongs: its metering point, the place it hangs in, its seal.

A point is chosen from the list of those that wait in the registry, by its QR label, or by its
number. The label is opened by the phone's own camera: whoever has just looked at a meter binds
that one with one tap.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloud_sync.points import WaitingPoint, by_number
from cloud_sync.visit import NAME_MAX, WORDS_MAX
from edge.page import forms
from edge.page.desk import ROWS_MAX, Card, Desk
from edge.page.front import to
from edge.page.refusal import NotDone
from edge.page.texts import Speech

_NUMBER_CHARS_MAX = 16


class Places:
    """Binding, placing, sealing."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._front = desk, desk.front

    def routes(self) -> list[Route]:
        """The routes."""
        inside = self._front.inside
        return [
            *inside("/meter/{at}/point", get=self.choose, post=self.bind),
            *inside("/meter/{at}/details", get=self.details, post=self.describe),
            *inside("/point/{number}", get=self.labelled, post=self.bind_labelled),
        ]

    async def choose(self, request: Request) -> Response:
        """The points that wait, those of the meter's kind first."""
        card = self._desk.card(request)
        find = forms.line(request.query_params.get("find", ""), NAME_MAX)
        t = self._front.speech(request)
        found = [one for one in self._desk.free_points() if _has(t, one, find)]
        found.sort(key=lambda one: one.resource != card.resource)
        shown = found[:ROWS_MAX]
        return self._front.draw(
            request, "point.html", card=card, proposal=self._desk.proposal(card), find=find,
            fitting=[one for one in shown if one.resource == card.resource],
            others=[one for one in shown if one.resource != card.resource],
            more=len(found) - len(shown),
        )  # fmt: skip

    async def bind(self, request: Request) -> Response:
        """Bind it to the chosen point, to a typed number, or to none."""
        sent = await self._front.form(request)
        card = self._desk.card(request)
        self._desk.visiting.bind(card.meter.key, self._named(sent))
        return to(f"/meter/{card.at}/details")

    async def details(self, request: Request) -> Response:
        """Ask for place and seal; both may stay empty."""
        card = self._desk.card(request)
        known = "" if card.point is None else self._front.speech(request).point(card.point)
        place = card.meter.place or known
        return self._front.draw(
            request, "details.html", card=card, place=place[:WORDS_MAX],
            place_max=WORDS_MAX, seal_max=NAME_MAX,
        )  # fmt: skip

    async def describe(self, request: Request) -> Response:
        """Note them, and go on to the photo or to the next meter."""
        sent = await self._front.form(request)
        card = self._desk.card(request)
        place = forms.line(sent.get("place", ""), WORDS_MAX)
        seal = forms.line(sent.get("seal", ""), NAME_MAX)
        if (place, seal) != (card.meter.place, card.meter.seal):
            self._desk.visiting.describe(card.meter.key, place=place, seal=seal)
        if sent.get("then") == "photo":
            return to(f"/meter/{card.at}/photo")
        following = self._desk.next_of(card.at)
        if following is None:
            return to("/meters")
        if self._desk.stale(following) and not self._desk.work.busy:
            self._desk.begin_read(following)
        return to(f"/meter/{following.at}")

    async def labelled(self, request: Request) -> Response:
        """A point's label was opened: ask which meter is there."""
        desk = self._desk
        number, point = desk.number(request), desk.point(request)
        if desk.visiting.draft is None:
            return to("/")
        cards = desk.cards()
        bound = {by_number(number)} if point is None else {by_number(number), point.point}
        here = next((one for one in cards if one.meter.point in bound), None)
        open_ones = [one for one in cards if one.state != "left" and not one.meter.point]
        in_hand = next((one for one in open_ones if one.meter.key == desk.in_hand), None)
        open_ones.sort(key=lambda one: (not _is_expected(one, point), not _fits(one, point)))
        return self._front.draw(
            request, "labelled.html", number=number, point=point, bound=here, in_hand=in_hand,
            name=by_number(number), open_ones=open_ones,
        )  # fmt: skip

    async def bind_labelled(self, request: Request) -> Response:
        """Bind a meter to the point of the label."""
        sent = await self._front.form(request)
        desk = self._desk
        number, point = desk.number(request), desk.point(request)
        cards = desk.cards()
        card = cards[forms.index(sent.get("at", ""), len(cards))]
        desk.visiting.bind(card.meter.key, by_number(number) if point is None else point.point)
        desk.in_hand = card.meter.key
        after = "details" if card.meter.confirmed else ""
        return to(f"/meter/{card.at}/{after}".rstrip("/"))

    def _named(self, sent: dict[str, str]) -> str:
        """The point a form names; "" where it means none."""
        text = sent.get("number", "").strip().removeprefix("#").removeprefix("№").strip()
        if not text:
            return ""
        if not text.isascii() or not text.isdecimal() or len(text) > _NUMBER_CHARS_MAX:
            raise NotDone("no_number", 422)
        number = int(text)
        known = self._desk.points()
        if number in known:
            return known[number].point
        if number < 1 or known:
            # With a list at hand a number that is not on it was mistyped.
            raise NotDone("no_number", 422)
        return by_number(number)


def _has(t: Speech, point: WaitingPoint, find: str) -> bool:
    """Whether a point's name, number, place or expected meter has all these words."""
    text = f"{t.point(point)} {point.number} {point.serial} {point.point}".casefold()
    return all(word in text for word in find.casefold().split())


def _fits(card: Card, point: WaitingPoint | None) -> bool:
    return point is None or card.resource == point.resource


def _is_expected(card: Card, point: WaitingPoint | None) -> bool:
    return point is not None and bool(point.serial) and card.meter.serial == point.serial
