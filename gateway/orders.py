"""Meters in and out of order: facts that a person states, dated, and never rewritten.

A meter out of order is read on and its readings are kept, but nothing is billed by them (ПП 354
п. 81(12)). Whoever proves later that it was fit gets all of them back (the whole time, as the
Supreme Court has it), so fitness ends an order instead of erasing it.
"""

from typing import NamedTuple, Protocol

from gateway.csv_lines import RegistryError
from gateway.estimation.terms import Cause


class Order(NamedTuple):
    """A meter out of order from an instant on."""

    meter: str
    cause: Cause
    from_ms: int


class OrderStore(Protocol):
    """A ledger that knows which meters are out of order; all in the transaction around it."""

    def is_known(self, meter: str) -> bool:
        """Whether the registry has a meter of that serial."""

    def order(self, meter: str) -> Order | None:
        """The order a meter is out of now."""

    def begin(self, order: Order) -> None:
        """Enter that a meter is out of order."""

    def end(self, meter: str, at_ms: int) -> None:
        """Enter that it was found fit."""


def declare(store: OrderStore, meter: str, cause: Cause, from_ms: int) -> None:
    """A meter is out of order from an instant on; RegistryError if it is unknown or out already."""
    if not store.is_known(meter):
        raise RegistryError(f"no registered meter is called {meter!r}: see registry list")
    before = store.order(meter)
    if before is not None:
        raise RegistryError(f"{meter} is out of order already ({before.cause}): see registry fit")
    store.begin(Order(meter, cause, from_ms))


def declare_fit(store: OrderStore, meter: str, at_ms: int) -> None:
    """A meter was found fit; RegistryError where it is not out of order, or not yet."""
    before = store.order(meter)
    if before is None:
        raise RegistryError(f"{meter!r} is not out of order: see registry out-of-order")
    if at_ms < before.from_ms:
        raise RegistryError(f"{meter} is out of order only after the instant it is found fit at")
    store.end(meter, at_ms)
