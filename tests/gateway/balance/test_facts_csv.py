"""Areas, residents and norms are entered whole or not at all; a later day changes them."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.balance.facts_csv import import_areas, import_norms
from gateway.balance.model import House, Norm, Premises, Use
from gateway.registry import RegistryError
from gateway.sql.balance import BalanceLedger, FactsLedger
from tests.gateway.town import HOUSE, Town

AREAS = "house,subject,use,area_m2,residents,valid_from"
NORMS = "house,resource,unit,per_m2,per_resident,valid_from,source"
FLAT = f"{HOUSE},40112,dwelling,60.5,2,2026-09-01"
COMMON = f"{HOUSE},,common,1426,,2026-09-01"
BOILER = f"{HOUSE},BOILER,heating,,,2026-09-01"
WATER = f"{HOUSE},cold-water,m3,0.03,4.2,2026-01-01,постановление 12"


@pytest.fixture
def town(tmp_path: Path) -> Town:
    town = Town(tmp_path)
    town.point("P1")
    town.point("P2", "13")
    town.point("BOILER", None, "cold-water")
    town.house("Садовая 12")
    return town


Import = Callable[..., dict[str, int]]


def areas(town: Town, *lines: str) -> dict[str, int]:
    data = "\n".join([AREAS, *lines]).encode()
    return import_areas(FactsLedger(town.store.database), data)


def norms(town: Town, *lines: str) -> dict[str, int]:
    data = "\n".join([NORMS, *lines]).encode()
    return import_norms(FactsLedger(town.store.database), data)


def facts(town: Town, period: str = "2026-09") -> House:
    return BalanceLedger(town.store.database.connection).facts(HOUSE, period)


def test_what_is_entered_is_what_a_balance_is_made_with(town: Town) -> None:
    assert areas(town, FLAT, COMMON, BOILER) == {"new": 3, "same": 0}
    assert norms(town, WATER) == {"new": 1, "same": 0}
    assert facts(town) == House(
        premises=(
            Premises("40112", "12", Use.DWELLING, Decimal("60.5"), 2),
            Premises("40113", "13", Use.DWELLING, None, None),
        ),
        common_area=Decimal(1426),
        heating_points=frozenset({"BOILER"}),
        norms=(Norm("cold-water", "m3", Decimal("0.03"), Decimal("4.2"), "постановление 12"),),
        dwelling_norms={("40112", "cold-water", "m3"): Decimal("8.4")},
    )


def test_a_file_may_be_entered_again_and_semicolons_and_commas_will_do(town: Town) -> None:
    areas(town, FLAT)
    data = f"\ufeff{AREAS}\n{FLAT}".replace(",", ";").replace("60.5", "60,50")
    assert import_areas(FactsLedger(town.store.database), data.encode()) == {"new": 0, "same": 1}
    norms(town, WATER)
    assert norms(town, WATER, WATER) == {"new": 0, "same": 2}


def test_a_fact_holds_from_its_day_on_until_a_later_one(town: Town) -> None:
    areas(town, FLAT, FLAT.replace("60.5,2,2026-09-01", "61,3,2026-10-31"))
    held = [facts(town, period).premises[0].residents for period in ("2026-08", "2026-09")]
    assert held == [None, 2]
    assert [facts(town, period).premises[0].residents for period in ("2026-10", "2027-01")] == [
        3,
        3,
    ]


@pytest.mark.parametrize(
    ("enter", "line", "said"),
    [
        (areas, FLAT.replace(HOUSE, "нет"), "column house: expected a house of the registry"),
        (areas, FLAT.replace(HOUSE, "Садовая 12"), "subject: expected an account of house Садовая"),
        (areas, FLAT.replace("40112", "40999"), f"an account of house {HOUSE}, got '40999'"),
        (areas, FLAT.replace("40112", "BOILER"), "expected an account of house"),
        (areas, BOILER.replace("BOILER", "P1"), "expected a house meter's point"),
        (areas, FLAT.replace("dwelling", "cellar"), "column use: expected one of dwelling, "),
        (areas, COMMON.replace(",,common", ",40112,common"), "nothing for the common property"),
        (areas, COMMON.replace(",,2026", ",3,2026"), "residents: expected nothing for common"),
        (areas, BOILER.replace(",,,", ",5,,"), "area_m2: expected nothing for heating"),
        (areas, FLAT.replace("60.5", ""), "column area_m2: expected a number above 0"),
        (areas, FLAT.replace("60.5", "0"), "column area_m2: expected a number above 0"),
        (areas, FLAT.replace("60.5", "NaN"), "column area_m2: expected a number above 0"),
        (areas, FLAT.replace("60.5", "60.555"), "with no digit below 0.01"),
        (areas, FLAT.replace("60.5", "1e99"), "at most 1000000"),
        (areas, FLAT.replace(",2,", ",two,"), "residents: expected a whole number"),
        (areas, FLAT.replace(",2,", ",²,"), "residents: expected a whole number"),
        (areas, FLAT.replace(",2,", ",10001,"), "residents: expected a whole number"),
        (areas, FLAT.replace("2026-09-01", "1.9.26"), "valid_from: expected a day like 2026-10"),
        (areas, FLAT + ",1", "expected one field per column, got 7 fields instead of 6"),
        (norms, WATER.replace(HOUSE, "нет"), "column house: expected a house of the registry"),
        (norms, WATER.replace("cold-water", "tea"), "column resource: expected one of"),
        (norms, WATER.replace("m3", "kWh"), "column unit: expected one of m3"),
        (norms, WATER.replace("cold-water,m3", "electricity,kvarh"), "unit: expected one of kWh"),
        (norms, WATER.replace("0.03,4.2", ","), "a norm here or in per_resident"),
        (norms, WATER.replace("0.03", "-1"), "column per_m2: expected a number above 0"),
        (norms, WATER.replace("постановление 12", ""), "source: expected the act"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_entered(
    town: Town, enter: Import, line: str, said: str
) -> None:
    good = WATER.replace("2026-01-01", "2027-01-01") if enter is norms else COMMON
    before = facts(town, "2027-12")
    with pytest.raises(RegistryError) as refused:
        enter(town, good, line)
    (problem,) = refused.value.problems
    assert problem.line == 3
    assert said in str(problem)
    assert facts(town, "2027-12") == before


@pytest.mark.parametrize(
    ("enter", "line", "other"),
    [(areas, FLAT, FLAT.replace("60.5", "61")), (norms, WATER, WATER.replace("4.2", "4.3"))],
)
def test_the_same_day_cannot_say_two_things(
    town: Town, enter: Import, line: str, other: str
) -> None:
    with pytest.raises(RegistryError, match="line 3: expected what was said before"):
        enter(town, line, other)
    enter(town, line)
    with pytest.raises(RegistryError, match="line 2: expected what was said before"):
        enter(town, other)


def test_an_account_and_a_point_of_the_same_name_are_two_subjects(town: Town) -> None:
    town.point("40112", None, "cold-water")
    areas(town, FLAT, BOILER.replace("BOILER", "40112"))
    assert facts(town).heating_points == {"40112"}
    assert facts(town).premises[0].area == Decimal("60.5")
