"""A consignment of devices entered as a file: whole, or not at all with every bad line named."""

from pathlib import Path

import pytest

from cloud_sync.signing import SigningKey
from gateway import device_csv, registry
from gateway.csv_lines import RegistryError
from gateway.registry_csv import COLUMNS
from gateway.sql.store import SqlStore, open_store

HEAD = "device,public_key,valid_from,house\n"
SINCE = "2026-10-05T12:00+03:00"
KEYS = [SigningKey.from_seed(bytes([number]) * 32).public for number in range(5)]


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    made = open_store(tmp_path / "ledger.sqlite", "off")
    lines = ",".join(COLUMNS)
    registry.import_csv(
        made,
        f"{lines}\nA,-,UTC,1,1,P,dwelling,electricity,E1,M,1-0:1.8.0,kWh,-2,8,13.8,2026-10-01,0,"
        "e-1\n".encode(),
    )
    return made


def line(device: str, key: int, since: str = SINCE, house: str = "") -> str:
    return f"{device},{KEYS[key].public_bytes.hex()},{since},{house}\n"


def enter(store: SqlStore, *lines: str) -> dict[str, int]:
    return device_csv.import_csv(store, (HEAD + "".join(lines)).encode())


def test_keys_of_a_file_sign_for_their_devices_from_the_time_it_says(store: SqlStore) -> None:
    assert enter(store, line("e-1", 0, house="A"), line("e-2", 1)) == {"new": 2, "same": 0}
    known = store.registry.device_keys([key.key_id for key in KEYS])
    assert {one.device: one.public_key for one in known.values()} == {
        "e-1": KEYS[0].public_bytes,
        "e-2": KEYS[1].public_bytes,
    }
    assert {one.valid_from_ms for one in known.values()} == {1_791_190_800_000}


def test_a_file_entered_again_changes_nothing(store: SqlStore) -> None:
    enter(store, line("e-1", 0), line("e-2", 1))
    assert enter(store, line("e-1", 0), line("e-2", 1), line("e-3", 2)) == {"new": 1, "same": 2}


def test_a_device_may_bring_a_second_key(store: SqlStore) -> None:
    assert enter(store, line("e-1", 0), line("e-1", 1)) == {"new": 2, "same": 0}


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (line("E_1", 2), "line 3, column device"),
        ("e-3,00,2026-10-05T12:00Z,\n", "line 3, column public_key"),
        (line("e-3", 2, "yesterday"), "line 3, column valid_from"),
        (line("e-3", 2, "2026-10-05T12:00"), "line 3, column valid_from"),
        (line("e-3", 0), "each key once"),
        (line("e-3", 4), "the one of e-old"),
        (line("e-3", 2, house="Nowhere"), "line 3, column house"),
        ("e-3,00\n", "2 fields instead of 4"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_entered(store: SqlStore, bad: str, said: str) -> None:
    registry.add_device_key(store, "e-old", KEYS[4], 0)
    with pytest.raises(RegistryError) as refused:
        enter(store, line("e-2", 0), bad)
    assert said in str(refused.value)
    assert KEYS[0].key_id not in store.registry.device_keys([KEYS[0].key_id])
