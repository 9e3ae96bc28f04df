"""The plan of a search without wires: whoever there is is found, from any point it was left at."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.mbus import address, descent
from drivers.mbus.descent import Descent

IDS = st.text(st.sampled_from("0123456789"), min_size=8, max_size=8)
KINDS = st.sampled_from(["2D2C0804", "77040804", "2D2C0807", "2D2C0904"])
FULL = st.builds(str.__add__, IDS, KINDS)


def search(meters: Sequence[str], todo: Sequence[str] = (address.ANY,)) -> list[tuple[str, str]]:
    """What is found among `meters`, each with the mask it was found at, and what was left then."""
    plan = Descent(todo)
    found = []
    while (entry := plan.take()) is not None:
        mask, _ = descent.mask_of(entry)
        there = [one for one in meters if address.fits(mask, one)]
        if len(there) > 1:
            plan.seen(entry, 2)
            assert plan.split(entry)
        elif there:
            plan.seen(entry)
            found.append((there[0], " ".join(plan.todo)))
    return found


@settings(max_examples=60, deadline=None)
@given(st.sets(FULL, max_size=40))
def test_every_meter_is_found_once(meters: set[str]) -> None:
    found = [one for one, _ in search(sorted(meters))]
    assert sorted(found) == sorted(meters)


@settings(max_examples=40, deadline=None)
@given(st.sets(FULL, min_size=2, max_size=20))
def test_what_was_left_finds_the_rest(meters: set[str]) -> None:
    everyone = sorted(meters)
    for at, (_, left) in enumerate(found := search(everyone)):
        rest = {one for one, _ in search(everyone, left.split())}
        assert rest == {one for one, _ in found[at + 1 :]}


def test_a_split_goes_on_behind_the_last_digit_and_leaves_a_remainder() -> None:
    plan = Descent([address.ANY])
    entry = plan.take()
    assert entry is not None
    assert plan.split(entry)
    assert plan.todo[:2] == ("FFFFFFF0FFFFFFFF", "FFFFFFF1FFFFFFFF")
    assert plan.todo[9:] == ("FFFFFFF9FFFFFFFF", "FFFFFFF*FFFFFFFF:")


@pytest.mark.parametrize(
    ("seen", "asked"),
    [("", "0123456789ABCDE"), ("5", "012346789ABCDE"), ("5.8", ""), ("5.5", "")],
)
def test_a_remainder_is_asked_for_only_where_meters_are_missing(seen: str, asked: str) -> None:
    plan = Descent([f"56:FFFFFFF*FFFFFFFF:{seen}"])
    rest = []
    while (entry := plan.take()) is not None:
        rest.append(entry)
    assert rest == [f"56:FFFFFFF{digit}FFFFFFFF" for digit in asked]


def test_what_was_seen_is_noted_in_the_remainder_it_belongs_to() -> None:
    plan = Descent([address.ANY])
    entry = plan.take()
    assert entry is not None
    plan.split(entry)
    one = plan.take()
    assert one is not None
    plan.seen(one, 2)
    plan.split(one)
    other = plan.take()
    assert other is not None
    plan.seen(other)
    remainders = [left for left in plan.todo if "*" in left]
    assert remainders == ["FFFFFF*0FFFFFFFF:0", "FFFFFFF*FFFFFFFF:0.0"]


def test_a_whole_address_cannot_be_split() -> None:
    assert not Descent([]).split("123456782D2C0804")


def test_only_the_digits_that_could_hide_behind_one_are_doubted() -> None:
    plan = Descent([])
    plan.doubt("FFFFFFF5FFFFFFFF", "123456152D2C0804")
    assert [entry[6] for entry in plan.todo] == ["3", "5", "7", "9"]
    plan = Descent([])
    plan.doubt("12345678FFFFFFFF", "123456782D2C0804")
    assert plan.todo == ()


def test_a_list_that_no_search_leaves_behind_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at most 4096 masks"):
        Descent([address.ANY] * 4097)
