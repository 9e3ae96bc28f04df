"""Owner, writer and reader: each can what it needs, and nothing beside it."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gateway.postgres.connection import connect, snapshot
from gateway.postgres.place import Server
from gateway.sql import keeping
from gateway.store import StoreError
from tests.gateway.estate import MIDNIGHT_MS, Estate, a_day
from tests.gateway.shell import refusal, said
from tests.servers import ledgers, postgres

NAMES = ("house_owner", "house_writer", "house_reader")


@pytest.fixture
def roles(bare: Server) -> Iterator[dict[str, Server]]:
    """Places of an empty database that the owner owns; writer and reader are no roles yet."""
    shared = postgres.server()
    name = postgres.name_of(bare)
    shared.execute("CREATE ROLE house_owner LOGIN")
    shared.execute(f"ALTER DATABASE {name} OWNER TO house_owner")
    yield {one.split("_")[1]: Server(shared.conninfo(name, user=one), unsafe=True) for one in NAMES}
    shared.drop(bare)
    for one in NAMES:
        shared.execute(f"DROP ROLE IF EXISTS {one}")


def written(roles: dict[str, Server], folder: Path) -> Path:
    config = folder / "gateway.toml"
    config.write_text(
        'data = "data"\n[ledger]\nunsafe_without_fsync = true\n'
        f'server = "{roles["writer"].conninfo}"\nreader = "{roles["reader"].conninfo}"\n'
        f'owner = "{roles["owner"].conninfo}"\n'
    )
    return config


def refused(place: Server, statement: str) -> bool:
    """Whether the server refuses a statement of that role for want of rights."""
    with closing(psycopg.connect(place.conninfo, autocommit=True)) as session:
        try:
            session.execute(statement.encode())
        except psycopg.errors.InsufficientPrivilege:
            return True
    return False


def test_roles_the_owner_may_not_make_are_named_first(
    roles: dict[str, Server], tmp_path: Path
) -> None:
    config = written(roles, tmp_path)
    said_first = refusal("database", "init", "--config", config)
    assert 'run as a superuser: CREATE ROLE "house_writer" LOGIN;' in said_first
    with pytest.raises(StoreError, match="cannot reach"):
        connect(roles["writer"])


def test_a_writer_without_a_name_leaves_the_reader_a_reader(
    roles: dict[str, Server], bare: Server
) -> None:
    postgres.server().execute("CREATE ROLE house_reader LOGIN")
    nameless = Server(bare.conninfo.replace(f"user={postgres.OWNER}", ""), reader=roles["reader"])
    assert keeping.init(roles["owner"], nameless).roles == ["house_reader"]
    with snapshot(roles["reader"]) as look:
        assert look.execute("SELECT count(*) FROM reading").fetchall() == [(0,)]
    assert refused(roles["reader"], "INSERT INTO tally VALUES ('a', 1)")


def test_each_role_can_what_it_needs_and_no_more(roles: dict[str, Server], tmp_path: Path) -> None:
    shared = postgres.server()
    for name in NAMES[1:]:
        shared.execute(f"CREATE ROLE {name} LOGIN")
    config = written(roles, tmp_path)
    made: Any = json.loads(said("database", "init", "--config", config, "--json"))
    assert made["roles"] == ["house_writer", "house_reader"]
    # Again, after an update: nothing changes.
    assert json.loads(said("database", "init", "--config", config, "--json")) == made

    with ledgers.standing_for(tmp_path / "ledger.db", roles["writer"]):
        estate = Estate(tmp_path / "ledger.db")
    assert estate.take(*a_day(estate.edge, batches=4)).counts["accepted"] == 12
    # Forgetting: the writer may have tables written anew, without one page of old rows.
    sql = estate.store.database.connection
    sql.execute("UPDATE meter SET model = model || '.'")
    assert estate.store.database.clean(["meter", "audit"])
    ((pages,),) = sql.execute(
        "SELECT pg_relation_size('meter') / current_setting('block_size')::BIGINT"
    ).fetchall()
    assert pages == 1
    estate.store.close()
    with snapshot(roles["reader"]) as look:
        (count,) = look.execute("SELECT count(*) FROM reading").fetchall()[0]
        messages = look.execute("SELECT count(message) FROM batch").fetchall()
    assert (count, messages) == (12, [(4,)])

    for statement in (
        "UPDATE batch_head SET sequence = 9",
        "DELETE FROM batch_message",
        "UPDATE batch SET message = ''",
        "DELETE FROM audit",
        "TRUNCATE reading",
        "DROP TABLE reading",
        "CREATE TABLE mine (a BIGINT)",
        "DELETE FROM reading_2026_10",
        "UPDATE alembic_version SET version_num = '1'",
    ):
        assert refused(roles["writer"], statement), statement
    for statement in (
        "INSERT INTO tally VALUES ('a', 1)",
        "DELETE FROM reading",
        f"SELECT partition_ensure('reading', ARRAY[{MIDNIGHT_MS}])",
        "SELECT take_batch_nos(1)",
    ):
        assert refused(roles["reader"], statement), statement
