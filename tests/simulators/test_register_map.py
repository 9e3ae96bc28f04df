"""What stands in a Modbus meter's registers: values in several parts, and signs."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import profile
from drivers.modbus.profile import ModbusProfile, ModbusRegister, Term
from drivers.reading import Unit
from simulators.register_map import RegisterMap, shares, spread

STEPS = st.lists(st.sampled_from([Decimal(1000), Decimal(1), Decimal("0.001")]), min_size=1)


@given(STEPS, st.integers(0, 10**12))
def test_shares_are_whole_steps_and_add_up_to_the_last_whole_one(
    steps: list[Decimal], thousandths: int
) -> None:
    value = Decimal(thousandths).scaleb(-3)
    held = shares(value, steps)
    assert all(share % step == 0 for share, step in zip(held, steps, strict=True))
    assert 0 <= value - sum(held) < min(steps)


def test_equal_parts_share_and_a_coarse_one_leaves_the_rest() -> None:
    one, fine = Decimal(1), Decimal("0.001")
    assert shares(Decimal(7), [one, one]) == [4, 3]
    assert shares(Decimal("1234.567"), [one, fine]) == [1234, Decimal("0.567")]


def test_a_whole_part_and_its_fraction_stand_at_their_own_places() -> None:
    register = ModbusRegister(
        obis="6-0:1.0.0",
        unit=Unit.GCAL,
        exponent=-3,
        digits=9,
        function=4,
        address=10,
        kind="int32",
        plus=(Term(address=12, kind="float32"),),
    )
    found = {place.address: number for place, number in spread(Decimal("1234.567"), register)}
    assert found == {10: 1234, 12: Decimal("0.567")}


def model(name: str) -> ModbusProfile:
    found = profile.load(name)
    assert isinstance(found, ModbusProfile)
    return found


def test_signs_and_serial_number_stand_beside_the_values() -> None:
    b23 = model("abb_b23")
    cells = RegisterMap(b23, 77).cells(3, {"1-0:1.8.0": 1, "1-0:2.8.0": 2})
    found = {one.address: (one.words, one.whole) for one in cells}
    assert found[0x5000] == ((0, 0, 0, 1), True)
    assert found[0x8900] == ((0, 77), True)
    assert found[0x8960] == ((0x4232,), False)


@pytest.mark.parametrize("function", [3, 4])
def test_a_function_shows_its_own_registers_only(function: int) -> None:
    cells = RegisterMap(model("eastron_sdm630"), 0).cells(function, dict.fromkeys(OBIS, 0))
    whole = {one.address for one in cells if one.whole and one.address < 0x1000}
    assert whole == ({0x48, 0x4A} if function == 4 else set())


OBIS = ("1-0:1.8.0", "1-0:2.8.0")
