"""Is the wiring right? A line is listened to and asked a few harmless questions before a search.

What comes back tells most mistakes apart: a port that does not open, a converter that returns what
is sent, bytes where there should be silence, a bus whose converter holds it down, meters that
answer at another speed. Questions change nothing in a meter: M-Bus is greeted at the address to
which all answer, Modbus units are asked for two registers.

Every wait has an end; a line takes two seconds where meters answer and some twenty where none does.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from cloud_sync.visit import Check
from drivers.bus import CHARACTER_BITS
from drivers.driver import Link, LinkDown
from drivers.mbus import frame
from drivers.modbus import frames
from drivers.modbus.plan import Block
from edge.config import LineConfig
from edge.visit import findings

OpenLink = Callable[[str], Link]

# A second master asks at least this often, and noise does not wait.
SILENCE_S = 0.4
# What ends an answer: a converter or a network holds bytes back for some tens of milliseconds.
PAUSE_S = 0.15
# Most meters begin within 60 ms; what is missed here the search, more patient, still finds.
ANSWER_S = 0.25
# Four of the longest frames: more is no answer.
HEARD_BYTES_MAX = 2048
# Where meters stand that nobody gave an address yet, and the first of those that somebody did.
MODBUS_UNITS = (1, 2, 3, 4, 5)
_CONFIGURED_MAX = 5
# How ports are set most often: M-Bus by its standard, Modbus by its guide and by habit.
USUAL = ((2400, "E"), (9600, "N"), (9600, "E"), (19200, "E"), (19200, "N"), (300, "E"), (2400, "N"))
_GREETING = frame.short(frame.SND_NKE, frame.ADDRESS_ANY)
_PRESENCE = Block(3, 0, 2)
_HELD_DOWN = {0x00}
# As many bytes tell noise from a frame as fit a phone's line.
_SHOWN = 8


class _Heard(NamedTuple):
    """What one speed brought: who answered, and how the converter behaves."""

    who: str
    """"" for nobody, "mbus", "mbus-many" or "modbus N"."""
    echoes: bool
    stray: bytes


async def check_line(line: LineConfig, open_link: OpenLink) -> Check:
    """What is to be said of a line; never raises for what is wrong with it."""
    link = open_link(line.url)
    try:
        await link.open()
        noise = await _listen(link, SILENCE_S)
        heard = None if noise else await _ask_all(link, line)
    except LinkDown as error:
        return _told(line, "no-link", str(error))
    finally:
        await link.close()
    if heard is None:
        code = "held-down" if set(noise) <= _HELD_DOWN else "noise"
        return _told(line, code, str(len(noise)), noise[:_SHOWN].hex(" "))
    found = _judged(line, heard)
    if found is not None:
        return found
    elsewhere = await _elsewhere(line, open_link)
    if elsewhere is not None:
        return _told(line, "answers-elsewhere", *elsewhere)
    return _told(line, "silent", str(MODBUS_UNITS[-1]))


def _judged(line: LineConfig, heard: _Heard) -> Check | None:
    """What the line's own speed brought; None for silence."""
    if heard.echoes != line.echo and (heard.echoes or heard.who or heard.stray):
        return _told(line, "echo" if heard.echoes else "no-echo")
    if heard.who:
        return _told(line, "answers", heard.who)
    if heard.stray:
        return _told(line, "garbage", heard.stray[:_SHOWN].hex(" "))
    return None


def _told(line: LineConfig, code: str, *fields: str) -> Check:
    return findings.check(f"line {line.name}", code, *fields)


async def _ask_all(link: Link, line: LineConfig) -> _Heard:
    """Greet M-Bus meters and ask the usual Modbus units, until somebody answers."""
    character_s = CHARACTER_BITS / line.bits_per_s
    stray = b""
    echoes = False
    if line.framing == "rtu":
        heard = await _ask(link, _GREETING, character_s, line.turnaround_s)
        echoes = heard.startswith(_GREETING)
        answer = heard.removeprefix(_GREETING) if echoes else heard
        if answer and set(answer) == {frame.ACK}:
            return _Heard("mbus", echoes, b"")
        stray = answer
    for unit in _units(line):
        request = frames.request(line.framing, unit, _PRESENCE, 1)
        heard = await _ask(link, request, character_s, line.turnaround_s)
        mine = heard.startswith(request)
        answer = heard.removeprefix(request) if mine else heard
        echoes = echoes or mine
        if frames.find(answer, line.framing, unit, _PRESENCE, 1) is not None:
            return _Heard(f"modbus {unit}", echoes, b"")
        stray = stray or answer
    # Meters that greet at not quite the same moment fall on one another: M-Bus all the same.
    return _Heard("mbus-many" if _is_crowd(stray) else "", echoes, stray)


def _units(line: LineConfig) -> Iterable[int]:
    known = [meter.address for meter in line.meters if meter.protocol == "modbus"]
    mine = [one for one in known if isinstance(one, int)][:_CONFIGURED_MAX]
    return dict.fromkeys((*mine, *MODBUS_UNITS))


def _is_crowd(stray: bytes) -> bool:
    """Whether acknowledgements overlap: few bytes, an E5h among them or what two of them make."""
    return 0 < len(stray) <= len("ee") and frame.ACK in stray


async def _ask(link: Link, request: bytes, character_s: float, turnaround_s: float) -> bytes:
    await link.write(request)
    begin_s = len(request) * character_s + max(ANSWER_S, turnaround_s)
    return await _listen(link, begin_s, beyond=request)


async def _listen(link: Link, begin_s: float, beyond: bytes = b"") -> bytes:
    """What comes within `begin_s`, and then until it stops. An echo alone does not begin it."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + begin_s
    heard = bytearray()
    while (left_s := until_s - loop.time()) > 0 and len(heard) < HEARD_BYTES_MAX:
        data = await link.read(left_s)
        if not data:
            break
        heard += data
        if not beyond.startswith(bytes(heard)):
            until_s = max(loop.time() + PAUSE_S, min(until_s, loop.time() + PAUSE_S))
    return bytes(heard)


async def _elsewhere(line: LineConfig, open_link: OpenLink) -> tuple[str, ...] | None:
    """How a port must be set for somebody to answer, and who; None if that cannot be tried."""
    for baud, parity in USUAL:
        url = at_speed(line.url, baud, parity)
        if url is None or url == line.url:
            continue
        link = open_link(url)
        try:
            await link.open()
            heard = await _ask_all(link, line.model_copy(update={"url": url, "baud": None}))
        except LinkDown:
            # A port that cannot be set so is not set so.
            continue
        finally:
            await link.close()
        if heard.who:
            return f"{baud} 8{parity}1", heard.who
    return None


def at_speed(url: str, baud: int, parity: str) -> str | None:
    """The address of the same port set otherwise; None for one whose speed is not set from here."""
    parts = urlsplit(url)
    if parts.scheme not in ("serial", "rfc2217"):
        return None
    options = dict(parse_qsl(parts.query)) | {"baud": str(baud), "parity": parity}
    return f"{url.partition('?')[0]}?{urlencode(options)}"
