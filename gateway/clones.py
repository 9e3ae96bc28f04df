"""A device that speaks from two places: one key, one number, two contents.

Somebody copied the card, or an old copy of it was put back. Which of the two is the device nobody
can tell from here: what came first stays, the other is refused and kept as evidence, and a person
is told, who goes and looks. A device is one row however often it happens.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from gateway.audit import GATEWAY, Act, AuditPort
from gateway.quarantine import Reason

TWICE = frozenset({Reason.SEQUENCE_REUSED, Reason.CHAIN_BROKEN})
"""The refusals that only another writer of the same chain can cause."""


class Twice(NamedTuple):
    """A batch that does not fit the stored chain of its device."""

    device_no: int
    sequence: int
    boot: bytes


class Clone(NamedTuple):
    """What is known of a device that speaks from two places.

    `stored_boot` sent what is in the ledger, `other_boot` what was refused first.
    """

    device: str
    first_at_ms: int
    last_at_ms: int
    sequence: int
    stored_boot: bytes
    other_boot: bytes
    times: int

    @property
    def places(self) -> str:
        """The batch and both boots, as they are told to people."""
        one, other = self.stored_boot.hex(), self.other_boot.hex()
        return f"batch {self.sequence} of boot {one} and of boot {other}"


class ClonePort(Protocol):
    """Where they are kept; every method acts in the transaction open around it."""

    def note(self, seen: Twice, times: int, at_ms: int) -> Clone | None:
        """Count a device's batches that did not fit; what is known, if it is the first time."""

    def clones(self) -> list[Clone]:
        """All of them that were not revoked since, by device."""


def tell(clones: ClonePort, audit: AuditPort, seen: Sequence[Twice], now_ms: int) -> None:
    """Note what a group brought; the first time of a device stands in the audit log."""
    devices: dict[int, list[Twice]] = {}
    for item in seen:
        devices.setdefault(item.device_no, []).append(item)
    for items in devices.values():
        found = clones.note(items[0], len(items), now_ms)
        if found is not None:
            told = ("", found.places, "one key speaks from two places")
            audit.append(Act(now_ms, *GATEWAY, "device cloned?", found.device, *told))
