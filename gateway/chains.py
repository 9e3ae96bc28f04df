"""The chains of all devices: cached between groups, asked and written once a group."""

from collections.abc import Mapping, Sequence

from cloud_sync.batch import GENESIS
from cloud_sync.receipt import Receipt
from gateway.chain import Chain, Placing
from gateway.model import Link
from gateway.opening import Opened
from gateway.store import LedgerPort

# A chain without gaps is some 300 bytes; 30 MB for the devices of one collector.
CHAINS_CACHED_MAX = 100_000


class Chains:
    """The cache. `Group` below is one group's work on it."""

    def __init__(self, ledger: LedgerPort) -> None:
        self._ledger = ledger
        self._chains: dict[int, Chain] = {}

    def clear(self) -> None:
        """Forget everything; it will be loaded again."""
        self._chains.clear()

    def forget(self, device_no: int) -> None:
        """Forget the chain of a device; it will be loaded again."""
        self._chains.pop(device_no, None)

    def group(self, opened: Sequence[Opened]) -> "Group":
        """The chains of a group's devices, with the stored links its batches will touch."""
        chains = self._load({item.device_no for item in opened})
        wanted = set()
        for device_no, _, batch, *_ in opened:
            if batch.sequence <= chains[device_no].top:
                wanted |= {(device_no, batch.sequence + step) for step in (-1, 0, 1)}
        near = self._ledger.links(wanted) if wanted else {}
        return Group(self._ledger, chains, near)

    def _load(self, devices: set[int]) -> Mapping[int, Chain]:
        if len(self._chains) > CHAINS_CACHED_MAX:
            self._chains.clear()
        fresh = devices - self._chains.keys()
        if fresh:
            ranges = self._ledger.ranges(fresh)
            tops = {(device, pairs[-1][1]) for device, pairs in ranges.items()}
            tails = self._ledger.links(tops) if tops else {}
            for device in fresh:
                pairs = ranges.get(device, [])
                tail = tails[(device, pairs[-1][1])].hash if pairs else GENESIS
                self._chains[device] = Chain(pairs, tail)
        return self._chains


class Group:
    """One group's batches, each device's in ascending order of their sequence numbers."""

    def __init__(
        self,
        ledger: LedgerPort,
        chains: Mapping[int, Chain],
        near: dict[tuple[int, int], Link],
    ) -> None:
        self._ledger = ledger
        self._chains = chains
        self._near = near
        self._changed: set[int] = set()

    def tops(self, opened: Sequence[Opened]) -> dict[int, int]:
        """The highest stored sequence number of each device of the group."""
        return {item.device_no: self._chains[item.device_no].top for item in opened}

    def place(self, item: Opened) -> Placing:
        """What to do with a batch; Refusal if it does not fit."""
        device_no, sequence = item.device_no, item.batch.sequence
        chain = self._chains[device_no]
        if sequence == chain.top + 1:
            return chain.place(sequence, item.link, {})
        near = {
            at: link
            for at in (sequence - 1, sequence, sequence + 1)
            if (link := self._near.get((device_no, at))) is not None
        }
        return chain.place(sequence, item.link, near)

    def add(self, item: Opened) -> None:
        """Note that a batch is stored."""
        device_no, sequence = item.device_no, item.batch.sequence
        self._chains[device_no].add(sequence, item.link)
        self._near[(device_no, sequence)] = item.link
        self._changed.add(device_no)

    def write(self) -> None:
        """Write the changed chains."""
        self._ledger.set_ranges({device: self._chains[device].ranges for device in self._changed})

    def receipts(self, devices: Mapping[int, str], now_ms: int) -> list[Receipt]:
        """A receipt for each of the devices, by what is stored now."""
        gapped = {
            (device, chain.through)
            for device in devices
            if 0 < (chain := self._chains[device]).through < chain.top
        }
        unknown = gapped - self._near.keys()
        self._near |= self._ledger.links(unknown) if unknown else {}
        return [self._receipt(device, name, now_ms) for device, name in devices.items()]

    def _receipt(self, device_no: int, name: str, now_ms: int) -> Receipt:
        chain = self._chains[device_no]
        through = chain.through
        if through == chain.top:
            through_hash = chain.tail
        else:
            through_hash = self._near[(device_no, through)].hash if through else GENESIS
        return Receipt(
            version=1,
            device=name,
            through=through,
            through_hash=through_hash,
            also=chain.also,
            missing=chain.missing,
            issued_at_ms=now_ms,
        )
