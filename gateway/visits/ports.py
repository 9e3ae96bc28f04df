"""What visits ask of the storage; every method acts in the transaction open around it."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from gateway.audit import AuditPort
from gateway.identity.model import DeviceNow, NotLetIn
from gateway.meter_life.seals import Seal
from gateway.store import Store
from gateway.visits.model import (
    NewVisit,
    PhotoRow,
    Plan,
    PointPlace,
    Rival,
    Step,
    VisitRow,
)


class Rejected(NamedTuple):
    """A stored batch that holds readings which did not count."""

    batch_no: int
    device_no: int
    message: bytes


class VisitPort(Protocol):
    """Records, their events' steps, photos, and what of the registry only visits ask."""

    def visit(self, device: str, number: int) -> VisitRow | None:
        """A record by its device and number."""

    def visits(self, house: str | None, limit: int) -> list[VisitRow]:
        """The newest records of a house ('' for none), or of all."""

    def applied_of(self, device_no: int) -> list[int]:
        """The numbers of a device's records of which something was applied."""

    def received_since(self, device_no: int, since_ms: int) -> int:
        """How many records of a device came since."""

    def add(self, new: NewVisit) -> int:
        """Keep a record; its number here."""

    def set_answer(self, visit_no: int, answer: bytes) -> None:
        """What its device is told."""

    def step(self, visit_no: int, step: Step, audit_no: int) -> None:
        """Note what became of an event."""

    def waiting_for(self, codes: Collection[str]) -> list[tuple[str, int]]:
        """Device and number of records with an event that needs a person for one of `codes`."""

    def add_rival(self, visit_no: int, rival: Rival, most: int) -> bool:
        """Keep another record of a taken number, `most` of them; whether it was new."""

    def photos(self, visit_no: int) -> list[PhotoRow]:
        """The photos that came."""

    def add_photo(self, visit_no: int, photo: PhotoRow) -> None:
        """Keep a photo's row."""

    def place(self, name: str, number: int | None) -> PointPlace | None:
        """A point by its name, or by its number."""

    def plan(self, point_no: int) -> Plan:
        """What a point is to have; like its last meter where nobody said it."""

    def closed_until(self, point: PointPlace) -> int | None:
        """Where the lines of the point's newest closed period end; None if none was closed."""

    def last_heard_ms(self, device_no: int) -> int | None:
        """When a device signed its last batch."""

    def meters_of(self, device_no: int) -> list[str]:
        """The meters a device reads now."""

    def seal(self, seal: Seal) -> None:
        """Enter a seal of a meter."""

    def rejected(
        self, device_no: int, serials: Collection[str], *, since_ms: int, after: int, limit: int
    ) -> Sequence[Rejected]:
        """Batches of a device above number `after` with readings of meters that did not count."""

    def stands(self, device_no: int) -> Mapping[bytes, int]:
        """The boots of a device whose start is known, with it."""

    def changed(self, batch_no: int) -> None:
        """Tell the ledger's followers that a batch has readings they have not seen."""


class Office(Protocol):
    """The storage seen from here."""

    @property
    def store(self) -> Store:
        """The registry and the ledger."""

    @property
    def visits(self) -> VisitPort:
        """Records."""

    @property
    def audit(self) -> AuditPort:
        """The log of acts."""

    def device(self, name: str) -> DeviceNow | None:
        """A device of the registry."""

    def refuse(self, refusal: NotLetIn, source: str, now_ms: int) -> None:
        """Count what a known device was refused, beside who was not let in."""

    def attempt(self) -> AbstractContextManager[None]:
        """What is done inside is undone alone where it ends in an exception."""
