"""The mirror from the command line, and in the running gateway."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway import app
from gateway.config import load
from gateway.history.keeping import beside
from gateway.sql.audit import SqlAudit
from gateway.sql.store import SqlStore, open_store
from tests.gateway.office import FAST, GOOD, a_town
from tests.gateway.shell import refusal, said
from tests.gateway.town import Town
from tests.servers.victoria import Victoria, victoria


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victoria]:
    with victoria(tmp_path_factory.mktemp("mirror")) as running:
        yield running


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    (tmp_path / "data").mkdir()
    town = a_town(tmp_path / "data")
    yield town
    town.store.close()


def configured(folder: Path, url: str, gateway: str, more: str = "") -> Path:
    file = folder / "gateway.toml"
    section = f'kind = "victoriametrics"\nurl = "{url}"\ngateway = "{gateway}"\n{more}'
    file.write_text(f'data = "data"\n[mirror]\n{section}')
    return file


def counted(server: Victoria, gateway: str) -> int:
    return len(server.samples(f'plomba_reading_value{{gateway="{gateway}"}}'))


@pytest.mark.usefixtures("town")
def test_it_is_brought_up_and_says_how_far_it_is(tmp_path: Path, server: Victoria) -> None:
    config = configured(tmp_path, server.url, "cli")
    before = json.loads(said("mirror", "status", "--config", config, "--json"))
    assert (before["begun"], before["batches_behind"]) == (False, 1)
    assert said("mirror", "run", "--config", config) == "3 points sent in 2 portions\n"
    assert said("mirror", "status", "--config", config) == (
        "following, 0 batches and 0 changes behind, 3 points sent\n"
    )
    assert counted(server, "cli") == 3


def test_rebuilding_leaves_an_entry(tmp_path: Path, server: Victoria, town: Town) -> None:
    config = configured(tmp_path, server.url, "cli-anew")
    said("mirror", "run", "--config", config)
    said("mirror", "rebuild", "--config", config, "--by", "Орлова")
    assert counted(server, "cli-anew") == 3
    (*_, entry) = SqlAudit(town.store.database.connection).entries()
    assert (entry.act.actor, entry.act.act) == ("Орлова", "mirror-rebuild")


@pytest.mark.usefixtures("town")
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text('data = "data"\n')
    assert "mirror: missing, add the section [mirror]" in refusal(
        "mirror", "run", "--config", config
    )
    config = configured(tmp_path, "http://127.0.0.1:9", "x")
    assert "cannot reach http://127.0.0.1:9" in refusal("mirror", "run", "--config", config)
    config = configured(tmp_path, "http://elsewhere:8428", "x")
    assert "mirror.url: expected an https:// address" in refusal(
        "mirror", "run", "--config", config
    )


@pytest.mark.usefixtures("town")
def test_a_token_is_never_shown(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret")
    token.chmod(0o644)
    config = configured(tmp_path, "http://127.0.0.1:9", "x", 'token_file = "token"\n')
    told = refusal("mirror", "run", "--config", config)
    assert "0644" in told
    token.chmod(0o600)
    told += refusal("mirror", "run", "--config", config)
    assert "s3cret" not in told


async def test_the_running_gateway_keeps_it_and_the_roll_ups(
    tmp_path: Path, server: Victoria, town: Town
) -> None:
    config = load(configured(tmp_path, server.url, "running", "look_every_s = 0.05\n"))
    store = open_store(config.place)
    thread = app.ThreadPoolExecutor(1)
    try:
        tasks = [
            asyncio.create_task(task())
            for task in beside(config, store, app.LedgerThread(thread), lambda: FAST)
        ]
        async with asyncio.timeout(120):
            await until(lambda: counted(server, "running") >= 3 and rolled_up(store))
            town.read("A1", GOOD + 1, 12_001)
            await asyncio.to_thread(town.send)
            await until(lambda: counted(server, "running") >= 4)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        thread.shutdown()
        store.close()


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 - what is waited for happens in a database
        await asyncio.sleep(0.05)


def rolled_up(store: SqlStore) -> bool:
    return store.database.connection.execute("SELECT 1 FROM rollup_month").fetchone() is not None
