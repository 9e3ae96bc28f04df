"""`plomba-edge scan` and `read` as an installer uses them: real processes, virtual meters."""

import json
import os
import signal
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from edge import config
from edge.line_owner import owning_lines
from simulators import virtual_house
from simulators.lines import serve
from tests.cloud_sync.brokers import HOST
from tests.edge.installer import (
    PATIENT_S,
    Device,
    a_device,
    a_line,
    edge,
    finished,
    heard,
    refused,
)

NOW_MS = 1_795_326_600_000
# A search for M-Bus meters hears silence a dozen times, so that it waits no longer than it must.
SEARCH_S = 0.5
MBUS_METERS = """
[[lines.meters]]
serial = "11223344"
profile = "kamstrup_multical"
address = 5

[[lines.meters]]
serial = "99887766"
profile = "zenner_edc_cold"
address = "99887766"
"""


def an_empty_device(folder: Path, *, line_port: int = 1, turnaround_s: float = PATIENT_S) -> Device:
    """One with a line of which nobody knows the meters yet."""
    device = a_device(folder, line_port=line_port, turnaround_s=turnaround_s)
    text = device.config.read_text()
    device.config.write_text(text[: text.index("\n[[lines.meters]]")])
    return device


def waiting(device: Device, before_s: float, now_s: float) -> None:
    """Let its line wait longer, or less, than before."""
    text = device.config.read_text()
    assert text.count(f"turnaround_s = {before_s}\n") == 1
    device.config.write_text(
        text.replace(f"turnaround_s = {before_s}\n", f"turnaround_s = {now_s}\n")
    )


def events(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


class TestMistakes:
    def test_a_line_that_is_not_there(self, tmp_path: Path) -> None:
        said = refused(a_device(tmp_path).run("scan", "--line", "roof"))
        assert said == "Error: no line 'roof'; there are: house"

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--addresses", "0-300"], "expected addresses from 0 to 255"),
            (["--addresses", "0"], "Modbus addresses go from 1 to 247, got 0"),
            (["--protocol", "mbus", "--addresses", "5"], "add --primary"),
            (["--write", "--out", "x"], "exclude each other"),
        ],
    )
    def test_a_wrong_use_is_exit_2(self, tmp_path: Path, words: list[str], said: str) -> None:
        result = a_device(tmp_path).run("scan", *words)
        assert result.exit_code == 2
        assert said in result.stderr

    def test_a_file_in_the_way_is_said_before_the_search(self, tmp_path: Path) -> None:
        device = a_device(tmp_path)
        said = refused(device.run("scan", "--out", str(device.config.parent / "gateway.pem")))
        assert said.endswith("gateway.pem exists: name a new file, or use --write")

    def test_a_folder_that_is_not_there_is_said_before_the_search(self, tmp_path: Path) -> None:
        said = refused(a_device(tmp_path).run("scan", "--out", str(tmp_path / "none/new.toml")))
        assert said.endswith(f"there is no folder {tmp_path}/none")

    @pytest.mark.parametrize("command", ["scan", "read"])
    def test_a_line_with_an_owner_is_left_alone(self, tmp_path: Path, command: str) -> None:
        device = a_device(tmp_path)
        (tmp_path / "state").mkdir()
        with owning_lines(tmp_path / "state"):
            said = refused(device.run(command))
        assert "another plomba-edge scan or read" in said

    def test_an_agent_does_not_start_while_somebody_scans(self, tmp_path: Path) -> None:
        device = a_device(tmp_path)
        (tmp_path / "state").mkdir()
        with owning_lines(tmp_path / "state"):
            assert "using the lines of this device" in refused(device.run("run"))

    def test_a_line_that_does_not_open_is_one_line_and_the_way_on(self, tmp_path: Path) -> None:
        result = an_empty_device(tmp_path).run("scan")
        assert result.exit_code == 1
        last = result.stderr.splitlines()[-1]
        assert last.startswith("Error: line house: 127.0.0.1:1: ")
        assert list((tmp_path / "state").iterdir()) == []

    @pytest.mark.parametrize("command", ["run", "read"])
    def test_a_device_without_meters_says_how_to_find_them(
        self, tmp_path: Path, command: str
    ) -> None:
        said = refused(an_empty_device(tmp_path).run(command))
        assert "find them with plomba-edge scan --write" in said


def all_of(screen: int) -> str:
    """What was written on a terminal that nobody holds any more; it need not come in one piece."""
    seen = b""
    with suppress(OSError):  # which is how its end is told
        while piece := os.read(screen, 4096):
            seen += piece
    return seen.decode()


@pytest.mark.processes
class TestScan:
    async def test_a_found_meter_is_shown_written_and_read(self, tmp_path: Path) -> None:
        async with a_line(has_gateway=True) as port:
            device = an_empty_device(tmp_path, line_port=port)
            words = ["--config", str(device.config)]
            scan = ["scan", "--protocol", "modbus", "--addresses", "1-2", *words]
            code, out, err = await finished(await edge(*scan))
            assert code == 0, err
            assert "eastron_sdm120" in out
            assert "the same command with --write" in err
            # What was found is written without being searched for again.
            code, out, err = await finished(await edge(*scan, "--write"))
            assert code == 0, err
            assert "taking what the scan of" in err
            (meter,) = config.load(device.config).lines[0].meters
            assert (meter.profile, meter.address) == ("eastron_sdm120", 1)
            once = device.config.read_bytes()
            code, out, err = await finished(await edge(*scan, "--write"))
            assert "nothing changed" in err
            assert device.config.read_bytes() == once
            code, out, err = await finished(await edge("read", meter.serial, *words))
            assert code == 0, err
            assert "12345.67 kWh" in out
            assert "0x0048" in out

    async def test_json_has_one_object_per_event(self, tmp_path: Path) -> None:
        async with a_line(has_gateway=True) as port:
            device = an_empty_device(tmp_path, line_port=port)
            new = tmp_path / "new.toml"
            before = device.config.read_bytes()
            words = ["--json", "--protocol", "modbus", "--addresses", "1-2", "--out", str(new)]
            config_words = ["--config", str(device.config)]
            code, out, _ = await finished(await edge("scan", *words, *config_words))
        found, line, written = events(out)
        assert code == 0
        assert found | {"profiles": [], "identification": None} == {
            "event": "found",
            "line": "house",
            "protocol": "modbus",
            "address": 1,
            "identification": None,
            "manufacturer": "Eastron",
            "version": None,
            "medium": None,
            "secondary": None,
            "profiles": [],
            "remark": None,
            "standing": "new",
        }
        assert found["profiles"][0] == "eastron_sdm120"
        assert (line["event"], line["found"], line["new"]) == ("line", 1, 1)
        assert (written["event"], written["added"]) == ("written", 1)
        assert device.config.read_bytes() == before
        assert len(config.load(new).meters) == 1

    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    async def test_a_stopped_scan_goes_on_where_it_was(
        self, tmp_path: Path, how: signal.Signals
    ) -> None:
        async with a_line() as port:
            # The second address is silent for long: there the scan is when it is stopped.
            device = an_empty_device(tmp_path, line_port=port)
            words = ["--json", "--protocol", "modbus", "--addresses", "1-30", "--write"]
            words += ["--config", str(device.config)]
            with heard(how):
                first = await edge("scan", *words)
            assert first.stdout is not None
            shown = json.loads(await first.stdout.readline())
            first.send_signal(how)
            code, out, err = await finished(first)
            assert (code, shown["address"]) == (1, 1)
            assert err.splitlines()[-1].startswith("Error: stopped on line house")
            assert "Traceback" not in err
            assert [event["event"] for event in events(out)] == ["written"]
            assert len(config.load(device.config).meters) == 1
            # None of those that are left answers.
            waiting(device, PATIENT_S, 0.05)
            code, out, err = await finished(await edge("scan", *words))
        assert code == 0, err
        assert "going on where the scan of" in err
        found, line, _ = events(out)
        assert (found["standing"], line["asked"]) == ("configured", 30)
        assert list((tmp_path / "state").iterdir()) == []

    async def test_on_a_terminal_one_line_is_alive(self, tmp_path: Path) -> None:
        screen, terminal = os.openpty()
        async with a_line(has_gateway=True) as port:
            device = an_empty_device(tmp_path, line_port=port)
            words = ["--protocol", "modbus", "--addresses", "1-3", "--config", str(device.config)]
            process = await edge("scan", *words, stderr=terminal)
            os.close(terminal)
            code, out, _ = await finished(process)
        seen = all_of(screen)
        os.close(screen)
        assert (code, len(out.splitlines())) == (0, 1)
        assert "\r\x1b[Khouse: Modbus unit 1, 1 asked, about 2 to go" in seen
        assert seen.count("\n") == 3, "the live line is one line"

    async def test_both_protocols_of_a_line_are_found_and_read(self, tmp_path: Path) -> None:
        (tmp_path / "house").mkdir()
        house = a_device(tmp_path / "house")
        house.config.write_text(house.config.read_text() + MBUS_METERS)
        (line,) = virtual_house.of_config(config.load(house.config), "seed", date(2026, 11, 22))
        server = await serve(line.bus, HOST, 0, lambda: NOW_MS)
        async with server:
            port = server.sockets[0].getsockname()[1]
            device = an_empty_device(tmp_path, line_port=port, turnaround_s=SEARCH_S)
            words = ["--config", str(device.config)]
            scan = ["scan", "--addresses", "1,9", "--write", "--json", *words]
            code, out, err = await finished(await edge(*scan))
            assert code == 0, err
            found = [(event["protocol"], event["profiles"][0]) for event in events(out)[:-2]]
            assert sorted(found) == [
                ("mbus", "kamstrup_multical"),
                ("mbus", "zenner_edc_cold"),
                ("modbus", "eastron_sdm120"),
                ("modbus", "eastron_sdm120"),
            ]
            waiting(device, SEARCH_S, PATIENT_S)
            code, out, err = await finished(await edge("read", "--json", *words))
            assert code == 0, err
            assert all(document["values"] for document in events(out))
            # Taken for something else it gives no values, but shows what it sent.
            guess = ["--line", "house", "--address", "99887766", "--profile", "kamstrup_multical"]
            code, out, err = await finished(await edge("read", "--json", *guess, *words))
        (document,) = events(out)
        assert (code, err) == (1, "Error: 1 of 1 meters gave no values\n")
        assert any("volume" in record["meaning"] for record in document["records"])


@pytest.mark.processes
class TestRead:
    async def test_json_has_the_records_beside_the_values(self, tmp_path: Path) -> None:
        async with a_line(has_gateway=True) as port:
            device = a_device(tmp_path, line_port=port)
            words = ["read", "22310042", "--json", "--config", str(device.config)]
            code, out, err = await finished(await edge(*words))
        document = json.loads(out)
        assert code == 0, err
        taken = [record for record in document["records"] if record["register"] == "1-0:1.8.0"]
        assert len(taken) == 1
        assert taken[0].keys() == {"place", "raw", "meaning", "register"}

    async def test_all_meters_at_once_are_shown_without_their_records(self, tmp_path: Path) -> None:
        async with a_line(has_gateway=True) as port:
            device = a_device(tmp_path, line_port=port)
            words = ["read", "--config", str(device.config)]
            _, short, _ = await finished(await edge(*words))
            _, long, _ = await finished(await edge(*words, "--raw"))
        assert "what it sent" not in short
        assert "what it sent" in long

    async def test_a_meter_that_is_not_configured_yet(self, tmp_path: Path) -> None:
        async with a_line(has_gateway=True) as port:
            device = an_empty_device(tmp_path, line_port=port)
            words = ["--address", "1", "--profile", "eastron_sdm120"]
            words += ["--config", str(device.config)]
            code, out, err = await finished(await edge("read", "--line", "house", *words))
        assert code == 0, err
        assert "12345.67 kWh" in out
        assert "0x0048" in out


class TestReadMistakes:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["roof", "1", "eastron_sdm120"], "no line 'roof'; there are: house"),
            (["house", "300", "eastron_sdm120"], "address: expected a number from 0 to 255"),
            (["house", "12345678", "eastron_sdm120"], "this meter speaks Modbus"),
            (["house", "1", "no_such"], "profile: no meter profile 'no_such'"),
        ],
    )
    def test_of_a_meter_that_is_not_configured(
        self, tmp_path: Path, words: list[str], said: str
    ) -> None:
        options = zip(("--line", "--address", "--profile"), words, strict=True)
        given = [word for option in options for word in option]
        assert said in refused(a_device(tmp_path).run("read", *given))

    def test_half_of_its_place_is_a_wrong_use(self, tmp_path: Path) -> None:
        assert a_device(tmp_path).run("read", "--line", "house").exit_code == 2

    def test_a_battery_that_has_given_its_reads_is_not_asked(self, tmp_path: Path) -> None:
        device = a_device(tmp_path)
        meter = 'serial = "11"\nprofile = "engelmann_sensostar"\naddress = 5\ninterval_s = 3600\n'
        device.config.write_text(f"{device.config.read_text()}\n[[lines.meters]]\n{meter}")
        (tmp_path / "state").mkdir()
        (tmp_path / "state/reads.log").write_text("+ 0 11\n" * 24)
        result = device.run("read", "11")
        assert result.exit_code == 1
        assert "its battery allows 24 reads a day, these are used up" in result.stdout
