"""What ГИС ЖКХ calls the meters: a CSV with one line per device, entered whole or not at all.

The names come from ГИС ЖКХ itself (its export of devices) and are its facts, not the world's: so
a line may correct what an earlier file said. A line is checked against the registry: the meter
must be there, and its register must convert exactly to the unit the device has.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from drivers.reading import Resource, Unit
from gateway.csv_lines import Fields, Problem, lines_of, refuse
from gateway.export.gis_units import ALLOWED, tariff, units_for
from gateway.model import GisDevice, MeterCard
from gateway.store import Store

COLUMNS: Final = ("meter", "device_guid", "unit", "resource_guid", "house_guid")

_GUIDS: Final = ("device_guid", "resource_guid", "house_guid")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_A_GUID = "a GUID like 8a8b7c6d-1234-5678-9abc-0123456789ab"


Lines = Sequence[tuple[int, Fields]]
"""Line numbers and fields by column."""


def import_csv(store: Store, data: bytes) -> dict[str, int]:
    """Enter the devices of a CSV; how many were new, changed and the same.

    RegistryError names every bad line, and then nothing was written.
    """
    problems: list[Problem] = []
    lines = list(lines_of(data, COLUMNS, problems))
    with store.transaction():
        known = store.book.gis_devices()
        problems += _problems(lines, store, known)
        refuse(problems)
        devices = {fields["meter"]: _device(fields) for _, fields in lines}
        changed = {meter: one for meter, one in devices.items() if known.get(meter) != one}
        store.book.set_gis_devices(changed)
    new = len(changed.keys() - known.keys())
    return {"new": new, "changed": len(changed) - new, "same": len(devices) - len(changed)}


def _device(fields: Fields) -> GisDevice:
    guids = {column: fields[column].lower() for column in _GUIDS}
    return GisDevice(unit=fields["unit"], **guids)


def _problems(lines: Lines, store: Store, known: Mapping[str, GisDevice]) -> Iterator[Problem]:
    cards = store.registry.meters({fields["meter"] for _, fields in lines})
    for number, fields in lines:
        yield from _faults(number, fields, cards.get(fields["meter"]))
    yield from _shared(lines, known)
    resources = {serial: card.resource for serial, card in cards.items()}
    yield from _disagreements(lines, "resource_guid", resources)
    houses = {line.meter: line.house for line in store.book.standing()}
    yield from _disagreements(lines, "house_guid", houses)


def _faults(number: int, fields: Fields, card: MeterCard | None) -> Iterator[Problem]:
    """What is wrong with a line by itself."""
    resource = card.resource if card else None
    if card is None or resource is None:
        yield Problem(number, "meter", "a meter of the registry", repr(fields["meter"]))
    else:
        yield from _unit_faults(number, fields["unit"], resource, card)
    for column in _GUIDS:
        text = fields[column]
        may_be_empty = column == "house_guid" or (
            column == "resource_guid" and resource is Resource.ELECTRICITY
        )
        if not (_GUID.fullmatch(text.lower()) or (may_be_empty and not text)):
            expected = f"{_A_GUID}, or nothing" if may_be_empty else _A_GUID
            yield Problem(number, column, expected, repr(text))


def _unit_faults(number: int, unit: str, resource: Resource, card: MeterCard) -> Iterator[Problem]:
    registers = [one for one in card.registers if tariff(resource, one.obis) is not None]
    if not registers:
        yield Problem(
            number,
            "meter",
            f"a meter with a register that ГИС ЖКХ takes of {resource}",
            ", ".join(one.obis for one in card.registers) or "none",
        )
    elif unit not in ALLOWED[resource]:
        allowed = ", ".join(sorted(ALLOWED[resource]))
        yield Problem(number, "unit", f"the device's ОКЕИ code ({allowed})", repr(unit))
    for one in registers:
        exact = units_for(resource, Unit(one.unit))
        if unit in ALLOWED[resource] and unit not in exact:
            expected = f"a unit into which {one.unit} converts exactly ({', '.join(exact)})"
            yield Problem(number, "unit", expected, repr(unit))


def _shared(lines: Lines, known: Mapping[str, GisDevice]) -> Iterator[Problem]:
    """Meters named twice, and GUIDs of devices given to two meters."""
    first: dict[str, int] = {}
    named = {fields["meter"] for _, fields in lines}
    owners = {one.device_guid: meter for meter, one in known.items() if meter not in named}
    for number, fields in lines:
        meter = fields["meter"]
        before = first.setdefault(meter, number)
        owner = owners.setdefault(fields["device_guid"].lower(), meter)
        if before != number:
            yield Problem(number, "meter", "each meter once", f"the one of line {before} again")
        elif owner != meter:
            yield Problem(number, "device_guid", "a device of its own", f"the one of meter {owner}")


def _disagreements(
    lines: Lines, column: str, subjects: Mapping[str, str | None]
) -> Iterator[Problem]:
    """A GUID belongs to a subject (a resource, a house), so all its meters say the same."""
    told: dict[str, tuple[str, int]] = {}
    for number, fields in lines:
        subject = subjects.get(fields["meter"])
        guid = fields[column].lower()
        if subject is None or not _GUID.fullmatch(guid):
            continue
        expected, line = told.setdefault(subject, (guid, number))
        if guid != expected:
            about = f"{expected} of {subject} as in line {line}"
            yield Problem(number, column, about, repr(guid))
