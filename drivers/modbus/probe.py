"""Finds Modbus meters on a line and recognises their models by what they show.

Whoever answers a read at all, be it with an exception, is there. Which model it is says no
standard; a profile names `signs` (a type text, a model number, a voltage that must be plausible),
and the model is the one whose signs are all shown. Every block is asked for once per unit,
however many profiles look at it.

A unit whose answer came after its time is noticed when that answer arrives under a later question,
and asked again at the end, with the patience it needs.
"""

from collections.abc import AsyncGenerator, Iterable
from functools import cache

from drivers import profile
from drivers.bus import Line, Unit
from drivers.driver import Found, FrameError, NoAnswer, Step
from drivers.modbus import plan
from drivers.modbus.fetch import Words, ask
from drivers.modbus.frames import Busy, Refusal
from drivers.modbus.plan import Block
from drivers.modbus.profile import ModbusProfile, Sign
from drivers.modbus.values import decode, words_to_bytes
from drivers.patience import Patience

# Any meter answers it, at least that it has no such registers. Two, for those that want an even
# count.
_PRESENCE = Block(3, 0, 2)
# The gateway's answers for "nobody there" (Modbus Application Protocol 1.1b3, 7).
_GATEWAY_CODES = {10, 11}
# Twice the profiles there are: most fall out after one question.
QUESTIONS_MAX = 64
# A unit that leaves a foreign question unanswered is on hold for a while each time.
SILENCES_MAX = 2


async def search(line: Line, addresses: Iterable[int]) -> AsyncGenerator[Step, None]:
    """Ask every address whether a meter is there; a Step after each. LinkDown if the line fails.

    The steps' `todo` are the addresses still to be asked.
    """
    todo = list(addresses)
    asked = 0
    once_more = set(todo)
    silent: list[int] = []
    while todo:
        address = todo.pop(0)
        found = await look(line, address)
        asked += 1
        if found is None and address in once_more:
            silent.append(address)
            once_more.discard(address)
        if not todo:
            todo = [one for one in silent if line.notes(_unit(one), Patience).was_late]
            silent = []
        left = tuple(str(one) for one in todo)
        yield Step(asked, asked + len(todo), f"unit {address}", left, found)


async def look(line: Line, address: int) -> Found | None:
    """The meter at `address`, recognised if a profile knows it; None if nobody answers."""
    conversation = _Conversation(line, address)
    try:
        is_there = await conversation.is_there()
    except FrameError as error:
        remark = f"something answers, but not as one Modbus meter: {error}"
        return Found("modbus", address, remark=remark)
    if not is_there:
        return None
    return await _recognised(conversation, address)


class _Conversation:
    """The questions to one unit, each asked once."""

    def __init__(self, line: Line, address: int) -> None:
        self._line = line
        self._unit = _unit(address)
        self._answers: dict[Block, Words | None] = {}
        self._silences = 0

    async def is_there(self) -> bool:
        """Whether the unit answers anything. FrameError for what is no answer, twice."""
        try:
            return await self._answers_presence()
        except FrameError:
            # A late answer of the unit before, or noise: the line will wait before it asks again.
            return await self._answers_presence()

    async def words(self, block: Block) -> Words | None:
        """The registers of a block; None where the unit does not show them."""
        if block not in self._answers:
            may_ask = len(self._answers) < QUESTIONS_MAX and self._silences < SILENCES_MAX
            self._answers[block] = await self._ask(block) if may_ask else None
        return self._answers[block]

    async def _answers_presence(self) -> bool:
        try:
            await ask(self._line, self._unit, _PRESENCE)
        except Refusal:
            return True
        except Busy as error:
            return error.code not in _GATEWAY_CODES
        except NoAnswer:
            return False
        return True

    async def _ask(self, block: Block) -> Words | None:
        try:
            return (await ask(self._line, self._unit, block)).words
        except (Refusal, Busy):
            return None
        except (NoAnswer, FrameError):
            self._silences += 1
            return None


async def _recognised(conversation: _Conversation, address: int) -> Found:
    fitting = [one for one in _candidates() if await _shows_all(conversation, one)]
    fitting.sort(key=_weakness)
    if not fitting:
        return Found("modbus", address, remark="answers, but no profile recognises it")
    best = fitting[0]
    return Found(
        "modbus",
        address,
        identification=await _identification(conversation, best),
        manufacturer=best.manufacturer,
        profiles=tuple(one.name for one in fitting),
    )


@cache
def _candidates() -> tuple[ModbusProfile, ...]:
    """The profiles that say how their meter is recognised."""
    loaded = (profile.load(name) for name in profile.names())
    return tuple(one for one in loaded if isinstance(one, ModbusProfile) and one.signs)


async def _shows_all(conversation: _Conversation, model: ModbusProfile) -> bool:
    for sign in model.signs:
        words = await _words(conversation, model, Block(sign.function, sign.address, sign.count))
        if words is None or not _shows(sign, words):
            return False
    return True


def _shows(sign: Sign, words: Words) -> bool:
    """Whether the registers at a sign's place are what it says."""
    shown = words_to_bytes(words)
    if sign.text is not None:
        return shown.startswith(sign.text.encode("ascii"))
    if sign.words is not None:
        return shown.hex().upper() == sign.words
    if sign.kind is None:
        return False
    number = decode(words, sign.kind, word_order=sign.word_order, byte_order=sign.byte_order)
    if number is None:
        return False
    return (sign.low is None or sign.low <= number) and (sign.high is None or number <= sign.high)


def _weakness(model: ModbusProfile) -> tuple[int, int, str]:
    """The order of profiles that all fit: who shows an exact sign is known better."""
    exact = sum(sign.kind is None or sign.low == sign.high for sign in model.signs)
    return (-exact, -len(model.signs), model.name)


async def _identification(conversation: _Conversation, model: ModbusProfile) -> str | None:
    place = model.identification
    if place is None:
        return None
    block = Block(place.function, place.address, place.count)
    words = await _words(conversation, model, block)
    if words is None:
        return None
    number = decode(words, place.kind, word_order=place.word_order, byte_order=place.byte_order)
    return str(number) if number else None


async def _words(conversation: _Conversation, model: ModbusProfile, block: Block) -> Words | None:
    """The registers of `block`, asked for as `model` wants to be asked."""
    (asked,) = plan.cheapest(model, [block])
    words = await conversation.words(asked)
    start = block.address - asked.address
    return None if words is None else words[start : start + block.size]


def _unit(address: int) -> Unit:
    return Unit("modbus", address)
