"""A device that says what it likes: whatever it signs is stored or refused, and stops nobody.

Its key is good, so every word of its batches comes in: times at both ends, boots that began before
there were clocks, the largest numbers, registers and meters of anybody. What runs over the ledger
afterwards has to bear all of it too.
"""

from random import Random

import pytest

from drivers.reading import (
    EXPONENT_MAX,
    MANTISSA_MAX,
    TIME_MS_MAX,
    VALUES_PER_READOUT_MAX,
    ClockState,
    Evidence,
    Readout,
    RegisterValue,
    Source,
    Unit,
)
from gateway.balance.notices import gather
from gateway.profile import job
from gateway.sql.balance import FactsLedger
from gateway.sql.profile import ProfileLedger
from tests.gateway.estate import DAY_MS, MIDNIGHT_MS, Device, Estate, a_readout, kwh, opened
from tests.gateway.history.test_rollups import follow

NOW_MS = MIDNIGHT_MS + 40 * DAY_MS
TIMES = (0, 1, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS, NOW_MS, TIME_MS_MAX - 1, TIME_MS_MAX)
MANTISSAS = (0, 1, 1001, -1, MANTISSA_MAX, -MANTISSA_MAX)
REGISTERS = ("1-0:1.8.1", "1-0:1.8.2", "8-0:1.0.0", "6-0:1.0.0", "15-64:255.255.255*254")
ERRORS_S = (0, 1, 2**31 - 1)
BATCHES = 40


def said(random: Random) -> Readout:
    """An answer of whichever meter, at whichever time."""
    count = random.choice((1, 2, 14, VALUES_PER_READOUT_MAX))
    values = tuple(
        RegisterValue(
            random.choice(REGISTERS),
            random.choice(MANTISSAS),
            random.choice((-EXPONENT_MAX, -3, -2, 0, EXPONENT_MAX)),
            random.choice((Unit.KWH, Unit.M3, Unit.GCAL)),
        )
        for _ in range(count)
    )
    return a_readout(
        random.choice(TIMES),
        *values,
        meter=random.choice(("E1", "W1", "H1", "a/../b")),
        clock_state=random.choice(list(ClockState)),
        clock_error_s=random.choice(ERRORS_S),
        status=random.choice((0, 0xFFFF)),
        source=random.choice(list(Source)),
        evidence=Evidence.of(b"x" * random.choice((1, 300))),
    )


def lie(random: Random, device: Device) -> None:
    """Sign a batch more."""
    device.sign(
        *(said(random) for _ in range(random.choice((1, 1, 3)))),
        signed_at_ms=random.choice(TIMES),
        clock_state=random.choice(list(ClockState)),
        clock_error_s=random.choice(ERRORS_S),
        uptime_ms=random.choice(TIMES),
        boot=random.choice((bytes(8), b"\xff" * 8)),
    )


@pytest.mark.parametrize("seed", range(3))
def test_whatever_a_device_signs_the_gateway_goes_on(estate: Estate, seed: int) -> None:
    random = Random(seed)
    for _ in range(BATCHES):
        lie(random, estate.edge)
    for message in estate.edge.sent:
        estate.take(message, now_ms=NOW_MS)
    assert estate.refused() == {}
    store = estate.store
    for _ in range(BATCHES):
        if not gather(FactsLedger(store.database)):
            break
    with store.transaction() as connection:
        days = ProfileLedger(connection)
        job.bring_up(days)
        job.step(days, NOW_MS)
    follow(store)
    good = estate.other.sign(a_readout(MIDNIGHT_MS, kwh(1010), meter="E1"))
    assert opened(estate.take(good, now_ms=NOW_MS))["edge-2"].through == 1
