"""The audit log: a chain in which no change goes unseen, and what a noted head is for."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import audit
from gateway.audit import GENESIS, Act, AuditError, Entry, Head
from gateway.sql.audit import SqlAudit
from gateway.sql.engine import Database, connect
from tests.servers.ledgers import IntegrityErrors, place, unguard

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
    database = connect(place(tmp_path / "ledger.sqlite"), "off")
    yield database
    database.close()


def test_the_log_in_the_ledger_is_only_added_to(database: Database) -> None:
    log = SqlAudit(database.connection)
    assert audit.check(log.entries()) == Head(0, GENESIS)
    assert [log.append(ACT), log.append(ACT)] == [1, 2]
    assert audit.check(log.entries()).number == 2
    assert [entry.number for entry in log.newest(1)] == [2]
    for statement in ("UPDATE audit SET why = 'x'", "DELETE FROM audit"):
        with pytest.raises(IntegrityErrors, match="only added to"):
            database.connection.execute(statement)


CUT_OFF = """
UPDATE audit SET previous = (SELECT previous FROM audit WHERE audit_no = 1) WHERE audit_no = 3
"""


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE audit SET actor = 'Петров' WHERE audit_no = 1", "entry 2 follows"),
        ("DELETE FROM audit WHERE audit_no = 2", "after entry 1 expected 2, got 3"),
        (CUT_OFF, "entry 3 follows 0000"),
    ],
)
def test_who_goes_around_the_triggers_is_found_by_the_chain(
    database: Database, statement: str, said: str
) -> None:
    log = SqlAudit(database.connection)
    for _ in range(3):
        log.append(ACT)
    unguard(database.connection, "audit")
    database.connection.execute(statement)
    with pytest.raises(AuditError, match=said):
        audit.check(log.entries())


SALT = bytes(range(16))


def forgotten(entry: Entry, by: int) -> Entry:
    left = entry.act._replace(subject="", before="", after="", why="")
    seal = entry.seal or audit.digest(entry)
    return entry._replace(act=left, salt=b"", seal=seal, forgotten_by=by)


def a_log_with_one_forgotten(salt: bytes, counted: list[int]) -> list[Entry]:
    first = audit.following(Head(0, GENESIS), ACT, salt)
    second = audit.following(Head(1, audit.digest(first)), ACT, salt)
    said = ACT._replace(act=audit.FORGET, after=audit.covering(counted))
    third = audit.following(Head(2, audit.digest(second)), said, salt)
    return [forgotten(first, 3), second, third]


@pytest.mark.parametrize("salt", [b"", SALT], ids=["first form", "sealed"])
def test_texts_that_were_forgotten_leave_the_chain_and_its_head_as_they_were(salt: bytes) -> None:
    whole = [audit.following(Head(0, GENESIS), ACT, salt)]
    head = audit.check(whole)
    assert audit.check(a_log_with_one_forgotten(salt, [1]), head).number == 3


@pytest.mark.parametrize("salt", [b"", SALT], ids=["first form", "sealed"])
def test_nobody_can_blank_an_entry_quietly(salt: bytes) -> None:
    with pytest.raises(AuditError, match="entry 3: other texts went than it counts"):
        audit.check(a_log_with_one_forgotten(salt, []))
    with pytest.raises(AuditError, match="texts of entries 1 are gone, and no entry says why"):
        audit.check(a_log_with_one_forgotten(salt, [1])[:2])
    also = a_log_with_one_forgotten(salt, [1])
    also[1] = forgotten(also[1], 3)
    with pytest.raises(AuditError, match="other texts went"):
        audit.check(also)


def test_a_seal_hides_the_texts_and_holds_them() -> None:
    entry = audit.following(Head(0, GENESIS), ACT, SALT)
    assert audit.sealed(SALT, ACT) == entry.seal != audit.sealed(bytes(16), ACT)
    changed = entry._replace(act=entry.act._replace(why="другое"))
    assert audit.digest(changed) == audit.digest(entry)
    with pytest.raises(AuditError, match="entry 1: its texts are not those that were written"):
        audit.check([changed])


def test_each_entry_of_the_ledger_has_a_salt_of_its_own(database: Database) -> None:
    log = SqlAudit(database.connection)
    log.append(ACT)
    log.append(ACT)
    one, other = log.entries()
    assert len(one.salt) == audit.SALT_BYTES
    assert one.salt != other.salt
    assert one.seal != other.seal


def test_texts_go_only_while_somebody_is_forgotten(database: Database) -> None:
    log = SqlAudit(database.connection)
    log.append(ACT)
    gone = "UPDATE audit SET why = '', salt = NULL, forgotten_by = 2"
    with pytest.raises(IntegrityErrors, match="only added to"):
        database.connection.execute(gone)
    database.connection.execute("INSERT INTO forgetting_now VALUES (1)")
    for statement in ("UPDATE audit SET actor = 'x'", "UPDATE audit SET why = 'x'"):
        with pytest.raises(IntegrityErrors, match="only added to"):
            database.connection.execute(statement)
    database.connection.execute(gone)
