"""Relative time: readings taken before a device knew the time, and when they were taken.

A batch signed with a known clock tells when its boot began: signing time less uptime. That
places every reading in relative time of the same boot, whether it comes later or has been
waiting. What a boot's start is, is decided once: by the first such batch.
"""

from collections.abc import Collection, Iterable, Iterator

from cloud_sync import batch as wire_batch
from cloud_sync import signing
from drivers.reading import ClockState
from gateway.judge import Signed
from gateway.layout import Columns
from gateway.opening import Opened, Taken
from gateway.store import BootRow, LedgerPort, WaitingRow

Boot = tuple[int, bytes]
"""Device number and boot id."""

# One boot per device and some; 20 MB.
BOOTS_CACHED_MAX = 100_000
# Waiting batches entered at once: their bytes and readings are in memory together.
WAITING_AT_ONCE = 100

_KNOWS_TIME = frozenset({ClockState.SYNCHRONISED, ClockState.INFORMATIVE})


class Boots:
    """The known starts of boots, cached."""

    def __init__(self, ledger: LedgerPort) -> None:
        self._ledger = ledger
        self._starts: dict[Boot, int] = {}
        self._boots: dict[int, set[Boot]] = {}

    def clear(self) -> None:
        """Forget everything; it will be loaded again."""
        self._starts.clear()
        self._boots.clear()

    def forget(self, device_no: int) -> None:
        """Forget the boots of a device; they will be loaded again."""
        for boot in self._boots.pop(device_no, ()):
            del self._starts[boot]

    def load(self, items: Iterable[Opened]) -> None:
        """Ask for the boots of a group that are not cached, at once."""
        if len(self._starts) > BOOTS_CACHED_MAX:
            self.clear()
        fresh = {_boot(item) for item in items} - self._starts.keys()
        if fresh:
            for boot, start_ms in self._ledger.boots(fresh).items():
                self._keep(boot, start_ms)

    def _keep(self, boot: Boot, start_ms: int) -> None:
        self._starts[boot] = start_ms
        self._boots.setdefault(boot[0], set()).add(boot)

    def start_ms(self, item: Opened) -> int | None:
        """When the boot a batch was signed in began, None while that is unknown."""
        return self._starts.get(_boot(item))

    def place(self, stored: Iterable[tuple[int, Opened]]) -> set[Boot]:
        """Note and write the boots that those batches (with their numbers) are first to place."""
        rows = {}
        for batch_no, item in stored:
            boot, batch = _boot(item), item.batch
            if boot not in self._starts and batch.clock_state in _KNOWS_TIME:
                self._keep(boot, batch.signed_at_ms - batch.uptime_ms)
                rows[boot] = BootRow(*boot, self._starts[boot], batch_no)
        self._ledger.add_boots(list(rows.values()))
        return set(rows)

    def wait(self, stored: Iterable[tuple[int, Opened]]) -> int:
        """Remember the batches with readings that cannot be placed yet; how many readings."""
        rows = []
        for batch_no, item in stored:
            if self.start_ms(item) is None and (count := _relative(item.batch)):
                rows.append(WaitingRow(batch_no, *_boot(item), count))
        self._ledger.add_waiting(rows)
        return sum(row.reading_count for row in rows)

    def waited(self, boots: Collection[Boot]) -> Iterator[list[Signed]]:
        """The batches that waited for those boots, some at a time; each time they are ended."""
        while waiting := self._ledger.waiting(boots, WAITING_AT_ONCE) if boots else []:
            self._ledger.end_waiting([item.batch_no for item in waiting])
            yield [
                Signed(
                    item.device_no,
                    item.batch_no,
                    wire_batch.decode(signing.parse(item.message).payload),
                    self._starts[(item.device_no, item.boot)],
                    leads=False,
                )
                for item in waiting
            ]


def _boot(item: Opened) -> Boot:
    return item.device_no, item.batch.boot


def _relative(batch: Taken) -> int:
    if isinstance(batch, Columns):
        return 0  # columns are only made of readouts in known time
    relative = ClockState.RELATIVE
    return sum(
        [len(readout.values) for readout in batch.readouts if readout.clock_state is relative]
    )
