"""What goes wrong in a world, and how often: the settings, and the plagues that kill and cut.

A plague is a task that strikes at random moments until its time is over. Half of its blows fall
somewhere, the other half into the seconds in which every device is reading its meters and
sending: a crash in an idle minute shows little.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from simulators.lines import LineFaults
from simulators.network import Faults

MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86_400.0
# How long a house is busy reading and sending.
_BUSY_S = 15.0


@dataclass(frozen=True, kw_only=True)
class Weather:
    """How often what goes wrong; the pauses are means, and zero means never."""

    line: LineFaults
    network: Faults
    billing_away: float
    billing_forgets: float
    edge_killed_every_s: float
    power_cut_every_s: float
    gateway_killed_every_s: float
    broker_down_every_s: float
    wrong_clock: bool
    forgery_every_s: float
    dark_days: int = 0
    """For so long, once, the last house's device is without power: whole months go unread."""


FOUL = Weather(
    line=LineFaults(silent=0.01, corrupt=0.01, junk=0.01, cut=0.01, late=0.01, down=0.002),
    network=Faults(lose=0.01, corrupt=0.005, duplicate=0.01, reorder=0.02, disconnect=0.005),
    billing_away=0.3,
    billing_forgets=0.2,
    edge_killed_every_s=4 * DAY_S,
    power_cut_every_s=10 * DAY_S,
    gateway_killed_every_s=2 * DAY_S,
    broker_down_every_s=4 * DAY_S,
    wrong_clock=True,
    forgery_every_s=HOUR_S,
)
CLEAR = Weather(
    line=LineFaults(),
    network=Faults(),
    billing_away=0.0,
    billing_forgets=0.0,
    edge_killed_every_s=0.0,
    power_cut_every_s=0.0,
    gateway_killed_every_s=0.0,
    broker_down_every_s=0.0,
    wrong_clock=False,
    forgery_every_s=0.0,
)


async def plague(
    strike: Callable[[], Awaitable[None]],
    every_s: float,
    random: Random,
    now_ms: Callable[[], int],
    *,
    round_s: float,
    end_ms: int,
) -> None:
    """Strike again and again; meters are read every `round_s`, the last blow is before `end_ms`."""
    while every_s:
        wait_s = random.expovariate(1 / every_s)
        if random.random() < 0.5:
            into_round_s = (now_ms() / 1000 + wait_s) % round_s
            wait_s += round_s - into_round_s + random.uniform(0, _BUSY_S)
        if now_ms() + wait_s * 1000 >= end_ms:
            return
        await asyncio.sleep(wait_s)
        await strike()


def outage_s(random: Random, longest_s: float) -> float:
    """How long something is away: mostly seconds or minutes, now and then nearly the longest."""
    return float(1.0 + longest_s * random.random() ** 4)
