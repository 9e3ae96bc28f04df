"""A house whose truth is known: what the common property used is what the balance finds."""

from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from gateway.balance.facts_csv import import_areas
from gateway.balance.model import Balance
from gateway.balance.report import house_balance
from gateway.sql.balance import BalanceLedger, FactsLedger
from tests.gateway.town import HOUSE, Dial, Town, local

FLATS = [str(number) for number in range(1, 8)]
MONTHS = (10, 11, 12)
# Five digits of a litre: the flats' registers run over their end within three months.
WATER = Dial("8-0:1.0.0", "m3", -3, 5, 90_000)
INLET = WATER._replace(digits=9)
OUT_MS = local(10, 17, 12)


def a_house(folder: Path, areas: dict[str, int]) -> Town:
    town = Town(folder)
    town.install("INLET", town.point("P0", None, "cold-water"), INLET)
    for flat in FLATS:
        town.install(f"W{flat}", town.point(f"P{flat}", flat, "cold-water"), WATER)
    lines = ["house,subject,use,area_m2,residents,valid_from"] + [
        f"{HOUSE},401{flat},dwelling,{area},,2026-09-01" for flat, area in areas.items()
    ]
    import_areas(FactsLedger(town.store.database), "\n".join(lines).encode())
    return town


def balance(town: Town) -> Balance:
    store = BalanceLedger(town.store.database.connection)
    (found,) = house_balance(store, HOUSE, None).resources
    return found


@pytest.mark.parametrize("seed", range(5))
def test_the_residual_is_what_the_common_property_used(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    areas = {flat: random.randint(28, 95) for flat in FLATS}
    town = a_house(tmp_path, areas)
    shown = dict.fromkeys(FLATS, WATER.initial)
    meters = {flat: f"W{flat}" for flat in FLATS}
    inlet = INLET.initial
    for month in MONTHS:
        used = {flat: random.randint(0, 9_000) for flat in FLATS}
        common = random.randint(0, sum(used.values()) // 5)
        for flat in FLATS:
            shown[flat] = (shown[flat] + used[flat]) % 10**WATER.digits
        if month == 11:  # the meter of the last flat was exchanged in October
            last = FLATS[-1]
            town.remove("W7", OUT_MS, (shown[last] - used[last] + 10) % 10**WATER.digits)
            new = WATER._replace(initial=0)
            town.install("N7", point_no(town, "P7"), new, at_ms=OUT_MS)
            meters[last], shown[last] = "N7", used[last] - 10 if used[last] >= 10 else 0
            used[last] = max(used[last], 10)
        inlet += sum(used.values()) + common
        for flat in FLATS:
            town.read(meters[flat], local(month, 1), shown[flat], WATER)
        town.read("INLET", local(month, 1), inlet, INLET)
        town.send()
        town.close()
        found = balance(town)
        assert found.residual == Decimal(common).scaleb(-3), month
        assert sum(share.volume for share in found.shares) == found.residual
        assert found.premises == Decimal(sum(used.values())).scaleb(-3)
        for share in found.shares:
            exact = found.residual * areas[share.dwelling] / sum(areas.values())
            assert abs(share.volume - exact) <= Decimal("0.0001")


def point_no(town: Town, name: str) -> int:
    row = town.store.database.connection.execute(
        "SELECT point_no FROM point WHERE name = ?", (name,)
    ).fetchone()
    return int(row[0])


def test_the_order_of_arrival_does_not_change_the_balance(tmp_path: Path) -> None:
    found = []
    for name, order in (("a", 1), ("b", -1)):
        folder = tmp_path / name
        folder.mkdir()
        town = a_house(folder, dict.fromkeys(FLATS, 50))
        readings = [(f"W{flat}", 90_000 + 700 * int(flat), WATER) for flat in FLATS]
        for meter, mantissa, dial in [*readings, ("INLET", 112_000, INLET)][::order]:
            town.read(meter, local(10, 1), mantissa, dial)
            town.send()
        town.close(now_ms=local(10, 2))
        found.append(balance(town))
    assert found[0] == found[1]
    assert found[0].residual == Decimal("2.400")
