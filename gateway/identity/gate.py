"""How often somebody may knock: a bucket per address, and one for all of them together.

A secret of 128 bits is not found by trying; this keeps the trying from costing the gateway its
time. A house's devices may share an address, and all of them may come back after a power cut.
"""

from collections import OrderedDict

# A whole house at once, then one a second.
BURST, PER_S = 20.0, 1.0
# Each knock is a transaction of some milliseconds in the thread that also takes readings in: a
# flood gets a twentieth of it at most.
ALL_BURST, ALL_PER_S = 200.0, 10.0
# About 1 MB; the address that was quiet longest is forgotten, and with it nothing but its debt.
ADDRESSES_MAX = 10_000


class _Bucket:
    def __init__(self, burst: float, per_s: float, now_s: float) -> None:
        self._burst, self._per_s = burst, per_s
        self._left, self._at_s = burst, now_s

    def take(self, now_s: float) -> bool:
        passed_s = max(now_s - self._at_s, 0.0)
        self._left = min(self._burst, self._left + passed_s * self._per_s)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Gate:
    """Counts knocks; the time is any clock that only goes forward."""

    def __init__(self) -> None:
        self._all: _Bucket | None = None
        self._addresses: OrderedDict[str, _Bucket] = OrderedDict()

    def admits(self, address: str, now_s: float) -> bool:
        """Whether this knock is heard. One that its own address may not make costs nobody else."""
        bucket = self._addresses.pop(address, None) or _Bucket(BURST, PER_S, now_s)
        self._addresses[address] = bucket
        if len(self._addresses) > ADDRESSES_MAX:
            self._addresses.popitem(last=False)
        if self._all is None:
            self._all = _Bucket(ALL_BURST, ALL_PER_S, now_s)
        return bucket.take(now_s) and self._all.take(now_s)
