"""Bringing in what residents have told ГИС ЖКХ: asked, read page by page, entered as claims.

Nothing is kept between question and answer: a fetch that breaks off is made again, and claims
that are known already stay as they are. Each device is asked for by its GUID, a hundred at a time.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, time
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

from drivers.reading import Unit, from_ms, to_ms
from gateway.claims.model import Claim, ClaimSource
from gateway.export.gis_units import tariff
from gateway.gis import history, soap
from gateway.gis.exchange import Signer
from gateway.gis.history import DEVICES_PER_QUESTION_MAX, Known, Page, Window
from gateway.gis.model import Ack, Failed, Fault, GisError, Road, Working, new_guid
from gateway.model import GisDevice, MeterCard

# What ГИС ЖКХ says where there is nothing to tell (the one code that clients agree on).
NOTHING = "INT002012"
# A question about a hundred devices has at most this many pages, or the answer is going in circles.
PAGES_MAX = 100
CITIZEN = "a citizen at ГИС ЖКХ"


class Pace(NamedTuple):
    """How often a result is asked for, and for how long."""

    poll_s: float
    patience_s: float


class Unread(NamedTuple):
    """A reading that could not become a claim, and why."""

    device_guid: str
    why: str


class Fetcher:
    """Asks ГИС ЖКХ for readings that residents have entered."""

    def __init__(
        self, road: Road, sender: soap.Sender, sign: Signer | None, random: Random
    ) -> None:
        self._road = road
        self._sender = sender
        self._sign = sign
        self._random = random

    async def fetch(
        self, devices: Sequence[GisDevice], asked: Window, pace: Pace, now_ms: int
    ) -> list[Known]:
        """All readings of `devices` in a window; GisError where ГИС ЖКХ does not tell them."""
        found: list[Known] = []
        for start in range(0, len(devices), DEVICES_PER_QUESTION_MAX):
            few = devices[start : start + DEVICES_PER_QUESTION_MAX]
            async for page in self._pages(few, asked, pace, now_ms):
                found += page.readings
        return found

    async def _pages(
        self, devices: Sequence[GisDevice], asked: Window, pace: Pace, now_ms: int
    ) -> AsyncIterator[Page]:
        start = ""
        for _ in range(PAGES_MAX):
            page = await self._page(history.question(devices, asked, start), pace, now_ms)
            yield page
            if not page.following:
                return
            start = page.following
        raise GisError(f"expected at most {PAGES_MAX} pages, got more")

    async def _page(self, body: bytes, pace: Pace, now_ms: int) -> Page:
        if self._sign is not None:
            body = await self._sign(body)
        number, now = new_guid(self._random), from_ms(now_ms)
        envelope = self._sender.envelope(body, number, now)
        answer = await self._road.call(soap.EXPORT_HISTORY, envelope)
        found = soap.acknowledged(answer, number)
        if not isinstance(found, Ack):
            raise GisError(f"{found.code}: {found.words}")
        try:
            async with asyncio.timeout(pace.patience_s):
                return await self._result(found.gis_guid, pace.poll_s, now)
        except TimeoutError:
            raise GisError(f"ГИС ЖКХ had no result in {pace.patience_s:g} s: try later") from None

    async def _result(self, gis_guid: str, poll_s: float, now: datetime) -> Page:
        while True:
            question = self._sender.asking(gis_guid, new_guid(self._random), now)
            found = soap.state_of(await self._road.call(soap.GET_STATE, question), gis_guid)
            if isinstance(found, Failed) and found.code == NOTHING:
                return Page((), "")
            if isinstance(found, Failed | Fault):
                raise GisError(f"{found.code}: {found.words}")
            if not isinstance(found, Working):
                return history.page(found)
            await asyncio.sleep(poll_s)


class Book(NamedTuple):
    """What the registry says of the meters ГИС ЖКХ knows, by serial; `zones` are their clocks."""

    devices: Mapping[str, GisDevice]
    cards: Mapping[str, MeterCard]
    zones: Mapping[str, str]


def claims(readings: Iterable[Known], book: Book) -> tuple[list[Claim], list[Unread]]:
    """Residents' readings as claims about registers, and those that cannot be."""
    serials = {one.device_guid: serial for serial, one in book.devices.items()}
    made: list[Claim] = []
    unread: list[Unread] = []
    for one in readings:
        serial = serials.get(one.device_guid)
        if one.organisation:
            unread.append(Unread(one.device_guid, f"entered by organisation {one.organisation}"))
        elif serial is None:
            unread.append(Unread(one.device_guid, "no meter of the registry has this GUID"))
        else:
            try:
                made += _of_meter(one, serial, book)
            except GisError as error:
                unread.append(Unread(one.device_guid, str(error)))
    return made, unread


def _of_meter(known: Known, serial: str, book: Book) -> Iterator[Claim]:
    card, zone = book.cards.get(serial), book.zones.get(serial)
    if card is None or card.resource is None or zone is None:
        raise GisError(f"meter {serial} stands at no metering point")
    resource = card.resource
    places = {tariff(resource, one.obis): (one.obis, Unit(one.unit)) for one in card.registers}
    registers = {number: place for number, place in places.items() if number is not None}
    values = history.values(known, registers, book.devices[serial].unit)
    entered = from_ms(known.entered_ms)
    reference = f"{known.device_guid} {known.day} {entered:%Y-%m-%dT%H:%M:%SZ}"
    at_ms = _taken_ms(known, ZoneInfo(zone))
    for obis, value in values.items():
        yield Claim(
            ClaimSource.GIS, serial, obis, at_ms, value, reference, CITIZEN, known.entered_ms
        )


def _taken_ms(known: Known, zone: ZoneInfo) -> int:
    """When it was read: ГИС ЖКХ knows the day; entered that day it was then, else at noon."""
    if from_ms(known.entered_ms).astimezone(zone).date() == known.day:
        return known.entered_ms
    return to_ms(datetime.combine(known.day, time(12), zone))
