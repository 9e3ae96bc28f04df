"""The running gateway checks the days that are over, by the clock it is given."""

import asyncio
import contextlib
from pathlib import Path

from click.testing import CliRunner

from gateway.__main__ import main
from gateway.app import run
from gateway.config import LEDGER_FILE, BrokerConfig, GatewayConfig, WebConfig
from gateway.profile.job import SETTLED_MS
from gateway.sql.engine import Database, connect
from gateway.sql.profile import SeriesLedger
from tests.cloud_sync.brokers import HOST
from tests.gateway.town import DAY_MS, HOUR_MS, Town, local
from tests.servers.ledgers import place
from tests.servers.ports import free_port

DAY = local(9, 24)
_LOOK_S = 0.05


def a_day_with_a_hole(folder: Path) -> None:
    """Read every hour, but for noon."""
    assert CliRunner().invoke(main, ["init", "--data", str(folder)]).exit_code == 0
    town = Town(folder)
    town.install("A1", town.point("P1"))
    for hour in range(25):
        if hour != 12:
            town.read("A1", DAY + hour * HOUR_MS, 10_000 + 10 * hour)
    town.send()
    town.store.close()


async def found(folder: Path, now_ms: int, seconds: float) -> list[tuple[str, str]]:
    """What a gateway that runs so long at that time has found, looked at from outside."""
    config = GatewayConfig(
        data=folder,
        broker=BrokerConfig(host=HOST, port=free_port(), client_id="gateway", without_tls=True),
        web=WebConfig(enabled=False),
    )
    reader = connect(place(folder / LEDGER_FILE))
    gateway = asyncio.create_task(run(config, lambda: now_ms))
    try:
        for _ in range(round(seconds / _LOOK_S)):
            if rows := _findings(reader):
                return rows
            await asyncio.sleep(_LOOK_S)
        return []
    finally:
        gateway.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gateway
        reader.close()


def _findings(database: Database) -> list[tuple[str, str]]:
    rows = SeriesLedger(database.connection).findings(None, ("2026-01-01", "2026-12-31"), 100)
    return [(one.day, one.finding.rule) for one in rows]


async def test_a_day_is_checked_when_it_is_over_by_the_given_clock(tmp_path: Path) -> None:
    a_day_with_a_hole(tmp_path)
    over_ms = DAY + DAY_MS + SETTLED_MS
    assert await found(tmp_path, over_ms - 1, 1.0) == []
    assert await found(tmp_path, over_ms, 120.0) == [("2026-09-24", "V-GAP")]
