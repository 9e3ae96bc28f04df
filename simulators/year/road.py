"""The road from devices to the gateway: slow, lossy, repeating, out of order, and honest at last.

What was lost is sent again until a receipt covers it, as the edge does. Within one delivery the
order is any. A blackout keeps a house's batches until it is over. At the end of a world everything
has arrived.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from random import Random

from cloud_sync import receipt as wire_receipt
from cloud_sync import signing
from gateway.opening import Incoming
from simulators.year.device import Night
from simulators.year.model import House

# Of a thousand batches: lost for days, kept for days, kept for weeks, brought twice.
_LOST, _DAYS_LATE, _WEEKS_LATE, _TWICE = 80, 50, 15, 60
# The longest a batch is kept without a blackout; less than `fates.DOUBT_DAYS`.
LATEST_DAYS = 25
_RESENT_DAYS = 4


class Road:
    """Keeps what is under way; days are those of the town.

    Each house has its own luck, so that it meets the same fate in a town of its own.
    """

    def __init__(self, seed: str, last_day: int) -> None:
        self._seed = seed
        self._random = Random(seed)
        self._lucks: dict[str, Random] = {}
        self._under_way: list[tuple[str, Night]] = []
        self._last_day = last_day
        self._due: dict[int, list[tuple[str, Night]]] = defaultdict(list)
        self._unheard: dict[tuple[str, int], Night] = {}
        self.counts = {"sent": 0, "lost": 0, "late": 0, "repeated": 0, "resent": 0, "brought": 0}

    def send(self, house: House, night: Night) -> None:
        """Take a batch; it will arrive on this day or on later ones."""
        self.counts["sent"] += 1
        self._unheard[house.device, night.sequence] = night
        random = self._lucks.setdefault(house.name, Random(f"{self._seed}/{house.name}"))
        held = next((one for one in house.blackouts if night.day in one), None)
        if held is not None:
            self.counts["late"] += 1
            return self._plan(house, night, held.end + random.randrange(2))
        luck = random.randrange(1000)
        if luck < _LOST:
            self.counts["lost"] += 1
            return self._plan(house, night, night.day + random.randrange(1, _RESENT_DAYS))
        if luck < _LOST + _DAYS_LATE + _WEEKS_LATE:
            self.counts["late"] += 1
            longest = 7 if luck < _LOST + _DAYS_LATE else LATEST_DAYS
            return self._plan(house, night, night.day + random.randrange(1, longest))
        self._plan(house, night, night.day)
        if luck >= 1000 - _TWICE:
            self.counts["repeated"] += 1
            self._plan(house, night, night.day + random.randrange(LATEST_DAYS))
        return None

    def due(self, day: int) -> list[Incoming]:
        """What arrives on a day, in any order; what is unheard of after that is sent again."""
        found = self._due.pop(day, [])
        self._random.shuffle(found)
        self.counts["brought"] += len(found)
        self._under_way = found
        return [Incoming(night.topic, night.message) for _, night in found]

    def heard(self, receipts: Iterable[tuple[str, bytes]], day: int) -> Iterator[tuple[str, int]]:
        """Receipts: what they cover is done (device and number), the rest is sent again."""
        said = [wire_receipt.decode(signing.parse(sealed).payload) for _, sealed in receipts]
        ranges = {one.device: ((1, one.through), *one.also) for one in said}
        for device, night in self._under_way:
            if _covers(ranges.get(device, ()), night.sequence):
                self._unheard.pop((device, night.sequence), None)
                yield device, night.sequence
            elif (device, night.sequence) in self._unheard:
                self.counts["resent"] += 1
                self._due[day + 1].append((device, night))

    @property
    def waiting(self) -> int:
        """How many batches no receipt has covered."""
        return len(self._unheard)

    def _plan(self, house: House, night: Night, day: int) -> None:
        self._due[min(day, max(self._last_day, night.day))].append((house.device, night))


def _covers(ranges: Sequence[tuple[int, int]], sequence: int) -> bool:
    return any(first <= sequence <= last for first, last in ranges)
