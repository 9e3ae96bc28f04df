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
   a late answer cannot be taken for theirs, because it bears another address. (M-Bus has one
   that bears none, the acknowledgement: nothing is read from that.)
5. Everything has an end: a line that is never silent is reported, not waited for.

How long an answer is waited for is learned from each unit (`drivers/patience.py`); rules 3 and 4
count in full timeouts of the line, whatever was learned.

Time is the event loop's, so that a simulated line runs in simulated time.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeVar

from drivers.driver import FrameError, Link, LinkDown, NoAnswer
from drivers.holds import TICK_S, Hold, Holds, Match, Unit
from drivers.patience import Patience

__all__ = ["Framing", "Line", "Match", "Unit"]

T = TypeVar("T")
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
# What ends the answers to a search: a USB converter holds bytes back for 16 ms, a serial server
# for some tens of milliseconds, and mobile networks for longer than a search could wait.
SILENCE_S = 0.05
SILENCE_PACKED_S = 0.15
# Most meters answer within 60 ms; 500 ms is what slow heat meters need at 2400 baud.
TURNAROUND_S = 0.5
# A line has at most 250 units; what two or three protocols and drivers know of each fits.
NOTES_MAX = 1024
# A Modbus read of nothing: a request of 8 bytes, and 5 of an answer without its registers.
_READ_BYTES = 8 + 5
_REGISTER_BYTES = 2


class _Question(NamedTuple):
    """A request on its way: how its answer looks and how long it takes, by the line's own time."""

    unit: Unit
    request: bytes
    match: Match
    wire_s: float
    full_s: float


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
        self._character_s = CHARACTER_BITS / baud
        self._gap_s = max(GAP_BITS / baud, GAP_S_MIN)
        self._turnaround_s = turnaround_s
        self._echo = echo
        self._late_s = late_s
        self._lock = asyncio.Lock()
        self._holds = Holds()
        self._notes: OrderedDict[tuple[Unit, Any], Any] = OrderedDict()
        self._heard_at_s = float("-inf")
        self._quiet_s = 0.0
        self._number = 0

    def number(self) -> int:
        """A transaction number from 1 to 65535; 0 is what careless gateways answer to anything."""
        self._number = self._number % 0xFFFF + 1
        return self._number

    def notes(self, unit: Unit, make: Callable[[], T]) -> T:
        """What a driver knows of `unit`: made by `make`, a class, when it is asked for first.

        Kept as long as the line, one of each class and unit; of too many, the least used goes.
        """
        key = (unit, make)
        if key not in self._notes:
            self._notes[key] = make()
            if len(self._notes) > NOTES_MAX:
                self._notes.popitem(last=False)
        self._notes.move_to_end(key)
        found: T = self._notes[key]
        return found

    def worth_gap_registers(self, unit: Unit) -> int:
        """How many unwanted Modbus registers cost no more time than one more request."""
        request_s = _READ_BYTES * self._character_s + 2 * self._gap_s
        usual_s = self.notes(unit, Patience).usual_s
        return int((request_s + usual_s) / (_REGISTER_BYTES * self._character_s))

    async def close(self) -> None:
        """Close the link; the next exchange opens it again."""
        async with self._lock:
            await self._link.close()

    async def exchange(
        self, unit: Unit, request: bytes, match: Match, answer_bytes: int, *, repeats: int = 0
    ) -> bytes:
        """Ask `unit` and return the answer that `match` finds, of `answer_bytes` at most.

        NoAnswer if nothing came in time, FrameError if something else did, LinkDown if the link
        failed. After each of these the unit is on hold (rule 4); asking it waits that out.

        `repeats` is how often a damaged answer is asked for again, after silence and without a
        hold. Only for requests that name what they want, as an M-Bus frame count bit does: an
        answer that is late after all is then the answer to the repeat, too.
        """
        wire_s = (len(request) + answer_bytes) * self._character_s
        question = _Question(unit, request, match, wire_s, wire_s + self._turnaround_s)
        asked = 0
        while True:
            async with self._lock:
                await self._make_ready()
                hold_s = self._holds.left_s(unit, self._now_s())
                if hold_s <= 0:
                    asked += 1
                    answer = await self._ask(question, may_repeat=asked <= repeats)
                    if answer is None:
                        continue
                    if asked > 1:
                        # The answer before may be on its way still: not into the next question.
                        self._hold(question, self._now_s())
                    return answer
            # Others may use the line while this unit waits; looking once a timeout is often enough.
            await asyncio.sleep(min(hold_s, question.full_s))

    async def call(
        self, request: bytes, *, answer_bytes: int, turnaround_s: float | None = None
    ) -> bytes:
        """Ask whoever is there: all that came until the line was silent again; empty for nobody.

        For searches, where a collision of many answers is an answer. `answer_bytes` is the longest
        one; a line that goes on for much longer is left, and has to prove its silence (rule 3).
        """
        turnaround_s = self._turnaround_s if turnaround_s is None else turnaround_s
        async with self._lock:
            await self._make_ready()
            try:
                await self._link.write(request)
                return await self._overhear(request, answer_bytes, turnaround_s)
            except BaseException as error:
                # Also when cancelled: the question is out, and its answers belong to nobody.
                self._hear()
                self._quiet_s = max(self._quiet_s, turnaround_s)
                if isinstance(error, LinkDown):
                    await self._link.close()
                raise

    async def _overhear(self, request: bytes, answer_bytes: int, turnaround_s: float) -> bytes:
        """What comes within one turnaround, and then until it stops."""
        heard = bytearray()
        is_silent = False
        silence_s = SILENCE_PACKED_S if self._link.packs else SILENCE_S
        answer_s = answer_bytes * self._character_s
        first_s = self._now_s() + len(request) * self._character_s + turnaround_s
        last_s = first_s + 2 * answer_s + silence_s
        until_s = first_s + answer_s if self._link.packs else first_s
        while (left_s := until_s - self._now_s()) > 0 and len(heard) <= HEARD_BYTES_MAX:
            data = await self._link.read(left_s)
            if not data:
                is_silent = until_s < last_s
                break
            self._hear()
            heard += data
            if self._after_echo(bytes(heard), request):
                until_s = min(self._now_s() + silence_s, last_s)
        self._release(bytes(heard))
        if not is_silent:
            self._quiet_s = max(self._quiet_s, turnaround_s)
        return self._after_echo(bytes(heard), request)

    async def _ask(self, question: _Question, *, may_repeat: bool) -> bytes | None:
        """The answer; None for a damaged one that may be asked for again."""
        heard = bytearray()
        unit, asked_s = question.unit, self._now_s()
        patience = self.notes(unit, Patience)
        wait_s = patience.wait_s(self._turnaround_s)
        try:
            await self._link.write(question.request)
            answer = await self._listen(heard, question, wait_s)
        except BaseException as failure:
            # Also when cancelled: the question is out, its answer will come to nobody.
            patience.failed()
            self._hold(question, asked_s)
            if isinstance(failure, LinkDown):
                failure.asked = True
                await self._link.close()
            raise
        if heard and (answer is None or not heard.endswith(answer)):
            # Something followed the answer, or there is none: the line has to prove its silence.
            self._quiet_s = max(self._quiet_s, question.full_s)
        if answer is None:
            patience.failed()
            if heard and may_repeat:
                return None
            self._hold(question, asked_s)
            error = _nothing(unit, bytes(heard), self._now_s() - asked_s)
            error.hold_s = self._holds.left_s(unit, self._now_s())
            raise error
        wire_s = (len(question.request) + len(answer)) * self._character_s
        patience.answered(max(self._now_s() - asked_s - wire_s, 0.0))
        return answer

    async def _listen(self, heard: bytearray, question: _Question, wait_s: float) -> bytes | None:
        """Collect into `heard` until `match` finds an answer, time is up or it is too much.

        Nothing at all is waited for only until an answer must have begun. A link that packs may
        bring the first byte together with the last.
        """
        request, asked_s = question.request, self._now_s()
        end_s = asked_s + question.wire_s + wait_s
        begin_s = asked_s + len(request) * self._character_s + wait_s
        until_s = end_s if self._link.packs else begin_s
        while (left_s := until_s - self._now_s()) > 0 and len(heard) <= HEARD_BYTES_MAX:
            data = await self._link.read(left_s)
            if not data:
                break
            self._hear()
            heard += data
            after = self._after_echo(bytes(heard), request)
            if after:
                until_s = end_s
            answer = question.match(after)
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
            free_at_s = self._heard_at_s + max(self._quiet_s, self._gap_s)
            # Also when it is free already: what lies there must be thrown away.
            stray = await self._link.read(max(free_at_s - self._now_s(), 0.0))
            now_s = self._now_s()
            if stray:
                self._hear()
                strays = (strays + stray)[-HEARD_BYTES_MAX:]
                self._release(bytes(strays))
                self._quiet_s = max(self._quiet_s, self._turnaround_s)
            elif now_s >= free_at_s - TICK_S:
                self._quiet_s = 0.0
                return
            if now_s - began_s > NOISE_TIMEOUTS * max(self._quiet_s, self._turnaround_s):
                raise NoAnswer(
                    f"in {now_s - began_s:.1f} s the line was never silent for "
                    f"{self._quiet_s:.2f} s: look for a second master or a wrong speed"
                )

    def _hold(self, question: _Question, asked_s: float) -> None:
        """Not to be asked before its answer can no longer come, counted in full timeouts."""
        late_s = LATE_TIMEOUTS * question.full_s if self._late_s is None else self._late_s
        until_s = max(self._now_s(), asked_s + question.full_s) + late_s
        self._holds.put(question.unit, Hold(question.match, asked_s, until_s))

    def _release(self, stray: bytes) -> None:
        """Lift the holds whose missing answers are among bytes thrown away, and learn from that."""
        for unit, hold in self._holds.release(stray):
            self.notes(unit, Patience).late(self._now_s() - hold.asked_s)

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


def _nothing(unit: Unit, heard: bytes, waited_s: float) -> NoAnswer | FrameError:
    if not heard:
        return NoAnswer(f"{unit} did not answer within {waited_s:.2f} s")
    shown = heard[:32].hex(" ") + (" …" if len(heard) > 32 else "")
    return FrameError(
        f"no sound answer of {unit} within {waited_s:.2f} s among the {len(heard)} bytes "
        f"that came: {shown}",
        heard,
    )
