"""What a judge may look at: the truth, what was sealed, when it arrived, who decided, the books."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from simulators.truth import Register
from simulators.year.books import Books
from simulators.year.device import Device, Injected, Night
from simulators.year.model import House, Place
from simulators.year.operator import Done


class Evidence:
    """Of one year on one road; everything in it was kept outside of the gateway."""

    def __init__(
        self,
        seed: int,
        ledger: Path,
        *,
        town: Sequence[House],
        devices: Sequence[Device],
        books: Books,
    ) -> None:
        self.seed, self.ledger, self.town, self.books = seed, ledger, town, books
        self._devices = devices
        self.nights: dict[str, dict[int, Night]] = defaultdict(dict)
        """What each house's device sealed, by house and day, without the bytes."""
        self.arrived: dict[tuple[str, int], int] = {}
        """When a batch of a device (by its number) was first covered by a receipt."""
        self.entered: dict[tuple[str, str], int] = {}
        """When the clerk entered what (a place or meter, and the act)."""
        self.done: Sequence[Done] = ()
        self.reopened: list[tuple[str, str]] = []
        """Houses and periods that were taken back, in order."""
        self.counts: Counter[str] = Counter()
        self.registers: dict[tuple[str, str], Register] = {}
        self.places: dict[str, tuple[House, Place]] = {}
        self.steps: dict[tuple[str, str, int], int] = {}
        """What the last digit of a person's right figure is worth: by meter, register, instant."""
        for house in town:
            for place in house.places:
                for said in place.said:
                    for obis in said.values if said.is_right else ():
                        self.steps[said.serial, obis, said.at_ms] = said.step
                self.places[place.name] = house, place
                for hanging in place.hangings:
                    for register in hanging.meter.registers:
                        self.registers[hanging.meter.serial, register.obis] = register

    @property
    def injected(self) -> list[Injected]:
        """Every wrong value that was sealed."""
        return [one for device in self._devices for one in device.injected]

    @property
    def untimed(self) -> "Untimed":
        """Serial and alleged time of readings whose time nobody can know."""
        return Untimed([device.untimed for device in self._devices])


class Untimed:
    """A set of sets that still grow."""

    def __init__(self, parts: Sequence[set[tuple[str, int]]]) -> None:
        self._parts = parts

    def __contains__(self, one: object) -> bool:
        return any(one in part for part in self._parts)
