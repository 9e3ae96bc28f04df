"""The audit log: a chain in which no change goes unseen, and what a noted head is for."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import audit
from gateway.audit import GENESIS, Act, AuditError, Entry, Head
from gateway.sqlite.audit import SqliteAudit
from gateway.sqlite.connection import Database, connect

ACT = Act(1_790_000_000_000, "Иванова", "login root", "review accept", "A1", "x", "y", "акт 7")
TEXTS = st.text(max_size=8)
ACTS = st.builds(
    Act,
    st.integers(0, 10**13),
    st.from_regex(r"[a-zа-я]{1,8}", fullmatch=True),
    *[TEXTS] * 6,
)


def chained(acts: list[Act]) -> list[Entry]:
    entries: list[Entry] = []
    head = Head(0, GENESIS)
    for act in acts:
        entries.append(audit.following(head, act))
        head = Head(entries[-1].number, audit.digest(entries[-1]))
    return entries


def test_a_hash_is_made_of_plain_json_that_any_program_can_write() -> None:
    entry = audit.following(Head(0, GENESIS), ACT)
    text = (
        '[1,1790000000000,"Иванова","login root","review accept","A1","x","y","акт 7",'
        f'"{"00" * 32}"]'
    )
    assert json.loads(text)[1] == ACT.at_ms
    assert audit.digest(entry) == hashlib.sha256(text.encode()).digest()


@given(st.lists(ACTS, max_size=6))
def test_a_chain_holds_and_its_head_is_found_in_every_longer_one(acts: list[Act]) -> None:
    entries = chained(acts)
    head = audit.check(entries)
    assert head.number == len(acts)
    assert audit.check(chained([*acts, ACT]), head).number == len(acts) + 1
    assert audit.parse_head(str(head)) == head


@given(st.lists(ACTS, min_size=2, max_size=6), st.data())
def test_no_entry_before_the_last_can_change_unseen(acts: list[Act], data: st.DataObject) -> None:
    entries = chained(acts)
    head = audit.check(entries)
    place = data.draw(st.integers(0, len(entries) - 1))
    field = data.draw(st.sampled_from(Act._fields))
    old = getattr(entries[place].act, field)
    changed = old + 1 if isinstance(old, int) else f"{old}!"
    entries[place] = entries[place]._replace(act=entries[place].act._replace(**{field: changed}))
    if place < len(entries) - 1:
        with pytest.raises(AuditError, match=f"entry {place + 2} follows"):
            audit.check(entries)
    # The last one stands before nothing: that takes a head noted elsewhere.
    with pytest.raises(AuditError):
        audit.check(entries, head)


@given(st.lists(ACTS, min_size=2, max_size=6), st.data())
def test_no_entry_can_be_taken_out_unseen(acts: list[Act], data: st.DataObject) -> None:
    entries = chained(acts)
    head = audit.check(entries)
    del entries[data.draw(st.integers(0, len(entries) - 1))]
    with pytest.raises(AuditError):
        audit.check(entries, head)


def test_a_log_that_was_cut_or_written_anew_does_not_hold_the_noted_head() -> None:
    entries = chained([ACT] * 3)
    noted = audit.check(entries)
    assert audit.check(entries[:2]).number == 2
    with pytest.raises(AuditError, match="does not contain the noted head 3:"):
        audit.check(entries[:2], noted)
    anew = chained([ACT, ACT._replace(why="другое"), ACT])
    with pytest.raises(AuditError, match="cut or written anew"):
        audit.check(anew, noted)


@pytest.mark.parametrize("text", ["", "12", "x:00", f"-1:{'00' * 32}", "1:00ff", "1:zz"])
def test_a_head_is_read_or_refused_in_words(text: str) -> None:
    with pytest.raises(AuditError, match="expected a head like"):
        audit.parse_head(text)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"actor": ""}, "expected a name of 1 to 64 characters"),
        ({"actor": "  "}, "expected a name"),
        ({"actor": "a\nb"}, "in one line"),
        ({"actor": "x" * 65}, "expected a name"),
        ({"why": "x" * 1001}, "why: expected at most 1000 characters, got 1001"),
        ({"after": "x" * 1001}, "after: expected at most"),
    ],
)
def test_an_act_that_says_too_little_or_too_much_is_refused(
    changes: dict[str, str], said: str
) -> None:
    with pytest.raises(AuditError, match=said):
        audit.following(Head(0, GENESIS), ACT._replace(**changes))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = connect(tmp_path / "ledger.sqlite", "off")
    yield database
    database.close()


def test_the_log_in_the_ledger_is_only_added_to(database: Database) -> None:
    log = SqliteAudit(database.connection)
    assert audit.check(log.entries()) == Head(0, GENESIS)
    assert [log.append(ACT), log.append(ACT)] == [1, 2]
    assert audit.check(log.entries()).number == 2
    assert [entry.number for entry in log.newest(1)] == [2]
    for statement in ("UPDATE audit SET why = 'x'", "DELETE FROM audit"):
        with pytest.raises(sqlite3.IntegrityError, match="only added to"):
            database.connection.execute(statement)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE audit SET actor = 'Петров' WHERE audit_no = 1", "entry 2 follows"),
        ("DELETE FROM audit WHERE audit_no = 2", "after entry 1 expected 2, got 3"),
        ("UPDATE audit SET previous = zeroblob(32) WHERE audit_no = 3", "entry 3 follows 0000"),
    ],
)
def test_who_goes_around_the_triggers_is_found_by_the_chain(
    database: Database, statement: str, said: str
) -> None:
    log = SqliteAudit(database.connection)
    for _ in range(3):
        log.append(ACT)
    database.connection.execute("DROP TRIGGER audit_is_not_changed")
    database.connection.execute("DROP TRIGGER audit_is_not_shortened")
    database.connection.execute(statement)
    with pytest.raises(AuditError, match=said):
        audit.check(log.entries())
