"""ГИС ЖКХ: importMeteringDeviceValuesRequest (package 14.4.0.1), one element per device.

A device is reported whole or not at all: a meter with two tariffs of which one was not read is
left out, because a missing T2 would be taken for a meter without one. Only what was read in the
period is reported, in the device's unit, exactly. A request holds at most 1000 devices; it names
the house where all of them stand in one. The header, the signature and the sending are a client's
(see gateway/gis).

TransportGUIDs are made from the device's GUID and the line's id, so that exporting a period
again gives the same request, and ГИС ЖКХ sees a repetition as one. Values that it has refused are
sent again under a number of their own.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element

from drivers.reading import Resource, Unit
from gateway.billing import Method, Role
from gateway.claims.model import ClaimSource
from gateway.export.closed import Closed, Documents, LeftOut, Origin
from gateway.export.gis_units import RESOURCE_CODES, Okei, imported, tariff
from gateway.export.xml import child, document
from gateway.model import GisDevice

DEVICES_PER_REQUEST_MAX = 1000  # the schema's maxOccurs
SCHEMA_VERSION = "10.0.1.1"  # fixed in the schema, whatever the package's number
TARIFFS_MAX = 3
# What may be imported as a CurrentValue: values that somebody or something has read.
REPORTED = frozenset({Method.ACTUAL.value})

BASE = "http://dom.gosuslugi.ru/schema/integration/base/"
NSI_BASE = "http://dom.gosuslugi.ru/schema/integration/nsi-base/"
DEVICE_BASE = "http://dom.gosuslugi.ru/schema/integration/metering-device-base/"
METERING = "http://dom.gosuslugi.ru/schema/integration/device-metering/"
PREFIXES = {BASE: "base", NSI_BASE: "nsi-base", DEVICE_BASE: "device", METERING: "metering"}


class Report(NamedTuple):
    """What is imported for one device: its lines by tariff, and their values in its unit."""

    device: GisDevice
    lines: Mapping[int, Closed]
    values: Mapping[int, str]

    @property
    def first(self) -> Closed:
        """The line whose day and id stand for the whole."""
        return self.lines[min(self.lines)]


class Sorted(NamedTuple):
    """The lines of a period: those to report, device by device, and the others."""

    reports: tuple[Report, ...]
    left_out: tuple[LeftOut, ...]


def as_gis_zhkh(lines: Iterable[Closed], devices: Mapping[str, GisDevice]) -> Documents:
    """One request per 1000 devices, in the order of the lines."""
    found = sort(lines, devices)
    files = tuple(request([(one, guid_of(one)) for one in few]) for few in chunks(found.reports))
    count = sum(len(report.lines) for report in found.reports)
    return Documents(files, count, found.left_out, devices=len(found.reports))


def sort(lines: Iterable[Closed], devices: Mapping[str, GisDevice]) -> Sorted:
    """What can be reported of a period's lines, and what cannot with the reason."""
    left_out: list[LeftOut] = []
    reports = []
    for meter, of_meter in _by_meter(lines).items():
        wanted = _wanted(of_meter, left_out)
        reason = _refusal(wanted, devices.get(meter))
        if not reason and wanted:
            try:
                reports.append(_report(wanted, devices[meter]))
            except ValueError as error:
                reason = str(error)
        if reason:
            left_out += [LeftOut.of(one, reason) for one in wanted.values()]
    return Sorted(tuple(reports), tuple(sorted(left_out)))


def guid_of(report: Report, refusals: int = 0) -> str:
    """The TransportGUID of a device's values, which ГИС ЖКХ has refused so often before."""
    line_id = report.first.line.line_id
    return transport_guid(report.device, f"{line_id}/{refusals}" if refusals else line_id)


def transport_guid(device: GisDevice, name: str) -> str:
    """The same for the same name of the same device, unlike for any other."""
    return str(uuid.uuid5(uuid.UUID(device.device_guid), name))


def _by_meter(lines: Iterable[Closed]) -> dict[str, list[Closed]]:
    meters: dict[str, list[Closed]] = {}
    for one in lines:
        meters.setdefault(one.line.closing_meter, []).append(one)
    return meters


def _wanted(lines: Sequence[Closed], left_out: list[LeftOut]) -> dict[int, Closed]:
    """The lines of a meter that ГИС ЖКХ has a place for, by tariff; the others are left out."""
    newest = max(lines, key=lambda one: one.line.closing_at_ms)
    wanted: dict[int, Closed] = {}
    for one in lines:
        line = one.line
        number = tariff(Resource(line.resource), line.register)
        if line.role == Role.CHECK:
            left_out.append(LeftOut.of(one, "a check register: shown, never billed"))
        elif line.point != newest.line.point:
            left_out.append(LeftOut.of(one, f"the meter was moved to {newest.line.point}"))
        elif number is None:
            left_out.append(LeftOut.of(one, f"ГИС ЖКХ takes no {line.register} of {line.resource}"))
        else:
            wanted[number] = one
    if len(wanted) > 1 and 0 in wanted:
        left_out.append(LeftOut.of(wanted.pop(0), "the sum of the tariffs, which are exported"))
    return dict(sorted(wanted.items()))


def _refusal(wanted: Mapping[int, Closed], device: GisDevice | None) -> str:
    """Why a meter cannot be reported, empty if it can."""
    if not wanted:
        return ""
    first = next(iter(wanted.values()))
    if device is None:
        return "the meter has no GUID: enter it with plomba-gateway registry gis-zhkh"
    if first.line.resource != Resource.ELECTRICITY and not device.resource_guid:
        return "the meter has no GUID of its resource: see plomba-gateway registry gis-zhkh"
    unread = next(filter(None, map(_unread, wanted.values())), "")
    return unread or _unplaced(wanted)


def _unplaced(wanted: Mapping[int, Closed]) -> str:
    """Why the registers have no place in one device of ГИС ЖКХ, empty if they have."""
    if 0 not in wanted and [*wanted] != [*range(1, len(wanted) + 1)]:
        return f"tariffs {', '.join(map(str, wanted))} cannot be placed from T1 on"
    if max(wanted) > TARIFFS_MAX:
        return f"ГИС ЖКХ takes {TARIFFS_MAX} tariffs, the meter has {max(wanted)}"
    if len({one.closing_date for one in wanted.values()}) > 1:
        return "the tariffs were read on different days, and a device has one"
    return ""


def _unread(closed: Closed) -> str:
    line = closed.line
    if line.method not in REPORTED:
        return f"{line.method}: {line.reason}"
    if closed.origin is Origin.INSTALLATION:
        return "the meter was not read since its installation"
    if line.source == ClaimSource.GIS:
        return "the resident's own figure, which ГИС ЖКХ has already"
    return ""


def _report(wanted: Mapping[int, Closed], device: GisDevice) -> Report:
    values = {
        number: imported(one.line.closing_value, Unit(one.line.unit), Okei(device.unit))
        for number, one in wanted.items()
    }
    return Report(device, wanted, values)


def chunks(reports: Sequence[Report]) -> Iterator[Sequence[Report]]:
    """As many at a time as a request may hold."""
    for start in range(0, len(reports), DEVICES_PER_REQUEST_MAX):
        yield reports[start : start + DEVICES_PER_REQUEST_MAX]


def request(reports: Sequence[tuple[Report, str]], identity: str = "") -> bytes:
    """The request of devices with their TransportGUIDs; a signature refers to its `identity`."""
    root = Element(f"{{{METERING}}}importMeteringDeviceValuesRequest")
    if identity:
        root.set("Id", identity)
    root.set(f"{{{BASE}}}version", SCHEMA_VERSION)
    houses = {report.device.house_guid for report, _ in reports}
    if len(houses) == 1 and houses != {""}:
        child(root, f"{{{METERING}}}FIASHouseGuid", houses.pop())
    for report, transport in reports:
        device = child(root, f"{{{METERING}}}MeteringDevicesValues")
        child(device, f"{{{METERING}}}MeteringDeviceRootGUID", report.device.device_guid)
        if report.first.line.resource == Resource.ELECTRICITY:
            _electric(device, report, transport)
        else:
            _one_rate(device, report, transport)
    return document(root, PREFIXES)


def _electric(device: Element, report: Report, transport: str) -> None:
    value = child(
        child(device, f"{{{METERING}}}ElectricDeviceValue"), f"{{{METERING}}}CurrentValue"
    )
    for place, text in enumerate(report.values.values(), 1):
        child(value, f"{{{DEVICE_BASE}}}MeteringValueT{place}", text)
    _when(value, report, transport)


def _one_rate(device: Element, report: Report, transport: str) -> None:
    value = child(child(device, f"{{{METERING}}}OneRateDeviceValue"), f"{{{METERING}}}CurrentValue")
    resource = child(value, f"{{{DEVICE_BASE}}}MunicipalResource")
    child(resource, f"{{{NSI_BASE}}}Code", RESOURCE_CODES[Resource(report.first.line.resource)])
    child(resource, f"{{{NSI_BASE}}}GUID", report.device.resource_guid)
    child(value, f"{{{DEVICE_BASE}}}MeteringValue", *report.values.values())
    _when(value, report, transport)


def _when(value: Element, report: Report, transport: str) -> None:
    """The day of the reading, and the period, which a reading just after midnight is not in."""
    first = report.first
    year, month = first.line.period.split("-")
    child(value, f"{{{METERING}}}DateValue", first.closing_date.isoformat())
    child(value, f"{{{BASE}}}TransportGUID", transport)
    period = child(value, f"{{{METERING}}}Period")
    child(period, f"{{{BASE}}}Year", year)
    child(period, f"{{{BASE}}}Month", str(int(month)))
