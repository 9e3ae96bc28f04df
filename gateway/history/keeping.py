"""What the leader keeps beside the ledger: roll-ups always, the mirror where one is configured."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from functools import partial

import structlog

from gateway.config import GatewayConfig
from gateway.handoff.pump import Caller
from gateway.history import rollups
from gateway.sql.rollup import RollupLedger, rollup_look
from gateway.sql.store import SqlStore
from gateway.store import StoreError
from gateway.wiring import Clock

Task = Callable[[], Coroutine[None, None, None]]
# Charts over years are looked at by the day. A register's running day is made anew each time, so
# looking often costs: twice an hour it is two or three readings of most registers at once.
LOOK_S = 1800.0

log = structlog.get_logger()


def beside(config: GatewayConfig, store: SqlStore, call: Caller, clock: Clock) -> Iterator[Task]:
    """The tasks; `call` reaches the thread that writes the ledger."""
    yield partial(keep_rollups, config, store, call, clock)
    if config.mirror is not None:
        # Its client is loaded only where it is used.
        from gateway.mirror.keeping import keep_mirror  # noqa: PLC0415 - as said

        yield partial(keep_mirror, config, store, call, clock)


async def keep_rollups(config: GatewayConfig, store: SqlStore, call: Caller, clock: Clock) -> None:
    """Follow the stream until cancelled: look beside ingest, write in turn with it."""
    ledger = RollupLedger(store.database)
    before: rollups.Plan | None = None
    while True:
        try:
            before = await _step(config, ledger, call, clock, before)
        except StoreError as error:
            log.warning("roll-ups cannot be kept", error=str(error))
            before = None
        if before is None:
            await asyncio.sleep(LOOK_S)


async def _step(
    config: GatewayConfig,
    ledger: RollupLedger,
    call: Caller,
    clock: Clock,
    before: rollups.Plan | None,
) -> rollups.Plan | None:
    """One portion; the plan it was of, None where there was nothing to do."""
    plan = await call(lambda: rollups.plan(ledger, clock(), before))
    made = await asyncio.to_thread(_make, config, plan, clock())
    if made is None:
        return None
    await call(lambda: ledger.keep(rollups.NAME, plan.cursor, made))
    return plan


def _make(config: GatewayConfig, plan: rollups.Plan, now_ms: int) -> rollups.Made | None:
    with rollup_look(config.place) as look:
        return rollups.make(look, plan, now_ms)
