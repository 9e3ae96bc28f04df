"""A line: one pair of wires (or one gateway), one question at a time, and no stale answers.

Modbus RTU and M-Bus carry no transaction number. An answer that comes after its reader gave up
looks like the answer to the next question, and on a line that reads registers round the clock it
then shifts every later value by one, in silence. Five rules prevent it:

1. One exchange at a time, and only an answer that `match` recognises as *this* meter's to *this*
   kind of question ends it. Whatever else arrives is noise, skipped and remembered.
2. Bytes that lie there before a question is asked belong to no question and are thrown away.
3. After a disturbance the line must stay silent for one timeout before anybody is asked. A meter
   that says nothing has been silent for its timeout already: it costs its timeout and no more.
4. A meter whose answer is missing is on hold: it alone is not asked again before that answer has
   arrived and been thrown away, or can no longer come (`LATE_TIMEOUTS`). Others go on meanwhile;
   a late answer cannot be taken for theirs, because it bears another address.
5. Everything has an end: a line that is never silent is reported, not waited for.

Time is the event loop's, so that a simulated line runs in simulated time.
"""

import asyncio
from collections.abc import Callable
from typing import Literal, NamedTuple

from drivers.driver import FrameError, Link, LinkDown, NoAnswer

Match = Callable[[bytes], bytes | None]
"""Finds the answer in all that came since the question; None if it is not there yet."""
Framing = Literal["rtu", "tcp"]

# How many timeouts after its own a late answer may still come. Serial servers and USB converters
# were seen to be late by one to two timeouts, gateways with a queue by a few.
LATE_TIMEOUTS = 10
# A line that has not been silent for one timeout in all this time has a second master on it,
# a wrong speed or a broken driver.
NOISE_TIMEOUTS = 10
# Four of the longest frame (261 bytes) with noise: more than that is no answer to one question.
HEARD_BYTES_MAX = 2048
# A character is at most 11 bits: start, eight data bits, parity, stop (or two stops).
CHARACTER_BITS = 11
# Silence before a frame: 3.5 characters (Modbus over Serial Line 1.02, 2.5.1.1), which above 19200
# baud stays at 1.75 ms. M-Bus asks for 33 bits (EN 13757-2, 5.5), which this covers.
GAP_BITS = 38.5
GAP_S_MIN = 0.00175
# Shorter rests of a wait are rounding: a clock in floats may not move by them.
TICK_S = 1e-6
# Most meters answer within 60 ms; 500 ms is what slow heat meters need at 2400 baud.
TURNAROUND_S = 0.5


class _Hold(NamedTuple):
    """A question whose answer has not come: how it would look, and when it no longer can."""

    match: Match
    until_s: float


class Line:
    """The one owner of a link. Drivers ask through `exchange`; nobody else touches the link.

    `turnaround_s` is how long a meter and everything before it (gateway, network) may take to
    begin an answer. `echo` says that the converter returns what is sent. `late_s` replaces
    `LATE_TIMEOUTS` where a gateway is known to keep questions for longer.
    """

    def __init__(
        self,
        link: Link,
        *,
        baud: int = 9600,
        framing: Framing = "rtu",
        turnaround_s: float = TURNAROUND_S,
        echo: bool = False,
        late_s: float | None = None,
    ) -> None:
        if baud <= 0 or turnaround_s <= 0:
            raise ValueError(
                f"expected a positive speed and turnaround, got {baud}, {turnaround_s}"
            )
        self.framing: Framing = framing
        self._link = link
        self._baud = baud
        self._gap_s = max(GAP_BITS / baud, GAP_S_MIN)
        self._turnaround_s = turnaround_s
        self._echo = echo
        self._late_s = late_s
        self._lock = asyncio.Lock()
        self._holds: dict[int, _Hold] = {}
        self._heard_at_s = float("-inf")
        self._quiet_s = 0.0
        self._number = 0

    def timeout_s(self, request_bytes: int, answer_bytes: int) -> float:
        """How long an exchange of that many bytes may take on this line."""
        wire_s = (request_bytes + answer_bytes) * CHARACTER_BITS / self._baud
        return self._turnaround_s + wire_s

    def number(self) -> int:
        """A transaction number from 1 to 65535; 0 is what careless gateways answer to anything."""
        self._number = self._number % 0xFFFF + 1
        return self._number

    async def close(self) -> None:
        """Close the link; the next exchange opens it again."""
        async with self._lock:
            await self._link.close()

    async def exchange(self, unit: int, request: bytes, match: Match, timeout_s: float) -> bytes:
        """Ask `unit` and return the answer that `match` finds.

        NoAnswer if nothing came in `timeout_s`, FrameError if something else did, LinkDown if the
        link failed. After each of these the unit is on hold (rule 4); asking it waits that out.
        """
        while True:
            async with self._lock:
                await self._make_ready()
                hold_s = self._hold_left_s(unit)
                if hold_s <= 0:
                    return await self._ask(unit, request, match, timeout_s)
            # Others may use the line while this unit waits; looking once a timeout is often enough.
            await asyncio.sleep(min(hold_s, timeout_s))

    async def _ask(self, unit: int, request: bytes, match: Match, timeout_s: float) -> bytes:
        heard = bytearray()
        late_s = LATE_TIMEOUTS * timeout_s if self._late_s is None else self._late_s
        try:
            await self._link.write(request)
            answer = await self._listen(heard, request, match, timeout_s)
        except BaseException as error:
            # Also when cancelled: the question is out, its answer will come to nobody.
            self._holds[unit] = _Hold(match, self._now_s() + timeout_s + late_s)
            if isinstance(error, LinkDown):
                await self._link.close()
            raise
        if answer is not None and heard.endswith(answer):
            return answer
        # Something followed the answer, or there is none: the line has to prove its silence.
        self._quiet_s = max(self._quiet_s, timeout_s)
        if answer is not None:
            return answer
        self._holds[unit] = _Hold(match, self._now_s() + late_s)
        raise _nothing(unit, bytes(heard), timeout_s)

    async def _listen(
        self, heard: bytearray, request: bytes, match: Match, timeout_s: float
    ) -> bytes | None:
        """Collect into `heard` until `match` finds an answer, time is up or it is too much."""
        deadline_s = self._now_s() + timeout_s
        while (left_s := deadline_s - self._now_s()) > 0 and len(heard) <= HEARD_BYTES_MAX:
            data = await self._link.read(left_s)
            if not data:
                break
            self._hear()
            heard += data
            answer = match(self._after_echo(bytes(heard), request))
            if answer is not None:
                self._release(bytes(heard).replace(answer, b"", 1))
                return answer
        self._release(bytes(heard))
        return None

    async def _make_ready(self) -> None:
        """Open the link and settle the line. A gateway that hung up meanwhile is dialled again."""
        await self._link.open()
        try:
            await self._settle()
        except LinkDown:
            await self._link.close()
            await self._link.open()
            await self._settle()

    async def _settle(self) -> None:
        """Throw away what nobody asked for and wait until the line may be used (rules 2, 3, 5)."""
        began_s = self._now_s()
        strays = bytearray()
        while True:
            now_s = self._now_s()
            wait_s = self._heard_at_s + max(self._quiet_s, self._gap_s) - now_s
            stray = await self._link.read(max(wait_s, 0.0))
            if not stray and wait_s <= TICK_S:
                self._quiet_s = 0.0
                return
            if stray:
                self._hear()
                strays = (strays + stray)[-HEARD_BYTES_MAX:]
                self._release(bytes(strays))
                self._quiet_s = max(self._quiet_s, self._turnaround_s)
            if now_s - began_s > NOISE_TIMEOUTS * max(self._quiet_s, self._turnaround_s):
                raise NoAnswer(
                    f"in {now_s - began_s:.1f} s the line was never silent for "
                    f"{self._quiet_s:.2f} s: look for a second master or a wrong speed"
                )

    def _hold_left_s(self, unit: int) -> float:
        hold = self._holds.get(unit)
        if hold is None:
            return 0.0
        left_s = hold.until_s - self._now_s()
        if left_s > TICK_S:
            return left_s
        del self._holds[unit]
        return 0.0

    def _release(self, stray: bytes) -> None:
        """Lift the holds whose missing answers are among the bytes thrown away."""
        for unit, hold in list(self._holds.items()):
            if stray and hold.match(stray) is not None:
                del self._holds[unit]

    def _after_echo(self, heard: bytes, request: bytes) -> bytes:
        if not self._echo:
            return heard
        _, found, after = heard.partition(request)
        return after if found else b""

    def _hear(self) -> None:
        self._heard_at_s = self._now_s()

    @staticmethod
    def _now_s() -> float:
        return asyncio.get_running_loop().time()


def _nothing(unit: int, heard: bytes, timeout_s: float) -> NoAnswer | FrameError:
    if not heard:
        return NoAnswer(f"unit {unit} did not answer within {timeout_s:.2f} s")
    shown = heard[:32].hex(" ") + (" …" if len(heard) > 32 else "")
    return FrameError(
        f"no sound answer of unit {unit} within {timeout_s:.2f} s among the {len(heard)} bytes "
        f"that came: {shown}",
        heard,
    )
