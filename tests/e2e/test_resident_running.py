"""The running program itself keeps the residents' listener."""

import asyncio
import sys
from pathlib import Path

import httpx

from tests.cloud_sync.brokers import HOST, free_port
from tests.gateway.resident.block import Block
from tests.gateway.town import GATEWAY_KEY

ROOT = Path(__file__).parents[2]


async def test_a_running_gateway_serves_residents(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    block = Block(tmp_path / "data")
    block.contact(1)
    GATEWAY_KEY.save(tmp_path / "data" / "gateway.key")
    # The program's clock is today's, so the link must last until today at least.
    with block.town.store.transaction():
        account_no = block.account_no(1)
        far_ms = block.now_ms + 50 * 365 * 86_400_000
        token = block.links.make(account_no, "2026-09", far_ms, None).token
    block.town.store.close()
    port = free_port()
    toml = tmp_path / "gateway.toml"
    toml.write_text(
        f"""\
data = "data"

[broker]
host = "{HOST}"
port = 1
without_tls = true

[web]
enabled = false

[resident]
port = {port}
public_url = "http://{HOST}:{port}"
""",
        "utf-8",
    )
    gateway = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "gateway", "run", "--config", str(toml)],
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with (
            asyncio.timeout(180),
            httpx.AsyncClient(base_url=f"http://{HOST}:{port}") as http,
        ):
            page = await answered(http, f"/l/{token}")
        assert "Номер лицевого счёта" in page.text
        assert page.headers["content-security-policy"]
    finally:
        gateway.terminate()
        _, said = await gateway.communicate()
    assert gateway.returncode == 0, said
    assert b"Traceback" not in said


async def answered(http: httpx.AsyncClient, path: str) -> httpx.Response:
    while True:
        try:
            return await http.get(path)
        except httpx.TransportError:
            await asyncio.sleep(0.05)
