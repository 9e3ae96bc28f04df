"""Numbers of submissions: read out, typed in, and a slip of the pen found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.resident.submission import RANDOM_BYTES, normal, number_of

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RANDOM = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)


def test_a_number_is_three_groups_of_letters_that_no_eye_mistakes() -> None:
    assert number_of(bytes(RANDOM_BYTES)) == "0000-0000-0000"
    assert number_of(bytes(range(1, RANDOM_BYTES + 1))) == "7G1A-02C0-280Q"


@given(RANDOM)
def test_a_number_is_known_again_however_it_is_typed(random: bytes) -> None:
    number = number_of(random)
    typed = number.lower().replace("0", "o").replace("1", "l").replace("-", " ")
    assert normal(typed) == normal(number) == number


@given(RANDOM, st.integers(0, 11), st.sampled_from(LETTERS))
def test_one_wrong_letter_is_found(random: bytes, at: int, letter: str) -> None:
    plain = number_of(random).replace("-", "")
    wrong = plain[:at] + letter + plain[at + 1 :]
    assert (normal(wrong) is None) is (wrong != plain)


@given(RANDOM, st.integers(0, 10))
def test_two_letters_that_changed_places_are_found(random: bytes, at: int) -> None:
    plain = number_of(random).replace("-", "")
    wrong = plain[:at] + plain[at + 1] + plain[at] + plain[at + 2 :]
    assert (normal(wrong) is None) is (wrong != plain)


@pytest.mark.parametrize(
    "text", ["", "0000-0000-000", "0000-0000-00000", "U" * 12, "²" * 12, "0" * 10_000, "../../etc"]
)
def test_what_is_no_number_is_none(text: str) -> None:
    assert normal(text) is None
