"""Meters served over TCP and on pseudo-terminals, read by the real drivers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from drivers import profile
from drivers.bus import Framing, Line
from drivers.driver import Refused
from drivers.link import open_link
from edge import config as edge_config
from edge.app import DRIVERS
from edge.config import EdgeConfig
from simulators import virtual_house
from simulators.lines import serve
from simulators.pty import serve_pty
from simulators.virtual_house import ServingError

TODAY = date(2026, 10, 10)
NOW_MS = 1_791_000_000_000
# Every meter answers: it is waited for, however busy the machine is.
PATIENT_S = 30.0

EDGE_TOML = """
[device]
name = "edge-1"
key = "device.key"
gateway_key = "gateway.pem"
state_dir = "state"

[broker]
host = "127.0.0.1"
port = 1883
without_tls = true

[[lines]]
name = "meters"
url = "{url}"
framing = "{framing}"
[[lines.meters]]
serial = "A-1"
profile = "{profile}"
address = 9
interval_s = 86400
"""


@pytest.mark.parametrize("name", profile.names())
async def test_what_an_edge_toml_asks_for_is_there_to_be_read(name: str, tmp_path: Path) -> None:
    model = profile.load(name)
    framing: Framing = "tcp" if model.protocol == "modbus" else "rtu"
    file = tmp_path / "edge.toml"
    text = EDGE_TOML.format(url="tcp://127.0.0.1:1", framing=framing, profile=name)
    file.write_text(text, "utf-8")
    (line,) = virtual_house.of_config(edge_config.load(file), "seed", TODAY)
    server = await serve(line.bus, "127.0.0.1", 0, lambda: NOW_MS)
    async with server:
        port = server.sockets[0].getsockname()[1]
        link = open_link(f"tcp://127.0.0.1:{port}")
        dialled = Line(link, baud=115_200, framing=framing, turnaround_s=PATIENT_S)
        answer = await DRIVERS[model.protocol].read(dialled, model, 9)
        await dialled.close()
    assert {value.register for value in answer.values} == {one.obis for one in model.registers}


MIXED_TOML = """
[[lines]]
name = "cellar"
url = "serial:///dev/ttyUSB0?baud=2400&parity=E"
[[lines.meters]]
serial = "A-1"
profile = "abb_b23"
address = 9
expect_id = "7654321"
[[lines.meters]]
serial = "A-2"
profile = "kamstrup_multical"
address = 9
expect_id = "00012345"
[[lines.meters]]
serial = "A-3"
profile = "itron_cyble_cold"
address = "12345678"
[[lines.meters]]
serial = "A-4"
profile = "itron_cyble_cold"
address = "8765432177041407"
"""
KEY = bytes(range(16))


def a_mixed_config(folder: Path) -> EdgeConfig:
    """A line of both protocols, by primary and secondary addresses; one meter encrypts."""
    keys = folder / "meters.keys"
    keys.write_text(f'"00012345" = "{KEY.hex()}"')
    keys.chmod(0o600)
    head, _, _ = EDGE_TOML.partition("[[lines]]")
    head = head.replace("[broker]", 'meter_keys = "meters.keys"\n[broker]')
    file = folder / "edge.toml"
    file.write_text(head + MIXED_TOML, "utf-8")
    return edge_config.load(file)


async def test_a_line_of_both_protocols_is_served_on_a_pseudo_terminal(tmp_path: Path) -> None:
    config = a_mixed_config(tmp_path)
    (line,) = virtual_house.of_config(config, "seed", TODAY, on_pty=True)
    async with serve_pty(line.bus, lambda: NOW_MS) as path:
        dialled = Line(
            open_link(f"serial://{path}?baud=38400"), baud=38_400, turnaround_s=PATIENT_S
        )
        for meter in config.lines[0].meters:
            model = profile.load(meter.profile)
            answer = await DRIVERS[model.protocol].read(
                dialled,
                model,
                meter.address,
                expect_id=meter.expect_id,
                key=KEY if meter.serial == "A-2" else None,
            )
            assert {value.register for value in answer.values} == {
                one.obis for one in model.registers
            }
        await dialled.close()


async def test_a_meter_whose_key_is_configured_encrypts(tmp_path: Path) -> None:
    (line,) = virtual_house.of_config(a_mixed_config(tmp_path), "seed", TODAY, on_pty=True)
    async with serve_pty(line.bus, lambda: NOW_MS) as path:
        dialled = Line(
            open_link(f"serial://{path}?baud=38400"), baud=38_400, turnaround_s=PATIENT_S
        )
        with pytest.raises(Refused, match="key"):
            await DRIVERS["mbus"].read(dialled, profile.load("kamstrup_multical"), 9)
        await dialled.close()


def test_modbus_tcp_has_no_place_on_a_pseudo_terminal(tmp_path: Path) -> None:
    file = tmp_path / "edge.toml"
    url = "tcp://127.0.0.1:502"
    file.write_text(EDGE_TOML.format(url=url, framing="tcp", profile="eastron_sdm120"), "utf-8")
    with pytest.raises(ServingError, match="pseudo-terminal"):
        virtual_house.of_config(edge_config.load(file), "seed", TODAY, on_pty=True)


def test_serial_lines_cannot_be_served(tmp_path: Path) -> None:
    file = tmp_path / "edge.toml"
    url = "serial:///dev/ttyUSB0"
    file.write_text(EDGE_TOML.format(url=url, framing="rtu", profile="eastron_sdm120"), "utf-8")
    with pytest.raises(ServingError, match="tcp://"):
        virtual_house.of_config(edge_config.load(file), "seed", TODAY)


@contextmanager
def meters(*words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "simulators", "meters", "--modbus-port", "0"]
    with subprocess.Popen(
        [*command, "--mbus-port", "0", "--json", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


@pytest.mark.parametrize("words", [(), ("--pty",)])
async def test_the_command_serves_a_house_until_it_is_stopped(words: tuple[str, ...]) -> None:
    with meters(*words) as process:
        assert process.stdout is not None
        lines = [json.loads(process.stdout.readline()) for _ in range(2)]
        assert [line["line"] for line in lines] == ["modbus", "mbus"]
        for line in lines:
            assert line["url"].startswith("serial:///dev/" if words else "tcp://127.0.0.1:")
            dialled = Line(open_link(line["url"]), baud=115_200, turnaround_s=PATIENT_S)
            for hanging in line["meters"]:
                model = profile.load(hanging["profile"])
                driver = DRIVERS[model.protocol]
                assert (await driver.read(dialled, model, hanging["address"])).values
            await dialled.close()


def test_a_folder_without_telegrams_is_one_clear_line(tmp_path: Path) -> None:
    with meters("--replay", str(tmp_path)) as process:
        _, stderr = process.communicate(timeout=120)
    assert process.returncode == 1
    assert stderr.count("\n") == 1
    assert "no .hex file" in stderr
