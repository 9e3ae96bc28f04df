"""Months over years add up to what the meters went, from roll-ups alone."""

from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from gateway.history.years import Years, years
from gateway.sql.profile import SeriesLedger
from gateway.sql.rollup import SqlRollupLook
from tests.gateway.history.test_rollups import follow
from tests.gateway.town import DAY_MS, HOUR_MS, Dial, Town, local


def asked(town: Town, point: str = "P1") -> list[Years]:
    connection = town.store.database.connection
    return years(SeriesLedger(connection), SqlRollupLook(connection), point, town.now_ms)


def charted(town: Town) -> Years:
    follow(town.store)
    (found,) = asked(town)
    return found


def used(town: Town) -> dict[str, Decimal]:
    return {one.month: one.used for one in charted(town).months}


def test_read_at_midnight_each_month_is_what_was_used_in_it(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.install("A1", town.point("P1"))
    for turn in range(91):
        town.read("A1", local(9, 1) + turn * DAY_MS, 10_000 + turn * 100)
    town.send()
    months = charted(town).months
    assert [(one.month, one.measured, one.estimated) for one in months[:2]] == [
        ("2026-09", Decimal(30), 0), ("2026-10", Decimal(31), 0),
    ]  # fmt: skip
    town.store.close()


def test_a_gap_is_shared_by_time_and_marked(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.install("A1", town.point("P1"))
    for day in range(1, 16):
        town.read("A1", local(9, day), 10_000 + (day - 1) * 100)
    town.read("A1", local(11, 15), 10_000 + 75 * 100)
    town.send()
    found = {one.month: (one.measured, one.estimated) for one in charted(town).months}
    assert found["2026-09"] == (Decimal(14), Decimal(16))
    assert found["2026-10"] == (0, Decimal(31))
    assert sum(one.used for one in charted(town).months) == 75
    town.store.close()


def test_over_an_exchange_the_old_meter_and_the_new_one_add_up(tmp_path: Path) -> None:
    town = Town(tmp_path)
    point = town.point("P1")
    town.install("A1", point)
    for day in range(1, 11):
        town.read("A1", local(9, day), 10_000 + (day - 1) * 100)
    town.send()
    town.remove("A1", local(9, 10, 12), 10_950)
    town.install("B1", point, Dial(initial=500), at_ms=local(9, 10, 12))
    for day in range(11, 31):
        town.read("B1", local(9, day), 500 + (day - 11) * 100 + 50)
    town.send()
    # 9.50 of the old one, 19.50 of the new one
    assert used(town)["2026-09"] == Decimal("29.00")
    town.store.close()


@pytest.mark.parametrize("seed", range(6))
def test_months_add_up_to_the_whole_way(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    town = Town(tmp_path)
    dial = Dial(digits=6, initial=random.randint(0, 900_000))
    town.install("A1", town.point("P1"), dial)
    at_ms, mantissa, way = local(9, 1), dial.initial, 0
    for _ in range(60):
        at_ms += random.choice([HOUR_MS, 5 * HOUR_MS, DAY_MS, 9 * DAY_MS])
        step = random.randint(0, 20_000)
        mantissa, way = (mantissa + step) % 10**6, way + step
        town.read("A1", at_ms, mantissa, dial)
    town.send()
    accepted = town.store.database.connection.execute(
        "SELECT count(*) FROM reading WHERE state = 0"
    ).fetchone()
    assert accepted == (60,)
    assert sum(used(town).values()) == Decimal(way).scaleb(-2)
    town.store.close()


def test_a_point_nobody_knows_is_told(tmp_path: Path) -> None:
    town = Town(tmp_path)
    with pytest.raises(ValueError, match="no metering point is called 'P9'"):
        asked(town, "P9")
    town.store.close()
