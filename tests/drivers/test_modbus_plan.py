"""Which requests read a meter: joined where allowed, never split, within its limits."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import profile
from drivers.modbus.plan import Block, blocks, cheapest, halves, needed
from drivers.modbus.profile import ModbusProfile, Place
from drivers.profile import ProfileError
from tests.drivers.profiles import HEAD, REGISTER, SAMPLE, modbus, parse


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


UNREADABLE = "unreadable = [{{ function = {}, first = {}, last = {} }}]"


def test_an_even_count_reaches_back_where_the_register_behind_must_not_be_read() -> None:
    head = "even_count = true\n" + UNREADABLE.format(3, 11, 20)
    assert blocks(modbus(head, (3, 10, "uint16"))) == (Block(3, 9, 2),)
    at_the_end = modbus("even_count = true", (3, 0xFFFF, "uint16"))
    assert blocks(at_the_end) == (Block(3, 0xFFFE, 2),)


def test_no_request_touches_an_unreadable_span_whatever_the_gap_allows() -> None:
    registers = (3, 0, "uint32"), (3, 6, "uint32"), (3, 12, "uint32")
    for first, last in ((2, 2), (5, 5), (3, 4), (2, 5)):
        made = modbus("gap_max = 10\n" + UNREADABLE.format(3, first, last), *registers)
        assert blocks(made) == (Block(3, 0, 2), Block(3, 6, 8))
    other_function = modbus("gap_max = 10\n" + UNREADABLE.format(4, 2, 5), *registers)
    assert blocks(other_function) == (Block(3, 0, 14),)


def test_a_register_in_an_unreadable_span_is_refused_when_loaded() -> None:
    with pytest.raises(ProfileError, match=r"0x0000 to 0x0001.* unreadable"):
        modbus(UNREADABLE.format(3, 1, 5), (3, 0, "uint32"))


def test_a_sign_or_a_serial_number_that_cannot_be_read_is_refused_when_loaded() -> None:
    sign = 'signs = [{ function = 3, address = 4, text = "AB" }]\n'
    with pytest.raises(ProfileError, match=r"0x0004 to 0x0004.* unreadable"):
        modbus(sign + UNREADABLE.format(3, 1, 5), (3, 0, "uint16"))
    place = 'identification = { function = 3, address = 5, kind = "uint32" }\n'
    with pytest.raises(ProfileError, match="unreadable"):
        modbus(place + UNREADABLE.format(3, 1, 5), (3, 0, "uint16"))


def test_a_gap_is_read_along_only_while_that_is_cheaper_than_asking_twice() -> None:
    made = modbus("gap_max = 40", (3, 0, "uint32"), (3, 22, "uint32"))
    items = needed(made)
    assert cheapest(made, items, worth=21) == (Block(3, 0, 24),)
    assert cheapest(made, items, worth=19) == (Block(3, 0, 2), Block(3, 22, 2))


def test_a_limit_is_spent_where_it_saves_most() -> None:
    """Joining greedily from the left would read the wide hole and then be full."""
    made = modbus(
        "gap_max = 10\nmax_registers = 8",
        (3, 0, "uint16"),
        (3, 5, "uint16"),
        (3, 6, "uint32"),
        (3, 8, "uint32"),
    )
    assert cheapest(made, needed(made), worth=18) == (Block(3, 0, 1), Block(3, 5, 5))


PLUS = REGISTER.replace("float32", "uint32") + "plus = [{}]\n"


def test_the_tariffs_of_a_sum_are_joined_and_may_be_apart() -> None:
    near = parse(HEAD + PLUS.format("{ address = 0x4A }, { address = 0x4C }") + SAMPLE)
    assert isinstance(near, ModbusProfile)
    assert blocks(near) == (Block(4, 0x48, 6),)
    far = parse(HEAD + PLUS.format("{ address = 0x4A }, { address = 0x60 }") + SAMPLE)
    assert isinstance(far, ModbusProfile)
    assert blocks(far) == (Block(4, 0x48, 4), Block(4, 0x60, 2))


def test_a_whole_and_its_fraction_are_never_split() -> None:
    two_part = PLUS.format('{ address = 0x4A, kind = "float32" }')
    made = parse(HEAD + two_part + SAMPLE)
    assert isinstance(made, ModbusProfile)
    items = needed(made)
    assert items == (Block(4, 0x48, 4),)
    assert halves(Block(4, 0x48, 4), items) == frozenset()
    with pytest.raises(ProfileError, match=r"4 registers at 0x0048 in one request, .* allows 3"):
        parse(HEAD + "max_registers = 3\n" + two_part + SAMPLE)
    with pytest.raises(ProfileError, match=r"1-0:1\.8\.0: .* do not adjoin"):
        parse(HEAD + two_part.replace("0x4A", "0x4C") + SAMPLE)


def test_a_refused_block_is_cut_at_its_holes_and_then_in_half() -> None:
    made = modbus("gap_max = 9", *((3, n, "uint16") for n in (0, 1, 2, 3, 8, 9)))
    items = needed(made)
    (whole,) = cheapest(made, items)
    cuts = halves(whole, items)
    assert cuts == {(3, 8)}
    first, second = cheapest(made, items, cuts=cuts)
    assert (first, second) == (Block(3, 0, 4), Block(3, 8, 2))
    assert halves(first, items) == {(3, 2)}
    assert halves(Block(3, 8, 1), items) == frozenset()


def test_the_serial_number_is_read_along_where_that_costs_nothing() -> None:
    made = modbus("", (3, 0, "uint32"))
    beside, away = (Place(function=3, address=at, kind="uint32") for at in (2, 50))
    assert blocks(made, [beside]) == (Block(3, 0, 4),)
    assert blocks(made, [away]) == (Block(3, 0, 2), Block(3, 50, 2))


def cost(plan: tuple[Block, ...], worth: int) -> int:
    return sum(worth + block.size for block in plan)


@given(
    starts=st.lists(st.integers(0, 40), min_size=1, max_size=7, unique=True),
    limit=st.integers(2, 30),
    gap=st.integers(0, 12),
    worth=st.integers(0, 20),
    unreadable=st.integers(0, 90),
)
def test_no_other_way_to_cut_the_registers_is_cheaper(
    starts: list[int], limit: int, gap: int, worth: int, unreadable: int
) -> None:
    registers = [(3, 2 * start, "uint32") for start in starts if unreadable // 2 != start]
    if not registers:
        return
    head = f"gap_max = {gap}\nmax_registers = {limit}\n"
    made = modbus(head + UNREADABLE.format(3, unreadable, unreadable), *registers)
    items = needed(made)
    best = cost(cheapest(made, items, worth=worth), worth)
    bounds = range(1, len(items))
    for count in range(len(items)):
        for cuts in combinations(bounds, count):
            edges = (0, *cuts, len(items))
            plan = tuple(
                Block(3, items[a].address, items[b - 1].end - items[a].address)
                for a, b in pairwise(edges)
            )
            pieces = [items[a:b] for a, b in pairwise(edges)]
            is_allowed = all(
                block.size <= limit
                and all(one.address - other.end <= gap for other, one in pairwise(piece))
                and not block.address <= unreadable < block.end
                for block, piece in zip(plan, pieces, strict=True)
            )
            assert not is_allowed or cost(plan, worth) >= best


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
