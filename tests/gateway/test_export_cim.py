"""MeterReadings of IEC 61968-9: the order of its elements, its codes, and exact values."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from drivers.reading import to_ms
from gateway.billing import BILLED_UNITS, DETERMINED, Method
from gateway.evidence import Verdict
from gateway.export.cim import as_cim, reading_type
from gateway.export.closed import Closed, ExportError, Origin
from gateway.quality import CODES
from tests.gateway.closed import a_closed

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).with_name("meter_readings.xsd")))
NAMES = {"m": "http://iec.ch/TC57/2011/MeterReadings#"}
WATCHED = Verdict("V-ZERO", "W", "3.6.1", "unchanged for 40 days < & >")


class Told(NamedTuple):
    """One Readings element as an independent reader understands it."""

    meter: str
    point: str
    at_ms: int
    value: Decimal
    code: str
    qualities: list[str]


def read(lines: list[Closed]) -> list[Told]:
    (content,) = as_cim(lines).files
    root = etree.fromstring(content)
    SCHEMA.assertValid(root)
    return [
        Told(
            reading.findtext("m:Meter/m:serialNumber", namespaces=NAMES),
            reading.findtext("m:UsagePoint/m:Names/m:name", namespaces=NAMES),
            to_ms(datetime.fromisoformat(one.findtext("m:timeStamp", namespaces=NAMES))),
            Decimal(one.findtext("m:value", namespaces=NAMES)),
            one.find("m:ReadingType", NAMES).get("ref"),
            [
                quality.get("ref")
                for quality in one.findall("m:ReadingQualities/m:ReadingQualityType", NAMES)
            ],
        )
        for reading in root.findall("m:MeterReading", NAMES)
        for one in reading.findall("m:Readings", NAMES)
    ]


def test_the_registers_of_a_meter_stand_in_one_reading() -> None:
    lines = [
        a_closed(),
        a_closed(line_id="2026-10-000002", register="1-0:1.8.2", closing_value=Decimal("7.00")),
        a_closed(line_id="2026-10-000003", point="Точка 7", closing_meter="2"),
    ]
    root = etree.fromstring(as_cim(lines).files[0])
    assert [len(one.findall("m:Readings", NAMES)) for one in root] == [2, 1]
    first, second, third = read(lines)
    assert (first.meter, first.point, first.value) == ("10000001", "L5-12-E", Decimal("1300.00"))
    assert first.at_ms == lines[0].line.closing_at_ms
    assert (second.value, third.point) == (Decimal("7.00"), "Точка 7")


@pytest.mark.parametrize(
    ("resource", "obis", "unit", "code"),
    [
        ("electricity", "1-0:1.8.0", "kWh", "0.0.0.1.1.1.12.0.0.0.0.0.0.0.0.3.72.0"),
        ("electricity", "1-0:1.8.2", "kWh", "0.0.0.1.1.1.12.0.0.0.0.2.0.0.0.3.72.0"),
        ("electricity", "1-0:2.8.0", "kWh", "0.0.0.1.19.1.12.0.0.0.0.0.0.0.0.3.72.0"),
        ("electricity", "1-0:3.8.0", "kvarh", "0.0.0.1.1.1.12.0.0.0.0.0.0.0.0.3.73.0"),
        ("cold-water", "8-0:1.0.0", "m3", "0.0.0.1.1.9.58.0.0.0.0.0.0.0.0.0.42.0"),
        ("hot-water", "9-0:1.0.0", "m3", "0.0.0.1.1.9.58.0.0.0.0.0.0.0.0.0.42.0"),
        ("gas", "7-0:3.0.0", "m3", "0.0.0.1.1.7.58.0.0.0.0.0.0.0.0.0.42.0"),
        ("heat", "6-0:1.0.0", "GJ", "0.0.0.1.1.12.12.0.0.0.0.0.0.0.0.9.31.0"),
        ("heat", "6-0:1.0.0", "Gcal", "0.0.0.1.1.12.12.0.0.0.0.0.0.0.0.9.31.0"),
        ("heat", "6-0:1.0.0", "t", None),
        ("electricity", "1-1:1.8.0", "kWh", None),
    ],
)
def test_a_register_has_its_code(resource: str, obis: str, unit: str, code: str | None) -> None:
    assert reading_type(resource, obis, unit) == code


def test_gcal_is_told_in_gj_to_the_last_digit() -> None:
    line = a_closed(
        resource="heat", register="6-0:1.0.0", unit="Gcal", closing_value=Decimal("1234.567")
    )
    (told,) = read([line])
    assert told.value == Decimal("1234.567") * Decimal("4.1868") == Decimal("5168.8851156")


def test_qualities_are_all_that_is_known() -> None:
    (plain,) = read([a_closed()])
    assert plain.qualities == ["3.0.1"]
    (watched,) = read([a_closed(WATCHED, WATCHED)])
    assert watched.qualities == ["3.0.1", "3.6.1"]
    (act,) = read([a_closed(origin=Origin.REMOVAL)])
    assert act.qualities == ["3.4.131"]
    (new,) = read([a_closed(origin=Origin.INSTALLATION)])
    assert new.qualities == ["2.5.259", "3.4.131"]


def test_a_carried_line_is_known_missing_and_says_why() -> None:
    line = a_closed(method="carried", reason="no accepted reading in the period")
    (told,) = read([line])
    assert told.qualities == ["2.5.259"]
    assert told.value == line.line.closing_value
    assert "no accepted reading in the period" in as_cim([line]).files[0].decode()


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("interpolated", ["3.8.0"]),
        ("average", ["2.5.259", "3.8.0"]),
        ("check", ["2.5.259", "3.8.0"]),
        ("norm", ["2.5.259", "3.8.1001"]),
    ],
)
def test_an_estimate_says_what_it_is(method: str, expected: list[str]) -> None:
    (told,) = read([a_closed(method=method, reason="unread period 2 of 3")])
    assert told.qualities == expected
    words = {quality: CODES[quality].gis for quality in expected}
    assert DETERMINED[Method(method)] in words.values()


def test_a_quantity_without_a_code_is_left_out_by_name() -> None:
    mass = a_closed(line_id="x", resource="heat", register="6-0:2.0.0", unit="t")
    found = as_cim([a_closed(), mass])
    (left,) = found.left_out
    assert (left.line, left.reason) == ("x", "IEC 61968-9 has no code for 6-0:2.0.0 in t")
    assert found.lines == 1


def test_names_are_escaped_and_text_no_xml_can_hold_is_refused() -> None:
    (told,) = read([a_closed(point="<П&1>")])
    assert told.point == "<П&1>"
    with pytest.raises(ExportError, match="has a character that XML cannot hold"):
        as_cim([a_closed(method="carried", reason="\x00")])


def test_the_same_lines_are_the_same_bytes() -> None:
    assert as_cim([a_closed()]) == as_cim([a_closed()])


@given(
    values=st.lists(
        st.tuples(
            st.integers(0, 10**18 - 1),
            st.integers(-9, 3),
            st.sampled_from(sorted(BILLED_UNITS - {"Gcal", "t", "HCA"})),
            st.integers(0, 2**41),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_any_line_is_read_back_as_the_ledger_has_it(
    values: list[tuple[int, int, str, int]],
) -> None:
    lines = [
        a_closed(
            line_id=f"2026-10-{number:06d}",
            closing_meter=str(number),
            unit=unit,
            closing_value=Decimal(mantissa).scaleb(exponent),
            opening_at_ms=0,
            closing_at_ms=at_ms,
        )
        for number, (mantissa, exponent, unit, at_ms) in enumerate(values)
    ]
    told = [(one.meter, one.value, one.at_ms) for one in read(lines)]
    assert told == [
        (one.line.closing_meter, one.line.closing_value, one.line.closing_at_ms) for one in lines
    ]
