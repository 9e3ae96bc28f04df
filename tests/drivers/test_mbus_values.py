"""Data types of EN 13757-3:2018, annex A: bytes and what they say, both ways."""

import struct
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.driver import FrameError
from drivers.mbus import times, values
from drivers.mbus.values import Datum
from drivers.mbus.vif import Kind


def _said(field: int, data: str, kind: Kind = Kind.SIGNED) -> Datum:
    return values.decoder(field, kind)(bytes.fromhex(data))


@pytest.mark.parametrize(
    ("field", "data", "value"),
    [
        (0x1, "E4", -28),
        (0x2, "5A FF", -166),
        (0x3, "00 00 04", 262_144),
        (0x4, "9B E8 0B 00", 780_443),
        (0x6, "FF FF FF FF FF FF", -1),
        (0x7, "FF FF FF FF FF FF FF 7F", 2**63 - 1),
        (0x9, "42", 42),
        (0xA, "01 F0", -1),
        (0xB, "27 01 00", 127),
        (0xC, "27 04 85 F2", -2_850_427),
        (0xE, "99 99 99 99 99 99", 999_999_999_999),
        (0x5, "00 00 B8 42", 92),
        (0xD, "C4 78 56 34 12", 12_345_678),
        (0xD, "D2 34 12", -1234),
        (0xD, "E2 FE FF", -2),
    ],
)
def test_numbers(field: int, data: str, value: int) -> None:
    assert _said(field, data) == Datum(value)


def test_unsigned_kinds_have_no_sign() -> None:
    assert _said(0x1, "FF", Kind.UNSIGNED) == Datum(255)
    assert _said(0xD, "E2 FF FF", Kind.UNSIGNED) == Datum(65_535)


@pytest.mark.parametrize("field", sorted(values.INTEGERS))
def test_the_most_negative_integer_is_the_mark_for_invalid(field: int) -> None:
    data = bytes(values.INTEGERS[field] - 1) + b"\x80"
    assert values.decoder(field, Kind.SIGNED)(data).problem == "no-data"
    assert values.decoder(field, Kind.UNSIGNED)(data).number is not None


@pytest.mark.parametrize("digits", ["DDDDEBBD", "A0000000", "FFFFFFFF", "1234567F", "0F000000"])
def test_bcd_with_hex_digits_is_an_error_code_kept_as_text(digits: str) -> None:
    data = bytes.fromhex(digits)[::-1]
    assert values.decode_bcd(data) == Datum(text=digits, problem="invalid-bcd")


@pytest.mark.parametrize("data", ["00 00 C0 FF", "00 00 80 7F", "00 00 80 FF", "01 00 80 7F"])
def test_nan_and_infinities_are_no_numbers(data: str) -> None:
    assert _said(0x5, data) == Datum(problem="not-a-number")


@given(st.binary(min_size=4, max_size=4))
def test_a_real_is_exactly_what_was_sent(data: bytes) -> None:
    (sent,) = struct.unpack("<f", data)
    number = values.decode_real(data).number
    if number is None:
        assert sent != sent or abs(sent) == float("inf")  # noqa: PLR0124 - only NaN differs
        return
    assert Decimal(number) == Decimal(sent)
    assert not Decimal(number).is_signed() or sent < 0
    if sent:
        assert values.encode_real(number) == data


def test_a_real_beyond_32_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="too large"):
        values.encode_real(10**39)


@pytest.mark.parametrize(
    ("lvar", "length"),
    [
        (0, 0),
        (0xBF, 191),
        (0xC4, 4),
        (0xD9, 9),
        (0xEF, 15),
        (0xF0, 16),
        (0xF1, 20),
        (0xF4, 32),
        (0xF5, 48),
        (0xF6, 64),
    ],
)
def test_variable_lengths(lvar: int, length: int) -> None:
    assert values.variable_length(lvar) == length


@pytest.mark.parametrize("lvar", range(0xF7, 0x100))
def test_a_reserved_variable_length_hides_where_the_record_ends(lvar: int) -> None:
    with pytest.raises(FrameError, match=f"{lvar:02X}h"):
        values.variable_length(lvar)


def test_variable_text_and_long_binary() -> None:
    assert _said(0xD, "03 43 42 41") == Datum(text="ABC")
    assert _said(0xD, "00") == Datum(text="")
    assert _said(0xD, "F0" + "00" * 15 + "AB").text == "AB" + "00" * 15
    assert _said(0xD, "C2 3A 12") == Datum(text="123A", problem="invalid-bcd")
    assert _said(0xD, "E0") == Datum(problem="no-data")


@pytest.mark.parametrize("field", [values.NO_DATA, values.SELECTION])
def test_a_record_without_data_says_so(field: int) -> None:
    assert _said(field, "") == Datum(problem="no-data")


@pytest.mark.parametrize(
    ("data", "time"),
    [
        ("FF 0C", "2007-12-31"),  # type G
        ("BF 1C", "2013-12-31"),
        ("21 A1", "1981-01-01"),  # from 81 on the last century
        ("01 A1", "2080-01-01"),
        ("3B 17 0A", "10:23:59"),  # type J
        ("0B 0A A9 24", "2021-04-09T10:11:00"),  # type F
        ("18 29 E1 23", "2023-03-01T09:24:00"),  # with century bits
        ("00 40 01 01", "2100-01-01T00:00:00"),
        ("00 00 08 16 27 00", "2016-07-22T08:00:00"),  # type I
    ],
)
def test_times(data: str, time: str) -> None:
    field = {2: 0x2, 3: 0x3, 4: 0x4, 6: 0x6}[len(bytes.fromhex(data))]
    assert _said(field, data, Kind.TIME) == Datum(time=time)


@pytest.mark.parametrize(
    "data",
    [
        "00 00",  # every day of every month
        "FF FF",
        "1E 12",  # 30 February
        "E1 F1",  # the year 127 is "every year"
        "8B 0A A9 24",  # the invalid bit of type F
        "0B 1F A9 24",  # hour 31 is "every hour"
        "3F 0A A9 24",  # minute 63 is "every minute"
        "FF FF FF FF",
        "00 80 08 16 27 00",  # the invalid bit of type I
        "FF FF FF",
    ],
)
def test_a_time_that_is_none_is_no_time(data: str) -> None:
    field = {2: 0x2, 3: 0x3, 4: 0x4, 6: 0x6}[len(bytes.fromhex(data))]
    found = _said(field, data, Kind.TIME)
    assert (found.time, found.problem) == (None, "no-data")
    assert found.text is not None
    assert bytes.fromhex(data)[::-1].hex().upper() in found.text


def test_summer_time_is_said() -> None:
    assert _said(0x4, "3B AC C5 29", Kind.TIME) == Datum(
        time="2022-09-05T12:59:00", text=times.SUMMER
    )
    assert _said(0x6, "40 00 08 16 27 00", Kind.TIME).text == times.SUMMER


def test_types_k_and_l_and_containers_are_kept_as_they_came_without_their_length() -> None:
    # Daylight saving and listening windows: configuration, no readings.
    assert _said(0x4, "01 02 03 04", Kind.OPAQUE) == Datum(text="01020304")
    assert _said(0xD, "E2 01 02", Kind.OPAQUE) == Datum(text="0102")


def test_type_m_keeps_its_bytes_and_gives_no_time() -> None:
    assert _said(0xD, "E4 01 02 03 04", Kind.TIME) == Datum(text="E401020304", problem="reserved")


@pytest.mark.parametrize(("field", "data"), [(0x1, "01"), (0xC, "01 02 03 04"), (0x7, "00" * 8)])
def test_a_time_of_another_length_is_reserved(field: int, data: str) -> None:
    assert _said(field, data, Kind.TIME).problem == "reserved"


@given(
    st.datetimes(
        min_value=datetime.fromisoformat("1981-01-01"),
        max_value=datetime.fromisoformat("2080-12-31T23:59"),
    ),
    st.sampled_from([2, 3, 4, 6]),
)
def test_times_round_trip(moment: datetime, length: int) -> None:
    moment = moment.replace(microsecond=0, second=0 if length == 4 else moment.second)
    text = {2: str(moment.date()), 3: str(moment.time())}.get(length, moment.isoformat())
    assert times.decode(times.encode(text, length)) == (text, None)


@pytest.mark.parametrize("year", [1981, 1999, 2000, 2080, 2081, 2099, 2100, 2299])
def test_type_f_has_century_bits(year: int) -> None:
    text = f"{year}-12-31T23:59:00"
    assert times.decode(times.encode(text, 4)) == (text, None)


@pytest.mark.parametrize(
    ("text", "length", "reason"),
    [
        ("2100-01-01", 2, "from 1981 to 2080"),
        ("2300-01-01T00:00:00", 4, "from 1981 to 2299"),
        ("1980-01-01T00:00:00", 4, "from 1981 to 2299"),
        ("2026-01-01T00:00:01", 4, "whole minutes"),
        ("2026-01-01", 5, "2, 3, 4 or 6 bytes"),
    ],
)
def test_a_time_the_type_cannot_hold_is_refused(text: str, length: int, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        times.encode(text, length)


@given(st.integers(), st.sampled_from([*sorted(values.INTEGERS | values.BCDS), values.VARIABLE]))
def test_an_integer_round_trips_or_is_refused(value: int, field: int) -> None:
    try:
        data = values.encode(field, Kind.SIGNED, Datum(value))
    except ValueError:
        return
    decoded = values.decoder(field, Kind.SIGNED)(data)
    assert decoded == Datum(value) or decoded.text == "invalid"


@pytest.mark.parametrize(
    ("field", "datum", "reason"),
    [
        (0x2, Datum(70_000), "does not fit into 2 bytes"),
        (0xA, Datum(10_000), "more than 4 digits"),
        (0xA, Datum(-1000), "more than 3 digits"),
        (0x4, Datum(Decimal("1.5")), "finer than the record's scale"),
        (0x4, Datum(text="x"), "expected a number"),
        (0xD, Datum(text="x" * 192), "at most 191 characters"),
        (0xD, Datum(10**30), "more than 30 digits"),
    ],
)
def test_what_does_not_fit_is_refused(field: int, datum: Datum, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        values.encode(field, Kind.SIGNED, datum)
