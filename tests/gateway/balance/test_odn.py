"""Common house needs: the worked examples of billing-rules.md §2 [S28], and sharing by area."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.balance import odn
from gateway.balance.odn import LIMITS, Volumes

RUBLES_PER_KWH = Decimal("1.936")
# A flat of 60 m2 in a house of 2400 m2.
AREAS = {"flat": Decimal(60), "the others": Decimal(2340)}


def volumes(*terms: str) -> Volumes:
    return Volumes(*map(Decimal, terms))


def test_the_example_of_a_house_with_a_meter_costs_96_rubles_80() -> None:
    left = odn.residual(volumes("12000", "1000", "4000", "5000", "0"))
    share = odn.share_out(left, AREAS)["flat"]
    assert (left, share) == (2000, 50)
    assert share * RUBLES_PER_KWH == Decimal("96.8")


def test_the_example_of_a_house_without_a_meter_is_140_461_kwh() -> None:
    whole = odn.by_norm(Decimal("3.94"), Decimal(1426))
    assert odn.share_out(whole, AREAS)["flat"] == Decimal("140.461")


@pytest.mark.parametrize(
    ("terms", "left", "percent", "is_large"),
    [
        (("1000", "0", "0", "900", "0"), "100", "10.0", False),  # 10 % is not above 10 %
        (("1000", "0", "0", "899.999", "0"), "100.001", "10.0", True),
        (("1000", "100", "50", "700", "150"), "0", "0.0", False),  # every term counts
        (("1000", "0", "0", "1000.5", "0"), "-0.5", "0.0", False),
        (("1000", "0", "0", "1020", "0"), "-20", "-2.0", False),
        (("0", "0", "0", "0", "0"), "0", None, False),
    ],
)
def test_a_residual_and_its_share_of_the_house_meter(
    terms: tuple[str, ...], left: str, percent: str | None, is_large: bool
) -> None:
    of = volumes(*terms)
    found = odn.residual(of)
    assert found == Decimal(left)
    assert odn.percent(found, of.house) == (None if percent is None else Decimal(percent))
    assert odn.is_large(found, of.house, "2026-10") is is_large


def test_the_limit_is_a_dated_default_with_its_source() -> None:
    assert list(LIMITS) == sorted(LIMITS)
    assert all(one.mark in {"[M]", "[P]"} and one.source for one in LIMITS)
    assert odn.limits("2026-10") == LIMITS[-1]


@pytest.mark.parametrize(
    ("whole", "areas", "shares"),
    [
        ("0", ("1", "2"), ("0", "0")),
        ("1", ("1", "1", "1"), ("0.3334", "0.3333", "0.3333")),  # the step left goes to the first
        ("1", ("1", "2"), ("0.3333", "0.6667")),  # and otherwise to the largest remainder
        ("0.0001", ("10", "30"), ("0", "0.0001")),
        ("0.000003", ("1", "2"), ("0.000001", "0.000002")),  # no digit of the whole is lost
    ],
)
def test_shares_follow_the_areas(
    whole: str, areas: tuple[str, ...], shares: tuple[str, ...]
) -> None:
    named = {str(number): Decimal(area) for number, area in enumerate(areas)}
    assert [*odn.share_out(Decimal(whole), named).values()] == [*map(Decimal, shares)]


WHOLES = st.decimals(min_value=0, max_value=10**9, places=6)
AREA_LISTS = st.lists(st.decimals("0.01", "5000", places=2), min_size=1, max_size=40)


@given(WHOLES, AREA_LISTS)
def test_shares_add_up_to_the_whole_and_none_is_a_step_off(
    whole: Decimal, areas: list[Decimal]
) -> None:
    named = {str(number): area for number, area in enumerate(areas)}
    shares = odn.share_out(whole, named)
    assert sum(shares.values()) == whole
    for name, share in shares.items():
        assert abs(share * sum(areas) - whole * named[name]) < Decimal("0.0001") * sum(areas)
