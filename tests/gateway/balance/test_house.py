"""A house's balance from closed lines and what is known of its premises."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.balance.house import balances
from gateway.balance.model import (
    Balance,
    Basis,
    House,
    Norm,
    Premises,
    Remark,
    RemarkKind,
    Use,
    Used,
)
from gateway.billing import Role
from gateway.model import Kind

FLATS = (
    Premises("1", "1", Use.DWELLING, Decimal(60), 2),
    Premises("2", "2", Use.DWELLING, Decimal(40), 3),
    Premises("3", "shop", Use.NONRESIDENTIAL, Decimal(100), None),
)
WATER_NORM = Norm("cold-water", "m3", Decimal("0.03"), Decimal("4.2"), "decree 12")
# Two and three residents, 4.2 each.
BY_NORM = {
    ("1", "cold-water", "m3"): Decimal("8.4"),
    ("2", "cold-water", "m3"): Decimal("12.6"),
}
HOUSE = House(FLATS, Decimal(200), frozenset(), (WATER_NORM,), BY_NORM)


def used(account: str | None, volume: str, **changes: object) -> Used:
    fields: dict[str, object] = {
        "point": f"P{account or ''}",
        "kind": Kind.DWELLING if account else Kind.HOUSE,
        "resource": "cold-water",
        "register": "8-0:1.0.0",
        "unit": "m3",
        "account": account,
        "dwelling": account and f"flat {account}",
        "meter": f"M{account or ''}",
        "volume": Decimal(volume),
        "method": "actual",
        "taken_ms": 0,
    }
    return Used(**(fields | changes))  # type: ignore[arg-type]


def only(*lines: Used, house: House = HOUSE) -> Balance:
    (found,) = balances(lines, house, "2026-10")
    return found


def kinds(balance: Balance) -> list[RemarkKind]:
    return [remark.kind for remark in balance.remarks]


def test_the_house_meter_against_its_premises() -> None:
    found = only(used(None, "100"), used("1", "20"), used("2", "31"), used("3", "40"))
    assert (found.nonresidential, found.metered, found.unmetered) == (40, 51, 0)
    assert (found.residual, found.percent, found.common) == (9, 9, 9)
    assert found.basis is Basis.METER
    assert [share.volume for share in found.shares] == [Decimal("2.7"), Decimal("1.8"), 4.5]
    assert found.norm_volume == 6
    assert found.remarks == ()


def test_a_dwelling_without_a_meter_uses_its_norm_for_each_resident() -> None:
    found = only(used(None, "100"), used("1", "20"), used("3", "60"))
    assert found.unmetered == Decimal("12.6")  # three residents, 4.2 each
    assert found.residual == Decimal("7.4")


def test_water_for_the_houses_own_heating_is_taken_off() -> None:
    boiler = used(None, "15", point="BOILER")
    house = HOUSE._replace(heating_points=frozenset({"BOILER"}))
    found = only(
        used(None, "100"), boiler, used("1", "20"), used("2", "31"), used("3", "30"), house=house
    )
    assert (found.house, found.heating, found.residual) == (100, 15, 4)


def test_a_boiler_that_was_not_read_leaves_no_residual() -> None:
    boiler = used(None, "0", point="BOILER", method="carried")
    house = HOUSE._replace(heating_points=frozenset({"BOILER"}))
    found = only(used(None, "100"), boiler, used("1", "20"), used("2", "31"), house=house)
    assert (found.residual, found.basis) == (None, Basis.NORM)
    assert Remark(RemarkKind.HOUSE_METER_UNREAD, ("BOILER",)) in found.remarks


def test_the_meters_of_two_inlets_are_added() -> None:
    found = only(used(None, "60"), used(None, "40", point="P-2"), used("1", "20"), used("2", "31"))
    assert found.house == 100


@pytest.mark.parametrize(
    ("metered", "expected"),
    [
        ("59.9", [RemarkKind.LARGE]),
        ("60", []),
        ("70", []),
        ("70.001", [RemarkKind.NEGATIVE]),
    ],
)
def test_a_residual_above_ten_per_cent_or_below_nothing_is_for_somebody_to_see(
    metered: str, expected: list[RemarkKind]
) -> None:
    found = only(used(None, "100"), used("1", metered), used("2", "10"), used("3", "20"))
    assert kinds(found) == expected
    assert bool(found.shares) == (RemarkKind.NEGATIVE not in expected)


def test_a_house_meter_with_nothing_behind_it_is_no_reason_to_look() -> None:
    heat = used(None, "100", resource="heat", register="6-0:1.0.0", unit="kWh")
    found = only(heat, house=HOUSE._replace(norms=()))
    assert found.residual == 100
    assert RemarkKind.LARGE not in kinds(found)


def test_a_dwelling_not_read_makes_the_residual_larger_and_is_named() -> None:
    found = only(
        used(None, "100"),
        used("1", "0", method="carried"),
        used("2", "31", method="average"),
        used("3", "60"),
    )
    assert found.residual == 9
    assert found.remarks == (
        Remark(RemarkKind.UNREAD, ("flat 1",)),
        Remark(RemarkKind.ESTIMATED, ("flat 2",)),
    )
    assert sum(share.volume for share in found.shares) == 9


@pytest.mark.parametrize(
    ("hours", "method", "is_apart"),
    [(24, "actual", False), (25, "actual", True), (-25, "actual", True), (25, "average", False)],
)
def test_readings_far_from_the_house_meters_are_named(
    hours: int, method: str, *, is_apart: bool
) -> None:
    late = used("1", "20", taken_ms=hours * 3_600_000, method=method)
    found = only(used(None, "95"), late, used("2", "31"), used("3", "40"))
    assert (Remark(RemarkKind.APART, ("flat 1",)) in found.remarks) is is_apart


def test_what_was_corrected_since_is_named() -> None:
    lines = used("1", "20", is_corrected=True), used("2", "31"), used("3", "40")
    assert only(used(None, "95"), *lines).remarks == (Remark(RemarkKind.CORRECTED, ("flat 1",)),)


def test_without_a_house_meter_the_norm_stands_for_the_common_needs() -> None:
    found = only(used("1", "20"), used("2", "31"), used("3", "40"))
    assert (found.house, found.residual) == (None, None)
    assert (found.basis, found.common) == (Basis.NORM, 6)
    assert [share.volume for share in found.shares] == [Decimal("1.8"), Decimal("1.2"), 3]
    assert kinds(found) == [RemarkKind.NO_HOUSE_METER]


def test_the_norm_stands_in_too_where_the_house_meter_was_not_read() -> None:
    inlet = used(None, "0", method="carried")
    found = only(inlet, used("1", "20"), used("2", "31"), used("3", "40"))
    assert found.basis is Basis.NORM
    assert found.remarks == (Remark(RemarkKind.HOUSE_METER_UNREAD, ("P",)),)


def test_a_norm_alone_makes_a_balance() -> None:
    found = only(house=HOUSE._replace(premises=FLATS[:2]))
    assert (found.resource, found.common) == ("cold-water", 6)


@pytest.mark.parametrize(
    ("house", "expected"),
    [
        (HOUSE._replace(dwelling_norms={}), RemarkKind.UNMETERED_UNKNOWN),
        (
            HOUSE._replace(
                premises=(FLATS[0], FLATS[1]._replace(use=Use.NONRESIDENTIAL), FLATS[2])
            ),
            RemarkKind.UNMETERED_UNKNOWN,
        ),
        (
            HOUSE._replace(premises=(FLATS[0]._replace(area=None), *FLATS[1:])),
            RemarkKind.AREAS_MISSING,
        ),
    ],
)
def test_what_is_not_known_is_said_and_never_guessed(house: House, expected: RemarkKind) -> None:
    found = only(used(None, "100"), used("1", "50"), used("3", "35"), house=house)
    assert expected in kinds(found)
    assert found.shares == ()


def test_an_empty_dwelling_needs_no_norm() -> None:
    empty = House((FLATS[0], FLATS[1]._replace(residents=0)), None, frozenset(), ())
    found = only(used(None, "100"), used("1", "95"), house=empty)
    assert (found.unmetered, found.residual) == (0, 5)
    assert len(found.shares) == 2


def test_without_a_common_area_the_norm_cannot_be_applied() -> None:
    found = only(used("1", "20"), house=HOUSE._replace(common_area=None))
    assert (found.basis, found.common) == (Basis.NONE, None)
    assert RemarkKind.COMMON_AREA_MISSING in kinds(found)


def test_a_total_is_not_counted_again_with_its_tariffs_and_what_is_given_back_not_at_all() -> None:
    electric = {"resource": "electricity", "unit": "kWh"}
    found = only(
        used(None, "30", register="1-0:1.8.0", role=Role.CHECK, **electric),
        *(used(None, volume, register=obis, **electric)
          for obis, volume in (("1-0:1.8.1", "20"), ("1-0:1.8.2", "10"))),
        *(used("1", volume, register=obis, **electric)
          for obis, volume in (("1-0:1.8.1", "18"), ("1-0:1.8.2", "9"), ("1-0:2.8.0", "7"))),
        used(None, "5", register="1-0:3.8.0", resource="electricity", unit="kvarh"),
        house=House((FLATS[0],), None, frozenset(), ()),
    )  # fmt: skip
    assert (found.house, found.metered, found.residual) == (30, 27, 3)


def test_a_sub_meter_is_not_counted_twice() -> None:
    electric = {"resource": "electricity", "unit": "kWh", "register": "1-0:1.8.0"}
    of_house = {"point": "inlet"}, {"point": "lift", "behind": "inlet"}
    found = only(
        used(None, "100", **electric, **of_house[0]),
        used(None, "20", **electric, **of_house[1]),
        used("1", "50", **electric, point="P1"),
        used("2", "15", **electric, point="P2", behind="P1"),
        # A flat behind the inlet is what the inlet is compared with.
        used("2", "30", **electric, point="P3", behind="inlet"),
        house=House(FLATS, None, frozenset(), ()),
    )
    assert (found.house, found.metered, found.residual) == (100, 80, 20)


def test_a_check_meter_is_not_counted_beside_what_it_checks() -> None:
    found = only(used(None, "100"), used("1", "60"), used("1", "59", role=Role.CHECK, point="C"))
    assert found.metered == 60


def test_heat_is_balanced_in_one_unit_and_not_shared_here() -> None:
    heat = {"resource": "heat", "register": "6-0:1.0.0"}
    found = only(
        used(None, "1", unit="Gcal", **heat),
        used("1", "4", unit="GJ", **heat),
        used("2", "20", unit="kWh", **heat),
        house=House(FLATS[:2], None, frozenset(), ()),
    )
    assert (found.unit, found.house, found.metered) == ("GJ", Decimal("4.1868"), Decimal("4.072"))
    assert found.residual == Decimal("0.1148")
    assert (found.basis, found.shares) == (Basis.NONE, ())
    assert RemarkKind.NOT_SHARED in kinds(found)


VOLUMES = st.decimals(min_value=0, max_value=10_000, places=3)


@given(VOLUMES, st.lists(VOLUMES, min_size=3, max_size=3))
def test_premises_and_shares_always_add_up_to_the_house(
    house: Decimal, flats: list[Decimal]
) -> None:
    lines = [used(str(number), str(volume)) for number, volume in enumerate(flats, 1)]
    found = only(used(None, str(house)), *lines)
    assert found.residual is not None
    assert found.premises + found.residual == house
    if found.residual >= 0:
        assert found.premises + sum(share.volume for share in found.shares) == house
