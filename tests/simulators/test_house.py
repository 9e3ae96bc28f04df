"""Virtual houses: what happens in them is in the truth, and in the list of doubts."""

from datetime import date
from itertools import pairwise

import pytest

from simulators import house as houses
from simulators.house import House
from simulators.truth import DAY_MS, Register

DAYS = 30
FIRST_DAY = date(2026, 10, 10)


@pytest.fixture(params=["a", "b", "c"])
def house(request: pytest.FixtureRequest) -> House:
    return houses.build(request.param, "north", "Europe/Moscow", FIRST_DAY, DAYS)


def moments() -> range:
    start_ms = houses.local_midnight(FIRST_DAY, "Europe/Moscow")
    return range(start_ms, start_ms + DAYS * DAY_MS, 3_600_000)


def register(house: House, point: str) -> Register:
    found = next(one for one in house.points if one.name == f"north-{point}")
    return found.meters[0][0].registers[0]


def test_a_seed_is_a_house(house: House) -> None:
    again = houses.build("a", "north", "Europe/Moscow", FIRST_DAY, DAYS)
    serials = [meter.serial for point in house.points for meter, _ in point.meters]
    assert len(serials) == len(set(serials)) == 7
    assert (house == again) is (
        serials == [meter.serial for point in again.points for meter, _ in point.meters]
    )


def test_the_heat_meter_rolls_over_in_these_days(house: House) -> None:
    heat = register(house, "heat-house")
    shown = [heat.shown(at_ms) for at_ms in moments()]
    assert sum(later < earlier for earlier, later in pairwise(shown)) == 1


def test_the_cold_water_runs_backwards_for_a_while(house: House) -> None:
    cold = register(house, "cold-1")
    assert cold.backwards is not None
    assert cold.shown(cold.backwards.end_ms) < cold.shown(cold.backwards.start_ms)


def test_one_meter_is_exchanged_and_no_instant_has_two_or_none(house: House) -> None:
    (exchange,) = house.exchanges()
    assert exchange.point.meter_at(exchange.at_ms - 1) == exchange.old
    assert exchange.point.meter_at(exchange.at_ms) == exchange.new
    for point in house.points:
        for at_ms in moments():
            assert sum(at_ms in span for _, span in point.meters) == 1


def test_every_doubt_is_about_a_register_that_hangs_there(house: House) -> None:
    registers = {
        (meter.serial, register.obis)
        for point in house.points
        for meter, _ in point.meters
        for register in meter.registers
    }
    assert {doubt.rule for doubt in house.doubts} == {"V-RATE", "V-NEG", "V-ZERO"}
    assert {(doubt.serial, doubt.obis) for doubt in house.doubts} <= registers


def test_shorter_lives_are_possible() -> None:
    for days in (1, 2, 3):
        assert houses.build("s", "n", "UTC", FIRST_DAY, days).points
