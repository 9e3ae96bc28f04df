"""The questions of a search and what their answers mean: nobody, one meter alone, or several.

They go out by `Line.call`, which waits for silence: what comes late then belongs to no question.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from drivers.bus import Line
from drivers.driver import FrameError
from drivers.mbus import address, descent, frame
from drivers.mbus.frame import Long
from drivers.mbus.readout import Readout, whole

# A disturbed answer is asked for again so many times in all where going deeper is no way.
TRIES = 3
# So many collisions whose acknowledgements fell apart, and none where they did not, make it a line
# whose meters do not begin to answer in the same instant.
APART_MIN = 3
_ACK = bytes((frame.ACK,))


class Look(NamedTuple):
    """What one question brought: nobody, one meter with its readout, or several (None).

    A meter that acknowledges and gives no telegram is one with an empty readout.
    """

    someone: bool
    meter: Readout | None = None
    remark: str | None = None

    @property
    def address(self) -> str | None:
        """The secondary address of the one meter, if it tells it."""
        one = whole(self.meter.frames[0]) if self.meter and self.meter.frames else None
        return one and address.of(one)


NOBODY = Look(someone=False)
SEVERAL = Look(someone=True)


class Inquiry:
    """One search's conversation with a line."""

    def __init__(self, line: Line, turnaround_s: float | None) -> None:
        self._ask = partial(line.call, turnaround_s=turnaround_s)
        self._apart = 0
        self._together = False

    @property
    def may_hide(self) -> bool:
        """Whether two meters here may answer in the same instant and be heard as one."""
        return self._together or self._apart < APART_MIN

    async def greet(self, place: int) -> bytes:
        """What comes to SND_NKE."""
        return await self._ask(frame.short(frame.SND_NKE, place), answer_bytes=len(_ACK))

    async def select(self, entry: str) -> Look:
        """Who answers to a mask; asked again where going deeper cannot tell what disturbs."""
        mask, high_first = descent.mask_of(entry)
        request = address.select(mask, high_first=high_first)
        is_meant = partial(_is_selected, mask, high_first=high_first)
        look = SEVERAL
        for _ in range(TRIES if descent.is_named(entry) else 1):
            ack = await self._ask(request, answer_bytes=len(_ACK))
            if not ack and descent.is_open(entry):
                # One lost answer must not make a line with meters an empty one.
                ack = await self._ask(request, answer_bytes=len(_ACK))
            look = await self._behind(ack, frame.ADDRESS_NETWORK, is_meant)
            if look is not SEVERAL:
                break
            self._apart += ack != _ACK
            self._together |= ack == _ACK
        if descent.is_named(entry) or not self.may_hide or await self._exists(look):
            return look
        return SEVERAL

    async def visit(self, place: int) -> Look:
        """Who answers at a primary address."""
        look = SEVERAL
        for _ in range(TRIES):
            ack = await self.greet(place)
            look = await self._behind(ack, place, lambda one: one.address == place)
            if look is not SEVERAL:
                break
        return look

    async def _behind(self, ack: bytes, place: int, is_meant: Callable[[Long], bool]) -> Look:
        if ack == _ACK:
            return await self._read_out(place, is_meant)
        return SEVERAL if ack else NOBODY

    async def _read_out(self, place: int, is_meant: Callable[[Long], bool]) -> Look:
        meter = Readout()
        fcb = frame.FCB
        while True:
            request = frame.short(frame.REQ_UD2 | fcb, place)
            heard = await self._ask(request, answer_bytes=frame.FRAME_LENGTH_MAX)
            one = whole(heard)
            if heard and (one is None or not is_meant(one)):
                return SEVERAL
            try:
                if not heard or not meter.add(heard):
                    return Look(someone=True, meter=meter)
            except FrameError as error:
                return Look(someone=True, meter=meter, remark=str(error))
            fcb ^= frame.FCB

    async def _exists(self, look: Look) -> bool:
        """Whether the meter that was heard is one: it could be the bits that two have in common."""
        full = look.address
        if full is None or look.meter is None:
            return True
        high_first = address.is_high_first(look.meter.telegrams[0].ci)
        alone = address.select(full, high_first=high_first)
        return bool(await self._ask(alone, answer_bytes=len(_ACK)))


def _is_selected(mask: str, one: Long, *, high_first: bool) -> bool:
    """Whether `mask` means the meter that answered, as far as it says who it is.

    Some meters take the selection for high bytes first as their own and read it low byte first.
    They are named by what they say, and were found before: going deeper would not tell more.
    """
    full = address.of(one)
    return full is None or high_first or address.fits(mask, full)
