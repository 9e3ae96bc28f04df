"""What every storage engine must do, written once; an engine is added to ENGINES."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from drivers.reading import Resource
from gateway import registry
from gateway.model import DeviceKey, Level, Link
from gateway.rules.order import Chained, Placed
from gateway.sql.store import SqlStore, open_store
from gateway.sqlite.connection import connect
from gateway.store import (
    Around,
    BatchRow,
    Beside,
    BootRow,
    FoundRow,
    Instant,
    Past,
    Store,
    StoredCopy,
    StoreError,
    VerdictRow,
    Waiting,
    WaitingRow,
)
from tests.gateway.estate import LINES, Device, csv
from tests.servers import postgres

ENGINES: dict[str, Callable[[Path], AbstractContextManager[SqlStore]]] = {
    "sqlite": lambda folder: closing(open_store(folder / "ledger.db", "off")),
    "postgres": lambda _: on_server(),
}


@contextmanager
def on_server() -> Iterator[SqlStore]:
    place = postgres.server().database()
    with closing(open_store(place, "off")) as store:
        yield store
    postgres.server().drop(place)


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with ENGINES[request.param](tmp_path) as store:
        yield a_house(store)


def a_house(store: Store) -> Store:
    registry.import_csv(store, csv(*LINES))
    registry.add_device_key(store, "edge-1", Device().key.public, 0)
    return store


def device_no(store: Store) -> int:
    key_id = Device().key.public.key_id
    return store.registry.device_keys([key_id])[key_id].device_no


def a_batch_row(store: Store, batch_no: int, sequence: int, message: bytes = b"m") -> BatchRow:
    return BatchRow(
        batch_no,
        device_no(store),
        sequence,
        hash=bytes([sequence]) * 32,
        previous=bytes([sequence - 1]) * 32,
        key_id=Device().key.public.key_id,
        signed_at_ms=1,
        clock_state="S",
        boot=b"boot-one",
        uptime_ms=1,
        received_at_ms=2,
        rules_version=1,
        reading_count=1,
        message=message,
    )


def put(store: Store, *readings: tuple[int, int, int, int, int, int]) -> None:
    """Readings as (register, time, copy, mantissa, state, flags)."""
    store.ledger.add_readings([(*reading, 1, 0) for reading in readings])


def _count_and_fail(store: Store) -> None:
    store.ledger.count({"batches": 1})
    raise StoreError("on purpose")


def test_what_failed_is_undone_and_what_ended_is_there(store: Store) -> None:
    with pytest.raises(StoreError), store.transaction():
        _count_and_fail(store)
    with store.transaction(), store.transaction():
        store.ledger.count({"batches": 2})
    assert store.ledger.totals() == {"batches": 2}


def test_totals_add_up(store: Store) -> None:
    store.ledger.count({"batches": 1, "accepted": 5})
    store.ledger.count({"batches": 2})
    assert store.ledger.totals() == {"batches": 3, "accepted": 5}


def test_batches_are_numbered_and_linked(store: Store) -> None:
    assert store.ledger.take_batch_nos(2) == 1
    store.ledger.add_batches([a_batch_row(store, 1, 1), a_batch_row(store, 2, 3)])
    assert store.ledger.take_batch_nos(1) == 3
    device = device_no(store)
    assert store.ledger.links({(device, 1), (device, 2), (device, 3), (99, 1)}) == {
        (device, 1): Link(b"\x01" * 32, bytes(32)),
        (device, 3): Link(b"\x03" * 32, b"\x02" * 32),
    }


def test_ranges_are_replaced_whole(store: Store) -> None:
    device = device_no(store)
    store.ledger.set_ranges({device: [(1, 4), (7, 9)]})
    store.ledger.set_ranges({device: [(1, 9), (11, 11)]})
    assert store.ledger.ranges([device, 99]) == {device: [(1, 9), (11, 11)]}


def test_the_past_of_a_register(store: Store) -> None:
    put(store, (1, 100, 0, 5, 0, 0), (1, 200, 0, 6, 0, 0), (1, 300, 0, 6, 0, 0))
    put(store, (1, 400, 0, 9, 1, 0), (2, 100, 0, 7, 2, 0))
    assert store.ledger.pasts({1: 1000, 2: 1000, 3: 1000}) == {
        1: Past(400, Level(300, 6), 200, Level(200, 6)),
        2: Past(100, None, 0, None),
    }


def test_the_first_accepted_reading_of_each_period(store: Store) -> None:
    put(store, (1, 100, 0, 1, 0, 0), (1, 105, 0, 2, 0, 0), (1, 119, 0, 3, 1, 0))
    put(store, (1, 130, 0, 4, 1, 0), (1, 131, 0, 5, 0, 0), (1, 140, 0, 6, 0, 0))
    put(store, (1, 150, 0, 7, 1, 0), (2, 99, 0, 8, 0, 0), (3, 100, 0, 9, 2, 0))
    assert store.ledger.openings([1, 2, 3, 4], 10, 5) == {
        1: (Level(100, 1), Level(131, 5), Level(140, 6)),
        2: (Level(99, 8),),
    }
    assert store.ledger.openings([1], 10, 2) == {1: (Level(131, 5), Level(140, 6))}


def test_how_long_a_value_stands_is_looked_for_only_so_far_back(store: Store) -> None:
    put(store, *((1, at, 0, 6, 0, 0) for at in range(100, 1001, 100)))
    assert store.ledger.pasts({1: 10_000})[1].unchanged_since_ms == 100
    assert store.ledger.pasts({1: 250})[1].unchanged_since_ms == 700
    assert store.ledger.pasts({1: 0})[1].unchanged_since_ms == 900


def test_what_stands_around_an_instant(store: Store) -> None:
    put(store, (1, 100, 0, 5, 0, 0), (1, 150, 0, 8, 1, 0), (1, 200, 0, 6, 0, 1))
    put(store, (1, 150, 1, 9, 2, 0))
    first, middle, last = Instant(1, 50), Instant(1, 150), Instant(1, 250)
    assert store.ledger.around({first, middle, last}) == {
        first: Around((), None, Level(100, 5), 0),
        middle: Around((StoredCopy(8, 1), StoredCopy(9, 2)), Level(100, 5), Level(200, 6), 1),
        last: Around((), Level(200, 6), None, 0),
    }


def test_what_stands_beside_an_instant_in_the_chain(store: Store) -> None:
    store.ledger.add_batches([a_batch_row(store, 1, 7)])
    put(
        store,
        (1, 100, 0, 5, 0, 0),
        (1, 150, 0, 8, 1, 0),
        (1, 200, 1, 6, 0, 0),
        (2, 150, 0, 1, 0, 0),
    )
    store.ledger.add_readings([(1, 160, 0, 5, 0, 0, 0, 0)])  # read by a person: in no chain
    store.ledger.add_verdicts([VerdictRow(1, 200, 1, "V-ORD", "W", "1.4.128", "", 1, 3)])
    chained = Chained(device_no(store), 7, 0)
    low, high = Placed(100, 0, chained, False), Placed(200, 1, chained, True)
    first, middle, last = Instant(1, 50), Instant(1, 150), Instant(1, 250)
    assert store.ledger.beside({first, middle, last}) == {
        first: Beside(None, low),
        middle: Beside(low, high),
        last: Beside(high, None),
    }
    assert list(store.ledger.placed(1, 100, forward=True)) == [high]
    assert list(store.ledger.placed(1, 200, forward=False)) == [low]


def test_flags_are_set_on_the_accepted_reading(store: Store) -> None:
    put(store, (1, 100, 0, 5, 1, 0), (1, 100, 1, 6, 0, 1), (1, 200, 0, 7, 0, 1))
    store.ledger.set_flags({Instant(1, 100): 0})
    around = store.ledger.around({Instant(1, 50), Instant(1, 150)})
    assert around[Instant(1, 50)].after_flags == 0
    assert around[Instant(1, 150)].after_flags == 1


def test_many_readings_at_once(store: Store) -> None:
    put(store, *((register, 100, 0, register, 0, 0) for register in range(1, 1235)))
    pasts = store.ledger.pasts(dict.fromkeys(range(1, 1235), 0))
    assert all(pasts[register].accepted == (100, register) for register in range(1, 1235))


def test_boots_and_what_waits_for_them(store: Store) -> None:
    device = device_no(store)
    store.ledger.add_batches([a_batch_row(store, n, n, b"m%d" % n) for n in (1, 2, 3)])
    one, two = (device, b"boot-one"), (device, b"boot-two")
    store.ledger.add_waiting([WaitingRow(1, *one, 4), WaitingRow(2, *two, 4)])
    store.ledger.add_boots([BootRow(*one, 777, 3)])
    assert store.ledger.boots({one, two}) == {one: 777}
    assert store.ledger.waiting([one], 10) == [Waiting(1, *one, b"m1")]
    assert len(store.ledger.waiting([one, two], 1)) == 1
    store.ledger.end_waiting([1])
    assert store.ledger.waiting([one], 10) == []


def test_keys_are_found_by_their_id(store: Store) -> None:
    public = Device().key.public
    found = store.registry.device_keys([public.key_id, b"unknown!"])
    number = found[public.key_id].device_no
    key = DeviceKey(public.key_id, number, "edge-1", public.public_bytes, 0, None)
    assert found == {public.key_id: key}


def test_meters_are_found_by_serial_with_all_that_judging_needs(store: Store) -> None:
    cards = store.registry.meters(["E1", "H1", "X9"])
    assert set(cards) == {"E1", "H1"}
    assert cards["E1"].resource is Resource.ELECTRICITY
    assert [binding.device_no for binding in cards["E1"].bindings] == [device_no(store)]
    registers = {register.obis: register for register in cards["E1"].registers}
    assert set(registers) == {"1-0:1.8.1", "1-0:1.8.2"}
    first = registers["1-0:1.8.1"]
    assert (first.unit, first.exponent, first.digits, first.rate_max_per_h) == ("kWh", -2, 8, 1380)
    assert first.initial == Level(1_790_802_000_000, 1000)


def test_registers_found_on_the_road_keep_their_numbers(store: Store) -> None:
    device = device_no(store)
    rows = [
        FoundRow(device, "X9", "1-0:1.8.0", "kWh", -2),
        FoundRow(device, "X9", "1-0:1.8.0", "kWh", -3),
        FoundRow(device, "E1", "1-0:1.8.1", "kvarh", -2),
    ]
    numbers = store.registry.add_found(rows)
    assert len(set(numbers.values())) == 3
    assert store.registry.found_registers(device) == numbers
    assert "X9" not in store.registry.meters(["X9"])


@pytest.mark.sqlite_only("a ledger in a file")
def test_an_engine_refuses_a_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(StoreError, match="not a database"):
        open_store(path)


@pytest.mark.sqlite_only("a ledger in a file")
def test_an_engine_refuses_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot open"):
        open_store(tmp_path / "nowhere" / "ledger.db")


@pytest.mark.sqlite_only("how a file is brought to the disk")
def test_full_durability_is_the_default(tmp_path: Path) -> None:
    database = connect(tmp_path / "ledger.db")
    assert database.connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert database.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()


def test_the_file_and_its_log_are_for_their_owner_alone(tmp_path: Path) -> None:
    """They hold addresses, accounts and how to reach residents, whatever folder they lie in."""
    with closing(connect(tmp_path / "ledger.sqlite", "off")):
        rights = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert "ledger.sqlite-wal" in rights
    assert set(rights.values()) == {0o600}
