"""A device's chain by itself: ranges, gaps and links."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.batch import GENESIS
from cloud_sync.receipt import RANGES_MAX
from gateway.chain import STRETCHES_MAX, Chain, Placing
from gateway.model import Link
from gateway.quarantine import Reason, Refusal


def digest(sequence: int) -> bytes:
    return sequence.to_bytes(32, "big")


def link(sequence: int) -> Link:
    return Link(digest(sequence), digest(sequence - 1) if sequence > 1 else GENESIS)


def feed(order: list[int]) -> tuple[Chain, list[Placing]]:
    chain, near, placings = Chain([], GENESIS), {}, []
    for sequence in order:
        placing = chain.place(sequence, link(sequence), near)
        placings.append(placing)
        if placing is Placing.STORE:
            chain.add(sequence, link(sequence))
            near[sequence] = link(sequence)
    return chain, placings


@given(st.lists(st.integers(1, 40)))
def test_ranges_hold_exactly_what_was_stored(order: list[int]) -> None:
    chain, placings = feed(order)
    held = {n for first, last in chain.ranges for n in range(first, last + 1)}
    assert held == set(order)
    assert placings.count(Placing.STORE) == len(held)
    assert all(b[0] > a[1] + 1 for a, b in zip(chain.ranges, chain.ranges[1:], strict=False))
    assert chain.tail == (digest(chain.top) if order else GENESIS)


@given(st.sets(st.integers(1, 60)))
def test_a_receipt_speaks_of_every_number_once(stored: set[int]) -> None:
    chain, _ = feed(sorted(stored, reverse=True))
    told = list(range(1, chain.through + 1))
    for ranges in (chain.also, chain.missing):
        told += [n for first, last in ranges for n in range(first, last + 1)]
    assert sorted(told) == list(range(1, chain.top + 1))
    assert {n for first, last in chain.missing for n in range(first, last + 1)}.isdisjoint(stored)


def test_a_receipt_is_bounded() -> None:
    chain, _ = feed(list(range(1, 4 * RANGES_MAX, 2)))
    assert len(chain.also) == len(chain.missing) == RANGES_MAX
    assert chain.missing[0] == (2, 2)


def test_too_many_stretches_are_put_off_until_gaps_are_filled() -> None:
    chain, _ = feed(list(range(1, 2 * STRETCHES_MAX + 1, 2)))
    assert len(chain.ranges) == STRETCHES_MAX
    far = 2 * STRETCHES_MAX + 7
    assert chain.place(far, link(far), {}) is Placing.PUT_OFF
    near = {1: link(1), 3: link(3)}
    assert chain.place(2, link(2), near) is Placing.STORE


@pytest.mark.parametrize(
    ("sequence", "wrong", "reason"),
    [
        (3, Link(b"x" * 32, digest(2)), Reason.SEQUENCE_REUSED),
        (4, Link(digest(4), b"x" * 32), Reason.CHAIN_BROKEN),
        (5, Link(b"x" * 32, digest(4)), Reason.CHAIN_BROKEN),
        (7, Link(digest(7), b"x" * 32), Reason.CHAIN_BROKEN),
    ],
)
def test_what_does_not_fit_is_refused(sequence: int, wrong: Link, reason: Reason) -> None:
    chain, _ = feed([1, 2, 3, 6])
    near = {n: link(n) for n in (1, 2, 3, 6)}
    with pytest.raises(Refusal) as refused:
        chain.place(sequence, wrong, near)
    assert refused.value.reason is reason


def test_nothing_but_the_genesis_comes_before_the_first() -> None:
    with pytest.raises(Refusal, match="chain-broken"):
        Chain([], GENESIS).place(1, Link(digest(1), b"x" * 32), {})
    with pytest.raises(Refusal, match="chain-broken"):
        Chain([(5, 5)], digest(5)).place(1, Link(digest(1), b"x" * 32), {})
