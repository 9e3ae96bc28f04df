"""Which requests read a profile's registers: as few as the meter's limits allow.

Neighbours are joined into one block. A hole between two registers is read along only where the
profile declares holes readable (`gap_max`): a meter may answer a hole with an exception, or not at
all. A value is never split over two blocks, for it could change between the two requests.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from drivers.modbus.profile import BLOCKS_MAX, ModbusProfile, Place


class Block(NamedTuple):
    """One read request: `size` registers from `address` with `function`."""

    function: int
    address: int
    size: int

    @property
    def end(self) -> int:
        """The address behind the last register."""
        return self.address + self.size

    def holds(self, place: Place) -> bool:
        """Whether the block reads all of `place`."""
        return (
            self.function == place.function
            and self.address <= place.address
            and place.address + place.count <= self.end
        )

    def cut(self, words: tuple[int, ...], place: Place) -> tuple[int, ...]:
        """The registers of `place` out of the block's."""
        start = place.address - self.address
        return words[start : start + place.count]


def blocks(profile: ModbusProfile, extra: Iterable[Place] = ()) -> tuple[Block, ...]:
    """The blocks that read all registers of `profile` and `extra` places, in ascending order.

    ValueError if one value alone is over the meter's limit, or if there would be too many.
    """
    places: list[Place] = sorted(
        [*(register.place for register in profile.registers), *extra],
        key=lambda place: (place.function, place.address),
    )
    _refuse_overlap(places)
    found: list[Block] = []
    for place in places:
        alone = _shaped(Block(place.function, place.address, place.count), profile)
        joined = _join(found[-1], place, profile) if found else None
        if joined is None:
            found.append(alone)
        else:
            found[-1] = joined
    if len(found) > BLOCKS_MAX:
        raise ValueError(f"{len(found)} requests for one meter, expected at most {BLOCKS_MAX}")
    return tuple(found)


def _join(block: Block, place: Place, profile: ModbusProfile) -> Block | None:
    """`block` grown to hold `place`, or None if that is not allowed."""
    if block.function != place.function or place.address - block.end > profile.gap_max:
        return None
    end = max(block.end, place.address + place.count)
    try:
        return _shaped(Block(block.function, block.address, end - block.address), profile)
    except ValueError:
        return None


def _shaped(block: Block, profile: ModbusProfile) -> Block:
    """`block` with an even count where the meter wants one; ValueError if it is too long."""
    odd = profile.even_count and block.size % 2
    shaped = block._replace(size=block.size + 1) if odd else block
    if shaped.size > profile.max_registers:
        raise ValueError(
            f"{shaped.size} registers at {shaped.address:#06x} in one request, "
            f"the meter allows {profile.max_registers}"
        )
    return shaped


def _refuse_overlap(places: list[Place]) -> None:
    for first, second in pairwise(places):
        if first.function == second.function and first.address + first.count > second.address:
            raise ValueError(
                f"the registers at {first.address:#06x} and {second.address:#06x} overlap"
            )
