"""Lines for InfluxDB, taken by a real one: whole integers, and one point for a reading."""

from collections.abc import Iterator

import pytest

from gateway.mirror.lines import Liner
from gateway.mirror.model import Point, Series, Target
from tests.gateway.estate import MIDNIGHT_MS
from tests.gateway.mirror.test_mirror import NAMES
from tests.servers.influx import Influx, influx

HEAT = Series("Лесная 5", "P", "heat", "M", "6-0:1.0.0", "Gcal", -3)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx]:
    with influx(tmp_path_factory.mktemp("influx")) as running:
        yield running


def brought(server: Influx, gateway: str, *points: Point) -> list[dict[str, object]]:
    liner = Liner(gateway, Target.INFLUXDB)
    server.write([line for point in points for line in liner.reading(point)])
    return [
        one for one in server.points("SELECT * FROM plomba_reading") if one["gateway"] == gateway
    ]


def test_an_integer_that_no_float_holds_comes_back_whole(server: Influx) -> None:
    points = [Point(HEAT, "device", 0, MIDNIGHT_MS + n, 2**53 + n, 0) for n in range(4)]
    found = brought(server, "exact", *points)
    assert [one["mantissa"] for one in found] == [2**53 + n for n in range(4)]
    assert {one["exact"] for one in found} == {1}


def test_what_becomes_of_a_reading_takes_its_place(server: Influx) -> None:
    point = Point(HEAT, "device", 0, MIDNIGHT_MS, 7, 0)
    dismissed = point._replace(state=3, left=((0, 5),), back=5)
    (found,) = brought(server, "states", point, point, dismissed)
    assert (found["time"], found["mantissa"], found["state"]) == (MIDNIGHT_MS, 7, 3)
    (found,) = brought(server, "states", point._replace(mantissa=None))
    assert found["state"] == 4


def test_whatever_a_house_is_called_no_line_is_lost(server: Influx) -> None:
    points = [
        Point(HEAT._replace(house=name), "device", 0, MIDNIGHT_MS + number, number, 0)
        for number, name in enumerate(NAMES)
    ]
    assert [one["mantissa"] for one in brought(server, "names", *points)] == [*range(len(NAMES))]
