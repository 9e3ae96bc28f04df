"""Asks one Modbus unit for the registers of a profile, and learns which requests it refuses.

A map may promise more than a meter keeps: a firmware without some registers in between, a model
that takes fewer at once. Such a meter answers a long request with exception 2 or 3, each of its
parts with values. So a refused block is asked for again in pieces, cut at its holes or else in
half, and where the pieces can be read the cuts are remembered as long as the line lives. A single
value that is refused is the profile's error, and is told with its address.
"""

from collections import deque
from functools import partial
from typing import NamedTuple

from drivers.bus import Line, Unit
from drivers.driver import Refused
from drivers.modbus import frames, plan
from drivers.modbus.frames import Refusal
from drivers.modbus.plan import Block, Cut
from drivers.modbus.profile import ModbusProfile, Place

Words = tuple[int, ...]
# "No such registers" and "cannot read so many": what a part of the request may not meet with.
_SPLITTABLE = {2, 3}
# A unit's delays vary a little from read to read; its plan need not follow each of them.
_WORTH_STEP = 5


class Fetched(NamedTuple):
    """The registers of one block, with the bytes of question and answer."""

    block: Block
    words: Words
    raw: bytes


class _Known:
    """What was learned of a unit: where its blocks must be cut, and the plan that follows."""

    def __init__(self) -> None:
        self.cuts: frozenset[Cut] = frozenset()
        self._plan: tuple[Block, ...] = ()
        self._plan_of: object = None

    def plan(
        self, profile: ModbusProfile, items: tuple[Block, ...], worth: int
    ) -> tuple[Block, ...]:
        """The cheapest blocks for `items`, made anew only when something has changed."""
        plan_of = (items, worth, self.cuts, profile.name)
        if plan_of != self._plan_of:
            self._plan = plan.cheapest(profile, items, worth=worth, cuts=self.cuts)
            self._plan_of = plan_of
        return self._plan


async def fetch(
    line: Line, profile: ModbusProfile, address: int, extra: tuple[Place, ...] = ()
) -> tuple[Fetched, ...]:
    """All registers of `profile` and `extra` of the unit at `address`; the line's errors."""
    unit = Unit("modbus", address)
    known = line.notes(unit, _Known)
    items = plan.needed(profile, extra)
    worth = line.worth_gap_registers(unit) // _WORTH_STEP * _WORTH_STEP
    cuts = known.cuts
    todo = deque(known.plan(profile, items, worth))
    got = []
    while todo:
        block = todo.popleft()
        try:
            got.append(await ask(line, unit, block))
        except Refusal as error:
            new = plan.halves(block, items)
            if error.code not in _SPLITTABLE or not new:
                raise Refused(f"{error}, asked for {block}") from error
            cuts |= new
            inside = [item for item in items if block.contains(item)]
            todo.extendleft(reversed(plan.cheapest(profile, inside, worth=worth, cuts=cuts)))
    known.cuts = cuts
    return tuple(got)


async def ask(line: Line, unit: Unit, block: Block) -> Fetched:
    """One block of `unit`. Refusal with its code if the unit says no."""
    number, address = line.number(), int(unit.address)
    question = frames.request(line.framing, address, block, number)
    match = partial(frames.find, framing=line.framing, unit=address, block=block, number=number)
    answer_bytes = frames.answer_length(line.framing, block)
    answer = await line.exchange(unit, question, match, answer_bytes)
    words = frames.registers(answer, line.framing, address)
    return Fetched(block, words, question + answer)
