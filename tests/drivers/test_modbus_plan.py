"""Which requests read a meter: joined where allowed, never split, within its limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import profile
from drivers.modbus.plan import Block, blocks
from drivers.modbus.profile import ModbusProfile
from drivers.profile import ProfileError
from tests.drivers.profiles import modbus


def test_the_two_energies_of_an_sdm630_are_one_request() -> None:
    sdm630 = profile.load("eastron_sdm630")
    assert isinstance(sdm630, ModbusProfile)
    assert blocks(sdm630) == (Block(4, 0x0048, 4),)


def test_a_hole_is_not_read_unless_the_map_declares_it_readable() -> None:
    registers = (3, 0, "uint32"), (3, 6, "uint32")
    assert blocks(modbus("", *registers)) == (Block(3, 0, 2), Block(3, 6, 2))
    assert blocks(modbus("gap_max = 4", *registers)) == (Block(3, 0, 8),)
    assert blocks(modbus("gap_max = 3", *registers)) == (Block(3, 0, 2), Block(3, 6, 2))


def test_functions_are_never_joined() -> None:
    assert blocks(modbus("", (3, 0, "uint16"), (4, 1, "uint16"))) == (
        Block(3, 0, 1),
        Block(4, 1, 1),
    )


def test_a_request_stays_within_the_meters_limit_without_splitting_a_value() -> None:
    registers = [(4, 2 * n, "float32") for n in range(5)]
    assert blocks(modbus("max_registers = 5", *registers)) == (
        Block(4, 0, 4),
        Block(4, 4, 4),
        Block(4, 8, 2),
    )


def test_an_odd_count_is_made_even_where_the_meter_wants_that() -> None:
    assert blocks(modbus("even_count = true", (3, 0, "uint16"))) == (Block(3, 0, 2),)


def test_an_odd_limit_with_even_counts_is_kept() -> None:
    registers = (3, 0, "uint32"), (3, 2, "uint16")
    assert blocks(modbus("even_count = true\nmax_registers = 3", *registers)) == (
        Block(3, 0, 2),
        Block(3, 2, 2),
    )


@pytest.mark.parametrize(
    ("head", "registers", "complaint"),
    [
        ("max_registers = 3", [(3, 0, "uint64")], "the meter allows 3"),
        ("", [(3, 0, "uint32"), (3, 1, "uint16")], "0x0000 and 0x0001 overlap"),
        ("", [(3, 10 * n, "uint16") for n in range(13)], "13 requests for one meter"),
    ],
)
def test_a_map_that_cannot_be_read_is_refused_when_loaded(
    head: str, registers: list[tuple[int, int, str]], complaint: str
) -> None:
    with pytest.raises(ProfileError, match=complaint):
        modbus(head, *registers)


@given(
    places=st.lists(
        st.tuples(st.sampled_from((3, 4)), st.integers(0, 30)), max_size=12, min_size=1
    ),
    limit=st.integers(2, 20),
    gap=st.integers(0, 6),
)
def test_every_register_is_read_whole_and_once(
    places: list[tuple[int, int]], limit: int, gap: int
) -> None:
    registers = [(function, 2 * slot, "uint32") for function, slot in dict.fromkeys(places)]
    made = modbus(f"max_registers = {limit}\ngap_max = {gap}", *registers)
    plan = blocks(made)
    for register in made.registers:
        holders = [block for block in plan if block.holds(register.place)]
        assert len(holders) == 1
        words = tuple(range(holders[0].address, holders[0].end))
        assert holders[0].cut(words, register.place) == (register.address, register.address + 1)
    assert all(block.size <= limit for block in plan)
