"""A panel admits a readout only where every comparison holds, in exact numbers however large."""

from itertools import product

import pytest

from cloud_sync import batch as wire_batch
from drivers.reading import (
    MANTISSA_MAX,
    TIME_MS_MAX,
    ClockState,
    Evidence,
    Readout,
    RegisterValue,
    Source,
    Unit,
)
from gateway.layout import Columns, form_of
from gateway.model import FOREVER_MS, Binding, Level
from gateway.panel import Bounds, Panel
from gateway.rules.parameters import TABLE
from gateway.rules.subject import MS_PER_H, Dial
from gateway.rules.usage import PERIOD_MS
from gateway.track import Track
from gateway.tracks import Meter
from tests.gateway.streams import DAY, MINUTE_MS, NIGHT, START_MS, TOTAL

DEVICE_NO, BATCH_NO = 1, 7
LIMITS = TABLE.limits(None, START_MS)
BOUNDS = Bounds(START_MS + 60 * MINUTE_MS, 9)
LATER_MS = START_MS + 15 * MINUTE_MS


def a_track(
    obis: str = DAY, *, number: int = 1, digits: int = 8, rate: int = 1380, last: int = 1000
) -> Track:
    """A register that showed `last` when it was put up, and was not read since."""
    dial = Dial(Unit.KWH, -2, digits, rate, None)
    track = Track(number, dial, Level(START_MS, last), obis, LIMITS)
    track.load(None, ())
    return track


def a_meter(*tracks: Track, binding: Binding | None = None) -> Meter:
    bindings = (binding or Binding(DEVICE_NO, 0, FOREVER_MS),)
    return Meter(bindings, {track.obis: track for track in tracks or (a_track(),)})


def told(
    at_ms: int = LATER_MS,
    *mantissas: int,
    names: tuple[str, ...] = (DAY,),
    error_s: int = 1,
    source: Source = Source.INTERVAL,
    form: tuple[int, Unit] = (-2, Unit.KWH),
) -> Columns:
    """What a meter shows, read as columns."""
    values = tuple(
        RegisterValue(name, mantissa, *form)
        for name, mantissa in zip(names, mantissas or (1001,), strict=True)
    )
    known = ClockState.SYNCHRONISED
    readout = Readout("M", at_ms, known, error_s, 0, source, Evidence.of(b"answer"), values)
    batch = wire_batch.Batch(
        1, "one", 1, wire_batch.GENESIS, at_ms, known, 1, bytes(8), 1, "panel", (readout,)
    )
    payload = wire_batch.encode(batch)
    layout = form_of(payload, batch)
    assert layout is not None
    columns = layout.read(payload)
    assert columns is not None
    return columns


def admitted(meter: Meter, columns: Columns, bounds: Bounds = BOUNDS) -> list[list[int]]:
    rows, others = Panel(columns.layout, DEVICE_NO, {"M": meter}).take(columns, BATCH_NO, bounds)
    assert list(others) == ([] if len(rows) else [0])
    found: list[list[int]] = rows.tolist()
    return found


def judged_from(at_ms: int) -> Track:
    track = a_track()
    track.judged_ms = at_ms
    return track


def read_at(at_ms: int) -> Track:
    track = a_track()
    track.newest_ms = at_ms
    return track


TARIFFS = (TOTAL, DAY, NIGHT)


def summed() -> Meter:
    return a_meter(*(a_track(name, number=at) for at, name in enumerate(TARIFFS)))


def test_a_reading_in_order_is_admitted_as_the_row_it_is() -> None:
    assert admitted(a_meter(), told()) == [[1, LATER_MS, 0, 1001, 0, 0, BATCH_NO, 0]]
    two = a_meter(a_track(), a_track(NIGHT, number=2))
    assert len(admitted(two, told(LATER_MS, 1001, 1001, names=(DAY, NIGHT)))) == 2
    assert len(admitted(summed(), told(LATER_MS, 1020, 1010, 1010, names=TARIFFS))) == 3


@pytest.mark.parametrize(
    ("meter", "columns"),
    [
        pytest.param(a_meter(), told(BOUNDS.horizon_ms + 1), id="of the future"),
        pytest.param(a_meter(), told(error_s=10), id="from an inexact clock"),
        pytest.param(
            a_meter(binding=Binding(DEVICE_NO, 0, LATER_MS)), told(), id="after its binding"
        ),
        pytest.param(
            a_meter(binding=Binding(DEVICE_NO, LATER_MS + 1, FOREVER_MS)),
            told(),
            id="before its binding",
        ),
        pytest.param(a_meter(binding=Binding(2, 0, FOREVER_MS)), told(), id="of another device"),
        pytest.param(a_meter(a_track(NIGHT)), told(), id="of an unknown register"),
        pytest.param(a_meter(), told(form=(-3, Unit.KWH)), id="finer"),
        pytest.param(a_meter(), told(form=(-2, Unit.M3)), id="of another unit"),
        pytest.param(
            a_meter(a_track(), a_track(NIGHT, number=2)),
            told(source=Source.DAILY),
            id="a daily answer with a register less",
        ),
        pytest.param(
            summed(), told(LATER_MS, 1020, 1010, 1020, names=TARIFFS), id="that does not add up"
        ),
        pytest.param(a_meter(read_at(LATER_MS)), told(), id="of the newest instant"),
        pytest.param(a_meter(judged_from(LATER_MS)), told(), id="the first after a judged week"),
        pytest.param(a_meter(), told(LATER_MS, 999), id="fallen"),
        pytest.param(a_meter(), told(LATER_MS, 1347), id="faster than its fuse"),
        pytest.param(
            a_meter(a_track(digits=4, last=9999)), told(LATER_MS, 10_000), id="past the dial"
        ),
    ],
)
def test_any_other_is_left_to_the_screen(meter: Meter, columns: Columns) -> None:
    assert admitted(meter, columns) == []


def test_a_register_that_stands_still_is_left_once_that_is_too_long() -> None:
    bounds = Bounds(TIME_MS_MAX, 9)
    assert admitted(a_meter(), told(START_MS + LIMITS.still_ms - 1, 1000), bounds)
    assert not admitted(a_meter(), told(START_MS + LIMITS.still_ms, 1000), bounds)


# Where a product of 64 bits would turn round: above by the step, on either side by the time.
RATES = (1, 1380, 2**29 - 1, 2**29, 2**29 + 1, MANTISSA_MAX)
SPANS_MS = (1, 900_000, 2**33 - 1, 2**33, 2**33 + 1, 2**44, -1, -(2**33), -(2**34 + 2**20))
STEPS = (0, 1, 2, 2**40, 2**40 + 1, 2**41 + 2**40, 2**52, MANTISSA_MAX - 1000)


@pytest.mark.parametrize("rate", RATES)
def test_large_numbers_are_compared_exactly(rate: int) -> None:
    some = 0
    for span_ms, step in product(SPANS_MS, STEPS):
        # And where a step is the last that is possible in that time.
        possible = rate * span_ms // MS_PER_H + 1
        for each in {step, possible, possible + 1}:
            mantissa = 1000 + each
            if not 0 <= mantissa <= MANTISSA_MAX:
                continue
            track = a_track(digits=18, rate=rate)
            columns = told(START_MS + span_ms, mantissa)
            is_possible = (each - 1) * MS_PER_H <= rate * span_ms
            is_still = each == 0 and START_MS + span_ms < track.stuck_at_ms
            expected = is_possible and (each > 0 or is_still)
            rows = admitted(a_meter(track), columns, Bounds(TIME_MS_MAX, 9))
            assert not rows or expected, (span_ms, each)
            assert not rows or rows[0][3] == mantissa
            some += bool(rows)
            if rate <= 2**29 and each <= 2**40 and 0 < span_ms <= 2**33:
                assert bool(rows) == expected, (span_ms, each)
    assert bool(some) == (rate <= 2**29)


def test_a_track_comes_out_of_a_panel_as_if_it_had_stayed_outside() -> None:
    inside, outside = a_track(), a_track()
    panel = Panel(told().layout, DEVICE_NO, {"M": a_meter(inside)})
    for at_ms, mantissa in (
        (LATER_MS, 1001),
        (LATER_MS + MINUTE_MS, 1001),
        (START_MS + PERIOD_MS, 1020),
        (START_MS + PERIOD_MS + MINUTE_MS, 1021),
    ):
        panel.take(told(at_ms, mantissa), BATCH_NO, Bounds(TIME_MS_MAX, 9))
        outside.newest_ms = at_ms
        outside.accept(Level(at_ms, mantissa))
    inside.release()
    kept = sorted(set(Track.__slots__) - {"panel", "place"})
    assert [getattr(inside, name) for name in kept] == [getattr(outside, name) for name in kept]
