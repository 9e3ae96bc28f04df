"""Of a resident with everything nothing is left once they are forgotten, and all still holds."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.config import LEDGER_FILE
from gateway.photo.keeping import FOLDER
from gateway.postgres.place import Server
from tests.gateway.people.everything import (
    ACCOUNT,
    NAME,
    NAMES,
    OTHER,
    SUBJECT,
    WAYS_IN,
    Everything,
)
from tests.gateway.shell import run, said
from tests.gateway.town import DEVICE
from tests.servers import postgres
from tests.servers.ledgers import by_hand, place

LOOKED_FOR = (*NAMES, *(one.decode() for one in WAYS_IN))


@pytest.fixture
def everything(tmp_path: Path) -> Iterator[Everything]:
    everything = Everything(tmp_path / "data")
    yield everything
    everything.block.town.store.close()


def kept_in(everything: Everything) -> dict[str, bytes]:
    """Every file that the ledger and what lies beside it are made of, but a server's own logs."""
    folder = everything.block.town.folder
    files = {str(one.relative_to(folder)): one for one in folder.rglob("*") if one.is_file()}
    if isinstance(place(folder / LEDGER_FILE), Server):
        with by_hand(folder / LEDGER_FILE) as sql:
            query = "SELECT oid FROM pg_database WHERE datname = current_database()"
            ((oid,),) = sql.execute(query).fetchall()
            sql.execute("CHECKPOINT")
        base = postgres.server().data / "base" / str(oid)
        files |= {f"base/{one.name}": one for one in base.iterdir()}
    return {name: file.read_bytes() for name, file in files.items()}


def counted(everything: Everything) -> Counter[str]:
    """How often each of what names the person stands in all of it."""
    files = kept_in(everything).values()
    found = {one: sum(data.count(one.encode()) for data in files) for one in LOOKED_FOR}
    return +Counter(found)


def forget(everything: Everything) -> list[dict[str, str]]:
    """By the commands; what they say is out of reach."""
    data = everything.block.town.folder
    everything.block.town.store.close()
    asked = ("person", "forget", ACCOUNT, "--name", NAME, "--why", "съехала")
    said(*asked, "--by", "Иванов", "--data", data)
    done = said("person", "confirm", "1", "--by", "Сидоров", "--json", "--data", data)
    beyond: list[dict[str, str]] = json.loads(done)["beyond"]
    return beyond


@pytest.mark.both_engines
def test_no_file_has_a_name_an_address_or_a_key_but_what_a_device_sealed(
    everything: Everything,
) -> None:
    assert counted(everything).keys() == {*LOOKED_FOR} - {SUBJECT}
    assert [name for name in kept_in(everything) if name.startswith(f"{FOLDER}/")]
    beyond = forget(everything)
    (told,) = (one["what"] for one in beyond if one["where"] == f"visit {DEVICE}/1")
    assert "1 photos" in told
    assert "names the person" in told
    # The installer's record; on PostgreSQL its row's version before it was answered lies beside it.
    assert counted(everything) in ({NAME: 1}, {NAME: 2})
    assert not [name for name in kept_in(everything) if name.startswith(f"{FOLDER}/")]
    data = everything.block.town.folder
    assert json.loads(said("audit", "verify", "--json", "--data", data))["holds"] is True


@pytest.mark.both_engines
def test_who_asks_what_is_known_is_shown_visits_links_and_tries_too(
    everything: Everything,
) -> None:
    data = everything.block.town.folder
    everything.block.town.store.close()
    held = json.loads(said("person", "show", ACCOUNT, "--json", "--data", data))
    (visit,) = held["visits"]
    assert (visit["visit"], visit["installer"], visit["photos"]) == (f"{DEVICE}/1", "Сидоренко", 1)
    assert len(held["links"]) == 2
    assert json.loads(said("person", "show", OTHER, "--json", "--data", data))["visits"] == []


CUT = {
    "the last entry": "DELETE FROM audit WHERE audit_no = (SELECT max(audit_no) FROM audit)",
    "an entry within": "DELETE FROM audit WHERE act = 'dispute open'",
    "all from the resident's reading on": "DELETE FROM audit WHERE audit_no >="
    " (SELECT audit_no FROM submission)",
    "words of one": "UPDATE audit SET after = after || '!' WHERE act = 'reading submit'",
    "who did it": "UPDATE audit SET via = 'session 9' WHERE act = 'dispute open'",
    "when": "UPDATE audit SET at_ms = at_ms + 1 WHERE act = 'dispute open'",
    "two in each other's place": "UPDATE audit SET (act, subject, seal) ="
    " (SELECT o.act, o.subject, o.seal FROM audit o WHERE o.audit_no = 13 - audit.audit_no)"
    " WHERE audit_no IN (6, 7)",
    "whose reading it was": "UPDATE submission SET audit_no = audit_no - 1",
}


@pytest.mark.sqlite_only("goes around what keeps the log, as one with all rights on a file could")
def test_whatever_is_done_to_the_log_the_proof_tells(
    everything: Everything, tmp_path: Path
) -> None:
    """Without any anchor: what acts left beside the log names their entries."""
    everything.block.town.store.close()
    whole = (everything.block.town.folder / LEDGER_FILE).read_bytes()
    told = {}
    for what, statement in CUT.items():
        data = tmp_path / what
        data.mkdir()
        (data / LEDGER_FILE).write_bytes(whole)
        with closing(sqlite3.connect(data / LEDGER_FILE)) as sql, sql:
            for (name,) in sql.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'audit'"
            ).fetchall():
                sql.execute(f"DROP TRIGGER {name}")
            if what == "the last entry":  # a closing's, which its events carry away
                sql.execute("DELETE FROM audit WHERE act = 'close-period'")
            assert sql.execute(statement).rowcount > 0
        told[what] = run("audit", "verify", "--data", data).stderr
    assert [what for what, said in told.items() if not said.startswith("Error: ")] == []
    assert "names entry" in told["the last entry"]
