"""What is said of a line before a search: each usual mistake by its own sentence."""

import asyncio
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from cloud_sync import visit_texts
from cloud_sync.visit import Check
from drivers.driver import Link, LinkDown
from edge.config import LineConfig
from edge.visit import checking, findings
from simulators.mbus_meter import MbusMeter
from simulators.modbus_meter import ModbusMeter
from tests.edge.visit.site import Site, cold, light, play

LINE = LineConfig(name="house", url="tcp://127.0.0.1:1", baud=2400, turnaround_s=0.1)
SERIAL = LineConfig(name="house", url="serial:///dev/ttyUSB0?baud=2400&parity=E", turnaround_s=0.1)


def said(line: LineConfig, open_link: Callable[[str], Link]) -> Check:
    """The check of a line, in virtual time."""
    found = []

    async def scene() -> None:
        found.append(await checking.check_line(line, open_link))

    play(scene)
    return found[0]


class Echoing:
    """A converter that returns what is sent, before what the link behind it brings."""

    packs = True

    def __init__(self, link: Link) -> None:
        self._link = link
        self._echo = b""

    async def open(self) -> None:
        await self._link.open()

    async def close(self) -> None:
        await self._link.close()

    async def write(self, data: bytes) -> None:
        self._echo += data
        await self._link.write(data)

    async def read(self, timeout_s: float) -> bytes:
        if self._echo:
            echo, self._echo = self._echo, b""
            return echo
        return await self._link.read(timeout_s)


class Saying:
    """A link on which somebody says the same thing all the time, or in answer to anything."""

    packs = True

    def __init__(self, data: bytes, *, unasked: bool) -> None:
        self._data = data
        self._unasked = unasked
        self._left = b""

    async def open(self) -> None:
        """Always works."""

    async def close(self) -> None:
        """Nothing to close."""

    async def write(self, data: bytes) -> None:
        del data
        self._left = self._data

    async def read(self, timeout_s: float) -> bytes:
        if self._unasked:
            await asyncio.sleep(0.01)
            return self._data
        if self._left:
            left, self._left = self._left, b""
            return left
        await asyncio.sleep(timeout_s)
        return b""


class Dead(Saying):
    """A port that does not open."""

    def __init__(self) -> None:
        super().__init__(b"", unasked=False)

    async def open(self) -> None:
        raise LinkDown("/dev/ttyUSB0: no such file")


def test_mbus_meters_answer() -> None:
    assert said(LINE, Site(cold("11223344")).open_link).said == ("answers", "mbus")


def test_a_modbus_meter_answers() -> None:
    check = said(LINE, Site(light(3)).open_link)
    assert (check.ok, check.said) == (True, ("answers", "modbus 3"))


def test_a_configured_modbus_meter_is_asked_first() -> None:
    meter = {"serial": "1", "profile": "eastron_sdm120", "address": 77}
    line = LineConfig.model_validate(LINE.model_dump() | {"meters": [meter]})
    assert said(line, Site(light(77)).open_link).said == ("answers", "modbus 77")


def test_nobody_answers() -> None:
    check = said(LINE, Site().open_link)
    assert (check.ok, check.said) == (False, ("silent", "5"))


@pytest.mark.parametrize("meter", [cold("11223344"), light(3)])
def test_an_echo_that_is_not_configured_is_named(meter: MbusMeter | ModbusMeter) -> None:
    site = Site(meter)
    check = said(LINE, lambda url: Echoing(site.open_link(url)))
    assert check.said == ("echo",)
    echoing = LINE.model_copy(update={"echo": True})
    assert said(echoing, lambda url: Echoing(site.open_link(url))).said[0] == "answers"
    assert said(echoing, site.open_link).said == ("no-echo",)


def test_noise_and_a_line_held_down_are_told_apart() -> None:
    assert said(LINE, lambda _: Saying(b"\x12\x80", unasked=True)).said[0] == "noise"
    assert said(LINE, lambda _: Saying(b"\x00\x00", unasked=True)).said[0] == "held-down"


def test_answers_that_cannot_be_read_are_shown() -> None:
    check = said(LINE, lambda _: Saying(b"\x99\x98\x97", unasked=False))
    assert check.said == ("garbage", "99 98 97")


def test_several_mbus_meters_that_greet_at_once_are_no_garbage() -> None:
    check = said(LINE, lambda _: Saying(b"\xe5\xe4", unasked=False))
    assert check.said == ("answers", "mbus-many")


def test_a_port_that_does_not_open() -> None:
    check = said(SERIAL, lambda _: Dead())
    assert check.said == ("no-link", "/dev/ttyUSB0: no such file")


def test_meters_at_another_speed_are_found_and_the_speed_is_named() -> None:
    site = Site(light(2))

    def open_link(url: str) -> Link:
        options = parse_qs(urlsplit(url).query)
        silent = Site().open_link(url)
        return site.open_link(url) if options["baud"] == ["9600"] else silent

    check = said(SERIAL, open_link)
    assert check.said == ("answers-elsewhere", "9600 8N1", "modbus 2")


def test_the_speed_of_a_tcp_box_is_not_ours_to_try() -> None:
    assert checking.at_speed("tcp://127.0.0.1:1", 9600, "N") is None
    assert checking.at_speed("serial:///dev/x?baud=2400&stop=2", 9600, "N") == (
        "serial:///dev/x?baud=9600&stop=2&parity=N"
    )


@pytest.mark.parametrize("code", visit_texts.SENTENCES)
@pytest.mark.parametrize("language", visit_texts.LANGUAGES)
def test_every_code_has_a_sentence_without_holes(code: str, language: visit_texts.Language) -> None:
    check = findings.check("line house", code, "one", "two")
    text = visit_texts.sentence(check, language)
    assert "{" not in text
    assert "…" not in text
    assert len(check.detail) <= 300


def test_texts_from_outside_are_one_line_within_their_bounds() -> None:
    check = findings.check("line house", "no-link", "a\nb\x00" + "x" * 500)
    assert len(check.said[1]) == 120
    assert check.detail.isprintable()
    newer = Check("line house", ok=True, said=("tomorrow", "{0}"), detail="as it was told")
    assert visit_texts.sentence(newer, "ru") == "as it was told"
    assert visit_texts.what(newer, "ru") == "линия house"
