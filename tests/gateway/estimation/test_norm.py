"""Which of three tables says a dwelling's norm, and how much of it is a register's."""

from decimal import Decimal
from fractions import Fraction

import pytest

from gateway.estimation.norm import (
    MonthNorm,
    Norms,
    PerResident,
    Place,
    dwelling_norm,
    norm_of,
    resource_of,
)

COLD, HOT, GAS = ("8-0:1.0.0", "m3"), ("9-0:1.0.0", "m3"), ("7-0:3.0.0", "m3")
DAY, NIGHT, BOTH = ("1-0:1.8.1", "kWh"), ("1-0:1.8.2", "kWh"), ("1-0:1.8.0", "kWh")
BACK = ("1-0:2.8.0", "kWh")
NORMS = Norms(
    rows={
        ("own", *COLD): Decimal("4.2"),
        (None, *COLD): Decimal("6.5"),
        ("own", *DAY): Decimal(100),
        ("own", *NIGHT): Decimal(40),
    },
    per_resident={
        ("cold-water", "m3"): PerResident(Decimal("3.1"), "decree 12"),
        ("electricity", "kWh"): PerResident(Decimal(70), "decree 12"),
    },
    residents={"own": 2, "three": 3, "nobody": 0},
)
BY_THREE = "3.1 for each of 3 residents (decree 12)"
KWH = "70 for each of 3 residents (decree 12)"


def at(point: int, *kinds: tuple[str, str]) -> list[Place]:
    """The registers of a metering point."""
    return [(point, *kind) for kind in kinds]


@pytest.mark.parametrize(
    ("account", "places", "expected"),
    [
        # Its own row, before residents and house.
        ("own", at(1, COLD), MonthNorm(Fraction(21, 5))),
        # Residents before the house's row: 3.1 × 3.
        ("three", at(1, COLD), MonthNorm(Fraction(93, 10), BY_THREE)),
        ("nobody", at(1, COLD), MonthNorm(Fraction(0), BY_THREE.replace("3 res", "0 res"))),
        # Residents unknown: the house's row, shared by kitchen and bathroom.
        ("guest", at(1, COLD), MonthNorm(Fraction(13, 2))),
        (
            *("guest", at(1, COLD) + at(2, COLD)),
            MonthNorm(Fraction(13, 4), "shared by 2 metering points"),
        ),
        (
            *("three", at(1, COLD) + at(2, COLD)),
            MonthNorm(Fraction(93, 20), f"{BY_THREE}, shared by 2 metering points"),
        ),
        # Other resources beside it take no part.
        ("three", at(1, COLD) + at(2, HOT), MonthNorm(Fraction(93, 10), BY_THREE)),
        # Rows of tariffs say themselves how much is each one's.
        ("own", at(1, DAY, NIGHT), MonthNorm(Fraction(100))),
        # 70 × 3 over two tariffs; a total beside them shows it whole.
        ("three", at(1, DAY, NIGHT), MonthNorm(Fraction(105), f"{KWH}, shared by 2 tariffs")),
        ("three", at(1, DAY, NIGHT, BOTH), MonthNorm(Fraction(105), f"{KWH}, shared by 2 tariffs")),
        ("three", at(1, BOTH, DAY, NIGHT), MonthNorm(Fraction(210), KWH)),
        # Two points, one with tariffs: a quarter for each tariff, the half for the other point.
        (
            *("three", at(1, DAY, NIGHT) + at(2, BOTH)),
            MonthNorm(Fraction(105, 2), f"{KWH}, shared by 2 metering points, shared by 2 tariffs"),
        ),
        (
            *("three", at(2, BOTH) + at(1, DAY, NIGHT)),
            MonthNorm(Fraction(105), f"{KWH}, shared by 2 metering points"),
        ),
        # What is given back takes no part, and has no norm.
        ("three", at(1, BOTH, BACK), MonthNorm(Fraction(210), KWH)),
        ("three", at(1, BACK, BOTH), None),
        # A house meter has none.
        (None, at(1, COLD), None),
        ("guest", at(1, HOT), None),
        ("three", at(1, GAS), None),
    ],
)
def test_the_norm_of_the_first_register(
    account: str | None, places: list[Place], expected: MonthNorm | None
) -> None:
    assert norm_of(NORMS, account, places[0], places) == expected


def test_registers_of_an_account_are_never_billed_more_than_its_norm() -> None:
    places = at(1, DAY, NIGHT) + at(2, BOTH) + at(3, DAY, NIGHT, BACK)
    found = [norm_of(NORMS, "three", place, places) for place in places]
    assert sum(one.amount for one in found if one) == 210


@pytest.mark.parametrize(
    ("account", "resource", "unit", "expected"),
    [
        ("own", "cold-water", "m3", "4.2"),
        ("own", "electricity", "kWh", "140"),
        ("three", "cold-water", "m3", "9.3"),
        ("three", "electricity", "kWh", "210"),
        ("guest", "cold-water", "m3", "6.5"),
        ("guest", "electricity", "kWh", None),
        ("guest", "gas", "m3", None),
    ],
)
def test_a_dwelling_without_a_meter_has_the_same_norm(
    account: str, resource: str, unit: str, expected: str | None
) -> None:
    found = dwelling_norm(NORMS, account, resource, unit)
    assert found == (expected and Decimal(expected))


def test_a_total_goes_before_its_tariffs() -> None:
    rows = {("own", *kind): Decimal(value) for kind, value in [(DAY, 1), (NIGHT, 2), (BOTH, 3)]}
    assert dwelling_norm(Norms(rows), "own", "electricity", "kWh") == 3


def test_other_media_have_no_resource() -> None:
    assert resource_of("5-0:1.0.0") is None
