"""Old months leave the ledger for files, a group of houses at a time, and come back from them.

In this order, so that a kill at any instant loses nothing: the file is written under a name of no
meaning, read back whole and compared with its digest, noted in the ledger, given its name, and
only then the ledger lets go of the very rows that the file holds, some thousand at a time. Begun
again it goes on with the file it had. The signed batches stay in the ledger, and with them every
reading that a closed line, a review or the rules of a register still need (`stays` in
gateway/sql/archive.sql); the file has those as well, so that a month in a file is a whole month.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from gateway.history import parquet
from gateway.history.model import HistoryError
from gateway.history.parquet import Header, Row
from gateway.mirror.points import Facts, Stood
from gateway.periods import Bounds, bounds, containing, following, preceding

# Sixteen houses of two hundred meters read every quarter of an hour: some 30 million readings a
# month, a file of a few hundred megabytes.
HOUSES_PER_GROUP = 16
# A row group: a month of fifty registers, some 150 000 readings in memory at once.
REGISTERS_AT_ONCE = 50
# Deleting holds up ingest: some ten milliseconds.
ROWS_AT_ONCE = 2000
NOBODY = "none"
"""The group of registers of meters that never hung anywhere."""
UTC = ZoneInfo("UTC")

Reading = tuple[int, int, int, int, int, int, int, int, str, int, bytes | None]
"""A reading of the ledger with its device, sequence number and batch hash."""


class HouseBook(NamedTuple):
    """A house, and the first period of it that was closed."""

    house_no: int
    name: str
    timezone: str
    first_closed: str | None


class Filed(NamedTuple):
    """A file the ledger knows of."""

    digest: str
    month: str
    group: str
    file: str
    readings: int
    written_at_ms: int
    taken_at_ms: int | None
    restored_at_ms: int | None


class ArchiveStore(Protocol):
    """What archiving asks of the ledger; the writing is in a transaction each."""

    def ledger_id(self) -> str:
        """By which name files know it."""

    def oldest_ms(self) -> int | None:
        """When the oldest reading was captured."""

    def houses(self) -> Sequence[HouseBook]:
        """All houses by number."""

    def is_closed(self, house_no: int, period: str) -> bool:
        """Whether a period of a house is closed."""

    def owed(self, house_no: int, period: str) -> int:
        """How many estimates of lines up to a period wait for what is actual."""

    def waiting(self, within: Bounds) -> int:
        """How many readings of registered registers wait for a person."""

    def registers(self, houses: tuple[int, int] | None) -> Sequence[int]:
        """The registers of meters that hung first in houses of those numbers; or nowhere."""

    def readings(self, registers: Collection[int], within: Bounds) -> Sequence[Reading]:
        """The readings of registers by key."""

    def facts(self, registers: Collection[int]) -> Mapping[int, Facts]:
        """Registers by number."""

    def stood(self, registers: Collection[int]) -> Mapping[int, Sequence[Stood]]:
        """Where registers stood."""

    def files(self) -> Sequence[Filed]:
        """The files known, by month and group."""

    def note_written(self, header: Header, file: str, now_ms: int) -> None:
        """Know a file from now on."""

    def take_month(self, month: str, files: Sequence[Header], now_ms: int) -> int | None:
        """Let go at once of a month that stands whole in files; None where that cannot be done."""

    def take(self, rows: Sequence[Row]) -> int:
        """Let go of those of the rows that need not stay; how many that were."""

    def note_taken(self, digest: str, now_ms: int) -> None:
        """All of a file's rows were let go of."""

    def put_back(self, rows: Sequence[Row]) -> int:
        """Bring back those of the rows that are not there; how many that were."""

    def note_restored(self, digest: str, now_ms: int) -> None:
        """All of a file's rows are there again."""


class Archived(NamedTuple):
    """A file with how much the ledger let go of, or took back.

    Of a month that went at once, the first file has the sum.
    """

    file: Path
    header: Header
    moved: int


def archive(
    store: ArchiveStore, folder: Path, before: str, clock: Callable[[], int]
) -> Iterator[Archived]:
    """Put every month before `before` into files; HistoryError for one that must not go yet."""
    oldest_ms = store.oldest_ms()
    if oldest_ms is None:
        return
    month = containing(oldest_ms, UTC)
    while month < before:
        filed = list(_file(store, folder, month, clock))
        if filed:
            yield from _let_go(store, month, filed, clock)
        month = following(month)


Named = tuple[Path, Header]


def _file(
    store: ArchiveStore, folder: Path, month: str, clock: Callable[[], int]
) -> Iterator[Named]:
    """The month's files, written and checked, that the ledger has not let go of yet."""
    files = [one for one in store.files() if one.month == month and one.restored_at_ms is None]
    standing = {one.group: one for one in files}
    is_checked = False
    for group, houses in _groups(store):
        known = standing.get(group)
        if known is not None and known.taken_at_ms is None:
            yield _begun(folder, known)
        elif known is None:
            # Of the whole month, so once: with thousands of houses it takes its time.
            if not is_checked:
                check(store, month)
                is_checked = True
            empty = Header(store.ledger_id(), month, group, 0, "")
            written = _write(store, folder, empty, store.registers(houses))
            if written is not None:
                path, header = written
                store.note_written(header, path.name, clock())
                parquet.publish(_unnamed(folder, month, group), path)
                yield written


def _let_go(
    store: ArchiveStore, month: str, filed: Sequence[Named], clock: Callable[[], int]
) -> Iterator[Archived]:
    """The whole month at once where the engine can, else the files' rows some at a time."""
    moved = store.take_month(month, [header for _, header in filed], clock())
    for path, header in filed:
        if moved is None:
            taken = sum(store.take(part) for part in _parts(path))
            store.note_taken(header.digest, clock())
            yield Archived(path, header, taken)
        else:
            yield Archived(path, header, moved)
            moved = 0


def _begun(folder: Path, filed: Filed) -> Named:
    """The file that was noted before the program ended, named or not yet."""
    path, unnamed = folder / filed.file, _unnamed(folder, filed.month, filed.group)
    if not path.exists():
        if not unnamed.exists() or parquet.verify(unnamed).digest != filed.digest:
            raise HistoryError(
                f"{path}: missing, the ledger may have let go of a part of its readings already: "
                "bring it back"
            )
        parquet.publish(unnamed, path)
    return path, parquet.verify(path)


def _write(
    store: ArchiveStore, folder: Path, header: Header, registers: Sequence[int]
) -> Named | None:
    """Write a group's month under no name yet, and read it back; None if it has no readings."""
    unnamed = _unnamed(folder, header.month, header.group)
    within = bounds(header.month, UTC)
    done = parquet.write(unnamed, header, _rows(store, registers, within))
    if not done.readings:
        unnamed.unlink()
        return None
    if parquet.verify(unnamed) != done:
        raise HistoryError(f"{unnamed} was not read back as it was written: check the disk")
    return folder / done.name, done


def _unnamed(folder: Path, month: str, group: str) -> Path:
    return folder / f".plomba-{month}-{group}.part"


def check(store: ArchiveStore, month: str) -> None:
    """HistoryError where somebody may still need the readings of a month (UTC)."""
    within = bounds(month, UTC)
    waiting = store.waiting(within)
    if waiting:
        raise HistoryError(f"{month}: {waiting} readings wait for a person: see review list")
    for house in store.houses():
        zone = ZoneInfo(house.timezone)
        periods = {containing(at_ms, zone) for at_ms in (within.start_ms, within.end_ms - 1)}
        for period in sorted(periods):
            if not _is_settled(store, house, period, within):
                raise HistoryError(f"{month}: {house.name} has not closed {period}: close it first")
        owed = store.owed(house.house_no, max(periods))
        if owed:
            raise HistoryError(
                f"{month}: {owed} estimates of {house.name} are not settled: see estimates"
            )


def _is_settled(store: ArchiveStore, house: HouseBook, period: str, within: Bounds) -> bool:
    """Whether a period is closed, lies before the first that was, or has nothing to close."""
    if house.first_closed is not None and period < house.first_closed:
        return True
    if store.is_closed(house.house_no, period):
        return True
    registers = store.registers((house.house_no, house.house_no + 1))
    return not any(store.readings(part, within) for part in _some(registers, 1))


def restore(store: ArchiveStore, path: Path, clock: Callable[[], int]) -> Archived:
    """Bring a file's readings back; HistoryError for a file of another ledger."""
    header = parquet.verify(path)
    if header.ledger != store.ledger_id():
        raise HistoryError(f"{path} is of ledger {header.ledger}, this is {store.ledger_id()}")
    if header.digest not in {one.digest for one in store.files()}:
        raise HistoryError(f"{path} is no file that this ledger let go of")
    moved = 0
    for part in _parts(path):
        facts = store.facts({row.register_no for row in part})
        for row in part:
            if facts.get(row.register_no) != (row.meter, row.obis, row.unit, row.exponent):
                raise HistoryError(f"{path}: {row.meter} {row.obis} is not known here any more")
        moved += store.put_back(part)
    store.note_restored(header.digest, clock())
    return Archived(path, header, moved)


def last_month(now_ms: int, keep_months: int) -> str:
    """The first month (UTC) that must stay."""
    month = containing(now_ms, UTC)
    for _ in range(keep_months):
        month = preceding(month)
    return month


def _groups(store: ArchiveStore) -> Iterator[tuple[str, tuple[int, int] | None]]:
    """Each group's name and house numbers."""
    numbers = {house.house_no // HOUSES_PER_GROUP for house in store.houses()}
    for number in sorted(numbers):
        first = number * HOUSES_PER_GROUP
        yield f"g{number:05d}", (first, first + HOUSES_PER_GROUP)
    yield NOBODY, None


def _rows(store: ArchiveStore, registers: Sequence[int], within: Bounds) -> Iterator[list[Row]]:
    for some in _some(registers, REGISTERS_AT_ONCE):
        facts, stood = store.facts(some), store.stood(some)
        found = [
            Row(*one, *facts[one[0]], *_place(stood.get(one[0], ()), one[1]))
            for one in store.readings(some, within)
        ]
        if found:
            yield found


def _place(stood: Sequence[Stood], at_ms: int) -> tuple[str, str]:
    """House and point where a register stood, or first stood after that."""
    known = [one for one in stood if one.from_ms <= at_ms] or list(stood[:1])
    return (known[-1].house, known[-1].point) if known else ("", "")


def _some(registers: Sequence[int], count: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(registers), count):
        yield registers[start : start + count]


def _parts(path: Path) -> Iterator[list[Row]]:
    rows = parquet.rows(path)
    while part := list(islice(rows, ROWS_AT_ONCE)):
        yield part
