"""Which requests read a profile's registers: the least time on the wire that its limits allow.

Of all ways to cut the registers into blocks the cheapest is taken: every block costs what a
request costs besides its registers, counted in registers (`worth`), and every register costs one.
So a hole is read along where that is shorter than asking twice, but only where the profile
declares holes readable (`gap_max`): a meter may answer a hole with an exception, or not at all.

A value is never split over two blocks, for it could change between the two requests. Neither is
one that a meter keeps as a whole number and its fraction. The tariffs of a sum may be: each counts
on its own.
"""

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple, NoReturn

from drivers.modbus.profile import BLOCKS_MAX, ModbusProfile, ModbusRegister, Place

# A request's own cost at 9600 baud and 20 ms of turnaround, in registers.
WORTH_REGISTERS = 18
# Modbus addresses are 16 bits.
_END = 0x10000


class Block(NamedTuple):
    """One read request: `size` registers from `address` with `function`."""

    function: int
    address: int
    size: int

    @property
    def end(self) -> int:
        """The address behind the last register."""
        return self.address + self.size

    def __str__(self) -> str:
        return f"registers {self.address:#06x} to {self.end - 1:#06x} (function {self.function})"

    def contains(self, other: "Block") -> bool:
        """Whether the block reads all of `other`."""
        return (
            self.function == other.function
            and self.address <= other.address
            and other.end <= self.end
        )

    def holds(self, place: Place) -> bool:
        """Whether the block reads all of `place`."""
        return self.contains(_of(place))

    def cut(self, words: tuple[int, ...], place: Place) -> tuple[int, ...]:
        """The registers of `place` out of the block's."""
        start = place.address - self.address
        return words[start : start + place.count]


Cut = tuple[int, int]
"""A function and an address at which a new block must begin."""


def blocks(profile: ModbusProfile, extra: Iterable[Place] = ()) -> tuple[Block, ...]:
    """The blocks that read all registers of `profile` and `extra` places, in ascending order.

    ValueError if these, or what the meter is recognised by, cannot be read within the meter's
    limits, or not in `BLOCKS_MAX` requests.
    """
    found = cheapest(profile, needed(profile, extra))
    for alone in _read_alone(profile):
        cheapest(profile, [alone])
    if len(found) > BLOCKS_MAX:
        raise ValueError(f"{len(found)} requests for one meter, expected at most {BLOCKS_MAX}")
    return found


def needed(profile: ModbusProfile, extra: Iterable[Place] = ()) -> tuple[Block, ...]:
    """What must be read and may not be split, in ascending order. ValueError for an overlap."""
    wanted = {_of(place) for place in extra}
    for register in profile.registers:
        wanted.update(_unsplittable(register))
    ordered = sorted(wanted)
    _refuse_overlap(ordered)
    return tuple(ordered)


def cheapest(
    profile: ModbusProfile,
    items: Iterable[Block],
    *,
    worth: int = WORTH_REGISTERS,
    cuts: Collection[Cut] = (),
) -> tuple[Block, ...]:
    """The blocks that read all `items` (ascending) in the least time, none joined over a cut.

    `worth` is what one more request costs, in registers. ValueError if one item is over a limit.
    """
    found: list[Block] = []
    for _, group in groupby(items, lambda item: item.function):
        found += _cheapest_of_one_function(profile, tuple(group), worth, cuts)
    return tuple(found)


def halves(block: Block, items: Iterable[Block]) -> frozenset[Cut]:
    """Where to cut a block that a meter refuses: at its holes, or else in the middle.

    Empty if it reads one item alone.
    """
    inside = [item for item in items if block.contains(item)]
    holes = {(b.function, b.address) for a, b in pairwise(inside) if a.end < b.address}
    if holes or len(inside) < 2:
        return frozenset(holes)
    middle = inside[len(inside) // 2]
    return frozenset({(middle.function, middle.address)})


def _cheapest_of_one_function(
    profile: ModbusProfile, items: Sequence[Block], worth: int, cuts: Collection[Cut]
) -> list[Block]:
    """Dynamic programming from the last item: the best way to read all from each item on."""
    best: list[tuple[int, list[Block]]] = [(0, [])]
    for first in range(len(items) - 1, -1, -1):
        options = []
        for count, block in enumerate(_from(profile, items[first:], cuts), 1):
            if block is not None:
                cost, rest = best[-count]
                options.append((cost + worth + block.size, -count, [block, *rest]))
        if not options:
            _refuse(profile, items[first])
        # Of equal costs the longest first block, so that a plan has one form.
        cost, _, chosen = min(options)
        best.append((cost, chosen))
    return best[-1][1]


def _from(
    profile: ModbusProfile, items: Sequence[Block], cuts: Collection[Cut]
) -> Iterable[Block | None]:
    """Blocks of the first, the first two, … of `items`, as far as they may be joined.

    None where just this many cannot be asked for; more may.
    """
    start, end = items[0], items[0].end
    for number, item in enumerate(items):
        cut = (item.function, item.address) in cuts
        if number and (cut or item.address - end > profile.gap_max):
            return
        end = max(end, item.end)
        exact = start._replace(size=end - start.address)
        if exact.size > profile.max_registers or _touches_unreadable(exact, profile):
            return
        yield _shaped(exact, profile)


def _shaped(block: Block, profile: ModbusProfile) -> Block | None:
    """`block` with an even count where the meter wants one; None if that cannot be."""
    if not (profile.even_count and block.size % 2):
        return block
    longer = block._replace(size=block.size + 1)
    for shaped in (longer, longer._replace(address=block.address - 1)):
        within = shaped.address >= 0 and shaped.end <= _END
        is_short = shaped.size <= profile.max_registers
        if within and is_short and not _touches_unreadable(shaped, profile):
            return shaped
    return None


def _touches_unreadable(block: Block, profile: ModbusProfile) -> bool:
    return any(
        span.function == block.function and span.first < block.end and block.address <= span.last
        for span in profile.unreadable
    )


def _refuse(profile: ModbusProfile, item: Block) -> NoReturn:
    """Raise what is wrong with an item that no request can read."""
    if _touches_unreadable(item, profile):
        raise ValueError(f"{item} are needed, and lie in an unreadable span")
    raise ValueError(
        f"{item.size} registers at {item.address:#06x} in one request, "
        f"the meter allows {profile.max_registers}"
    )


def _read_alone(profile: ModbusProfile) -> list[Block]:
    """What a search asks for besides the registers."""
    places = [profile.identification] if profile.identification is not None else []
    signs = [Block(sign.function, sign.address, sign.count) for sign in profile.signs]
    return signs + [_of(place) for place in places]


def _unsplittable(register: ModbusRegister) -> list[Block]:
    """The registers of a value; whole and fraction as one block."""
    each = sorted(_of(part.place) for part in register.parts)
    if not register.has_fraction:
        return each
    if any(first.end != second.address for first, second in pairwise(each)):
        raise ValueError(
            f"{register.obis}: the whole and the fraction at {each[0].address:#06x} do not adjoin: "
            f"they cannot be read in one moment"
        )
    return [each[0]._replace(size=each[-1].end - each[0].address)]


def _of(place: Place) -> Block:
    return Block(place.function, place.address, place.count)


def _refuse_overlap(items: Iterable[Block]) -> None:
    for first, second in pairwise(items):
        if first.function == second.function and first.end > second.address:
            raise ValueError(
                f"the registers at {first.address:#06x} and {second.address:#06x} overlap"
            )
