"""How often somebody may knock: a bucket per address, and one for all of them together.

A secret of 128 bits is not found by trying; this keeps the trying from costing the gateway its
time. A house's devices may share an address, and all of them may come back after a power cut.
"""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address

from gateway.bucket import Bucket

# A whole house at once, then one a second.
BURST, PER_S = 20.0, 1.0
# Each knock is a transaction of some milliseconds in the thread that also takes readings in: a
# flood gets a twentieth of it at most.
ALL_BURST, ALL_PER_S = 200.0, 10.0
# About 1 MB; the address that was quiet longest is forgotten, and with it nothing but its debt.
ADDRESSES_MAX = 10_000


class Gate:
    """Counts knocks; the time is any clock that only goes forward.

    `burst` is what one address may bring at once.
    """

    def __init__(self, burst: float = BURST) -> None:
        self._burst = burst
        self._all: Bucket | None = None
        self._addresses: OrderedDict[str, Bucket] = OrderedDict()

    def admits(self, address: str, now_s: float) -> bool:
        """Whether this knock is heard. One that its own address may not make costs nobody else."""
        whose = _network(address)
        bucket = self._addresses.pop(whose, None) or Bucket(self._burst, PER_S, now_s)
        self._addresses[whose] = bucket
        if len(self._addresses) > ADDRESSES_MAX:
            self._addresses.popitem(last=False)
        if self._all is None:
            self._all = Bucket(ALL_BURST, ALL_PER_S, now_s)
        return bucket.take(now_s) and self._all.take(now_s)


def _network(address: str) -> str:
    """The address, of IPv6 its /64: whoever has one there has all of them."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if not isinstance(known, IPv6Address) or known.ipv4_mapped is not None:
        return address
    return known.packed[:8].hex()
