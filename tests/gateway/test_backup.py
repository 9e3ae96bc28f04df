"""Backups of the embedded ledger: made while it is written, checked, and put back."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cloud_sync import receipt, signing
from gateway.backup import SUFFIX
from gateway.config import LEDGER_FILE
from gateway.ingest import Ingest, Outcome
from tests.gateway.shell import refusal, run, said
from tests.gateway.town import GATEWAY_KEY, HOUR_MS, Town, local
from tests.servers.ledgers import open_store

pytestmark = pytest.mark.sqlite_only("backups of a ledger in a file")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory whose key seals, as in `Town`."""
    data = tmp_path / "data"
    data.mkdir()
    GATEWAY_KEY.save(data / "gateway.key")
    said("init", "--data", data)
    return data


@pytest.fixture
def town(data: Path) -> Iterator[Town]:
    town = Town(data)
    town.install("A1", town.point("P1"))
    town.read("A1", local(10, 1), 12_000)
    town.send()
    yield town
    town.store.close()


def made(data: Path, *more: object) -> Path:
    """A copy of the ledger in a folder beside."""
    out = data.parent / "copies"
    return Path(
        json.loads(said("backup", "make", "--out", out, "--data", data, "--json", *more))["file"]
    )


def more(town: Town) -> Outcome:
    """A reading of the next hour, sent."""
    town.read("A1", town.now_ms + HOUR_MS, 12_000 + town.sequence)
    return town.send()


def again(town: Town) -> None:
    """The gateway after the restore."""
    town.store = open_store(town.folder / LEDGER_FILE)
    town.ingest = Ingest(town.store, GATEWAY_KEY)


def test_a_copy_is_made_beside_a_running_gateway_and_holds(data: Path, town: Town) -> None:
    file = made(data)  # the town's store is open, as a running gateway's is
    more(town)
    assert "1 batches: it holds" in said("backup", "check", file, "--data", data)
    assert file.stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(file)) as copy:
        assert copy.execute("SELECT count(*) FROM batch").fetchone() == (1,)


def test_what_was_receipted_after_the_copy_is_reported_lost(data: Path, town: Town) -> None:
    """The devices have forgotten it; their next batch shows the gap, and nobody overlooks it."""
    file = made(data)
    more(town)
    more(town)
    town.store.close()
    assert "restored" in said("backup", "restore", file, "--data", data)

    again(town)
    ((_, sealed),) = more(town).receipts
    asked = receipt.decode(signing.parse(sealed).payload)
    assert (asked.through, asked.missing) == (1, ((2, 3),))
    result = run("audit", "verify", "--data", data)
    assert result.exit_code == 0
    assert "batches 2 to 3 are asked for and not here" in result.stderr
    told = json.loads(said("audit", "verify", "--data", data, "--json"))
    assert [(one["first"], one["last"]) for one in told["lost_batches"]] == [(2, 3)]


def test_a_copy_and_its_return_are_in_the_log(data: Path, town: Town) -> None:
    file = made(data, "--by", "Орлова")
    town.store.close()
    said("backup", "restore", file, "--by", "Седов", "--data", data)
    lines = said("audit", "list", "--data", data, "--json").splitlines()
    acts = [(one["act"], one["actor"]) for one in map(json.loads, lines)]
    assert acts[-2:] == [("backup make", "Орлова"), ("backup restore", "Седов")]
    assert file.name in lines[-1]


def test_what_is_replaced_is_kept_and_the_acts_that_go_with_it_are_counted(
    data: Path, town: Town
) -> None:
    file = made(data)
    said("api-token", "erp", "--data", data)
    town.store.close()
    result = run("backup", "restore", file, "--data", data)
    assert "1 acts are only in that one, 0 of them forgot a person" in result.stderr
    (aside,) = data.glob("ledger.sqlite.before-*")
    with closing(sqlite3.connect(aside)) as old:
        (act,) = old.execute("SELECT act FROM audit ORDER BY audit_no DESC").fetchone()
    assert act == "api-token made"


def test_a_ledger_that_cannot_be_read_any_more_is_replaced_too(data: Path, town: Town) -> None:
    file = made(data)
    town.store.close()
    (data / LEDGER_FILE).write_bytes(b"\0" * 100_000)
    said("backup", "restore", file, "--data", data)
    assert "the chain holds" in said("audit", "verify", "--data", data)


def test_a_log_that_lies_where_a_ledger_was_is_not_taken_for_the_new_ones(
    data: Path, town: Town
) -> None:
    file = made(data)
    more(town)
    log = data / f"{LEDGER_FILE}-wal"
    written = log.read_bytes()
    assert written
    town.store.close()
    (data / LEDGER_FILE).unlink()
    log.write_bytes(written)
    said("backup", "restore", file, "--data", data)
    assert not log.exists()
    again(town)
    assert town.store.horizon() == 1


def test_a_ledger_in_use_is_not_replaced(data: Path, town: Town) -> None:
    file = made(data)
    more(town)
    assert "stop the gateway first" in refusal("backup", "restore", file, "--data", data)
    assert town.store.horizon() == 2


@pytest.mark.parametrize(
    ("spoil", "said_of_it"),
    [
        (lambda file: file.write_bytes(file.read_bytes()[:-4096]), "it was changed or cut"),
        (lambda file: file.with_name(file.name + SUFFIX).unlink(), "a copy is good with it"),
        (
            lambda file: file.with_name(file.name + SUFFIX).write_text(
                file.with_name(file.name + SUFFIX)
                .read_text()
                .replace('"batches": 1', '"batches": 2')
            ),
            "was changed after it was sealed",
        ),
    ],
)
def test_a_copy_that_is_not_what_was_made_replaces_nothing(
    data: Path, town: Town, spoil: Callable[[Path], object], said_of_it: str
) -> None:
    file = made(data)
    more(town)
    town.store.close()
    spoil(file)
    assert said_of_it in refusal("backup", "restore", file, "--data", data)
    again(town)
    assert town.store.horizon() == 2
    assert not list(data.glob("*before*"))


def test_only_the_newest_copies_stay(data: Path) -> None:
    folder = data.parent / "copies"
    for stamp in ("20260101T000000Z", "20260102T000000Z"):
        folder.mkdir(exist_ok=True)
        (folder / f"ledger-{stamp}.sqlite").write_bytes(b"")
        (folder / f"ledger-{stamp}.sqlite{SUFFIX}").write_bytes(b"")
    file = made(data, "--keep", "2")
    left = sorted(one.name for one in folder.glob("ledger-*"))
    assert left == [
        "ledger-20260102T000000Z.sqlite",
        f"ledger-20260102T000000Z.sqlite{SUFFIX}",
        file.name,
        f"{file.name}{SUFFIX}",
    ]
