"""Taking the one right record for each register, and nothing where there is no such one."""

from decimal import Decimal

import pytest

from drivers import profile
from drivers.driver import Answer, FrameError, Refused, WrongMeter
from drivers.mbus import records, telegram
from drivers.mbus.picking import check_kind, pick
from drivers.mbus.profile import MbusProfile
from drivers.mbus.records import Record
from drivers.reading import MeterStatus
from tests.drivers.mbus_meters import a_telegram, energy, volume
from tests.drivers.profiles import MBUS_HEAD, MBUS_REGISTER, MBUS_SAMPLE, mbus, parse


def taken(meter: profile.MbusProfile, *content: Record) -> Answer:
    raw = a_telegram(*content)
    return pick(meter, [telegram.decode(raw)], raw)


ENERGY = """
[[registers]]
obis = "6-0:1.0.0"
unit = "kWh"
exponent = 0
digits = 7
quantity = "energy"
"""


def test_storage_tariff_subunit_function_and_unit_tell_records_apart() -> None:
    others = (
        energy(2, "44"),  # storage 1
        energy(3, "8410"),  # tariff 1
        energy(4, "8440"),  # subunit 1
        energy(5, "14"),  # maximum
        records.build(b"\x04", b"\x0e", value=Decimal(6 * 10**6)),  # in joules
        energy(7, vib="863C"),  # backward
        energy(8, vib="867F"),  # qualified by the maker
    )
    answer = taken(mbus(ENERGY), *others, energy(1), *others)
    assert [v.value for v in answer.values] == [1]
    tariff = mbus(ENERGY + "tariff = 1\n")
    assert [v.value for v in taken(tariff, *others, energy(1)).values] == [3]


def test_joules_are_gigajoules_and_never_kilowatt_hours() -> None:
    in_gj = mbus(ENERGY.replace("kWh", "GJ").replace("exponent = 0", "exponent = -3"))
    joules = records.build(b"\x04", b"\x0e", value=Decimal(123456000000))
    answer = taken(in_gj, joules, energy(1))
    assert [v.value for v in answer.values] == [Decimal("123.456")]


@pytest.mark.parametrize(
    ("content", "count"), [((), "no"), ((energy(1), energy(2)), "2")], ids=["none", "two"]
)
def test_no_record_or_two_are_a_profile_that_does_not_fit(
    content: tuple[Record, ...], count: str
) -> None:
    with pytest.raises(WrongMeter, match=f"the meter sends {count} such"):
        taken(mbus(ENERGY), volume("1"), *content)


def test_a_value_finer_than_the_register_is_never_rounded_in_silence() -> None:
    with pytest.raises(WrongMeter, match=r"does not fit its profile: .* digits below 1e0"):
        taken(mbus(ENERGY), records.build(b"\x04", b"\x05", value=Decimal(1100)))


def test_a_real_is_rounded_to_the_resolution() -> None:
    real = records.build(b"\x05", b"\x06", value=Decimal(1234500))
    assert [v.value for v in taken(mbus(ENERGY), real).values] == [1234]


def test_a_value_during_error_state_is_no_value() -> None:
    both = mbus(
        ENERGY + ENERGY.replace("1.0.0", "2.0.0").replace("energy", "volume").replace("kWh", "m3")
    )
    answer = taken(both, energy(7, "34"), volume("3"))
    assert [v.register for v in answer.values] == ["6-0:2.0.0"]
    assert answer.status == MeterStatus.TEMPORARY_ERROR


def test_a_meter_without_any_value_is_refused() -> None:
    with pytest.raises(Refused, match="no value for any register"):
        taken(mbus(ENERGY), energy(7, "34"))


def broken(*content: Record) -> telegram.Telegram:
    return telegram.decode(a_telegram(*content))._replace(damage="a record ends early")


def test_what_stands_before_a_damaged_place_counts_if_it_is_all_that_is_wanted() -> None:
    one = broken(energy(1), volume("2"))
    assert [v.value for v in pick(mbus(ENERGY), [one], b"").values] == [1]
    with pytest.raises(FrameError, match=r"no record for 6-0:1.0.0 before .* a record ends early"):
        pick(mbus(ENERGY), [broken(volume("2"))], b"")


@pytest.mark.parametrize(
    ("head", "what"),
    [
        ('makers = ["ACW"]', "maker ACW"),
        ("versions = [7, 9]", "version 7 or 9"),
        ('media = ["water"]', "medium water"),
    ],
)
def test_a_meter_of_another_kind_does_not_fit(head: str, what: str) -> None:
    one = telegram.decode(a_telegram(energy(1)))
    meter = parse(MBUS_HEAD + head + MBUS_REGISTER + MBUS_SAMPLE)
    assert isinstance(meter, MbusProfile)
    with pytest.raises(WrongMeter, match=f"a_meter expects a meter of {what}, here is one of"):
        check_kind(meter, one, "here")
