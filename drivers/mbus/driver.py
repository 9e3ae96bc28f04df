"""Reads an M-Bus meter, by its primary or by its secondary address.

By primary address: SND_NKE makes the meter forget which telegram comes next, REQ_UD2 fetches the
first (EN 13757-2, 5.7). A meter with one telegram is greeted so before its first read and after
every failure; else the frame count bit, toggled from read to read, says that the last telegram
arrived. Meters with several telegrams are greeted each time, for theirs must begin with the first.

By secondary address: the meter is selected, which also deselects the others and makes it begin
anew, and is then read at address 253. What answers must say in its header that it is the one.

An answer that came damaged is asked for again with the same frame count bit, to which a meter sends
the same telegram again; so it does not matter which of the two arrives. Silence is not asked again:
a dead meter costs one timeout. What a meter on a battery must give is not asked twice.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from drivers.bus import Line, Unit
from drivers.driver import Address, Answer, Detail, NoAnswer, Refused, WrongMeter
from drivers.mbus import address as secondary
from drivers.mbus import explaining, frame
from drivers.mbus.frame import Long
from drivers.mbus.picking import check_kind, pick
from drivers.mbus.profile import MbusProfile
from drivers.mbus.readout import Readout, find_ack, find_response
from drivers.mbus.telegram import ApplicationError, Telegram
from drivers.profile import MeterProfile

PROTOCOL = "mbus"
# 0 is a meter never configured, 251 to 255 are for the network (EN 13757-2, 5.7.5).
ADDRESSES = range(251)
# EN 13757-2, 5.5 lets a master repeat a request twice before it gives the meter up.
REPEATS_MAX = 2
_SELECTED = Unit(PROTOCOL, frame.ADDRESS_NETWORK)


class _Memory:
    """What was learned of one meter, kept with its line."""

    def __init__(self) -> None:
        self.next_fcb: int | None = None
        """The count bit that asks for a new telegram; None: greet it first."""
        self.always_greet = False
        self.high_first = False
        self.has_answered = False


class _Selection:
    """Who may be selected on a line, for there is one address for all that are."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.is_doubtful = False


class _Question(NamedTuple):
    """Whose telegrams are wanted, from which count bit on, and what is asked how often at most."""

    unit: Unit
    fcb: int
    is_meant: Callable[[Long], bool]
    repeats: int


class MbusDriver:
    """`drivers.driver.Driver` for M-Bus."""

    async def read(
        self,
        line: Line,
        profile: MeterProfile,
        address: Address,
        *,
        expect_id: str | None = None,
        key: bytes | None = None,
    ) -> Answer:
        """All registers of `profile` from the meter at `address`, primary or secondary.

        `expect_id` is the identification the meter must show in its header, `key` what it
        encrypts its values with.
        """
        model = _mbus(profile)
        if isinstance(address, str):
            readout = await _read_secondary(line, model, _mask(address), key)
            return _answer(readout, model, address, expect_id)
        memory = line.notes(_primary(address), _Memory)
        is_greeted = memory.next_fcb is None
        try:
            readout = await _read_primary(line, model, address, key)
            return _answer(readout, model, address, expect_id)
        except WrongMeter:
            if is_greeted:
                raise
        # There are meters that have several telegrams and do not say so: greeted, they begin anew.
        memory.next_fcb = None
        readout = await _read_primary(line, model, address, key)
        answer = _answer(readout, model, address, expect_id)
        memory.always_greet, memory.next_fcb = True, None
        return answer

    def explain(
        self, profile: MeterProfile, raw: bytes, *, key: bytes | None = None
    ) -> tuple[Detail, ...]:
        """Every record of a readout's `raw` bytes, and the register that takes it."""
        return explaining.explain(_mbus(profile), raw, key=key)


async def _read_primary(line: Line, model: MbusProfile, address: int, key: bytes | None) -> Readout:
    unit = _primary(address)
    memory = line.notes(unit, _Memory)
    fcb, memory.next_fcb = memory.next_fcb, None
    if fcb is None:
        await line.exchange(unit, frame.short(frame.SND_NKE, address), find_ack, 1)
        fcb = frame.FCB
    question = _Question(unit, fcb, lambda one: one.address == address, _repeats(model))
    readout = await _fetch(line, question, key)
    # Telegrams of one readout are counted from the first; only a lone one is like every other.
    if len(readout.frames) == 1 and not memory.always_greet and not model.reads_per_day_max:
        memory.next_fcb = fcb ^ frame.FCB
    return readout


async def _read_secondary(line: Line, model: MbusProfile, mask: str, key: bytes | None) -> Readout:
    unit = Unit(PROTOCOL, mask)
    memory = line.notes(unit, _Memory)
    selection = line.notes(_SELECTED, _Selection)
    async with selection.lock:
        if selection.is_doubtful:
            await line.call(frame.short(frame.SND_NKE, frame.ADDRESS_NETWORK), answer_bytes=1)
        selection.is_doubtful = True
        select = secondary.select(mask, high_first=memory.high_first)
        try:
            await line.exchange(unit, select, find_ack, 1)
        except NoAnswer:
            # Whoever heard the select frame and is not meant by it is not selected any more.
            selection.is_doubtful = False
            memory.high_first ^= not memory.has_answered
            raise
        question = _Question(unit, frame.FCB, partial(_is_selected, mask), _repeats(model))
        readout = await _fetch(line, question, key)
        selection.is_doubtful = False
        memory.has_answered = True
        return readout


async def _fetch(line: Line, question: _Question, key: bytes | None) -> Readout:
    """Ask for one telegram after the other until the readout is whole."""
    unit, fcb, is_meant, repeats = question
    where = unit.address if isinstance(unit.address, int) else frame.ADDRESS_NETWORK
    match = partial(find_response, is_meant=is_meant)
    readout = Readout(key)
    while True:
        request = frame.short(frame.REQ_UD2 | fcb, where)
        raw = await line.exchange(unit, request, match, frame.FRAME_LENGTH_MAX, repeats=repeats)
        try:
            if not readout.add(raw):
                return readout
        except ApplicationError as error:
            kind = NoAnswer if error.busy else Refused
            raise kind(f"{unit} gave no data: {error}") from error
        fcb ^= frame.FCB


def _repeats(model: MbusProfile) -> int:
    return 0 if model.reads_per_day_max else REPEATS_MAX


def _primary(address: int) -> Unit:
    if address not in ADDRESSES:
        raise Refused(f"expected a primary address from 0 to 250, got {address}")
    return Unit(PROTOCOL, address)


def _answer(
    readout: Readout, model: MbusProfile, address: Address, expect_id: str | None
) -> Answer:
    try:
        _check_identity(readout.telegrams[0], model, address, expect_id)
        return pick(model, readout.telegrams, readout.raw)
    except (WrongMeter, Refused) as error:
        # A person who looks for the right profile wants to see what the meter sent.
        error.received = readout.raw
        raise


def _mbus(profile: MeterProfile) -> MbusProfile:
    if not isinstance(profile, MbusProfile):
        raise Refused(f"{profile.name} speaks {profile.protocol}, this line M-Bus")
    return profile


def _mask(address: str) -> str:
    try:
        return secondary.parse(address)
    except ValueError as error:
        raise Refused(str(error)) from error


def _is_selected(mask: str, one: Long) -> bool:
    """Whether the meter says in its header that `mask` means it; else it could be any other."""
    full = secondary.of(one)
    return full is not None and secondary.fits(mask, full)


def _check_identity(
    first: Telegram, model: MbusProfile, address: Address, expect_id: str | None
) -> None:
    # A plate shows 6855817 where the header has eight digits.
    expected = expect_id and expect_id.upper().zfill(8)
    if expected is not None and first.identification != expected:
        raise WrongMeter(
            f"expected meter {expected} at address {address}, got {first.identification}"
        )
    check_kind(model, first, f"at address {address}")
