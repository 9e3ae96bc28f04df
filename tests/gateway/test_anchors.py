"""Heads carried away in exports and events find a log that was cut, rewritten or put back."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cloud_sync import receipt, signing
from gateway.closing import close_next_due
from gateway.handoff.event import event_maker
from gateway.ingest import Ingest
from tests.gateway.shell import refusal, run, said
from tests.gateway.town import GATEWAY_KEY, HOUR_MS, Town, local
from tests.servers.ledgers import by_hand, open_store, unguard


def verify(data: Path, *anchors: Path) -> tuple[object, ...]:
    options = [part for anchor in anchors for part in ("--anchors", anchor)]
    return "audit", "verify", "--data", data, *options


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    said("init", "--data", folder)
    town = Town(folder)
    town.install("A1", town.point("P1"))
    town.read("A1", local(10, 1), 12_000)
    town.send()
    town.store.close()
    said("close-period", "2026-09", "--data", folder)
    return folder


@pytest.fixture
def manifest(data: Path, tmp_path: Path) -> Path:
    out = tmp_path / "september.csv"
    told = json.loads(said("export", "csv", "--out", out, "--data", data, "--json"))
    assert told["manifest"] == f"{out}.manifest.json"
    return Path(told["manifest"])


@pytest.fixture
def events(data: Path, tmp_path: Path) -> Path:
    """What a billing system has put by, as it came."""
    with by_hand(data / "ledger.sqlite") as sql:
        rows = sql.execute("SELECT payload FROM event ORDER BY event_no").fetchall()
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(row for (row,) in rows))
    return file


def tampered(data: Path, *statements: str) -> None:
    with by_hand(data / "ledger.sqlite") as sql:
        unguard(sql, "audit")
        for statement in statements:
            sql.execute(statement)


def test_an_export_and_every_event_of_a_closing_carry_the_head_away(
    data: Path, manifest: Path, events: Path
) -> None:
    assert "2 anchors found in it" in said(*verify(data, manifest, events))
    first = json.loads(events.read_text(encoding="utf-8").splitlines()[0])
    log = [json.loads(one) for one in said("audit", "list", "--data", data, "--json").splitlines()]
    number, _, digits = first["audithead"].partition(":")
    (closed,) = (one for one in log if one["number"] == int(number))
    assert (closed["act"], closed["hash"]) == ("close-period", digits)


def test_who_closed_stands_in_the_log_a_person_or_the_gateway_itself(
    data: Path, tmp_path: Path
) -> None:
    def closers(folder: Path) -> list[str]:
        lines = said("audit", "list", "--data", folder, "--json").splitlines()
        log = [json.loads(line) for line in lines]
        return [one["actor"] for one in log if one["act"] == "close-period"]

    said("close-period", "2026-10", "--data", data, "--by", "Орлова")
    assert closers(data)[1:] == ["Орлова"]
    by_itself = tmp_path / "by-itself"
    said("init", "--data", by_itself)
    town = Town(by_itself)
    town.install("A1", town.point("P1"))
    town.read("A1", local(10, 1), 12_000)
    town.send()
    closed = close_next_due(
        *(town.ledger, town.now_ms + HOUR_MS),
        grace_ms=0, targets=(), event_of=event_maker("urn:plomba:gateway:test"),
    )  # fmt: skip
    town.store.close()
    assert closed is not None
    assert closers(by_itself) == ["gateway"]


def test_the_manifest_names_each_file_by_its_hash(manifest: Path, data: Path) -> None:
    told = json.loads(manifest.read_text(encoding="utf-8"))["manifest"]
    assert (told["period"], told["form"], told["lines"]) == ("2026-09", "csv", 1)
    exported = manifest.parent / told["files"][0]["name"]
    newest = json.loads(said("audit", "list", "--data", data, "--json").splitlines()[-1])
    assert told["files"][0]["sha256"] in newest["after"]
    exported.write_bytes(exported.read_bytes() + b"2026-09-000002,...\n")
    assert "september.csv is not as it was exported" in refusal(*verify(data, manifest))


@pytest.mark.parametrize("kind", ["manifest", "events"])
def test_a_log_that_was_cut_is_found(kind: str, data: Path, manifest: Path, events: Path) -> None:
    tampered(data, "DELETE FROM audit WHERE audit_no > 1")
    assert said(*verify(data))
    anchor = {"manifest": manifest, "events": events}[kind]
    assert "it was cut or written anew" in refusal(*verify(data, anchor))


def test_an_end_that_was_written_anew_is_found(data: Path, manifest: Path) -> None:
    tampered(data, "DELETE FROM audit WHERE act = 'export'")
    said("api-token", "erp", "--data", data)
    assert said(*verify(data))
    assert "it was cut or written anew" in refusal(*verify(data, manifest))


def test_a_manifest_that_was_changed_is_no_anchor(data: Path, manifest: Path) -> None:
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"lines": 1', '"lines": 2'), encoding="utf-8")
    assert "was changed after it was sealed" in refusal(*verify(data, manifest))
    manifest.write_text(text.replace('"seal": "', '"seal": "00'), encoding="utf-8")
    assert "not a manifest that the key" in refusal(*verify(data, manifest))


def test_what_holds_no_head_is_refused(data: Path, tmp_path: Path) -> None:
    for content in ("", "[]", "{}", "12:00", "\x00", "[" * 100_000):
        file = tmp_path / "anchors.txt"
        file.write_text(content, encoding="utf-8")
        assert str(file) in refusal(*verify(data, file))


def test_heads_noted_on_paper_are_anchors_too(data: Path, tmp_path: Path) -> None:
    head = json.loads(said("audit", "verify", "--data", data, "--json"))["head"]
    paper = tmp_path / "heads.txt"
    paper.write_text(f"\n{head}\n{head}\n", encoding="utf-8")
    assert "2 anchors found in it" in said(*verify(data, paper))


@pytest.mark.sqlite_only("a backup is made by copying the file")
def test_an_old_backup_put_back_is_found_by_anchors_and_by_the_devices(tmp_path: Path) -> None:
    """The edge has forgotten what was receipted; what it sends next shows what is missing."""
    data, backup, out = tmp_path / "data", tmp_path / "backup.sqlite", tmp_path / "out.csv"
    said("init", "--data", data)
    town = Town(data)
    town.install("A1", town.point("P1"))
    town.read("A1", local(10, 1), 12_000)
    town.send()
    town.close("2026-09")
    with closing(sqlite3.connect(data / "ledger.sqlite")) as sql:
        sql.execute("VACUUM INTO ?", (str(backup),))
    town.read("A1", town.now_ms + HOUR_MS, 12_100)
    town.send()
    said("export", "csv", "--out", out, "--data", data)
    town.store.close()
    for file in data.glob("ledger.sqlite*"):
        file.unlink()
    shutil.copy(backup, data / "ledger.sqlite")
    assert "it was cut or written anew" in refusal(*verify(data, Path(f"{out}.manifest.json")))

    town.store = open_store(data / "ledger.sqlite")
    town.ingest = Ingest(town.store, GATEWAY_KEY)
    town.read("A1", town.now_ms + HOUR_MS, 12_200)
    ((_, sealed),) = town.send().receipts
    asked = receipt.decode(signing.parse(sealed).payload)
    assert (asked.through, asked.missing) == (1, ((2, 2),))
    town.store.close()
    result = run(*verify(data))
    assert result.exit_code == 0
    assert "lesnaya-5: batches 2 to 2 are asked for and not here" in result.stderr
    told = json.loads(said(*verify(data), "--json"))
    assert [(one["first"], one["last"]) for one in told["lost_batches"]] == [(2, 2)]
