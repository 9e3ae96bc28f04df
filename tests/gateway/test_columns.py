"""Batches read and screened as columns end as they would one reading after another."""

from collections import Counter
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_sync import batch as wire_batch
from cloud_sync import signing
from drivers.reading import MANTISSA_MAX, ClockState
from gateway.ingest import Ingest
from gateway.layout import Columns, Layouts, form_of
from gateway.sql.store import SqlStore
from tests.gateway import streams
from tests.servers.ledgers import open_store

TABLES = {
    "reading": "register_no, captured_at_ms, copy",
    "verdict": "verdict_no",
    "batch": "batch_no",
    "boot": "device_no, boot",
    "waiting": "batch_no",
    "chain_range": "device_no, first",
    "tally": "name",
    "quarantine": "quarantine_no",
    "register": "register_no",
}
# Most rounds a quarter of an hour apart; some after days, so that weeks are judged.
INTERVALS_MIN = (15,) * 12 + (60, 1440, 5 * 1440)
RULES = {
    "V-NEG", "V-RATE", "V-ZERO", "V-TOU", "V-SIB", "V-TIME", "V-DUP", "V-UOM", "V-ORD", "V-ROLL",
    "V-SIG", "V-HILO", "V-DEC", "V-SWAP",
}  # fmt: skip


def a_store(path: Path) -> SqlStore:
    store = open_store(path, "off")
    streams.register(store)
    return store


def ledger(store: SqlStore) -> dict[str, list[tuple[object, ...]]]:
    look = store.database.connection.execute
    return {
        table: look(f"SELECT * FROM {table} ORDER BY {key}").fetchall()  # noqa: S608 - ours
        for table, key in TABLES.items()
    }


class Never(Layouts):
    """Learns no form, so that nothing is ever read as columns."""

    def learn(self, kind: tuple[bytes, int], payload: bytes, batch: wire_batch.Batch) -> None:
        del kind, payload, batch


def both_ways(
    folder: Path, seed: int, used: Counter[str], intervals_min: tuple[int, ...] = INTERVALS_MIN
) -> None:
    """The same stream into two ledgers, as columns where that can be, and never so."""
    messages = streams.stream(seed, 40, streams.troubled, intervals_min)
    stores = [a_store(folder / f"{seed}-{name}.db") for name in ("columns", "plain")]
    columns, plain = (Ingest(store, streams.GATEWAY_KEY) for store in stores)
    columns._layouts = Counting(used)
    plain._layouts = Never()
    now_ms = streams.START_MS + 90 * streams.DAY_MS
    for number, group in enumerate(streams.groups(seed, streams.mixed(seed, messages))):
        now_ms += 1000
        if number == 7:
            for store in stores:
                streams.register(store, more=True)
        assert columns.process(group, now_ms) == plain.process(group, now_ms)
    found, expected = map(ledger, stores)
    for table in TABLES:
        assert found[table] == expected[table], table
    used.update(row[4] for row in found["verdict"])
    for store in stores:
        store.close()


class Counting(Layouts):
    """Forms of batches of any size, and how often they were of use."""

    def __init__(self, used: Counter[str]) -> None:
        super().__init__(readings_min=1)
        self._used = used

    def read(self, kind: tuple[bytes, int], payload: bytes) -> Columns | None:
        columns = super().read(kind, payload)
        self._used["columns" if columns is not None else "full"] += 1
        return columns


def test_every_rule_is_asked_as_before(tmp_path: Path) -> None:
    used: Counter[str] = Counter()
    for seed in range(6):
        both_ways(tmp_path, seed, used, (2 * 1440,) if seed > 3 else INTERVALS_MIN)
    assert used["columns"] > 100
    assert used["full"] > 100
    assert not RULES - used.keys()


@given(seed=st.integers(min_value=100))
@settings(max_examples=12, deadline=None)
def test_any_stream_ends_the_same_both_ways(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    both_ways(tmp_path_factory.mktemp("stream"), seed, Counter())


PAYLOADS = [
    signing.parse(message).payload
    for _, message in streams.stream(1, 12, streams.plain, (15,))[::2]
]


# Where a number or the head of a part changes its length or its kind (RFC 8949, 3.1).
OCTETS = (0, 1, 23, 24, 127, 128, 255)


def test_a_damaged_payload_is_read_as_the_full_way_reads_it_or_not_at_all() -> None:
    """Columns never accept what is not a canonical batch, and say of it what the full way says."""
    payload, read = PAYLOADS[0], 0
    layout = form_of(payload, wire_batch.decode(payload))
    assert layout is not None
    for place, octet in product(range(len(payload)), OCTETS):
        damaged = payload[:place] + bytes([octet]) + payload[place + 1 :]
        columns = layout.read(damaged)
        if columns is not None:
            assert _said(columns) == _told(wire_batch.decode(damaged)), (place, octet)
            read += 1
    assert 0 < read < len(payload) * len(OCTETS) / 2


@pytest.mark.parametrize(
    ("mantissa", "is_sound"),
    [
        (2**32 - 1, False),
        (2**32, True),
        (MANTISSA_MAX, True),
        (MANTISSA_MAX + 1, False),
        (2**63 - 1, False),
        (2**63, False),
        (2**64 - 1, False),
    ],
)
def test_large_mantissas_are_read_exactly_or_not_at_all(mantissa: int, is_sound: bool) -> None:
    shown = 2**40
    device = streams.Device("two")
    device.shown["M6", streams.DAY] = shown
    sealed = device.seal([streams.readout(device, "M6")], ClockState.SYNCHRONISED)
    payload = signing.parse(sealed.payload).payload
    layout = form_of(payload, wire_batch.decode(payload))
    assert layout is not None
    columns = layout.read(payload.replace(shown.to_bytes(8, "big"), mantissa.to_bytes(8, "big")))
    assert (columns is not None) == is_sound
    assert columns is None or columns.mantissas.tolist() == [mantissa]


def test_most_batches_of_a_device_have_one_form() -> None:
    layout = form_of(PAYLOADS[0], wire_batch.decode(PAYLOADS[0]))
    assert layout is not None
    fitting = [one for one in PAYLOADS if len(one) == len(PAYLOADS[0])]
    assert len(fitting) > 8
    for payload in fitting:
        columns = layout.read(payload)
        assert columns is not None
        assert _said(columns) == _told(wire_batch.decode(payload))


def _said(columns: Columns) -> tuple[object, ...]:
    readout_of = columns.layout.readout_of.tolist()
    names = [name for readout in columns.layout.readouts for name in readout.registers]
    forms = [form for readout in columns.layout.readouts for form in readout.forms]
    head = (columns.device, columns.sequence, columns.previous, columns.signed_at_ms)
    tail = (columns.clock_state, columns.boot, columns.uptime_ms, columns.reading_count)
    return (
        *head,
        *tail,
        [
            (
                columns.layout.readouts[at].meter,
                int(columns.captured_ms[at]),
                int(columns.clock_errors_s[at]),
                name,
                mantissa,
                *form,
            )
            for at, name, form, mantissa in zip(
                readout_of, names, forms, columns.mantissas.tolist(), strict=True
            )
        ],
    )


def _told(batch: wire_batch.Batch) -> tuple[object, ...]:
    head = (batch.device, batch.sequence, batch.previous, batch.signed_at_ms)
    tail = (batch.clock_state, batch.boot, batch.uptime_ms, batch.reading_count)
    return (
        *head,
        *tail,
        [
            (
                one.meter,
                one.captured_at_ms,
                one.clock_error_s,
                value.register,
                value.mantissa,
                value.unit,
                value.exponent,
            )
            for one in batch.readouts
            for value in one.values
        ],
    )


def test_a_fleet_too_large_for_all_its_forms_keeps_as_many_as_it_may() -> None:
    layouts, batch = Layouts(readings_min=1, readings_max=100), wire_batch.decode(PAYLOADS[0])
    kinds = [(bytes([device]), len(PAYLOADS[0])) for device in range(200)]
    for _ in range(3):
        for kind in kinds:
            if layouts.read(kind, PAYLOADS[0]) is None:
                layouts.learn(kind, PAYLOADS[0], batch)
    kept = sum(layouts.has(kind) for kind in kinds)
    assert 100 < kept * batch.reading_count <= 100 + batch.reading_count


def test_meters_beyond_the_bound_are_loaded_again(tmp_path: Path) -> None:
    messages = streams.stream(7, 20, streams.plain, (15,))
    now_ms = streams.START_MS + streams.DAY_MS
    bounded, free = a_store(tmp_path / "bounded.db"), a_store(tmp_path / "free.db")
    few = Ingest(bounded, streams.GATEWAY_KEY, meters_max=2)
    many = Ingest(free, streams.GATEWAY_KEY)
    for message in messages:
        assert few.process([message], now_ms) == many.process([message], now_ms)
    assert ledger(bounded) == ledger(free)
