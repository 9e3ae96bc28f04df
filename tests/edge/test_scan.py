"""A scan: which searches, where it goes on, and what a found meter is to the configuration."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from drivers.bus import Line
from drivers.driver import Found, NoAnswer, Step
from edge import config
from edge.config import EdgeConfig
from edge.scan import addresses, notebook, searches
from edge.scan.adding import add
from edge.scan.job import Job, prepare
from edge.scan.notebook import Notebook, NotebookError
from edge.scan.scan import scan
from edge.scan.searches import Search, Searchers
from edge.scan.standing import Standing, judge, serial_of
from simulators.lines import LineFaults, MemoryLink
from simulators.modbus_meter import ModbusBus

TEXT = """\
[device]
name = "edge-1"
key = "device.key"
gateway_key = "gateway.pem"
state_dir = "state"

[broker]
host = "gateway.example"
ca = "ca.pem"
cert = "device.pem"
cert_key = "tls.key"

[[lines]]
name = "rs485"
url = "tcp://192.0.2.1:10001"

[[lines.meters]]
serial = "22310042"
profile = "eastron_sdm120"
address = 1
expect_id = "22310042"

[[lines.meters]]
serial = "11223344"
profile = "kamstrup_multical"
address = 5

[[lines.meters]]
serial = "55667788"
profile = "kamstrup_multical"
address = "55667788"

[[lines]]
name = "roof"
url = "tcp://192.0.2.2:10001"
"""
NOW = datetime(2026, 11, 22, 8, 5, tzinfo=UTC)
KAMSTRUP = ("kamstrup_multical",)


def a_config(folder: Path, text: str = TEXT) -> EdgeConfig:
    path = folder / "edge.toml"
    path.write_text(text)
    return config.load(path)


class FakeSearch:
    """Asks addresses of nobody: finds what it is told to find, and fails at `fails_at`."""

    def __init__(self, *finds: Found) -> None:
        self.finds = {str(found.address): found for found in finds}
        self.asked: list[str] = []
        self.fails_at: str | None = None

    async def by_address(self, line: Line, asked: Sequence[int]) -> AsyncIterator[Step]:
        async for step in self.by_mask(line, tuple(map(str, asked))):
            yield step

    async def by_mask(self, line: Line, todo: tuple[str, ...] | None) -> AsyncIterator[Step]:
        del line
        masks = ("1", "2", "3") if todo is None else todo
        for count, mask in enumerate(masks, 1):
            if mask == self.fails_at:
                raise NoAnswer("the line is never silent")
            self.asked.append(mask)
            yield Step(count, len(masks), mask, masks[count:], self.finds.get(mask))

    @property
    def searchers(self) -> Searchers:
        return Searchers(self.by_address, self.by_address, self.by_mask)


def a_line() -> Line:
    return Line(MemoryLink(ModbusBus([]), lambda: 0, Random(1), LineFaults()))


def a_job(folder: Path, fake: FakeSearch, **wishes: bool) -> Job:
    line = a_config(folder).lines[0]
    planned = searches.plan(fake.searchers, protocol="all", framing="rtu", wanted=(7, 8, 9))
    return prepare(
        line,
        planned,
        folder,
        fresh=wishes.get("fresh", False),
        writes=wishes.get("writes", False),
        now=NOW,
    )


async def scanned(job: Job) -> list[Found]:
    steps = scan(a_line(), job.searches, job.notes, job.save)
    return [progress.found async for progress in steps if progress.found is not None]


class TestAddresses:
    @pytest.mark.parametrize(
        ("text", "expected", "spelled"),
        [
            ("7", (7,), "7"),
            ("1-3", (1, 2, 3), "1-3"),
            ("5, 7,1-2,2", (1, 2, 5, 7), "1-2,5,7"),
            ("0,255", (0, 255), "0,255"),
        ],
    )
    def test_as_people_write_them(self, text: str, expected: tuple[int, ...], spelled: str) -> None:
        assert addresses.parse(text) == expected
        assert addresses.spell(expected) == spelled

    @pytest.mark.parametrize("text", ["", "a", "1-", "-1", "3-1", "1,,2", "256", "1-9999", "1.5"])
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="expected addresses"):
            addresses.parse(text)


class TestPlan:
    def plan(self, **wishes: object) -> list[str]:
        options: dict[str, object] = {"protocol": "all", "framing": "rtu"}
        planned: tuple[Search, ...] = searches.plan(
            FakeSearch().searchers,
            **(options | wishes),  # type: ignore[arg-type]
        )
        return [search.title for search in planned]

    def test_the_quick_search_comes_first_and_the_slow_one_on_request(self) -> None:
        assert self.plan() == ["M-Bus secondary addresses", "Modbus addresses 1-247"]
        assert self.plan(protocol="mbus") == ["M-Bus secondary addresses"]
        assert self.plan(protocol="mbus", primary=True) == ["M-Bus primary addresses 0-250"]
        assert self.plan(protocol="modbus", wanted=(1, 2, 9)) == ["Modbus addresses 1-2,9"]

    def test_modbus_tcp_carries_modbus_alone_and_gateways_as_units(self) -> None:
        assert self.plan(framing="tcp") == ["Modbus addresses 1-247"]
        assert self.plan(framing="tcp", wanted=(0, 255)) == ["Modbus addresses 0,255"]

    @pytest.mark.parametrize(
        ("wishes", "said"),
        [
            ({"framing": "tcp", "protocol": "mbus"}, "M-Bus has no such thing"),
            ({"protocol": "mbus", "wanted": (1,)}, "add --primary"),
            ({"protocol": "modbus", "wanted": (0, 1)}, "from 1 to 247, got 0"),
            ({"protocol": "mbus", "primary": True, "wanted": (251,)}, "from 0 to 250, got 251"),
        ],
    )
    def test_wishes_that_contradict(self, wishes: dict[str, object], said: str) -> None:
        with pytest.raises(ValueError, match=said):
            self.plan(**wishes)


class TestGoingOn:
    async def test_a_whole_scan_finds_and_keeps_everything(self, tmp_path: Path) -> None:
        fake = FakeSearch(Found("mbus", "2"), Found("modbus", 8))
        job = a_job(tmp_path, fake)
        assert [found.address for found in await scanned(job)] == ["2", 8]
        assert fake.asked == ["1", "2", "3", "7", "8", "9"]
        assert (job.notes.complete, job.notes.asked) == (True, 6)

    @pytest.mark.parametrize("fails_at", ["1", "2", "3", "7", "8", "9"])
    async def test_a_scan_that_failed_anywhere_asks_nobody_twice(
        self, tmp_path: Path, fails_at: str
    ) -> None:
        fake = FakeSearch(Found("mbus", "2"), Found("modbus", 8))
        fake.fails_at = fails_at
        job = a_job(tmp_path, fake)
        with pytest.raises(NoAnswer):
            await scanned(job)
        job.save()
        fake.fails_at = None
        again = a_job(tmp_path, fake)
        assert again.remark is not None
        assert "2026-11-22 08:05" in again.remark
        await scanned(again)
        assert fake.asked == ["1", "2", "3", "7", "8", "9"]
        assert [found.address for found in again.notes.found] == ["2", 8]

    async def test_a_found_meter_is_on_the_disk_before_it_is_shown(self, tmp_path: Path) -> None:
        job = a_job(tmp_path, FakeSearch(Found("mbus", "2")))
        async for progress in scan(a_line(), job.searches, job.notes, job.save):
            if progress.found is not None:
                noted = notebook.load(job.path, job.line.url, job.notes.searches)
                assert noted is not None
                assert noted.found == [progress.found]

    async def test_a_scan_that_is_over_is_used_again_only_to_write_it_down(
        self, tmp_path: Path
    ) -> None:
        fake = FakeSearch(Found("mbus", "2"))
        await scanned(a_job(tmp_path, fake))
        assert a_job(tmp_path, fake).notes.found == []
        assert a_job(tmp_path, fake, writes=True).notes.found == [Found("mbus", "2")]
        assert a_job(tmp_path, fake, writes=True, fresh=True).notes.found == []

    async def test_notes_of_another_scan_are_not_used_and_that_is_said(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "scan-rs485.json"
        other = Notebook(url="tcp://192.0.2.9:1", searches=("x",), began="then", found=[])
        other.save(path)
        remark = a_job(tmp_path, FakeSearch()).remark
        assert remark == "starting over: the scan that was stopped was of tcp://192.0.2.9:1"
        path.write_bytes(b"{")
        remark = a_job(tmp_path, FakeSearch()).remark
        assert remark is not None
        assert "is damaged" in remark

    def test_notes_too_large_to_be_notes(self, tmp_path: Path) -> None:
        (tmp_path / "n").write_bytes(bytes(2_000_000))
        with pytest.raises(NotebookError, match="not a scan's notes"):
            notebook.load(tmp_path / "n", "", ())

    def test_one_meter_found_by_both_addresses_is_one_meter(self) -> None:
        notes = Notebook(url="", searches=(), began="", found=[])
        assert notes.add(Found("mbus", "1122334401024004", secondary="1122334401024004"))
        assert not notes.add(Found("mbus", 5, secondary="1122334401024004"))
        assert notes.add(Found("modbus", 5))
        assert not notes.add(Found("modbus", 5, identification="1"))


class TestStanding:
    @pytest.mark.parametrize(
        ("found", "standing"),
        [
            (Found("modbus", 2, profiles=("eastron_sdm120",)), Standing.NEW),
            (Found("modbus", 2), Standing.UNKNOWN),
            (Found("modbus", 1, profiles=("eastron_sdm120",)), Standing.CONFIGURED),
            (Found("modbus", 1, identification="0022310042"), Standing.CONFIGURED),
            (Found("modbus", 1, identification="7"), Standing.OTHER),
            (Found("modbus", 5, profiles=("eastron_sdm120",)), Standing.NEW),
            (Found("mbus", 5, profiles=KAMSTRUP), Standing.CONFIGURED),
            (Found("mbus", 6, identification="11223344", profiles=KAMSTRUP), Standing.CONFIGURED),
            (Found("mbus", "FFFFFF442D2C0104", profiles=KAMSTRUP), Standing.UNKNOWN),
        ],
    )
    def test_what_a_found_meter_is(self, tmp_path: Path, found: Found, standing: Standing) -> None:
        loaded = a_config(tmp_path)
        assert judge(found, loaded.lines[0], loaded).standing is standing

    def test_a_configured_identification_stands_for_the_whole_secondary_address(
        self, tmp_path: Path
    ) -> None:
        loaded = a_config(tmp_path)
        full = "556677882D2C0104"
        found = Found("mbus", full, "55667788", secondary=full, profiles=KAMSTRUP)
        for line in loaded.lines:
            assert judge(found, line, loaded).standing is Standing.CONFIGURED
        remark = judge(found, loaded.lines[1], loaded).remark
        assert remark == "configured as 55667788 at address 55667788 on line rs485"

    def test_a_serial_is_the_meter_s_own_if_it_tells_one_that_is_free(self) -> None:
        found = Found("mbus", "123456782D2C0104", "12345678", manufacturer="KAM")
        assert serial_of(found, "rs485", set()) == ("12345678", True)
        assert serial_of(found, "rs485", {"12345678"}) == ("12345678-KAM", True)
        silent = Found("modbus", 7, manufacturer="Carlo Gavazzi")
        assert serial_of(silent, "rs485", set()) == ("rs485-modbus-7", False)
        serial, told = serial_of(found, "x" * 32, {"12345678", "12345678-KAM"})
        assert (len(serial), told) == (32, False)


class TestAdding:
    def with_finds(self, folder: Path, *finds: Found) -> tuple[Path, Job]:
        job = a_job(folder, FakeSearch())
        for found in finds:
            job.notes.add(found)
        return folder / "edge.toml", job

    def test_new_meters_come_in_as_run_wants_them(self, tmp_path: Path) -> None:
        full = "123456782D2C0104"
        path, job = self.with_finds(
            tmp_path,
            Found("modbus", 7, "123", "Eastron", profiles=("eastron_sdm120", "eastron_sdm630")),
            Found("modbus", 8, profiles=("siemens_pac2200",)),
            Found("mbus", full, "12345678", "KAM", secondary=full, profiles=KAMSTRUP),
            Found("mbus", 9, remark="no profile fits"),
            Found("modbus", 1, identification="7", profiles=("eastron_sdm120",)),
        )
        add(path, path, [job])
        meters = config.load(path).lines[0].meters[3:]
        new = [(one.serial, one.profile, one.address, one.expect_id) for one in meters]
        assert new == [
            ("123", "eastron_sdm120", 7, "123"),
            ("rs485-modbus-8", "siemens_pac2200", 8, None),
            ("12345678", "kamstrup_multical", full, None),
        ]
        text = path.read_text()
        assert text.startswith(TEXT[: TEXT.index('[[lines]]\nname = "roof"')])
        assert 'profile = "eastron_sdm120"  # fits too: eastron_sdm630' in text
        assert "no profile: mbus 9" in text

    def test_a_battery_meter_is_written_with_an_interval_it_allows(self, tmp_path: Path) -> None:
        path, job = self.with_finds(tmp_path, Found("mbus", 7, profiles=("engelmann_sensostar",)))
        add(path, path, [job])
        assert "# its battery allows no more" in path.read_text()
        assert config.load(path).lines[0].meters[-1].interval_s > config.INTERVAL_S

    def test_a_second_scan_adds_nothing(self, tmp_path: Path) -> None:
        path, job = self.with_finds(
            tmp_path,
            Found("modbus", 7, profiles=("eastron_sdm120",)),
            Found("mbus", 9, remark="no profile fits"),
        )
        assert add(path, path, [job]).changed
        once = path.read_bytes()
        again = add(path, path, [job])
        assert (again.changed, again.entries) == (False, ())
        assert path.read_bytes() == once

    def test_rights_of_the_file_stay_and_a_link_stays_a_link(self, tmp_path: Path) -> None:
        path, job = self.with_finds(tmp_path, Found("modbus", 7, profiles=("eastron_sdm120",)))
        link = tmp_path / "link.toml"
        link.symlink_to(path)
        path.chmod(0o640)
        add(link, link, [job])
        assert link.is_symlink()
        assert path.stat().st_mode & 0o777 == 0o640
        assert len(config.load(path).lines[0].meters) == 4
        assert sorted(one.name for one in tmp_path.iterdir()) == ["edge.toml", "link.toml"]
