"""The gateway as a process, with a real broker: it answers, it is killed, it goes on."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

import httpx
import pytest

from cloud_sync import mqtt, receipt, signing, topics
from cloud_sync.signing import SigningKey
from drivers.reading import MeterStatus
from gateway.wiring import system_clock
from tests.cloud_sync.brokers import HOST, mosquitto, needs_mosquitto
from tests.gateway.town import DAY_MS, DEVICE, HOUR_MS, Town, local
from tests.servers.ports import free_port

ROOT = Path(__file__).parents[2]
# A machine that does ten other things takes half a minute to start a gateway.
PATIENCE_S = 120
pytestmark = [pytest.mark.processes, *needs_mosquitto]


class Gateway:
    """`plomba-gateway run` as a process."""

    def __init__(self, folder: Path, broker_port: int) -> None:
        self.folder = folder
        self.web = free_port()
        self.config = folder / "gateway.toml"
        self.config.write_text(
            f'data = "data"\n[broker]\nhost = "{HOST}"\nport = {broker_port}\nwithout_tls = true\n'
            f"[web]\nport = {self.web}\n"
            '[billing]\nauto_close = true\n[[billing.targets]]\nkind = "csv"\nname = "files"\n'
            'directory = "billing"\n'
        )
        self.log = folder / "gateway.log"
        self.process: asyncio.subprocess.Process | None = None

    async def command(self, *arguments: str) -> tuple[int, str, str]:
        process = await self._start(*arguments, to=asyncio.subprocess.PIPE)
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    async def start(self) -> None:
        with self.log.open("wb") as log:
            self.process = await self._start("run", "--config", str(self.config), to=log)
        async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient() as http:
            while True:
                assert self.process.returncode is None, self.log.read_text()
                try:
                    answer = await http.get(f"http://{HOST}:{self.web}/healthz")
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
                    continue
                assert answer.json() == {"status": "ok"}
                return

    async def listens(self) -> None:
        """Until the broker has a batch for it: one of before is nobody's, and is not sent again."""
        async with asyncio.timeout(PATIENCE_S):
            while "listening for batches" not in self.log.read_text():  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.05)

    async def status_with(self, name: str) -> dict[str, int]:
        """The status once `name` is not 0 any more."""
        async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
            for _ in range(20 * PATIENCE_S):
                answer = await http.get(f"http://{HOST}:{self.web}/api/status")
                status: dict[str, int] = answer.json()
                if status[name]:
                    return status
                await asyncio.sleep(0.05)
        raise AssertionError(status)

    async def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await self.process.wait()

    async def _start(self, *arguments: str, to: int | IO[bytes]) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", *arguments),
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=to,
            stderr=to,
        )


@asynccontextmanager
async def ready(folder: Path) -> AsyncIterator[tuple[Gateway, Town, mqtt.Settings]]:
    """A broker, an initialised gateway that does not run yet, and its town."""
    async with mosquitto(folder) as broker:
        gateway = Gateway(folder, broker.port)
        assert (await gateway.command("init", "--config", str(gateway.config)))[0] == 0
        town = Town(folder / "data")
        town.install("A1", town.point("P1"))
        try:
            yield gateway, town, mqtt.Settings(host=HOST, port=broker.port, client_id=DEVICE)
        finally:
            if gateway.process is not None:
                await gateway.end(signal.SIGKILL)


async def send(town: Town, settings: mqtt.Settings, gateway: Gateway) -> int:
    """Publish the town's next batch; through which number the receipt is that covers it."""
    await gateway.listens()
    sealed = town.seal()
    key = SigningKey.load(gateway.folder / "data" / "gateway.key").public
    async with asyncio.timeout(PATIENCE_S), mqtt.connect(settings) as transport:
        await transport.subscribe(topics.receipt_topic(DEVICE))
        await transport.publish(sealed.topic, sealed.payload)
        async for message in transport.messages():
            parsed = signing.parse(message.payload)
            key.verify(parsed, message.topic)
            found = receipt.decode(parsed.payload)
            if found.through == town.sequence:
                return found.through
    raise AssertionError


async def test_a_batch_gets_its_receipt_and_its_line_reaches_billing(tmp_path: Path) -> None:
    async with ready(tmp_path) as (gateway, town, settings):
        await gateway.start()
        town.read("A1", local(10, 1), 12_000)
        assert await send(town, settings, gateway) == 1
        status = await gateway.status_with("handed_to_billing")
        assert (status["stored"], status["accepted"]) == (1, 1)
        assert (tmp_path / "billing" / "2026-09-000001-Лесная-5.csv").is_file()
        assert await gateway.end(signal.SIGTERM) == 0


async def test_killed_between_batches_it_goes_on_where_it_was(tmp_path: Path) -> None:
    async with ready(tmp_path) as (gateway, town, settings):
        for number in range(1, 4):
            await gateway.start()
            town.read("A1", town.now_ms + HOUR_MS, 10_000 + number)
            assert await send(town, settings, gateway) == number
            assert await gateway.end(signal.SIGKILL) == -signal.SIGKILL
        code, out, _ = await gateway.command("balance", "--config", str(gateway.config), "--json")
        assert code == 0
        balance = json.loads(out)
        assert (balance["delivered"], balance["stored"], balance["accepted"]) == (3, 3, 3)


async def test_what_a_meter_says_of_itself_comes_to_the_page(tmp_path: Path) -> None:
    async with ready(tmp_path) as (gateway, town, settings):
        await gateway.start()
        yesterday = system_clock() - DAY_MS
        town.read("A1", yesterday, 12_000, status=int(MeterStatus.TAMPER))
        await send(town, settings, gateway)
        async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient(timeout=PATIENCE_S) as http:
            page = ""
            while "reports its cover opened" not in page:
                await asyncio.sleep(0.05)
                page = (await http.get(f"http://{HOST}:{gateway.web}/?lang=en")).text


async def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    async with ready(tmp_path) as (gateway, _town, _settings):
        await gateway.start()
        code, _, err = await gateway.command("run", "--config", str(gateway.config))
        assert code == 1
        assert f"cannot listen on 127.0.0.1:{gateway.web}" in err
        assert err.count("\n") == 1


async def test_a_door_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, free_port())
    (tmp_path / "none.key").touch(mode=0o600)
    with gateway.config.open("a") as file:
        file.write(
            '[enrolment]\nurl = "https://localhost:8443"\ncert = "none.pem"\nkey = "none.key"\n'
            f"port = {free_port()}\n"
        )
    config = ("--config", str(gateway.config))
    assert (await gateway.command("init", *config))[0] == 0
    status, _, said = await gateway.command("run", *config)
    assert (status, said.count("\n")) == (1, 1), said
    assert "no authority in" in said
    root = str(tmp_path / "root.key")
    assert (await gateway.command("ca", "init", "--root-key", root, *config))[0] == 0
    status, _, said = await gateway.command("run", *config)
    assert (status, said.count("\n")) == (1, 1), said
    assert "enrolment: cannot use the certificate" in said
    # Nothing had started, and nothing says it had.
    status, listed, _ = await gateway.command("audit", "list", *config, "--json")
    acts = [json.loads(line)["act"] for line in listed.splitlines()]
    assert (status, "start" in acts) == (0, False)
    assert "init" in acts


async def test_without_a_broker_it_keeps_trying_and_the_page_works(tmp_path: Path) -> None:
    async with ready(tmp_path) as (gateway, _town, settings):
        gateway.config.write_text(
            gateway.config.read_text().replace(f"port = {settings.port}", f"port = {free_port()}")
        )
        await gateway.start()
        assert await gateway.end(signal.SIGTERM) == 0


async def test_each_start_is_in_the_audit_log(tmp_path: Path) -> None:
    async with ready(tmp_path) as (gateway, _, _):
        await gateway.start()
        assert await gateway.end(signal.SIGTERM) == 0
        code, out, _ = await gateway.command(
            "audit", "list", "--config", str(gateway.config), "--json"
        )
        assert code == 0
        made, started = map(json.loads, out.splitlines())
        assert (made["act"], started["act"], started["actor"]) == ("init", "start", "gateway")
        assert started["after"] == made["after"]
