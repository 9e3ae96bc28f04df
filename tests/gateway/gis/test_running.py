"""The exchange inside the running gateway, against a simulated ГИС ЖКХ over HTTP."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from cloud_sync.signing import SigningKey
from gateway import app, config
from gateway.__main__ import main
from gateway.config import LEDGER_FILE
from gateway.handoff.target import State
from gateway.sql.outbox import OutboxLedger
from gateway.wiring import system_clock
from simulators.gis_service import Faults, GisService, serving
from tests.gateway.gis.office import NOW_MS, ORGANISATION, SHARED, a_town, guid
from tests.servers.ledgers import open_store
from tests.servers.ports import free_port

PATIENCE_S = 120.0


@asynccontextmanager
async def running(file: Path) -> AsyncIterator[None]:
    """The gateway as `run` runs it; its broker is never there, which keeps nobody from billing."""
    task = asyncio.create_task(app.run(config.load(file), _clock().__next__))
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def _clock() -> Iterator[int]:
    """Every look at it is a minute later, so that nobody waits an hour for a second try."""
    return itertools.count(max(NOW_MS, system_clock()) + 1, 60_000)


def states(folder: Path) -> Counter[State]:
    store = open_store(folder / LEDGER_FILE)
    try:
        return Counter(one.state for one in OutboxLedger(store.database).deliveries())
    finally:
        store.close()


async def until(folder: Path, **expected: int) -> None:
    """Wait until the lines are where they are to be."""
    wanted = {State(name.replace("_", "-")): count for name, count in expected.items()}
    async with asyncio.timeout(PATIENCE_S):
        while (found := await asyncio.to_thread(states, folder)) != wanted:
            assert found.total() == 4
            await asyncio.sleep(0.05)


async def page(port: int) -> str:
    """The review page."""
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
        return (await http.get(f"http://127.0.0.1:{port}/review")).text


def said(file: Path, *arguments: str) -> str:
    result = CliRunner().invoke(main, [*arguments, "--config", str(file)])
    assert result.exit_code == 0, result.stderr or result.output
    return result.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    town = a_town(tmp_path)
    SigningKey.generate().save(tmp_path / "gateway.key")
    town.store.close()
    return tmp_path


async def test_refused_is_reviewed_put_right_and_accepted_while_it_runs(folder: Path) -> None:
    service = GisService(
        errors={guid("W1"): ("INT1", "нет прав")},
        faults=Faults(lost=25),
        schemas=SHARED,
    )
    port = free_port()
    with serving(service) as endpoint:
        file = folder / "gateway.toml"
        file.write_text(
            'data = "."\n'
            f'broker = {{ host = "127.0.0.1", port = {free_port()}, without_tls = true }}\n'
            f"web = {{ port = {port} }}\n"
            f'[gis_zhkh]\nendpoint = "{endpoint}"\norganisation = "{ORGANISATION}"\n'
        )
        async with running(file):
            await until(folder, acknowledged=2, refused=1, left_out=1)
            assert "INT1: нет прав" in await page(port)
            line = json.loads(
                await asyncio.to_thread(
                    said, file, "outbox", "list", "--state", "refused", "--json"
                )
            )["event_id"]
            service.errors.clear()
            retry = ("outbox", "retry", line, "--by", "Иванова", "--why", "права даны")
            await asyncio.to_thread(said, file, *retry)
            await until(folder, acknowledged=3, left_out=1)
            shown = await page(port)
            # What is left of it is the log of who put it right.
            assert (shown.count("INT1"), "права даны" in shown) == (1, True)
        told = json.loads(await asyncio.to_thread(said, file, "reconcile", "--json"))
    assert Counter(one.device for one in service.entered) == {guid("E1"): 1, guid("W1"): 1}
    assert (told["adds_up"], told["targets"][0]["acknowledged"]["count"]) == (True, 3)
