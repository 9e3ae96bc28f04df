"""A town whose lines go to a simulated ГИС ЖКХ over real HTTP."""

import itertools
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from gateway.config import GIS_TARGET, GisConfig
from gateway.gis.client import client_of
from gateway.gis.exchange import Exchange, Settings, Signer
from gateway.gis.soap import Sender
from gateway.handoff.target import State
from gateway.model import GisDevice
from gateway.sql.gis import GisLedger
from gateway.sql.outbox import OutboxLedger
from tests.gateway.closed import HOUSE_GUID, WATER_GUID
from tests.gateway.town import Dial, Town, local

ORGANISATION = "0f0f0f0f-1111-4222-8333-444444444444"
NOW_MS = local(10, 2)
HOUR_MS = 3_600_000
T1, T2 = Dial("1-0:1.8.1"), Dial("1-0:1.8.2")
WATER = Dial("8-0:1.0.0", "m3", -3)
# A program that is started again does not draw the numbers of the one before.
_SEEDS = itertools.count()
SHARED = Path(__file__).parents[3] / ".." / "shared"


def guid(serial: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, serial))


def a_town(folder: Path) -> Town:
    """September closed: E1 with two tariffs, W1, E3 that ГИС ЖКХ does not know."""
    town = Town(folder, targets=(GIS_TARGET,))
    town.install("E1", town.point("P1"), T1, T2)
    town.install("W1", town.point("P2", resource="cold-water"), WATER)
    town.install("E3", town.point("P3", "13"))
    town.read("E1", local(10, 1), 12_345, T1)
    town.read("E1", local(10, 1), 10_789, T2)
    town.read("W1", local(10, 1), 10_456, WATER)
    town.read("E3", local(10, 1), 11_000)
    town.send()
    with town.store.transaction():
        town.store.book.set_gis_devices(
            {
                "E1": GisDevice(guid("E1"), "245", "", HOUSE_GUID),
                "W1": GisDevice(guid("W1"), "113", WATER_GUID, HOUSE_GUID),
            }
        )
    town.close("2026-09", now_ms=NOW_MS)
    return town


def config_of(endpoint: str, **changes: object) -> GisConfig:
    fields: dict[str, object] = {
        "endpoint": endpoint,
        "organisation": ORGANISATION,
        "timeout_s": 60,
    }
    return GisConfig(**(fields | changes))  # type: ignore[arg-type]


@asynccontextmanager
async def exchanging(
    town: Town,
    endpoint: str,
    *,
    sign: Signer | None = None,
    journal: GisLedger | None = None,
    words: dict[str, str] | None = None,
    timeout_s: float = 60.0,
) -> AsyncIterator[Exchange]:
    async with client_of(config_of(endpoint, timeout_s=timeout_s)) as client:
        yield Exchange(
            journal or GisLedger(town.store.database),
            client,
            Sender(ORGANISATION, as_operator=False),
            sign=sign,
            settings=Settings(60.0, words or {}),
            random=Random(next(_SEEDS)),
        )


def states(town: Town) -> dict[str, tuple[State, str]]:
    """Every line's state and what was said of it."""
    return {
        one.event_id: (one.state, one.last_error)
        for one in OutboxLedger(town.store.database).deliveries()
    }
