"""Hints over a small town and the real ingest: what is seen, with its proof, and when it is not."""

from pathlib import Path

import pytest

from drivers.reading import ClockState, MeterStatus
from gateway.balance import notices
from gateway.balance.hints import Hint, HintKind
from gateway.balance.report import recent_hints
from gateway.sql.balance import BalanceLedger, FactsLedger
from tests.gateway.estate import MIDNIGHT_MS, Estate, a_readout, kwh
from tests.gateway.town import DAY_MS, HOUR_MS, HOUSE, SINCE_MS, Dial, Town, local
from tests.servers.ledgers import open_store

WATER = Dial("8-0:1.0.0", "m3", -3)
FAR_MS = local(12, 31)
MONTH = (SINCE_MS, local(10, 1))


@pytest.fixture
def town(tmp_path: Path) -> Town:
    town = Town(tmp_path)
    town.install("A1", town.point("P1"))
    town.install("W1", town.point("P2", resource="cold-water"), WATER)
    return town


def hear(town: Town) -> int:
    """Gather until there is nothing new; how many steps that took."""
    steps = 0
    while notices.gather(FactsLedger(town.store.database)):
        steps += 1
    return steps


def hints(town: Town, from_ms: int = MONTH[0], until_ms: int = MONTH[1]) -> list[Hint]:
    store = BalanceLedger(town.store.database.connection)
    return recent_hints(store, HOUSE, from_ms, until_ms)


def hourly(town: Town, days: range, litres_an_hour: int, *, meter: str = "W1") -> None:
    for hour in range(days.start * 24, days.stop * 24):
        at_ms = SINCE_MS + hour * HOUR_MS
        town.read(meter, at_ms, 10_000 + hour * litres_an_hour, WATER)
        if hour % 100 == 99:
            town.send()
    town.send()


@pytest.mark.parametrize(
    ("status", "kinds"),
    [
        (MeterStatus.TAMPER, [HintKind.TAMPER]),
        (MeterStatus.REVERSE_FLOW, [HintKind.REVERSE_FLOW]),
        (MeterStatus.LEAK | MeterStatus.TAMPER, [HintKind.TAMPER, HintKind.LEAK_FLAG]),
        (MeterStatus.POWER_LOW | MeterStatus.TEMPORARY_ERROR, []),  # said elsewhere
        (MeterStatus.OK, []),
    ],
)
def test_what_a_meter_says_of_itself_names_the_signed_batch(
    town: Town, status: MeterStatus, kinds: list[HintKind]
) -> None:
    town.read("A1", local(9, 3), 10_001)
    town.send()
    for day in (4, 5, 6):
        town.read("A1", local(9, day), 10_001 + day, status=int(status))
    town.send()
    hear(town)
    found = hints(town)
    assert [hint.kind for hint in found] == kinds
    for hint in found:
        assert hint.where[:4] == ("12", "P1", "electricity", "A1")
        assert (hint.first_ms, hint.last_ms, hint.times) == (local(9, 4), local(9, 6), 3)
        assert hint.evidence == "lesnaya-5 #2"


def test_batches_are_heard_once_and_a_gateway_killed_in_between_goes_on(town: Town) -> None:
    for number in range(notices.BATCHES_PER_STEP + 5):
        at_ms = SINCE_MS + (number + 1) * HOUR_MS
        town.read("A1", at_ms, 10_000 + number, status=int(MeterStatus.TAMPER))
        town.send()
    assert notices.gather(FactsLedger(town.store.database)) == notices.BATCHES_PER_STEP
    town.store.close()
    town.store = open_store(town.folder / "ledger.sqlite", "off")
    assert notices.gather(FactsLedger(town.store.database)) == 5
    assert hear(town) == 0
    (hint,) = hints(town)
    assert hint.times == notices.BATCHES_PER_STEP + 5


def test_a_status_in_relative_time_is_placed_when_its_boot_is(estate: Estate) -> None:
    relative = ClockState.RELATIVE
    stamp = a_readout(HOUR_MS, kwh(1001), clock_state=relative, status=int(MeterStatus.TAMPER))
    estate.take(estate.edge.sign(stamp, clock_state=relative, signed_at_ms=2 * HOUR_MS))
    store = BalanceLedger(estate.store.database.connection)
    assert notices.gather(FactsLedger(estate.store.database)) == 1
    assert recent_hints(store, "A", 0, FAR_MS) == []
    # Signed two hours after its boot by a clock in order, so the boot began at midnight.
    fresh = a_readout(MIDNIGHT_MS + 2 * HOUR_MS - 1000, kwh(1002))
    estate.take(estate.edge.sign(fresh, uptime_ms=2 * HOUR_MS))
    (hint,) = recent_hints(store, "A", 0, FAR_MS)
    assert hint.first_ms == MIDNIGHT_MS + HOUR_MS


def test_a_device_that_is_not_to_read_a_meter_gives_no_hint_of_it(town: Town) -> None:
    with town.store.transaction() as sql:
        sql.execute("UPDATE device_meter SET valid_to_ms = ?", (local(9, 10),))
    for day in (9, 11):
        town.read("A1", local(9, day), 10_000 + day, status=int(MeterStatus.TAMPER))
    town.read("nobody", local(9, 9), 1, status=int(MeterStatus.TAMPER))
    town.send()
    hear(town)
    assert [(hint.first_ms, hint.times) for hint in hints(town)] == [(local(9, 9), 1)]
    with town.store.transaction() as sql:
        sql.execute("UPDATE device_meter SET valid_from_ms = ?", (local(9, 9, 12),))
    assert hints(town) == []


def test_a_hint_is_of_its_time(town: Town) -> None:
    town.read("A1", local(9, 9), 10_001, status=int(MeterStatus.TAMPER))
    town.send()
    hear(town)
    assert hints(town, local(9, 1), local(9, 9)) == []
    assert len(hints(town, local(9, 9), local(9, 9) + 1)) == 1
    assert hints(town, local(9, 9) + 1, local(9, 30)) == []


def test_what_was_said_on_both_sides_of_a_months_end_is_counted_on_each(town: Town) -> None:
    for minutes in (-45, -15, 0, 15, 30):
        at_ms = local(10, 1) + minutes * 60_000
        town.read("A1", at_ms, 10_100 + minutes, status=int(MeterStatus.TAMPER))
    town.send()
    hear(town)
    assert [hint.times for hint in hints(town)] == [2]
    assert [hint.times for hint in hints(town, MONTH[1], FAR_MS)] == [3]


def test_a_batch_that_comes_late_keeps_the_earliest_proof(town: Town) -> None:
    tamper = int(MeterStatus.TAMPER)
    town.read("A1", local(9, 5, 10, 20), 10_005, status=tamper)
    early = town.seal()
    town.read("A1", local(9, 5, 10, 40), 10_006, status=tamper)
    town.send()
    hear(town)
    assert [hint.evidence for hint in hints(town)] == ["lesnaya-5 #2"]
    town.ingest.process([early], town.now_ms)
    hear(town)
    assert [(hint.evidence, hint.times) for hint in hints(town)] == [("lesnaya-5 #1", 2)]


def test_water_that_runs_every_hour_of_three_nights(town: Town) -> None:
    hourly(town, range(4), 3)
    (hint,) = hints(town, until_ms=SINCE_MS + 4 * DAY_MS)
    assert hint.kind is HintKind.NIGHT_FLOW
    assert (str(hint.amount), hint.unit, hint.times) == ("0.003", "m3", 4)
    assert (hint.first_ms, hint.last_ms) == (local(9, 1, 1), local(9, 4, 5))
    assert hint.evidence == "8-0:1.0.0 01:00-05:00"


def test_two_nights_and_a_quiet_meter_and_a_daily_one_are_no_hint(town: Town) -> None:
    hourly(town, range(2), 3)
    assert hints(town, until_ms=SINCE_MS + 2 * DAY_MS) == []
    town.install("W2", town.point("P3", "13", "hot-water"), WATER)
    hourly(town, range(4), 0, meter="W2")
    town.install("W3", town.point("P4", "14", "cold-water"), WATER)
    for day in range(1, 8):
        town.read("W3", local(9, day), 10_000 + 50 * day, WATER)
    town.send()
    assert hints(town, until_ms=SINCE_MS + 4 * DAY_MS) == []


def test_only_accepted_readings_of_dwellings_make_a_night(town: Town) -> None:
    town.install("H1", town.point("P9", None, "cold-water"), WATER)
    hourly(town, range(4), 30, meter="H1")  # a house always drinks
    for hour in range(4 * 24):
        # Nothing runs, but values come that no rule accepts, and those would rise.
        if hour:
            town.read("W1", SINCE_MS + hour * HOUR_MS, 9_000 + hour, WATER)
        town.read("W1", SINCE_MS + hour * HOUR_MS + 60_000, 10_000, WATER)
    town.send()
    found = hints(town, until_ms=SINCE_MS + 4 * DAY_MS)
    assert {hint.kind for hint in found} == {HintKind.FELL}


def test_a_register_read_lower_than_before(town: Town) -> None:
    town.read("A1", local(9, 3), 12_000)
    town.send()
    for day in (4, 5):
        town.read("A1", local(9, day), 11_000 + day)
        town.send()
    (hint,) = [one for one in hints(town) if one.kind is HintKind.FELL]
    assert (hint.times, hint.first_ms, hint.last_ms) == (2, local(9, 4), local(9, 5))
    assert hint.evidence.startswith("V-NEG: fell from 120.00 kWh to 110.05")
    assert hints(town, local(9, 5) + 1) == []


def test_a_register_that_stands_still_is_one_until_it_moves(town: Town) -> None:
    for day in range(1, 8):
        town.read("A1", local(9, day), 10_000)
        town.send()
    (hint,) = hints(town)
    assert (hint.kind, hint.where.register) == (HintKind.STUCK, "1-0:1.8.0")
    assert hint.evidence.startswith("V-ZERO: unchanged at 100.00 kWh")
    # Long after the finding it still is one, and it was none before.
    assert [one.kind for one in hints(town, local(9, 7), local(9, 8))] == [HintKind.STUCK]
    assert hints(town, local(9, 1), local(9, 3)) == []
    town.read("A1", local(9, 9), 10_001)
    town.send()
    assert hints(town) == []
