"""The request ГИС ЖКХ takes: valid, complete, exact, and the same when made again."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from drivers.reading import Resource, Unit
from gateway.export.closed import Closed, Origin
from gateway.export.gis_units import ALLOWED, Okei, imported, units_for
from gateway.export.gis_zhkh import DEVICES_PER_REQUEST_MAX, as_gis_zhkh
from tests.gateway.closed import HOUSE_GUID, WATER_GUID, a_closed, a_device, devices
from tests.gateway.gis_schema import check, house, needs_schema, read

MIDNIGHT_MS = 1_793_480_400_000  # 2026-11-01T00:00:00+03:00
PERIOD = ("2026", "10")


def water(**changes: object) -> Closed:
    fields = {"resource": "cold-water", "register": "8-0:1.0.0", "unit": "m3"}
    return a_closed(**(fields | {"closing_value": Decimal("12.345")} | changes))


def heat(unit: str, value: str) -> Closed:
    told = {"resource": "heat", "register": "6-0:1.0.0", "unit": unit}
    return a_closed(**told, closing_value=Decimal(value))


def tariffs(*registers: str, **changes: object) -> list[Closed]:
    return [
        a_closed(
            line_id=f"2026-10-{number:06d}",
            register=f"1-0:1.8.{register}",
            closing_value=Decimal(f"{number}00.50"),
            **changes,
        )
        for number, register in enumerate(registers, 1)
    ]


def reasons(lines: list[Closed], **changes: str) -> list[str]:
    """Why nothing of the lines of meter 10000001 could be exported."""
    found = as_gis_zhkh(lines, devices("10000001", **changes))
    assert found.files == ()
    assert (found.lines, found.devices) == (0, 0)
    assert [one.line for one in found.left_out] == sorted(one.line.line_id for one in lines)
    return [one.reason for one in found.left_out]


@needs_schema
@pytest.mark.parametrize(
    ("lines", "unit"),
    [
        ([water()], "113"),
        ([water(resource="hot-water", register="9-0:1.0.0")], "112"),
        ([water(resource="gas", register="7-0:3.0.0")], "113"),
        ([heat("Gcal", "7.125")], "A056"),
        (tariffs("0"), "245"),
        (tariffs("1", "2"), "245"),
        (tariffs("1", "2", "3"), "245"),
    ],
)
@pytest.mark.parametrize("house_guid", [HOUSE_GUID, ""])
def test_every_kind_of_meter_makes_a_valid_request(
    lines: list[Closed], unit: str, house_guid: str
) -> None:
    found = as_gis_zhkh(lines, devices("10000001", unit=unit, house_guid=house_guid))
    (request,) = found.files
    check(request)
    assert house(request) == (house_guid or None)
    assert (found.lines, found.devices, found.left_out) == (len(lines), 1, ())


def test_a_water_meter_is_read_back_as_it_stands_in_the_ledger() -> None:
    found = as_gis_zhkh([water()], devices("10000001", unit="113"))
    (value,) = read(found.files[0])
    assert value.device == a_device().device_guid
    assert (value.kind, value.resource) == ("OneRateDeviceValue", "1")
    assert value.values == ("12.345",)
    assert value.period == PERIOD
    assert WATER_GUID in found.files[0].decode()


def test_tariffs_are_told_by_their_registers_whatever_their_order() -> None:
    lines = tariffs("3", "1", "2")
    (value,) = read(as_gis_zhkh(lines, devices("10000001")).files[0])
    assert (value.kind, value.resource) == ("ElectricDeviceValue", "")
    assert value.values == ("200.50", "300.50", "100.50")


def test_the_total_stands_only_where_there_are_no_tariffs() -> None:
    (value,) = read(as_gis_zhkh(tariffs("0"), devices("10000001")).files[0])
    assert value.values == ("100.50",)
    found = as_gis_zhkh(tariffs("0", "1", "2"), devices("10000001"))
    assert read(found.files[0])[0].values == ("200.50", "300.50")
    (left,) = found.left_out
    assert (left.register, left.reason) == (
        "1-0:1.8.0",
        "the sum of the tariffs, which are exported",
    )


def test_a_reading_of_midnight_has_the_day_after_and_the_period_before() -> None:
    (value,) = read(
        as_gis_zhkh(tariffs("0", closing_at_ms=MIDNIGHT_MS), devices("10000001")).files[0]
    )
    assert (value.date, value.period) == ("2026-11-01", PERIOD)
    late = tariffs("0", closing_at_ms=MIDNIGHT_MS - 1, period="2026-09")
    (value,) = read(as_gis_zhkh(late, devices("10000001")).files[0])
    assert (value.date, value.period) == ("2026-10-31", ("2026", "9"))


def test_what_nobody_has_read_is_not_reported() -> None:
    carried = [water(method="carried", reason="no accepted reading in the period")]
    assert reasons(carried) == ["carried: no accepted reading in the period"]
    for method in ("interpolated", "average", "norm"):
        assert reasons([water(method=method, reason="unread")]) == [f"{method}: unread"]
    assert reasons([water(source="gis-zhkh")]) == [
        "the resident's own figure, which ГИС ЖКХ has already"
    ]
    assert reasons([water(origin=Origin.INSTALLATION)]) == [
        "the meter was not read since its installation"
    ]
    (request,) = as_gis_zhkh([water(origin=Origin.REMOVAL)], devices("10000001", unit="113")).files
    assert read(request)[0].values == ("12.345",)


def test_a_meter_is_reported_whole_or_not_at_all() -> None:
    first, second = tariffs("1", "2")
    unread = second._replace(line=second.line._replace(method="carried", reason="no reading"))
    assert reasons([first, unread]) == ["carried: no reading"] * 2
    assert reasons(tariffs("2", "3")) == ["tariffs 2, 3 cannot be placed from T1 on"] * 2
    assert reasons(tariffs("1", "2", "3", "4")) == ["ГИС ЖКХ takes 3 tariffs, the meter has 4"] * 4
    later = second._replace(line=second.line._replace(closing_at_ms=MIDNIGHT_MS))
    assert (
        reasons([first, later])
        == ["the tariffs were read on different days, and a device has one"] * 2
    )


def test_a_meter_without_a_guid_is_named_and_the_others_go() -> None:
    lines = [water(), water(line_id="2026-10-000002", closing_meter="2")]
    found = as_gis_zhkh(lines, devices("2", unit="113"))
    assert [one.device for one in read(found.files[0])] == [a_device("2").device_guid]
    (left,) = found.left_out
    assert (left.meter, left.line) == ("10000001", "2026-10-000001")
    assert "no GUID: enter it with plomba-gateway registry gis-zhkh" in left.reason
    assert "no GUID of its resource" in reasons([water()], resource_guid="")[0]


def test_registers_without_a_place_there_are_left_out() -> None:
    lines = [
        heat("Gcal", "1"),
        a_closed(line_id="x", resource="heat", register="6-0:2.0.0", unit="m3"),
    ]
    found = as_gis_zhkh(lines, devices("10000001", unit="233"))
    assert [one.reason for one in found.left_out] == ["ГИС ЖКХ takes no 6-0:2.0.0 of heat"]
    assert reasons([a_closed(register="1-0:2.8.0")]) == [
        "ГИС ЖКХ takes no 1-0:2.8.0 of electricity"
    ]


def test_a_moved_meter_is_reported_from_where_it_stands() -> None:
    before = water(point="P1", closing_at_ms=MIDNIGHT_MS - 10, origin=Origin.REMOVAL)
    after = water(point="P2", line_id="2026-10-000002", closing_at_ms=MIDNIGHT_MS)
    found = as_gis_zhkh([before, after], devices("10000001", unit="113"))
    assert [one.reason for one in found.left_out] == ["the meter was moved to P2"]
    assert len(read(found.files[0])) == 1


@pytest.mark.parametrize(
    ("unit", "value", "okei", "expected"),
    [
        ("Gcal", "1", "A056", "4.1868"),
        ("Gcal", "2.5", "245", "2907.5"),
        ("Gcal", "0.001", "271", "4186800.000"),
        ("Gcal", "123456.789", "233", "123456.789"),
        ("kWh", "100", "A056", "0.3600"),
        ("kWh", "12345678.901", "246", "12345.678901"),
        ("GJ", "0.123", "A058", "123.000"),
        ("m3", "1.234", "112", "1234.000"),
        ("m3", "0.123456700", "113", "0.1234567"),
        ("m3", "1E+3", "113", "1000"),
    ],
)
def test_units_are_converted_exactly(unit: str, value: str, okei: str, expected: str) -> None:
    assert imported(Decimal(value), Unit(unit), Okei(okei)) == expected


@pytest.mark.parametrize(
    ("unit", "value", "okei", "said"),
    [
        ("GJ", "1", "245", "GJ cannot be converted exactly to the unit 245"),
        ("GJ", "1", "233", "GJ cannot be converted exactly to the unit 233"),
        ("kWh", "1", "233", "kWh cannot be converted exactly to the unit 233"),
        ("m3", "0.12345678", "113", "0.12345678 m3 has more than 7 decimals"),
        ("kWh", "0.00001", "A056", "more than 7 decimals in the unit A056"),
        ("m3", "-1", "113", "negative or has more than 15 whole digits"),
        ("m3", "1000000000000000", "113", "negative or has more than 15 whole digits"),
    ],
)
def test_what_cannot_be_told_exactly_is_refused(
    unit: str, value: str, okei: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        imported(Decimal(value), Unit(unit), Okei(okei))


def test_a_refused_value_leaves_its_meter_out_with_the_reason() -> None:
    assert reasons([heat("GJ", "1")], unit="233") == [
        "GJ cannot be converted exactly to the unit 233 of the device"
    ]


@pytest.mark.parametrize(("count", "sizes"), [(1000, [1000]), (1001, [1000, 1])])
def test_a_request_holds_a_thousand_devices(count: int, sizes: list[int]) -> None:
    serials = [str(number) for number in range(count)]
    lines = [
        water(line_id=f"2026-10-{number:06d}", closing_meter=serial)
        for number, serial in enumerate(serials)
    ]
    found = as_gis_zhkh(lines, devices(*serials, unit="113"))
    values = [read(request) for request in found.files]
    assert [len(one) for one in values] == sizes
    assert DEVICES_PER_REQUEST_MAX == 1000
    assert len({value.transport for one in values for value in one}) == found.devices == count


@needs_schema
@pytest.mark.parametrize(
    ("was", "spoiled"),
    [(">12.345<", ">1.2E1<"), ("<metering:Period>", "<metering:Periods>"), ("2026-", "26-")],
)
def test_the_schema_refuses_what_we_never_write(was: str, spoiled: str) -> None:
    (request,) = as_gis_zhkh([water()], devices("10000001", unit="113")).files
    text = request.decode()
    assert was in text
    with pytest.raises(etree.LxmlError):
        check(text.replace(was, spoiled).encode())


@needs_schema
def test_a_full_request_is_valid() -> None:
    serials = [str(number) for number in range(1000)]
    lines = [water(line_id=serial, closing_meter=serial) for serial in serials]
    check(as_gis_zhkh(lines, devices(*serials, unit="113")).files[0])


def test_meters_of_two_houses_make_one_request_that_names_none() -> None:
    lines = [water(), water(line_id="2026-10-000002", closing_meter="2")]
    known = {
        **devices("10000001", unit="113"),
        **devices("2", unit="113", house_guid=WATER_GUID),
    }
    (request,) = as_gis_zhkh(lines, known).files
    assert house(request) is None
    assert len(read(request)) == 2


def test_exporting_again_gives_the_same_request() -> None:
    lines = [water(), *tariffs("1", "2", closing_meter="2")]
    known = {**devices("10000001", unit="113"), **devices("2")}
    assert as_gis_zhkh(lines, known) == as_gis_zhkh(lines, known)
    transport = read(as_gis_zhkh([water()], known).files[0])[0].transport
    other = water(line_id="2026-11-000001")
    assert read(as_gis_zhkh([other], known).files[0])[0].transport != transport


DIGITS = st.integers(0, 10**15 - 1)


@given(
    mantissas=st.lists(DIGITS, min_size=1, max_size=3),
    exponent=st.integers(-7, 0),
)
def test_any_reading_is_read_back_as_the_ledger_has_it(mantissas: list[int], exponent: int) -> None:
    lines = [
        a_closed(
            line_id=f"2026-10-{tariff:06d}",
            register=f"1-0:1.8.{tariff}",
            closing_value=Decimal(mantissa).scaleb(exponent),
        )
        for tariff, mantissa in enumerate(mantissas, 1)
    ]
    found = as_gis_zhkh(lines, devices("10000001"))
    (value,) = read(found.files[0])
    assert [Decimal(text) for text in value.values] == [one.line.closing_value for one in lines]
    assert all(
        text == f"{one.line.closing_value:f}" for text, one in zip(value.values, lines, strict=True)
    )


@given(
    resource=st.sampled_from(list(Resource)),
    mantissa=st.integers(0, 10**9),
    exponent=st.integers(-4, 0),
)
def test_every_exact_unit_can_be_taken_back(
    resource: Resource, mantissa: int, exponent: int
) -> None:
    value = Decimal(mantissa).scaleb(exponent)
    for unit in Unit:
        for okei in units_for(resource, unit):
            one = Decimal(imported(Decimal(10_000), unit, okei)) / 10_000
            try:
                there = Decimal(imported(value, unit, okei))
            except ValueError:
                continue
            assert okei in ALLOWED[resource]
            assert there == value * one
