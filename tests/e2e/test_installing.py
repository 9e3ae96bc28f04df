"""An installer's first hour: virtual meters on serial ports, found, written down and read."""

import json
import sys
from asyncio import create_subprocess_exec, timeout
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edge import config as edge_config

STEP_S_MAX = 120
HEAD = """
[device]
name = "edge-1"
key = "device.key"
gateway_key = "gateway.pem"
state_dir = "state"

[broker]
host = "127.0.0.1"
port = 1883
without_tls = true
"""
# Six addresses instead of all, and a short turnaround: searching silence takes real time.
SEARCH_S = 0.25
# Whoever is read answers: a busy machine is waited for.
READ_S = 30
LINE = """
[[lines]]
name = "{name}"  # in the cellar
url = "{url}"
turnaround_s = {answer_s}
"""
ADDRESSES = "1-6"


@asynccontextmanager
async def a_house() -> AsyncIterator[dict[str, dict[str, Any]]]:
    """The lines of a virtual house on pseudo-terminals, by name."""
    command = (sys.executable, "-m", "simulators", "meters", "--pty", "--json")
    process = await create_subprocess_exec(*command, stdout=PIPE)
    try:
        assert process.stdout is not None
        async with timeout(STEP_S_MAX):
            lines = [json.loads(await process.stdout.readline()) for _ in range(2)]
        yield {line["line"]: line for line in lines}
    finally:
        process.terminate()
        await process.wait()


async def edge(config: Path, *words: str) -> str:
    """What `plomba-edge` says on stdout when it has done what it was asked."""
    command = (sys.executable, "-m", "edge", *words, "--config", str(config))
    process: Process = await create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    async with timeout(STEP_S_MAX):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def scan(config: Path, line: str) -> None:
    protocol = ("modbus", "--addresses", ADDRESSES) if line == "modbus" else (line,)
    await edge(config, "scan", "--line", line, "--write", "--protocol", *protocol)


@pytest.mark.processes
async def test_a_house_is_found_written_down_once_and_read(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    async with a_house() as house:
        lines = (
            LINE.format(name=name, url=line["url"], answer_s=SEARCH_S)
            for name, line in house.items()
        )
        config.write_text(HEAD + "".join(lines), "utf-8")
        for name in house:
            await scan(config, name)
        written = config.read_text("utf-8")
        for name in house:
            await scan(config, name)
        assert config.read_text("utf-8") == written
        assert written.count("# in the cellar") == len(house)
        slow, patient = (f"turnaround_s = {one}\n" for one in (SEARCH_S, READ_S))
        config.write_text(written.replace(slow, patient), "utf-8")
        out = await edge(config, "read", "--json")
    meters = [meter for line in edge_config.load(config).lines for meter in line.meters]
    hanging = [meter for line in house.values() for meter in line["meters"]]
    assert len(meters) == len(hanging)
    # A meter that tells its number is known by it.
    numbers = {meter.serial for meter in meters if meter.serial.isdigit()}
    assert {one["serial"] for one in house["mbus"]["meters"]} <= numbers
    assert numbers <= {one["serial"] for one in hanging}
    answers = [json.loads(line) for line in out.splitlines()]
    assert {answer["meter"] for answer in answers} == {meter.serial for meter in meters}
