"""Ports of servers that are begun a while after they were told: nobody gets one meanwhile."""

from simulators.demo.brokers import free_port

# What Linux gives out by itself begins here.
EPHEMERAL = 32_768


def test_ports_are_none_that_the_system_gives_out_and_none_is_told_twice() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == len(ports)
    assert max(ports) < EPHEMERAL
