"""Fixtures for foreign programs and libraries."""

import asyncio
import shutil
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

START_S_MAX = 60.0


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[tuple[Path, Path]]:
    """Two serial ports joined by socat, as by a cable."""
    if shutil.which("socat") is None:
        pytest.skip("needs socat: apt-get install socat")
    ends = (tmp_path / "here", tmp_path / "there")
    ports = (f"pty,rawer,link={end}" for end in ends)
    process = await asyncio.create_subprocess_exec("socat", "-d", "-d", *ports, stderr=PIPE)
    try:
        async with asyncio.timeout(START_S_MAX):
            await _begun(process)
        yield ends
    finally:
        process.terminate()
        await process.wait()


async def _begun(process: asyncio.subprocess.Process) -> None:
    """Wait until socat says that bytes go to and fro."""
    assert process.stderr is not None
    while b"starting data transfer loop" not in (line := await process.stderr.readline()):
        assert line, "socat ended before it began"
