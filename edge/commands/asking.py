"""Asks meters once, for `plomba-edge read`: lines side by side, the meters of each in turn."""

import asyncio
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from drivers import profile
from drivers.driver import Answer, Detail, DriverError, Refused
from drivers.reading import ClockState
from edge import app
from edge.clock import Stamp
from edge.config import LineConfig, MeterConfig
from edge.meter_keys import Keys
from edge.read_log import ReadLog
from edge.schedule import next_midnight_ms


class Means(NamedTuple):
    """What reading takes: keys, and the list of reads of meters that allow only so many."""

    keys: Keys
    reads: ReadLog | None
    now: Stamp
    zone: ZoneInfo

    def take(self, meter: MeterConfig) -> None:
        """Count a read of `meter`; Refused if the meter has none left today."""
        allowance = app.allowance_of(meter, self.reads)
        if allowance is None:
            return
        midnight_ms = None
        if self.now.state is not ClockState.RELATIVE:
            midnight_ms = next_midnight_ms(self.now.time_ms, self.zone) - self.now.time_ms
        wait_ms = allowance.wait_ms(self.now, to_midnight_ms=midnight_ms)
        if wait_ms > 0:
            raise Refused(
                f"its battery allows {meter.reads_max} reads a day, these are used up: "
                f"the next one in {wait_ms // 60_000 + 1} min"
            )
        allowance.take(self.now)


class Result(NamedTuple):
    """What came of asking one meter: its answer with every record of it, or why there is none."""

    line: str
    meter: MeterConfig
    at: datetime
    answer: Answer | DriverError
    records: tuple[Detail, ...] = ()


async def read_all(lines: Sequence[LineConfig], means: Means) -> list[Result]:
    """What came of asking every meter of `lines`."""
    results = await asyncio.gather(*(_read_line(line, means) for line in lines))
    return list(itertools.chain.from_iterable(results))


async def _read_line(config: LineConfig, means: Means) -> Sequence[Result]:
    line = app.open_line(config)
    results = []
    try:
        for meter in config.meters:
            answer: Answer | DriverError
            try:
                means.take(meter)
                answer = await app.reader(line, meter, means.keys)()
                records = _explained(meter, answer.raw, means.keys)
            except DriverError as error:
                answer, records = error, _made_out(meter, error.received, means.keys)
            results.append(Result(config.name, meter, datetime.now(UTC), answer, records))
    finally:
        await line.close()
    return results


def _made_out(meter: MeterConfig, received: bytes, keys: Keys) -> tuple[Detail, ...]:
    """What an answer that gave no values says, as far as it can be made out."""
    try:
        return _explained(meter, received, keys)
    except DriverError:
        return ()


def _explained(meter: MeterConfig, raw: bytes, keys: Keys) -> tuple[Detail, ...]:
    model = profile.load(meter.profile)
    return app.DRIVERS[model.protocol].explain(model, raw, key=app.key_of(meter, keys))
