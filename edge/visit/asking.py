"""Asking meters in a visit: one read each, its time, its luck, and the values a dial shows too.

A meter on a battery that allows only so many reads a day is asked within its allowance, and what
is read here counts (`edge/read_log.py`).
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from cloud_sync.visit import ASKED_MAX, LEVELS_MAX, SLOWEST_MS_MAX, Level
from drivers import profile
from drivers.bus import Line
from drivers.driver import Answer, DriverError, Refused
from drivers.link import open_link
from drivers.profile import MeterProfile
from drivers.reading import ClockState
from edge import app, meter_keys
from edge.clock import Clock, Stamp
from edge.config import EdgeConfig, LineConfig
from edge.meter_keys import Keys
from edge.read_log import ReadLog
from edge.schedule import next_midnight_ms
from edge.visit import dial
from edge.visit.checking import OpenLink
from edge.visit.draft import MeterDraft, Moment

# A reason on a screen: one line of it is read.
_PROBLEM_MAX = 200


class Means(NamedTuple):
    """What asking takes."""

    config: EdgeConfig
    keys: Keys
    reads: ReadLog
    clock: Clock


def line_of(config: LineConfig, open_link: OpenLink = open_link) -> Line:
    """A line as configured, over the link that `open_link` gives."""
    return Line(
        open_link(config.url),
        baud=config.bits_per_s,
        framing=config.framing,
        turnaround_s=config.turnaround_s,
        echo=config.echo,
    )


def keys_of(config: EdgeConfig) -> Keys:
    """The keys of meters that encrypt; KeyFileError where the file does not do."""
    return meter_keys.of(config.device.meter_keys)


async def ask(line: Line, meter: MeterDraft, means: Means) -> MeterDraft:
    """The meter after one read: with its values, or with the reason why there are none."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    try:
        answer = await _read(line, meter, means)
    except DriverError as error:
        return replace(
            meter, asked=min(meter.asked + 1, ASKED_MAX), problem=str(error)[:_PROBLEM_MAX]
        )
    took_ms = min(round((loop.time() - began_s) * 1000), SLOWEST_MS_MAX)
    return replace(
        meter,
        levels=levels_of(answer, profile.load(meter.profile)),
        read_at=Moment.of(means.clock.now()),
        asked=min(meter.asked + 1, ASKED_MAX),
        answered=min(meter.answered + 1, ASKED_MAX),
        slowest_ms=max(meter.slowest_ms, took_ms),
        problem="",
    )


def levels_of(answer: Answer, model: MeterProfile) -> tuple[Level, ...]:
    """What of an answer a dial shows too and a bill needs, in the order of the profile."""
    digits = {register.obis: register.digits for register in model.registers}
    said = (
        Level(one.register, one.mantissa, one.exponent, one.unit, digits.get(one.register, 0))
        for one in answer.values
    )
    return dial.shown(said)[:LEVELS_MAX]


async def _read(line: Line, meter: MeterDraft, means: Means) -> Answer:
    if not meter.profile:
        raise Refused("no profile fits this meter: choose one, or leave it out")
    model = profile.load(meter.profile)
    _take(meter, model, means)
    found = meter.found
    expect_id = found.identification if isinstance(found.address, int) else None
    return await app.DRIVERS[model.protocol].read(
        line,
        model,
        found.address,
        expect_id=expect_id,
        key=meter_keys.find(means.keys, found.address, found.identification, meter.serial),
    )


def _take(meter: MeterDraft, model: MeterProfile, means: Means) -> None:
    """Count a read of a meter that allows only so many; Refused if none is left today."""
    if model.reads_per_day_max is None:
        return
    allowance = means.reads.allowance(meter.serial, model.reads_per_day_max)
    now = means.clock.now()
    wait_ms = allowance.wait_ms(now, to_midnight_ms=_to_midnight_ms(now, means.config))
    if wait_ms > 0:
        raise Refused(
            f"its battery allows {model.reads_per_day_max} reads a day, these are used up: "
            f"the next one in {wait_ms // 60_000 + 1} min"
        )
    allowance.take(now)


def _to_midnight_ms(now: Stamp, config: EdgeConfig) -> int | None:
    if now.state is ClockState.RELATIVE:
        return None
    return next_midnight_ms(now.time_ms, config.zone) - now.time_ms


def worth_asking(meters: Sequence[MeterDraft]) -> list[MeterDraft]:
    """Those of whom nothing was read yet and who could be."""
    return [one for one in meters if not one.levels and one.profile and not one.left_out]


def merged(now: MeterDraft, answered: MeterDraft) -> MeterDraft:
    """What a read brought, into the meter as a person has described it meanwhile.

    Another value than the confirmed one is to be confirmed anew.
    """
    same = answered.levels == now.levels
    return replace(
        now,
        dial=now.dial if same else (),
        confirmed=now.confirmed and same,
        levels=answered.levels,
        read_at=answered.read_at,
        asked=answered.asked,
        answered=answered.answered,
        slowest_ms=answered.slowest_ms,
        problem=answered.problem,
    )
