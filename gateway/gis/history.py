"""exportMeteringDeviceHistory: asking for readings that others have entered, and reading them.

A resident enters a figure at ГИС ЖКХ; it comes back without an organisation's GUID. What an
organisation entered for its own is excluded by the question, since it came from here; what other
organisations entered is somebody else's claim and is not taken for a resident's.

The window is at most two consecutive months (the schema's rule), here always a period and the
month after it, as figures for a period are entered until its contract's window ends.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple
from xml.etree.ElementTree import Element

from drivers.reading import Unit, to_ms
from gateway.export.gis_units import VALUE_PATTERN, Okei, read_back
from gateway.export.gis_zhkh import BASE, DEVICE_BASE, METERING, PREFIXES, SCHEMA_VERSION
from gateway.export.xml import child, document
from gateway.gis.exchange import IDENTITY
from gateway.gis.model import GisError
from gateway.model import GisDevice
from gateway.periods import following

# The schema's bounds on one question; pages hold at most 1000 devices by themselves.
DEVICES_PER_QUESTION_MAX = 100
HOUSES_PER_QUESTION_MAX = 100
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
CENTURY = 2000
_LAST_PAGE: Final = "true"


class Window(NamedTuple):
    """First and last day of the question."""

    first: date
    last: date


class Known(NamedTuple):
    """A reading in ГИС ЖКХ, in the device's unit: `values` by tariff, 0 where there is one rate.

    `organisation` is empty where a citizen entered it.
    """

    device_guid: str
    values: Mapping[int, str]
    day: date
    entered_ms: int
    organisation: str
    source: str


class Page(NamedTuple):
    """Some of the readings; `following` is where to go on, empty on the last page."""

    readings: tuple[Known, ...]
    following: str


def window(period: str) -> Window:
    """The days in which figures for a period are read: it and the month after it."""
    beyond = following(following(period))
    return Window(_first_day(period), _first_day(beyond) - timedelta(days=1))


def _first_day(period: str) -> date:
    return date.fromisoformat(f"{period}-01")


def question(devices: Sequence[GisDevice], asked: Window, start: str = "") -> bytes:
    """The request's element; `start` is where the page before said to go on."""
    root = Element(f"{{{METERING}}}exportMeteringDeviceHistoryRequest")
    root.set("Id", IDENTITY)
    root.set(f"{{{BASE}}}version", SCHEMA_VERSION)
    houses = sorted({one.house_guid for one in devices})
    if "" not in houses and len(houses) <= HOUSES_PER_QUESTION_MAX:
        for house in houses:
            child(root, f"{{{METERING}}}FIASHouseGuid", house)
    if start:
        child(root, f"{{{METERING}}}ExportMeteringDeviceRootGUID", start)
    for one in devices:
        child(root, f"{{{METERING}}}MeteringDeviceRootGUID", one.device_guid)
    child(root, f"{{{METERING}}}inputDateFrom", asked.first.isoformat())
    child(root, f"{{{METERING}}}inputDateTo", asked.last.isoformat())
    child(root, f"{{{METERING}}}ExcludeCurrentOrgAsDataSource", "true")
    child(root, f"{{{METERING}}}ExcludeOtherOrgAsDataSource", "true")
    return document(root, PREFIXES)


def page(state: Element) -> Page:
    """The readings of a finished getStateResult; GisError for values that are none."""
    found = [
        known
        for one in state.findall(f"{{{METERING}}}exportMeteringDeviceHistoryResult")
        for known in _of_device(one)
    ]
    paged = state.find(f"{{{METERING}}}PagedOutput")
    onward = "" if paged is None else _following(paged)
    return Page(tuple(found), onward)


def values(
    known: Known, registers: Mapping[int, tuple[str, Unit]], unit: str
) -> dict[str, Decimal]:
    """A reading's values by register, in the register's unit; GisError where that is inexact.

    `registers` are the meter's by tariff, `unit` is the device's at ГИС ЖКХ.
    """
    told = {}
    for number, text in known.values.items():
        # A meter without tariffs is asked for T1 as well.
        found = registers.get(number) or (registers.get(0) if len(known.values) == 1 else None)
        if found is None:
            raise GisError(f"tariff {number} is none of the meter's")
        obis, own = found
        try:
            told[obis] = read_back(text, own, Okei(unit))
        except ValueError as error:
            raise GisError(str(error)) from error
    return told


def _following(paged: Element) -> str:
    if paged.findtext(f"{{{METERING}}}LastPage") == _LAST_PAGE:
        return ""
    return paged.findtext(f"{{{METERING}}}ExportMeteringDeviceRootGUID", "").strip()


def _of_device(result: Element) -> list[Known]:
    guid = result.findtext(f"{{{METERING}}}MeteringDeviceRootGUID", "").strip().lower()
    found = []
    for kind in ("OneRateDeviceValue", "ElectricDeviceValue"):
        path = f"{{{METERING}}}{kind}/{{{METERING}}}Values/{{{METERING}}}CurrentValue"
        found += [_known(guid, one) for one in result.findall(path)]
    return found


def _known(guid: str, current: Element) -> Known:
    day = current.findtext(f"{{{METERING}}}DateValue", "").strip()
    return Known(
        guid,
        _values(guid, current),
        _day(guid, day),
        _instant(guid, current.findtext(f"{{{DEVICE_BASE}}}EnterIntoSystem", "").strip()),
        current.findtext(f"{{{DEVICE_BASE}}}orgPPAGUID", "").strip(),
        current.findtext(f"{{{DEVICE_BASE}}}ReadingsSource", "").strip(),
    )


def _day(guid: str, text: str) -> date:
    """The day of an xs:date or xs:dateTime; what stands behind it is a zone or an hour."""
    try:
        if _DATE.match(text) is not None:
            return date.fromisoformat(text[:10])
    except ValueError:
        pass  # a day that no month has is told like any other text that is no day
    raise GisError(f"device {guid}: expected the day of a reading, got {text!r}")


def _values(guid: str, current: Element) -> dict[int, str]:
    told = {}
    for number in range(4):
        name = f"MeteringValueT{number}" if number else "MeteringValue"
        text = current.findtext(f"{{{DEVICE_BASE}}}{name}")
        if text is not None:
            told[number] = text.strip()
    wrong = [text for text in told.values() if VALUE_PATTERN.fullmatch(text) is None]
    if wrong or not told:
        raise GisError(f"device {guid}: expected values like 123.45, got {wrong or 'none'}")
    return told


def _instant(guid: str, text: str) -> int:
    said = f"device {guid}: expected a time with its zone, got {text!r}"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise GisError(said) from error
    # A meter was read in some zone, in this century.
    if moment.tzinfo is None or moment.year < CENTURY:
        raise GisError(said)
    return to_ms(moment)
