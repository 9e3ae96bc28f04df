"""Finding the M-Bus meters on a line, by secondary or by primary address.

By secondary address (EN 13757-7:2018, 8.4 and 8.5): select everyone, then fewer and fewer, until a
mask selects one meter. Answers of several meters fall on one another bit by bit: acknowledgements
of the same moment look like one, telegrams do not. So anything but a single sound telegram behind a
single E5h means "several, or disturbed", and the search goes deeper (`drivers/mbus/descent.py`). A
disturbed meter is thus met again a digit later; only where there is no deeper is it asked again.

By primary address: SND_NKE to one address after the other, and a readout where one answers.
"""

from collections.abc import AsyncIterator, Iterable

from drivers.bus import Line
from drivers.driver import Address, Found, Step
from drivers.mbus import descent, frame
from drivers.mbus.descent import Descent
from drivers.mbus.inquiry import Inquiry, Look
from drivers.mbus.picking import encryption
from drivers.mbus.recognise import recognise

PROTOCOL = "mbus"
TWINS = "several meters have this one address, or the line is disturbed: ask each alone"
CROWD = "several meters have this primary address, or the line is disturbed"
MUTE = "acknowledges but sends no data; a meter on a battery may have used up its reads of today"
CLOSED = "its values are encrypted: put its key into the file of meter keys"
UNKNOWN = "no profile fits: CONTRIBUTING.md says how a meter is added"


async def secondary(
    line: Line,
    todo: Iterable[str] | None = None,
    *,
    is_thorough: bool = False,
    turnaround_s: float | None = None,
) -> AsyncIterator[Step]:
    """Search by secondary addresses: all of them, or the masks of an earlier step's `todo`.

    A mask is 8 or 16 hexadecimal digits (`drivers/mbus/address.py`); ValueError for anything else.
    `is_thorough` is explained at `Descent`, `turnaround_s` at `Line.call`.
    """
    plan = Descent(descent.START if todo is None else todo, is_thorough=is_thorough)
    inquiry = Inquiry(line, turnaround_s)
    told: set[Address] = set()
    asked = 0
    # What an earlier master has left selected would answer into the search.
    await inquiry.greet(frame.ADDRESS_NETWORK)
    while (entry := plan.take()) is not None:
        asked += 1
        look = await inquiry.select(entry)
        found = _judged(plan, entry, look)
        if look.address is not None and inquiry.may_hide:
            plan.doubt(entry, look.address)
        if found is not None and found.address in told:
            found = None
        if found is not None:
            told.add(found.address)
        yield Step(asked, asked + len(plan.todo), entry, plan.todo, found)


async def primary(
    line: Line, addresses: Iterable[int], *, turnaround_s: float | None = None
) -> AsyncIterator[Step]:
    """Ask each of `addresses`, 0 to 250, for a meter; a step's `todo` are those still to be asked.

    A meter found so tells its secondary address too, so that nobody counts it twice.
    """
    inquiry = Inquiry(line, turnaround_s)
    todo = tuple(addresses)
    for count, place in enumerate(todo, 1):
        look = await inquiry.visit(place)
        found = _found(place, look, CROWD) if look.someone else None
        yield Step(count, len(todo), str(place), tuple(map(str, todo[count:])), found)


def _judged(plan: Descent, entry: str, look: Look) -> Found | None:
    """What `look` means for the plan, and the meter it found if the search goes no deeper there."""
    if not look.someone:
        return None
    meters = 2 if look.meter is None else 1
    plan.seen(entry, meters)
    full = look.address
    # A meter that does not say who it is is followed until the mask says it.
    is_known = full is not None or (meters == 1 and descent.is_named(entry))
    if not is_known and plan.split(entry, meters):
        return None
    return _found(full or descent.mask_of(entry)[0], look, TWINS)


def _found(place: Address, look: Look, several: str) -> Found:
    """What is known of the meter at `place`; `several` is what to say of disturbed answers."""
    if look.meter is None or not look.meter.telegrams:
        remark = several if look.meter is None else look.remark or MUTE
        return Found(PROTOCOL, place, remark=remark)
    header, profiles = look.meter.telegrams[0], recognise(look.meter.telegrams)
    is_closed = encryption(look.meter.telegrams) is not None
    return Found(
        protocol=PROTOCOL,
        address=place,
        identification=header.identification,
        manufacturer=header.manufacturer,
        version=header.version,
        medium=header.medium,
        secondary=look.address,
        profiles=profiles,
        remark=CLOSED if is_closed else None if profiles else UNKNOWN,
    )
