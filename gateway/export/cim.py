"""IEC 61968-9: the closed lines as one MeterReadings document.

One MeterReading per meter and metering point, one Readings per line: the closing value, when it
was taken, what it counts (an 18-field ReadingType code) and every quality known of it. A line that
nobody read stands there too, marked as known missing: its value is the old one, at its old time.
Where it was billed on account (check meter, average, norm), the mark of that stands beside.

Element order is the schema's (namespace of 2011). Values are exact decimals in the unit that the
ReadingType names; there is none for Gcal, which are told as GJ (1 Gcal = 4.1868 GJ). Where a
meter is multiplied (transformers, pulses) the values are those times the factor, rounded down as
billing does, so that the way between two of them is the consumption that was billed.
"""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final
from xml.etree.ElementTree import Element

from drivers.reading import Resource, Unit, from_ms
from gateway.billing import Method
from gateway.closing_records import ClosingLine
from gateway.export.closed import Closed, Documents, LeftOut, Origin
from gateway.export.xml import child, document
from gateway.meter_life.factor import ONE, volume

NAMESPACE = "http://iec.ch/TC57/2011/MeterReadings#"
GJ_PER_GCAL = Decimal("4.1868")

# commodity: 1 electricity, 7 gas, 9 potable water, 12 heating fluid.
_COMMODITIES: Final = {
    Resource.ELECTRICITY: 1,
    Resource.COLD_WATER: 9,
    Resource.HOT_WATER: 9,
    Resource.HEAT: 12,
    Resource.GAS: 7,
}
# kind (12 energy, 58 volume), multiplier (a power of ten), unit (72 Wh, 73 varh, 31 J, 42 m3).
_QUANTITIES: Final = {
    Unit.KWH: (12, 3, 72),
    Unit.KVARH: (12, 3, 73),
    Unit.GJ: (12, 9, 31),
    Unit.GCAL: (12, 9, 31),
    Unit.M3: (58, 0, 42),
}
_FORWARD, _REVERSE = 1, 19
# Group C of an electricity register: 1 and 3 are import, 2 and 4 export, of energy and varh.
_ELECTRICITY = re.compile(r"1-0:([1-4])\.8\.([0-9]+)")
_OTHER = re.compile(r"[6-9]-0:[0-9]+\.[0-9]+\.([0-9]+)")

# Qualities of our own: system 3 is the meter data management, 2 the collection.
VALIDATED = "3.0.1"
MANUAL_READ = "3.4.131"
KNOWN_MISSING = "2.5.259"
ESTIMATED = "3.8.0"
# An extension of our own, as codes from 1001 on are: the norm of ПП 354.
BY_NORM = "3.8.1001"
# How a closing value that was not read in the period came about.
_OF_METHOD: Final = {
    Method.CARRIED: (KNOWN_MISSING,),
    Method.INTERPOLATED: (ESTIMATED,),
    Method.AVERAGE: (KNOWN_MISSING, ESTIMATED),
    Method.NORM: (KNOWN_MISSING, BY_NORM),
    Method.CHECK: (KNOWN_MISSING, ESTIMATED),
}


def as_cim(lines: Iterable[Closed]) -> Documents:
    """One document; lines whose quantity has no ReadingType code are left out."""
    root = Element(f"{{{NAMESPACE}}}MeterReadings")
    left_out = []
    count = 0
    for of_meter in _by_meter_at_point(lines):
        told = []
        for one in of_meter:
            code = reading_type(one.line.resource, one.line.register, one.line.unit)
            if code is None:
                reason = f"IEC 61968-9 has no code for {one.line.register} in {one.line.unit}"
                left_out.append(LeftOut.of(one, reason))
            else:
                told.append((one, code))
        if told:
            _meter_reading(root, told)
            count += len(told)
    return Documents((document(root, {NAMESPACE: "m"}),), count, tuple(left_out))


def reading_type(resource: str, obis: str, unit: str) -> str | None:
    """The ReadingType code of a register that counts up, None if there is none."""
    quantity = _QUANTITIES.get(Unit(unit))
    match = _ELECTRICITY.fullmatch(obis)
    flow = _FORWARD
    if match is not None:
        flow = _REVERSE if match[1] in "24" else _FORWARD
        tariff = match[2]
    elif (match := _OTHER.fullmatch(obis)) is not None:
        tariff = match[1]
    if quantity is None or match is None:
        return None
    kind, multiplier, symbol = quantity
    commodity = _COMMODITIES[Resource(resource)]
    return f"0.0.0.1.{flow}.{commodity}.{kind}.0.0.0.0.{tariff}.0.0.0.{multiplier}.{symbol}.0"


def qualities(closed: Closed) -> list[tuple[str, str]]:
    """All that is known of a closing value: quality codes with a comment, without repetition."""
    line = closed.line
    if line.method != Method.ACTUAL:
        return [(quality, line.reason) for quality in _OF_METHOD[Method(line.method)]]
    if closed.origin is Origin.INSTALLATION:
        return [(KNOWN_MISSING, line.reason), (MANUAL_READ, "act of the meter's installation")]
    if closed.origin is Origin.REMOVAL:
        return [(MANUAL_READ, "act of the meter's removal")]
    told = [(VALIDATED, line.reason)]
    told += [(verdict.quality, f"{verdict.rule}: {verdict.detail}") for verdict in closed.verdicts]
    return list(dict.fromkeys(told))


def _by_meter_at_point(lines: Iterable[Closed]) -> Iterable[list[Closed]]:
    groups: dict[tuple[str, str], list[Closed]] = {}
    for one in lines:
        groups.setdefault((one.line.point, one.line.closing_meter), []).append(one)
    return groups.values()


def _meter_reading(root: Element, told: Sequence[tuple[Closed, str]]) -> None:
    reading = child(root, f"{{{NAMESPACE}}}MeterReading")
    line = told[0][0].line
    meter = child(reading, f"{{{NAMESPACE}}}Meter")
    child(meter, f"{{{NAMESPACE}}}serialNumber", line.closing_meter)
    _named(meter, line.closing_meter)
    for one, code in told:
        _readings(reading, one, code)
    _named(child(reading, f"{{{NAMESPACE}}}UsagePoint"), line.point)
    # The schema lists the end before the start.
    interval = child(reading, f"{{{NAMESPACE}}}valuesInterval")
    ends = [one.line.closing_at_ms for one, _ in told]
    starts = [one.line.opening_at_ms for one, _ in told]
    child(interval, f"{{{NAMESPACE}}}end", _utc(max(ends)))
    child(interval, f"{{{NAMESPACE}}}start", _utc(min(starts)))


def _readings(reading: Element, closed: Closed, code: str) -> None:
    line = closed.line
    value = _position(line) * (GJ_PER_GCAL if line.unit == Unit.GCAL else 1)
    element = child(reading, f"{{{NAMESPACE}}}Readings")
    child(element, f"{{{NAMESPACE}}}reason", "billing")
    child(element, f"{{{NAMESPACE}}}timeStamp", _utc(line.closing_at_ms))
    child(element, f"{{{NAMESPACE}}}value", f"{value:f}")
    for quality, comment in qualities(closed):
        about = child(element, f"{{{NAMESPACE}}}ReadingQualities")
        if comment:
            child(about, f"{{{NAMESPACE}}}comment", comment)
        child(about, f"{{{NAMESPACE}}}ReadingQualityType").set("ref", quality)
    child(element, f"{{{NAMESPACE}}}ReadingType").set("ref", code)


def _position(line: ClosingLine) -> Decimal:
    """The closing value in what is billed: with a factor, the way between two is consumption."""
    sign, digits, exponent = line.closing_value.as_tuple()
    if line.factor == ONE or not isinstance(exponent, int):
        return line.closing_value
    mantissa = int(Decimal((sign, digits, 0)))
    return Decimal(volume(mantissa, line.factor)).scaleb(exponent)


def _named(parent: Element, name: str) -> None:
    child(child(parent, f"{{{NAMESPACE}}}Names"), f"{{{NAMESPACE}}}name", name)


def _utc(moment_ms: int) -> str:
    return from_ms(moment_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
