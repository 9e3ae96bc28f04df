"""`plomba-edge run --wait`: the agent under a service, which waits where `run` alone would refuse.

On a card fresh from the laptop there are no meters yet, and in a visit the lines belong to the
installer. Neither is an error: the agent begins with the first meters, lets go of the lines when a
visit wants them, and takes them again afterwards with the configuration as it is then. Beside all
that the records of visits go to the gateway, and new versions come from it (edge/update).
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from edge import app, config
from edge.clock import Clock, SystemClock
from edge.config import EdgeConfig
from edge.line_owner import LinesInUse, are_wanted
from edge.pulse import Pulse, telling
from edge.update.health import Vital, keep_health
from edge.update.keeping import Pace, Updates, keep_updating, places_of, updates_of
from edge.visit.delivering import keep_delivering

log = structlog.get_logger("edge.waiting")

# A person with a phone waits for the lines, and a look costs one system call.
LOOK_S = 1.0
# Work that fails at once, again and again, costs a line in the log each time.
AGAIN_S = 60.0

Work = Callable[[], Coroutine[Any, Any, None]]


async def run_waiting(
    path: Path,
    *,
    clock: Clock | None = None,
    look_s: float = LOOK_S,
    pace: Pace = Pace(),  # noqa: B008 - immutable
) -> None:
    """Run the agent whenever it can, until SIGINT or SIGTERM.

    Raises what `app.run_until` raises, except LinesInUse, which is waited for.
    """
    pulse = Pulse()
    with app.stopped_by_signals() as stopped:
        async with telling(pulse):
            read = config.load(path)
            life = _Life(pulse, clock, look_s, updates_of(read), Vital())
            places = places_of(read)
            beside: Mapping[str, Work] = {
                "visits": partial(keep_delivering, path, clock or SystemClock()),
                "updates": partial(keep_updating, path, life.updates, pace=pace),
                "health": partial(keep_health, life.vital, pulse, places),
            }
            working = [asyncio.create_task(keep_up(*one)) for one in beside.items()]
            try:
                await _run_again(path, stopped, life)
            finally:
                for task in working:
                    task.cancel()


async def keep_up(name: str, work: Work, *, again_s: float = AGAIN_S) -> None:
    """Have work beside the agent go on until cancelled: what nobody foresaw ends no readings."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("work beside the agent failed, it begins anew", work=name)
        await asyncio.sleep(again_s)


class _Life(NamedTuple):
    """What every run of the agent has, and shares with the work beside it."""

    pulse: Pulse
    clock: Clock | None
    look_s: float
    updates: Updates
    vital: Vital


async def _run_again(path: Path, stopped: asyncio.Event, life: _Life) -> None:
    said = ""
    while not stopped.is_set():
        read = config.load(path)
        reason = _reason(read)
        if not reason:
            said = ""
            reason = await _run(read, stopped, life)
        life.vital.waiting = reason
        if reason and reason != said:
            log.info("waiting", reason=reason)
            said = reason
        life.pulse.expect("waiting", life.look_s)
        await _sleep(stopped, life.look_s)
        life.pulse.forget("waiting")


def _reason(read: EdgeConfig) -> str:
    """Why the agent cannot run now; "" if it can."""
    if are_wanted(read.device.state_dir):
        return "a visit has the lines"
    return "" if read.meters else app.NO_METERS


async def _run(read: EdgeConfig, stopped: asyncio.Event, life: _Life) -> str:
    """Run until told to stop or a visit wants the lines; why it could not begin, "" if it did."""
    ended = asyncio.Event()
    watching = asyncio.create_task(_watch(read.device.state_dir, stopped, ended, life.look_s))
    try:
        await app.run_until(
            *(ended, read),
            clock=life.clock,
            pulse=life.pulse,
            updates=life.updates,
            vital=life.vital,
        )
    except LinesInUse as error:
        return str(error)
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    return ""


async def _watch(
    state_dir: Path, stopped: asyncio.Event, ended: asyncio.Event, look_s: float
) -> None:
    while not stopped.is_set():
        if are_wanted(state_dir):
            log.info("letting go of the lines: a visit wants them")
            break
        await _sleep(stopped, look_s)
    ended.set()


async def _sleep(stopped: asyncio.Event, duration_s: float) -> None:
    """Wait that long, or until told to stop."""
    with suppress(TimeoutError):
        async with asyncio.timeout(duration_s):
            await stopped.wait()
