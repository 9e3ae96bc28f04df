"""The port to the registry as it is kept: what is said, what stands, and what a person changes.

Like the ports of store.py its methods take whole sets and act in the transaction around them.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from drivers.reading import Resource
from gateway.model import DeviceKey, GisDevice
from gateway.registry_csv import RegisterLine


class Fact(NamedTuple):
    """What is said of a subject: pairs of column and value."""

    subject: tuple[str, ...]
    said: tuple[tuple[str, str], ...]


class PointNow(NamedTuple):
    """A metering point: what it measures, the meter there, and when the last one was removed."""

    resource: Resource
    meter: str | None
    removed_at_ms: int | None


class MeterNow(NamedTuple):
    """A registered meter: where it stands, when it was last removed, who reads it since when."""

    point: str | None
    removed_at_ms: int | None
    device: str | None
    read_since_ms: int | None


class InstallAct(NamedTuple):
    """A known meter is put up, with its registers' first mantissas by OBIS."""

    point: str
    meter: str
    at_ms: int
    initials: Mapping[str, int]
    device: str
    factor: str


class BookPort(Protocol):
    """What keeping the registry asks; every change that ingest could see raises its revision."""

    def said(self, lines: Sequence[RegisterLine]) -> list[Fact]:
        """What the registry says already of the subjects of `lines`."""

    def write(self, lines: Sequence[RegisterLine]) -> dict[str, int]:
        """Enter what is new in lines that do not contradict the registry; counts by table."""

    def standing(self, point: str | None = None) -> list[RegisterLine]:
        """The registers of the meters that stand now, of one point or all, in order of points."""

    def remove(
        self, point: str, at_ms: int, finals: Mapping[str, int], rolled: Collection[str] = ()
    ) -> None:
        """End the standing installation of a point, with its registers' last mantissas.

        Those in `rolled` passed their last digit after their last reading.
        """

    def point(self, name: str) -> PointNow | None:
        """A metering point as it is now."""

    def meter(self, serial: str) -> MeterNow | None:
        """A registered meter as it is now."""

    def is_device(self, name: str) -> bool:
        """Whether a device of that name is known."""

    def install(self, act: InstallAct) -> None:
        """Begin an installation of a meter that stands nowhere, read by a device."""

    def bind(self, meter: str, device: str, at_ms: int) -> None:
        """From that instant on another device reads a meter."""

    def end_order(self, meter: str, at_ms: int) -> None:
        """End an order against a meter without taking it back: it is put into service anew."""

    def add_key(self, key: DeviceKey) -> None:
        """Enter a key; the device (its number is ignored) is made if there is none."""

    def place_device(self, device: str, house: str) -> bool:
        """Say in which house a device hangs; False if either is not known."""

    def end_key(self, key_id: bytes, at_ms: int) -> None:
        """From that instant on the key signs nothing."""

    def touch(self) -> None:
        """Raise the revision for a change beside the registry that ingest is to see."""

    def gis_devices(self) -> dict[str, GisDevice]:
        """The meters that ГИС ЖКХ knows, by serial."""

    def set_gis_devices(self, devices: Mapping[str, GisDevice]) -> None:
        """Enter or replace what ГИС ЖКХ calls registered meters, by serial."""
