"""Meters served over TCP, read by the real drivers over real sockets."""

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
from drivers.link import open_link
from edge import config as edge_config
from edge.app import DRIVERS
from simulators import virtual_house
from simulators.lines import serve
from simulators.virtual_house import ServingError

TODAY = date(2026, 10, 10)
NOW_MS = 1_791_000_000_000

EDGE_TOML = """
[device]
name = "edge-1"
key = "device.key"
gateway_key = "gateway.pem"
state_dir = "state"

[broker]
host = "127.0.0.1"
port = 1883

[[lines]]
name = "meters"
url = "{url}"
framing = "{framing}"
[[lines.meters]]
serial = "A-1"
profile = "{profile}"
address = 9
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
        dialled = Line(open_link(f"tcp://127.0.0.1:{port}"), baud=115_200, framing=framing)
        answer = await DRIVERS[model.protocol].read(dialled, model, 9)
        await dialled.close()
    assert {value.register for value in answer.values} == {one.obis for one in model.registers}


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


async def test_the_command_serves_a_house_until_it_is_stopped() -> None:
    with meters() as process:
        assert process.stdout is not None
        lines = [json.loads(process.stdout.readline()) for _ in range(2)]
        assert [line["line"] for line in lines] == ["modbus", "mbus"]
        for line in lines:
            dialled = Line(open_link(line["url"]), baud=115_200)
            for hanging in line["meters"]:
                model = profile.load(hanging["profile"])
                driver = DRIVERS[model.protocol]
                assert (await driver.read(dialled, model, hanging["address"])).values
            await dialled.close()


def test_a_folder_without_telegrams_is_one_clear_line(tmp_path: Path) -> None:
    with meters("--replay", str(tmp_path)) as process:
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert stderr.count("\n") == 1
    assert "no .hex file" in stderr
