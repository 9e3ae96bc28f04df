"""The steps of a visit on a virtual bus, one after the other and in the wrong order."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from cloud_sync.signing import SigningKey
from cloud_sync.visit import Visit
from drivers import profile
from drivers.driver import Link, LinkDown
from drivers.mbus.profile import MbusProfile
from drivers.reading import ClockState, Resource
from edge import config
from edge.visit.core import VisitError
from edge.visit.steps import Visiting
from simulators.lines import LineFaults
from simulators.mbus_meter import MbusMeter
from tests.edge.visit.acting import a_point, act, codes, found, put_points
from tests.edge.visit.site import CONFIG, START_MS, Site, a_device, cold, keys, light, play


def test_nothing_is_done_without_a_visit(tmp_path: Path) -> None:
    async def scene(visiting: Visiting) -> None:
        with pytest.raises(VisitError, match="no visit is open"):
            await visiting.search()
        with pytest.raises(VisitError, match="expected your name"):
            visiting.begin("  ")
        visiting.begin("Ivan")
        with pytest.raises(VisitError, match="visit 1 of Ivan is open"):
            visiting.begin("Peter")
        assert codes(visiting) == ["nothing-done"]
        with pytest.raises(VisitError, match="nothing-done"):
            await visiting.finish()
        with pytest.raises(VisitError, match="no meter 'x'"):
            visiting.meter("x")
        visiting.give_up("no ladder")
        assert visiting.draft is None
        assert visiting.begin("Peter", "visit").number == 2

    act(tmp_path, scene)


def test_a_search_that_found_nobody_begins_anew_once_the_wires_are_mended(tmp_path: Path) -> None:
    path, site = a_device(tmp_path), Site()

    async def scene() -> None:
        visiting = site.visiting(path)
        visiting.begin("Ivan Petrov")
        await visiting.search()
        assert not visiting.open.meters
        site.hang(cold("11223344"))
        await visiting.search()
        assert list(keys(visiting)) == ["11223344"]

    play(scene)


def test_of_models_that_look_alike_it_is_the_one_the_registry_waits_for(tmp_path: Path) -> None:
    hot = replace(a_point(1, "11223344"), resource=Resource.HOT_WATER)
    heat = replace(a_point(2, "55667788"), resource=Resource.HEAT)
    put_points(tmp_path, hot, heat)
    model = profile.load("zenner_edc_hot")
    assert isinstance(model, MbusProfile)
    alike = [
        MbusMeter(0, model, lambda _: {"9-0:1.0.0": 5}, one) for one in ("11223344", "55667788")
    ]

    async def scene(visiting: Visiting) -> None:
        by_serial = await found(visiting)
        meters = visiting.open.meters
        assert meters[by_serial["11223344"]].profile == "zenner_edc_hot"
        assert meters[by_serial["55667788"]].profile == "zenner_edc_cold", "nothing fits heat"
        # Unseen only what counts what its point waits for.
        assert visiting.confirm_expected() == (by_serial["11223344"],)

    act(tmp_path, scene, *alike)


def test_expected_meters_are_taken_in_at_once(tmp_path: Path) -> None:
    put_points(tmp_path, a_point(1, "11223344"), a_point(2, "0055667788"), a_point(3))

    async def scene(visiting: Visiting) -> None:
        by_serial = await found(visiting)
        proposal = visiting.proposal(by_serial["55667788"])
        assert proposal is not None
        assert proposal.number == 2
        assert set(visiting.confirm_expected()) == {
            by_serial["11223344"],
            by_serial["55667788"],
        }
        assert [one.number for one in visiting.free_points()] == [3]
        with pytest.raises(VisitError, match="house-cold-1 has meter 11223344"):
            visiting.bind(by_serial["22310042"], "1")
        visiting.bind(by_serial["22310042"], "#3")
        with pytest.raises(VisitError, match="no waiting point has the number 9"):
            visiting.bind(by_serial["22310042"], "9")
        with pytest.raises(VisitError, match="no waiting point 'x'"):
            visiting.bind(by_serial["22310042"], "x")
        visiting.confirm(by_serial["22310042"])
        record = (await visiting.finish()).visit
        assert record.house == "House 1"
        assert [(one.serial, one.point, bool(one.dial)) for one in record.installs] == [
            ("11223344", "house-cold-1", False),
            ("55667788", "house-cold-2", False),
            ("22310042", "house-cold-3", True),
        ]

    act(tmp_path, scene, cold("11223344"), cold("55667788"), light(5))


def test_a_list_of_points_of_somebody_else_is_not_believed(tmp_path: Path) -> None:
    put_points(tmp_path, a_point(1), key=SigningKey.generate())

    async def scene(visiting: Visiting) -> None:
        with pytest.raises(VisitError, match=r"points.cbor: bad-signature.*get the list anew"):
            visiting.points()
        visiting.config.device.gateway_key.unlink()
        points = visiting.points()
        assert points is not None
        assert points.house == "House 1"

    act(tmp_path, scene)


def test_a_value_that_differs_needs_a_word(tmp_path: Path) -> None:
    async def scene(visiting: Visiting) -> None:
        key = (await found(visiting))["11223344"]
        assert not visiting.look(key, {"8-0:1.0.0": "7"}).agrees
        with pytest.raises(VisitError, match="read it again, or say why"):
            visiting.confirm(key, {"8-0:1.0.0": "7"})
        with pytest.raises(VisitError, match="expected a number"):
            visiting.confirm(key, {"8-0:1.0.0": "seven"})
        visiting.confirm(key, {"8-0:1.0.0": "7"}, "the dial was exchanged")
        (install,) = (await visiting.finish()).visit.installs
        assert install.remark == "the dial was exchanged"
        assert (install.levels[0].value, install.dial[0].value) == (Decimal("123.456"), 7)

    act(tmp_path, scene, cold("11223344"))


def test_a_meter_read_again_is_confirmed_again(tmp_path: Path) -> None:
    path = a_device(tmp_path)
    site = Site(cold("11223344"))

    async def scene() -> None:
        visiting = site.visiting(path)
        key = (await found(visiting))["11223344"]
        visiting.confirm(key)
        assert (await visiting.read(key)).confirmed
        site.hang(cold("11223344", 123_999))
        assert not (await visiting.read(key)).confirmed
        site.hang()
        dead = await visiting.read(key)
        assert "did not answer" in dead.problem
        assert (dead.asked, dead.answered, dead.levels[0].mantissa) == (4, 3, 123_999)

    play(scene)


def test_a_meter_nobody_recognises_is_named_and_left_out(tmp_path: Path) -> None:
    async def scene(visiting: Visiting) -> None:
        key = visiting.add_typed("house", "modbus", "9", "eastron_sdm120", "999").key
        await visiting.read(key)
        assert codes(visiting) == ["unread", "nothing-done"]
        with pytest.raises(VisitError, match="has not been read"):
            visiting.confirm(key)
        with pytest.raises(VisitError, match="expected a reason"):
            visiting.leave_out(key, " ")
        visiting.leave_out(key, "no power")
        assert codes(visiting) == ["nothing-done"]
        assert visiting.take_in(key).left_out == ""

    async def begun(visiting: Visiting) -> None:
        visiting.begin("Ivan")
        await scene(visiting)

    act(tmp_path, begun)


def test_a_line_that_is_down_does_not_keep_the_others_back(tmp_path: Path) -> None:
    attic = '\n[[lines]]\nname = "attic"\nurl = "tcp://127.0.0.1:2"\nturnaround_s = 0.1\n'
    path = a_device(tmp_path, CONFIG + attic)
    site, dead = Site(cold("11223344")), Site(faults=LineFaults(down=1.0))

    async def scene() -> None:
        def open_link(url: str) -> Link:
            return (dead if url.endswith(":2") else site).open_link(url)

        visiting = Visiting(path, clock=site, open_link=open_link)
        visiting.begin("Ivan")
        checks = await visiting.check_lines()
        assert [(one.what, one.ok) for one in checks] == [
            ("line house", True),
            ("line attic", False),
        ]
        with pytest.raises(LinkDown):
            await visiting.search()
        (meter,) = visiting.open.meters.values()
        assert meter.levels[0].mantissa == 123_456
        assert visiting.progress is None

    play(scene)


@pytest.mark.parametrize(
    ("line", "protocol", "address", "model", "serial", "said"),
    [
        ("roof", "modbus", "9", "eastron_sdm120", "1", "no line 'roof'"),
        ("house", "mbus", "9", "eastron_sdm120", "1", "speaks modbus, not mbus"),
        ("house", "modbus", "999", "eastron_sdm120", "1", "from 0 to 255"),
        ("house", "modbus", "9", "eastron", "1", "no meter profile 'eastron'"),
        ("house", "modbus", "9", "eastron_sdm120", "no serial", "expected a serial"),
    ],
)
def test_a_meter_typed_wrongly(  # noqa: PLR0917 - the columns of the table
    tmp_path: Path, line: str, protocol: str, address: str, model: str, serial: str, said: str
) -> None:
    async def scene(visiting: Visiting) -> None:
        visiting.begin("Ivan")
        with pytest.raises(VisitError, match=said):
            visiting.add_typed(line, protocol, address, model, serial)

    act(tmp_path, scene)


class TestClock:
    """A device whose clock nobody has set."""

    def scene(self, tmp_path: Path, change: Callable[[Site], None]) -> Visit:
        path = a_device(tmp_path)
        site = Site(cold("11223344"))
        site.state = ClockState.RELATIVE
        site.offset_ms = -(10**10)
        records = []

        async def scene() -> None:
            visiting = site.visiting(path)
            by_serial = await found(visiting)
            await visiting.read(by_serial["11223344"])
            visiting.confirm(by_serial["11223344"])
            await asyncio.sleep(60)
            change(site)
            records.append((await visiting.finish()).visit)

        play(scene)
        return records[0]

    def test_times_are_relative_while_it_is_not_known(self, tmp_path: Path) -> None:
        record = self.scene(tmp_path, lambda _: None)
        assert {record.started.clock_state, record.installs[0].at.clock_state} == {
            ClockState.RELATIVE
        }
        assert record.ended.ms - record.installs[0].at.ms == 60_000
        assert record.started.boot == b"boot-one"

    def test_times_are_mended_when_it_is_set_in_the_same_boot(self, tmp_path: Path) -> None:
        def set_it(site: Site) -> None:
            site.state, site.offset_ms = ClockState.SYNCHRONISED, 0

        record = self.scene(tmp_path, set_it)
        assert record.started == type(record.started)(
            START_MS, ClockState.SYNCHRONISED, b"boot-one"
        )
        assert record.ended.ms - record.installs[0].at.ms == 60_000

    def test_times_of_an_earlier_boot_stay_what_they_were(self, tmp_path: Path) -> None:
        def reboot(site: Site) -> None:
            site.state, site.offset_ms, site.boot = ClockState.SYNCHRONISED, 0, b"boot-two"

        record = self.scene(tmp_path, reboot)
        assert record.started.clock_state is ClockState.RELATIVE
        assert record.ended.clock_state is ClockState.SYNCHRONISED


def test_what_a_check_found_is_written_into_the_configuration(tmp_path: Path) -> None:
    text = CONFIG.replace("tcp://127.0.0.1:1", "serial:///dev/ttyX?baud=2400").replace(
        "baud = 2400\n", "baud = 2400  # by hand\n"
    )
    path = a_device(tmp_path, text)
    site, nobody = Site(light(2)), Site()

    async def scene() -> None:
        def open_link(url: str) -> Link:
            return (site if "baud=9600" in url and "parity=N" in url else nobody).open_link(url)

        visiting = Visiting(path, clock=site, open_link=open_link)
        visiting.begin("Ivan")
        with pytest.raises(VisitError, match="nothing to mend"):
            await visiting.mend("house")
        (check,) = await visiting.check_lines()
        assert check.said == ("answers-elsewhere", "9600 8N1", "modbus 2")
        assert visiting.mendable() == ("house",)
        assert (await visiting.mend("house")).said == ("answers", "modbus 2")
        assert visiting.mendable() == ()

    play(scene)
    assert config.load(path).lines[0].url == "serial:///dev/ttyX?baud=9600&parity=N"
    assert "# the box in the cellar" in path.read_text()


def test_the_next_seal_of_a_roll_is_proposed(tmp_path: Path) -> None:
    async def scene(visiting: Visiting) -> None:
        by_serial = await found(visiting)
        assert visiting.next_seal() == ""
        visiting.describe(by_serial["22310042"], seal="П-099")
        assert visiting.next_seal() == "П-100"
        visiting.describe(by_serial["11223344"], seal="none")
        assert visiting.next_seal() == "П-100"

    act(tmp_path, scene, cold("11223344"), light(5))


def test_reads_of_a_meter_on_a_battery_count(tmp_path: Path) -> None:
    model = profile.load("elster_f96plus")
    assert isinstance(model, MbusProfile)
    shown = dict.fromkeys((register.obis for register in model.registers), 7)

    async def scene(visiting: Visiting) -> None:
        visiting.begin("Ivan")
        await visiting.search()
        (key,) = keys(visiting).values()
        for _ in range(3):
            assert (await visiting.read(key)).problem == ""

    path, _ = act(tmp_path, scene, MbusMeter(0, model, lambda _: shown, "11223344"))
    noted = (path.parent / "state" / "reads.log").read_bytes().splitlines()
    assert [line.split()[0] + line.split()[2] for line in noted] == [b"+11223344"] * 4
