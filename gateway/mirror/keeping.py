"""The mirror in the running gateway: a leader's task that follows the stream for ever."""

import asyncio
from random import SystemRandom

import structlog

from gateway.config import GatewayConfig
from gateway.handoff.pump import Caller, jitter
from gateway.mirror.follower import Follower
from gateway.mirror.model import MirrorError
from gateway.mirror.wired import following
from gateway.sql.store import SqlStore
from gateway.store import StoreError
from gateway.wiring import Clock

# A target that restarts is back within seconds; one that is gone is asked every five minutes.
FIRST_PAUSE_S = 1.0
LAST_PAUSE_S = 300.0

log = structlog.get_logger()


async def keep_mirror(config: GatewayConfig, store: SqlStore, call: Caller, clock: Clock) -> None:
    """Mirror until cancelled, where one is configured; `call` reaches who writes the ledger."""
    section = config.mirror
    if section is None:
        return
    random = SystemRandom()
    with following(config, store, clock) as follower:
        failures, complaint = 0, ""
        while True:
            said = ""
            try:
                busy = await _step(follower, call)
            except (MirrorError, StoreError) as error:
                said = str(error)
            failures = failures + 1 if said else 0
            if said not in ("", complaint):
                log.warning("mirror stands still", error=said)
            if complaint and not said:
                log.info("mirror goes on")
            complaint = said
            if said:
                pause_s = min(LAST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures - 1, 16))
                await asyncio.sleep(pause_s * jitter(random))
            elif not busy:
                await asyncio.sleep(section.look_every_s)


async def _step(follower: Follower, call: Caller) -> bool:
    plan = await call(follower.plan)
    reached = await asyncio.to_thread(follower.carry, plan)
    if reached is None:
        return False
    await call(lambda: follower.moved(plan, reached))
    return True
