"""Wires on which several send at once: an AND of their bits, read back as characters."""

from hypothesis import given
from hypothesis import strategies as st

from simulators import wires
from simulators.wires import CHARACTER_BITS, Sent

ACK = b"\xe5"


@given(st.binary(max_size=300), st.integers(0, 500))
def test_one_alone_is_heard_as_sent(data: bytes, at_bit: int) -> None:
    assert wires.heard([Sent(at_bit, data)]) == data


@given(st.binary(min_size=1, max_size=300), st.integers(0, 500), st.integers(2, 5))
def test_the_same_bytes_at_the_same_moment_look_like_one(
    data: bytes, at_bit: int, meters: int
) -> None:
    assert wires.heard([Sent(at_bit, data)] * meters) == data


@given(st.binary(max_size=40), st.binary(max_size=40), st.integers(1, 100))
def test_who_waits_for_the_other_to_finish_is_heard_too(
    first: bytes, second: bytes, pause_bits: int
) -> None:
    later = CHARACTER_BITS * len(first) + pause_bits
    assert wires.heard([Sent(0, first), Sent(later, second)]) == first + second


@given(st.binary(min_size=1, max_size=40), st.binary(min_size=1, max_size=40))
def test_bytes_of_the_same_moment_are_anded_bit_by_bit(one: bytes, other: bytes) -> None:
    both = bytes(a & b for a, b in zip(one, other, strict=False))
    rest = max(one, other, key=len)[len(both) :]
    assert wires.heard([Sent(7, one), Sent(7, other)]) == both + rest


def test_acknowledgements_of_different_moments_come_out_as_other_bytes() -> None:
    for delay_bits in range(1, CHARACTER_BITS):
        assert wires.heard([Sent(0, ACK), Sent(delay_bits, ACK)]) != ACK


def test_nobody_is_heard_as_nothing() -> None:
    assert wires.heard([]) == b""
