"""Later visits: exchanges, removals, additions, and a card in the place of another."""

from decimal import Decimal
from pathlib import Path

import pytest

from cloud_sync import points as wire_points
from cloud_sync.points import WaitingPoint
from cloud_sync.visit import DeviceExchange, Exchange, Install, Remove
from drivers.reading import Resource, Unit
from edge import config
from edge.visit.core import VisitError
from edge.visit.steps import Visiting
from tests.edge.visit.acting import IN_SERVICE, act, codes, found, put_points
from tests.edge.visit.site import CONFIG, Site, a_device, cold, keys, light, play


class TestLater:
    """A device that is in service."""

    def test_an_exchange_at_the_same_address(self, tmp_path: Path) -> None:
        path = a_device(tmp_path, CONFIG + IN_SERVICE)
        site = Site(cold("11223344"), light(5))

        async def scene() -> None:
            visiting = site.visiting(path)
            visiting.begin("Ivan", "visit")
            gone = await visiting.read_final("22310042")
            assert gone.final[0].value == Decimal("12345.67")
            site.hang(cold("11223344"), light(5, shown=12, serial=33_000_001))
            await visiting.search()
            await visiting.read_all()
            by_serial = keys(visiting)
            assert codes(visiting) == ["unconfirmed", "exchange-without-meter"]
            new = visiting.meter(by_serial["33000001"])
            assert new.in_place_of == "22310042"
            visiting.confirm(new.key)
            visiting.replace_with("22310042", new.key)
            assert codes(visiting) == []
            (event,) = (await visiting.finish()).visit.events
            assert isinstance(event, Exchange)
            assert (event.old_serial, event.final_source, event.new.serial) == (
                "22310042",
                "read",
                "33000001",
            )

        play(scene)
        kept = config.load(path).lines[0].meters
        assert [(one.serial, one.expect_id) for one in kept] == [
            ("11223344", None),
            ("33000001", "33000001"),
        ]
        assert "# in the bathroom" in path.read_text()

    def test_a_meter_in_anothers_place_hinders_until_that_one_goes(self, tmp_path: Path) -> None:
        async def scene(visiting: Visiting) -> None:
            visiting.begin("Ivan", "visit")
            await visiting.search()
            await visiting.read_all()
            key = keys(visiting)["33000001"]
            visiting.confirm(key)
            assert codes(visiting) == ["place-taken"]
            visiting.final_none("22310042", "burnt", is_exchange=False)
            assert codes(visiting) == []
            events = (await visiting.finish()).visit.events
            assert {type(event) for event in events} == {Install, Remove}

        meters = cold("11223344"), light(5, serial=33_000_001)
        path, _ = act(tmp_path, scene, *meters, text=CONFIG + IN_SERVICE)
        assert [meter.serial for _, meter in config.load(path).meters] == ["11223344", "33000001"]

    def test_a_removal_with_what_the_dial_shows(self, tmp_path: Path) -> None:
        async def scene(visiting: Visiting) -> None:
            visiting.begin("Ivan", "visit")
            assert visiting.registers_of("22310042")[0].obis == "1-0:1.8.0"
            with pytest.raises(VisitError, match="expected a final value"):
                visiting.final_seen("22310042", {"1-0:1.8.0": " "}, is_exchange=False)
            with pytest.raises(VisitError, match="has no register"):
                visiting.final_seen("22310042", {"9-0:1.8.0": "1"}, is_exchange=False)
            with pytest.raises(VisitError, match="did not answer"):
                await visiting.read_final("22310042", is_exchange=False)
            visiting.final_seen("22310042", {"1-0:1.8.0": "12345,6"}, is_exchange=False)
            visiting.stays("22310042")
            assert codes(visiting) == ["nothing-done"]
            visiting.final_seen("22310042", {"1-0:1.8.0": "12345,6"}, is_exchange=False)
            (event,) = (await visiting.finish()).visit.events
            assert isinstance(event, Remove)
            assert event.final[0].value == Decimal("12345.6")

        path, _ = act(tmp_path, scene, text=CONFIG + IN_SERVICE)
        assert [meter.serial for _, meter in config.load(path).meters] == ["11223344"]

    def test_meters_in_service_are_nobodys_question(self, tmp_path: Path) -> None:
        async def scene(visiting: Visiting) -> None:
            visiting.begin("Ivan", "visit")
            await visiting.search()
            await visiting.read_all()
            assert codes(visiting) == ["unconfirmed", "nothing-done"]
            visiting.confirm(keys(visiting)["55667788"])
            record = (await visiting.finish()).visit
            assert [one.serial for one in record.installs] == ["55667788"]

        meters = cold("11223344"), cold("55667788"), light(5)
        path, _ = act(tmp_path, scene, *meters, text=CONFIG + IN_SERVICE)
        assert len(config.load(path).meters) == 3

    def test_a_dumb_meter_is_exchanged_by_its_point(self, tmp_path: Path) -> None:
        register = wire_points.Expected("8-0:1.0.0", Unit.M3, -3, 8)
        point = WaitingPoint(1, "cold-1", "1", "", Resource.COLD_WATER, "777", "", (register,))
        put_points(tmp_path, point)

        async def scene(visiting: Visiting) -> None:
            by_serial = await found(visiting)
            visiting.confirm(by_serial["11223344"])
            visiting.final_seen("777", {"8-0:1.0.0": "55,5"})
            visiting.replace_with("777", by_serial["11223344"])
            (event,) = (await visiting.finish()).visit.events
            assert isinstance(event, Exchange)
            assert event.new.point == "cold-1"
            with pytest.raises(VisitError, match="no visit is open"):
                visiting.stays("777")

        act(tmp_path, scene, cold("11223344"))


def test_a_new_card_takes_the_meters_of_the_old_one(tmp_path: Path) -> None:
    old = (CONFIG + IN_SERVICE).replace("edge-1", "edge-0").encode()

    async def scene(visiting: Visiting) -> None:
        visiting.begin("Ivan")
        with pytest.raises(VisitError, match="as this one"):
            visiting.take_over(old.replace(b"edge-0", b"edge-1"))
        with pytest.raises(VisitError, match="a line 'roof'"):
            visiting.take_over(old.replace(b'"house"', b'"roof"'))
        with pytest.raises(VisitError, match="not TOML"):
            visiting.take_over(b"<html>")
        visiting.take_over(old)
        await visiting.read_all()
        by_serial = keys(visiting)
        visiting.confirm(by_serial["11223344"])
        visiting.leave_out(by_serial["22310042"], "burnt")
        was, *_ = (await visiting.finish()).visit.events
        assert isinstance(was, DeviceExchange)
        assert (was.old_device, was.meters) == ("edge-0", ("11223344",))

    path, _ = act(tmp_path, scene, cold("11223344"), light(5))
    assert [meter.serial for _, meter in config.load(path).meters] == ["11223344"]


def test_one_meter_comes_in_the_place_of_one(tmp_path: Path) -> None:
    async def scene(visiting: Visiting) -> None:
        visiting.begin("Ivan", "visit")
        await visiting.search()
        key = keys(visiting)["99887766"]
        for serial in ("11223344", "22310042"):
            visiting.final_none(serial, "burnt")
        visiting.replace_with("11223344", key)
        with pytest.raises(VisitError, match="in the place of 11223344 already"):
            visiting.replace_with("22310042", key)
        with pytest.raises(VisitError, match="does not go in this visit"):
            visiting.replace_with("7", key)
        with pytest.raises(VisitError, match="speaks mbus, eastron_sdm120 does not"):
            visiting.describe(key, profile="eastron_sdm120")

    act(tmp_path, scene, cold("99887766"), text=CONFIG + IN_SERVICE)
