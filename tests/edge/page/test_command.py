"""`plomba-edge page` as a service starts it: a real process, stopped by a signal."""

import asyncio
import signal
from pathlib import Path

import httpx
import pytest

from tests.cloud_sync.brokers import HOST, free_port
from tests.edge.installer import a_device, edge, refused


@pytest.mark.parametrize("listen", ["8080", "0.0.0.0:0", "0.0.0.0:65536", "a b:80", "[::1:80", ""])
def test_a_wrong_address_is_exit_2(tmp_path: Path, listen: str) -> None:
    result = a_device(tmp_path).run("page", "--listen", listen)
    assert result.exit_code == 2
    assert "expected ADDRESS:PORT" in result.stderr


def test_an_address_that_is_not_ours_is_one_line(tmp_path: Path) -> None:
    said = refused(a_device(tmp_path).run("page", "--listen", "192.0.2.1:8080"))
    assert "cannot listen on 192.0.2.1:8080" in said


def test_a_new_code_is_printed_and_private(tmp_path: Path) -> None:
    device = a_device(tmp_path)
    code = device.run("page", "--new-code").stdout.strip()
    path = tmp_path / "state/page-code"
    assert path.read_text().strip() == code
    assert path.stat().st_mode & 0o777 == 0o600
    assert device.run("page", "--new-code").stdout.strip() != code


@pytest.mark.processes
async def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    port = free_port()
    device = a_device(tmp_path)
    words = ["--config", str(device.config), "--listen", f"{HOST}:{port}"]
    process = await edge("page", *words)
    try:
        async with httpx.AsyncClient() as http, asyncio.timeout(180):
            while True:
                try:
                    told = await http.get(f"http://{HOST}:{port}/enter")
                except httpx.ConnectError:
                    assert process.returncode is None
                    await asyncio.sleep(0.05)
                else:
                    break
        assert told.status_code == 200
        assert "--new-code" in told.text
    finally:
        process.send_signal(signal.SIGTERM)
        _, err = await process.communicate()
    assert process.returncode in {0, -signal.SIGTERM}
    assert b"page is open" in (err or b"")
    assert b"Traceback" not in (err or b"")
