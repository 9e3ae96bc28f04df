"""Later visits: meters exchanged in three steps, taken away or typed; a device exchanged.

An exchange is one way through three screens: the final value of the meter that goes, the meter that
comes, its opening value beside the dial (the ordinary screen of a meter). What was done is on the
disk after each, so that the way goes on wherever it was left.
"""

from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cloud_sync.visit import NAME_MAX, WORDS_MAX
from drivers import profile
from drivers.reading import is_serial
from edge.config import LineConfig, MeterConfig
from edge.page import forms
from edge.page.desk import ROWS_MAX, Desk
from edge.page.dials import VALUE_CHARS_MAX
from edge.page.front import to
from edge.page.looking import LIVE_MS, REFRESH_S
from edge.page.refusal import NotDone

_DOINGS = frozenset({"exchange", "remove"})
# 250 meters of a hundred bytes on each of 16 lines, with room for what people write beside.
OLD_TOML_BYTES_MAX = 256 * 1024


class Later:
    """Everything after the first day."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._front = desk, desk.front

    def routes(self) -> list[Route]:
        """The routes."""
        inside = self._front.inside
        return [
            *inside("/more", get=self.more),
            *inside("/leaving/{doing}", get=self.which),
            *inside("/leaving/{doing}/meter", get=self.final),
            *inside("/leaving/{doing}/read", post=self.read),
            *inside("/leaving/{doing}/seen", post=self.seen),
            *inside("/leaving/{doing}/none", post=self.none),
            *inside("/leaving/{doing}/same-place", post=self.same_place),
            *inside("/leaving/{doing}/with", post=self.replace_with),
            *inside("/leaving/{doing}/stays", post=self.stays),
            *inside("/typed", get=self.ask_typed, post=self.add_typed),
            *inside("/take-over", get=self.ask_old, post=self.take_over),
            *inside("/doctor", get=self.examined, post=self.examine),
        ]

    async def more(self, request: Request) -> Response:
        """What else can be done."""
        configured = len(self._desk.visiting.config.meters)
        draft = self._desk.visiting.draft
        return self._front.draw(request, "more.html", draft=draft, configured=configured)

    async def which(self, request: Request) -> Response:
        """Ask which meter goes."""
        gone = self._desk.draft.gone
        find = forms.line(request.query_params.get("find", ""), NAME_MAX)
        meters = [
            (line, meter, gone.get(meter.serial))
            for line, meter in self._desk.visiting.config.meters
            if find.casefold() in f"{meter.serial} {line.name}/{meter.address}".casefold()
        ]
        return self._front.draw(
            request, "which.html", doing=_doing(request), meters=meters[:ROWS_MAX], find=find,
            more=max(len(meters) - ROWS_MAX, 0),
        )  # fmt: skip

    async def final(self, request: Request) -> Response:
        """The step this meter's leaving is at."""
        desk, doing = self._desk, _doing(request)
        line, meter = self._meter(request.query_params.get("meter", ""))
        gone = desk.draft.gone.get(meter.serial)
        about: dict[str, Any] = {
            "doing": doing, "line": line, "meter": meter, "gone": gone,
            "title": profile.load(meter.profile).title,
        }  # fmt: skip
        if gone is None or not gone.final_source:
            busy = desk.work.doing("final", meter.serial)
            return self._front.draw(
                request, "final.html", **about, busy=busy, other=desk.work.busy and not busy,
                registers=desk.visiting.registers_of(meter.serial), live_ms=LIVE_MS,
                failed=desk.work.failed.get("final", ""), refresh_s=REFRESH_S if busy else 0,
            )  # fmt: skip
        if gone.is_exchange and not gone.replaced_by:
            fresh = [one for one in desk.cards() if not one.meter.known and one.state != "left"]
            return self._front.draw(request, "comes.html", **about, fresh=fresh)
        card = desk.card_of(gone.replaced_by) if gone.replaced_by else None
        return self._front.draw(request, "gone.html", **about, card=card)

    async def read(self, request: Request) -> Response:
        """Read its final value from the meter itself."""
        _, meter, doing = await self._asked(request)
        desk = self._desk
        is_exchange = doing == "exchange"
        desk.work.begin(
            "final",
            lambda: desk.visiting.read_final(meter.serial, is_exchange=is_exchange),
            about=meter.serial,
        )
        return _at(doing, meter.serial)

    async def seen(self, request: Request) -> Response:
        """Its final value as the dial shows it."""
        sent = await self._front.form(request)
        _, meter = self._meter(sent.get("meter", ""))
        doing = _doing(request)
        seen = {
            register.obis: text
            for at, register in enumerate(self._desk.visiting.registers_of(meter.serial))
            if (text := forms.line(sent.get(f"v{at}", ""), VALUE_CHARS_MAX))
        }
        if not seen:
            raise NotDone("no_value", 422)
        is_exchange = doing == "exchange"
        self._desk.visiting.final_seen(meter.serial, seen, is_exchange=is_exchange)
        return _at(doing, meter.serial)

    async def none(self, request: Request) -> Response:
        """Nobody can tell its final value."""
        sent = await self._front.form(request)
        _, meter = self._meter(sent.get("meter", ""))
        doing = _doing(request)
        reason = forms.line(sent.get("reason", ""), WORDS_MAX)
        if not reason:
            raise NotDone("no_reason", 422)
        is_exchange = doing == "exchange"
        self._desk.visiting.final_none(meter.serial, reason, is_exchange=is_exchange)
        return _at(doing, meter.serial)

    async def same_place(self, request: Request) -> Response:
        """The new one answers where the old one did: nothing has to be searched for."""
        sent = await self._front.form(request)
        line, meter = self._meter(sent.get("meter", ""))
        serial = _serial(sent.get("serial", ""))
        model = sent.get("model", "") or meter.profile
        # A secondary address is the meter's own number, a primary one stays with its place.
        place = serial if isinstance(meter.address, str) else str(meter.address)
        address = forms.line(sent.get("address", ""), NAME_MAX) or place
        visiting = self._desk.visiting
        draft = visiting.add_typed(line.name, meter.protocol, address, model, serial)
        visiting.replace_with(meter.serial, draft.key)
        card = self._desk.card_of(draft.key)
        if card is None:
            raise NotDone("no_page", 404)
        self._desk.begin_read(card)
        return to(f"/meter/{card.at}")

    async def replace_with(self, request: Request) -> Response:
        """One that was found came in its place."""
        sent = await self._front.form(request)
        _, meter = self._meter(sent.get("meter", ""))
        cards = self._desk.cards()
        card = cards[forms.index(sent.get("at", ""), len(cards))]
        self._desk.visiting.replace_with(meter.serial, card.meter.key)
        return to(f"/meter/{card.at}")

    async def stays(self, request: Request) -> Response:
        """It does not go after all."""
        _, meter, _ = await self._asked(request)
        self._desk.visiting.stays(meter.serial)
        return to("/more")

    async def ask_typed(self, request: Request) -> Response:
        """Ask for a meter that no search finds."""
        models = [profile.load(name) for name in profile.names()]
        return self._front.draw(
            request, "typed.html", lines=self._desk.visiting.config.lines,
            models=[(one.name, one.title, one.protocol) for one in models],
        )  # fmt: skip

    async def add_typed(self, request: Request) -> Response:
        """Add it, and read it."""
        sent = await self._front.form(request)
        model = sent.get("model", "")
        lines = {line.name for line in self._desk.visiting.config.lines}
        if model not in profile.names() or sent.get("line", "") not in lines:
            raise NotDone("not_understood", 422)
        address = forms.line(sent.get("address", ""), NAME_MAX)
        draft = self._desk.visiting.add_typed(
            sent["line"],
            profile.load(model).protocol,
            address,
            model,
            _serial(sent.get("serial", "")),
        )
        card = self._desk.card_of(draft.key)
        if card is None:
            raise NotDone("no_page", 404)
        self._desk.begin_read(card)
        return to(f"/meter/{card.at}")

    async def ask_old(self, request: Request) -> Response:
        """Ask for the old device's configuration."""
        return self._front.draw(request, "take_over.html", draft=self._desk.draft)

    async def take_over(self, request: Request) -> Response:
        """Read the old device's meters on."""
        data = await self._front.file(request, "old", OLD_TOML_BYTES_MAX)
        if not data:
            raise NotDone("no_file", 422)
        self._desk.visiting.take_over(data)
        return to("/meters")

    async def examined(self, request: Request) -> Response:
        """What the doctor found."""
        work = self._desk.work
        busy = work.doing("doctor")
        return self._front.draw(
            request, "doctor.html", checks=self._desk.examined, busy=busy, live_ms=LIVE_MS,
            refresh_s=REFRESH_S if busy else 0, failed=work.failed.get("doctor", ""),
            other=work.busy and not busy,
        )  # fmt: skip

    async def examine(self, request: Request) -> Response:
        """Look at everything now."""
        await self._front.form(request)
        self._desk.work.begin("doctor", self._desk.examine)
        return to("/doctor")

    async def _asked(self, request: Request) -> tuple[LineConfig, MeterConfig, str]:
        sent = await self._front.form(request)
        line, meter = self._meter(sent.get("meter", ""))
        return line, meter, _doing(request)

    def _meter(self, serial: str) -> tuple[LineConfig, MeterConfig]:
        for line, meter in self._desk.visiting.config.meters:
            if meter.serial == serial:
                return line, meter
        raise NotDone("no_page", 404)


def _doing(request: Request) -> str:
    doing = str(request.path_params["doing"])
    if doing not in _DOINGS:
        raise NotDone("no_page", 404)
    return doing


def _at(doing: str, serial: str) -> RedirectResponse:
    return to(f"/leaving/{doing}/meter?meter={quote(serial, safe='')}")


def _serial(text: str) -> str:
    serial = forms.line(text, NAME_MAX).replace(" ", "")
    if not is_serial(serial):
        raise NotDone("no_serial", 422)
    return serial
