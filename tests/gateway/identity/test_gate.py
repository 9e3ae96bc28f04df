"""How often somebody may knock."""

from gateway.identity.gate import ADDRESSES_MAX, ALL_BURST, BURST, Gate


def test_an_address_has_a_burst_and_then_its_rate() -> None:
    gate = Gate()
    assert sum(gate.admits("a", 0.0) for _ in range(100)) == BURST
    assert not gate.admits("a", 0.5)
    assert gate.admits("a", 1.6)


def test_one_that_knocks_too_often_costs_the_others_nothing() -> None:
    gate = Gate()
    for _ in range(10_000):
        gate.admits("a", 0.0)
    assert all(gate.admits(f"b{number}", 0.0) for number in range(int(ALL_BURST - BURST)))


def test_of_ipv6_a_network_is_one_address() -> None:
    """Whoever has one address of a /64 has all of them."""
    gate = Gate()
    assert sum(gate.admits(f"2001:db8::{number:x}", 0.0) for number in range(100)) == BURST
    assert gate.admits("2001:db8:0:1::1", 0.0)
    assert all(gate.admits(f"::ffff:192.0.2.{number}", 0.0) for number in range(100))


def test_all_together_have_a_bound() -> None:
    gate = Gate()
    heard = sum(gate.admits(f"b{number}", 0.0) for number in range(2 * int(ALL_BURST)))
    assert heard == ALL_BURST


def test_a_clock_that_stands_or_goes_back_gives_nothing() -> None:
    gate = Gate()
    for _ in range(100):
        gate.admits("a", 100.0)
    assert not gate.admits("a", 0.0)


def test_what_is_remembered_is_bounded() -> None:
    gate = Gate()
    for number in range(ADDRESSES_MAX + 100):
        gate.admits(str(number), 0.0)
    assert len(gate._addresses) == ADDRESSES_MAX
