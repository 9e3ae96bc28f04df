"""What the engine gives the portable SQL: parameters, values, locks, errors in one line."""

import threading
import time
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from gateway.config import ConfigError, load
from gateway.postgres.connection import Connection, Database, connect, snapshot
from gateway.postgres.dialect import arguments, translated
from gateway.postgres.place import Server
from gateway.store import Crossed, StoreError
from tests.servers import postgres
from tests.servers.ports import free_port

PARAMETERS = [
    ("SELECT ?, '?', \"?\" -- ?\n, ?", "SELECT %s, '?', \"?\" -- ?\n, %s"),
    ("SELECT ?2, ?1", "SELECT %(p2)s, %(p1)s"),
    ("SELECT :a, a::TEXT, ':b', 5 % 2", "SELECT %(a)s, a::TEXT, ':b', 5 %% 2"),
    ("SELECT '%' || ?", "SELECT '%%' || %s"),
    ("SELECT /* ? :a */ 'it''s ?' $$ ? $$", "SELECT /* ? :a */ 'it''s ?' $$ ? $$"),
]


@pytest.mark.parametrize(("portable", "here"), PARAMETERS)
def test_parameters_are_translated_outside_of_literals(portable: str, here: str) -> None:
    assert translated(portable).text == here


def test_numbered_parameters_take_a_sequence() -> None:
    assert arguments(translated("SELECT ?2, ?1"), (5, 6)) == {"p1": 5, "p2": 6}


def test_values_are_those_of_sqlite(server: Server) -> None:
    with closing(connect(server, "off")) as database:
        row = database.connection.execute(
            "SELECT 1 = 1, 1 = 2, sum(x), 1.5, CAST(? AS BYTEA), CAST('[1]' AS JSONB), ?, '%', ?"
            " FROM (VALUES (CAST(2 AS BIGINT)), (3)) v (x)",
            (b"\0\xff", "ё", None),
        ).fetchone()
    assert row == (1, 0, 5, Decimal("1.5"), b"\0\xff", "[1]", "ё", "%", None)
    assert [type(value) for value in row[:3]] == [int, int, int]


def test_truth_and_great_numbers_go_as_bigint(server: Server) -> None:
    with closing(connect(server, "off")) as database:
        database.connection.execute("INSERT INTO tally VALUES (?, ?)", ("a", True))
        database.connection.executemany("INSERT INTO tally VALUES (?, ?)", [("b", 2**62)])
        assert database.connection.executemany("INSERT INTO tally VALUES (?, ?)", []).rowcount < 1
        rows = database.connection.execute("SELECT name, value FROM tally ORDER BY name")
        assert rows.fetchall() == [("a", 1), ("b", 2**62)]


def fail_after(database: Database, sql: Connection) -> None:
    with database.transaction(), database.ingesting():
        sql.execute("INSERT INTO tally VALUES ('a', 1)")
    raise ZeroDivisionError


def test_a_transaction_is_one_within_itself_and_undone_as_one(server: Server) -> None:
    with closing(connect(server, "off")) as database:
        with pytest.raises(ZeroDivisionError), database.transaction() as sql:
            fail_after(database, sql)
        assert database.connection.execute("SELECT count(*) FROM tally").fetchone() == (0,)


def test_collectors_go_beside_each_other_and_never_beside_an_act(server: Server) -> None:
    one, other = connect(server, "off"), connect(server, "off")
    for database in (one, other):
        database.connection.execute("SET lock_timeout = 100")
    with one.ingesting() as first, other.ingesting() as second:
        first.execute("INSERT INTO tally VALUES ('one', 1)")
        second.execute("INSERT INTO tally VALUES ('other', 1)")
    with one.transaction(), pytest.raises(StoreError, match="lock timeout"), other.ingesting():
        pytest.fail("it came in beside an act")
    with one.ingesting(), pytest.raises(StoreError, match="lock timeout"), other.transaction():
        pytest.fail("it came in beside a collector")
    for database in (one, other):
        database.close()


def test_what_two_collectors_wrote_at_once_is_to_be_done_alone(server: Server) -> None:
    one, other = connect(server, "off"), connect(server, "off")
    entered, crossed = threading.Event(), []

    def late() -> None:
        try:
            with other.ingesting() as sql:
                entered.set()
                sql.execute("INSERT INTO tally VALUES ('a', 2)")
        except Crossed as error:
            crossed.append(str(error))

    with one.ingesting() as sql:
        sql.execute("INSERT INTO tally VALUES ('a', 1)")
        thread = threading.Thread(target=late)
        thread.start()
        entered.wait()
    thread.join()
    assert [text.split(":")[0] for text in crossed] == ["another collector was there first"]
    with pytest.raises(psycopg.errors.UniqueViolation), other.transaction() as sql:
        sql.execute("INSERT INTO tally VALUES ('a', 2)")
    one.close()
    other.close()


def hold_crosswise(server: Server, held: threading.Event) -> None:
    """Hold one row and wait for the other, patiently, in a session of a person's own."""
    with psycopg.connect(server.conninfo) as session:
        session.execute("SET deadlock_timeout = '60s'")
        session.execute("UPDATE tally SET value = 1 WHERE name = 'theirs'")
        held.set()
        session.execute("UPDATE tally SET value = 1 WHERE name = 'ours'")


def meet_crosswise(sql: Connection, thread: threading.Thread, held: threading.Event) -> None:
    """Hold the row the other one waits for, and then ask for its row."""
    sql.execute("UPDATE tally SET value = 2 WHERE name = 'ours'")
    thread.start()
    held.wait()
    while not postgres.server().execute(
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%ours%'"
    ):
        time.sleep(0.02)
    sql.execute("UPDATE tally SET value = 2 WHERE name = 'theirs'")


def test_an_act_that_meets_another_crosswise_says_so_in_one_line(server: Server) -> None:
    held = threading.Event()
    thread = threading.Thread(target=hold_crosswise, args=(server, held))
    with closing(connect(server, "off")) as database:
        database.connection.execute("INSERT INTO tally VALUES ('ours', 0), ('theirs', 0)")
        database.connection.execute("SET deadlock_timeout = '10ms'")
        with (
            pytest.raises(StoreError, match="cannot be written: deadlock"),
            database.transaction() as sql,
        ):
            meet_crosswise(sql, thread, held)
        thread.join()
        rows = database.connection.execute("SELECT value FROM tally").fetchall()
    assert rows == [(1,), (1,)]


def test_turns_lock_devices_and_tell_stale_caches(server: Server) -> None:
    one, other = connect(server, "off"), connect(server, "off")
    with one.transaction() as sql:
        for name in ("a", "b"):
            sql.execute("INSERT INTO device (name) VALUES (?)", (name,))
    numbers = [1, 2]
    with one.ingesting():
        assert one.turn(numbers) == {1: 0, 2: 0}
        own = one.end_turn([1])
    other.connection.execute("SET lock_timeout = 100")
    with other.ingesting():
        assert other.turn([2, 1]) == {1: own[1], 2: 0}
        stamps = other.end_turn(numbers)
    with one.ingesting():
        assert one.turn(numbers) == stamps
        assert set(stamps.values()).isdisjoint({0, own[1]})
        with pytest.raises(StoreError, match="lock timeout"), other.ingesting():
            other.turn([1])
    one.close()
    other.close()


def test_no_batch_comes_in_below_the_horizon(server: Server) -> None:
    one, other = connect(server, "off"), connect(server, "off")
    other.connection.execute("SET lock_timeout = 100")
    assert other.horizon() == 0
    with one.ingesting(), pytest.raises(StoreError, match="lock timeout"):
        other.horizon()
    assert other.horizon() == 0
    one.close()
    other.close()


def test_a_look_is_of_one_instant_and_changes_nothing(server: Server) -> None:
    with closing(connect(server, "off")) as database, snapshot(server) as look:
        count = "SELECT count(*) FROM tally"
        before = look.execute(count).fetchone()
        with database.transaction() as sql:
            sql.execute("INSERT INTO tally VALUES ('a', 1)")
        assert look.execute(count).fetchone() == before == (0,)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            look.execute("DELETE FROM tally")


def test_a_server_that_forgets_commits_is_refused(server: Server) -> None:
    with pytest.raises(StoreError, match=r"could lose what is committed \(fsync off"):
        connect(Server(server.conninfo))
    shared = postgres.server()
    name = postgres.name_of(server)
    shared.execute(f"ALTER DATABASE {name} SET synchronous_commit = local")
    with closing(connect(server)) as database:
        shown = database.connection.execute("SHOW synchronous_commit").fetchone()
    assert shown == ("local",)


def test_a_server_that_is_not_there_is_said_in_one_line() -> None:
    port = free_port()
    with pytest.raises(StoreError) as refused:
        connect(Server(f"host=127.0.0.1 port={port} dbname=plomba"))
    said = str(refused.value)
    assert said.startswith(f"cannot reach the ledger PostgreSQL (host=127.0.0.1 port={port}")
    assert "\n" not in said


def test_options_of_the_configuration_come_to_ours(server: Server) -> None:
    place = Server(f"{server.conninfo} options='-c TimeZone=Europe/Moscow'", unsafe=True)
    with closing(connect(place, "off")) as database:
        settings = [
            database.connection.execute(f"SHOW {name}").fetchone()
            for name in ("lock_timeout", "jit", "TimeZone")
        ]
    assert settings == [("15s",), ("off",), ("Europe/Moscow",)]


def test_a_newer_programs_ledger_is_refused(server: Server) -> None:
    with closing(connect(server, "off")) as database:
        database.connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="has schema 9999, this program knows up to"):
        connect(server)


def test_a_password_is_in_no_configuration_and_in_no_error(server: Server, tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    for conninfo in (
        "host=db password=geheim",
        "host=db sslpassword = geheim",
        "postgresql://plomba:geheim@db/plomba",
        "host=db passwd=geheim",
        "host=db user=plomba PWD=geheim",
        "host=plomba:geheim@db dbname=plomba",
    ):
        config.write_text(f'data = "data"\n[ledger]\nserver = "{conninfo}"\n')
        with pytest.raises(ConfigError, match=r"ledger: server: expected libpq") as refused:
            load(config)
        assert "geheim" not in str(refused.value)
    secret = tmp_path / "password"
    secret.write_text("geheim\n")
    secret.chmod(0o600)
    config.write_text(
        f'data = "data"\n[ledger]\nserver = "{server.conninfo}_no"\npassword_file = "password"\n'
    )
    with pytest.raises(StoreError) as missing:
        connect(load(config).place)  # type: ignore[arg-type]  # a server, as configured
    assert "geheim" not in str(missing.value)
    secret.write_bytes(b"geheim\xff")
    with pytest.raises(StoreError, match="holds no UTF-8 text") as unreadable:
        connect(load(config).place)  # type: ignore[arg-type]  # as above
    assert unreadable.value.__cause__ is None
    secret.chmod(0o644)
    with pytest.raises(ConfigError, match=r"ledger.password_file: ") as open_file:
        load(config)
    assert "geheim" not in str(open_file.value)


def test_a_commit_that_perhaps_no_standby_has_is_none(server: Server) -> None:
    """The server says so by a warning at the COMMIT, here one of a deferred trigger."""
    with closing(connect(server, "off")) as database:
        database.connection.session.execute(
            "CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE WARNING 'canceling the wait for a standby'; RETURN NULL; END $$;"
            "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON tally DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION warn()"
        )
        with (
            pytest.raises(StoreError, match="not known to be on a standby: canceling"),
            database.transaction() as sql,
        ):
            sql.execute("INSERT INTO tally VALUES ('a', 1)")
        with database.transaction() as sql:
            assert sql.execute("SELECT count(*) FROM tally").fetchone() == (1,)


def test_a_password_comes_from_its_file(server: Server, tmp_path: Path) -> None:
    shared = postgres.server()
    shared.execute("CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 'geheim'")
    name = postgres.name_of(server)
    secret = tmp_path / "password"
    place = Server(shared.conninfo(name, user="guarded"), secret, unsafe=True)
    try:
        for text, is_right in (("geheim\n", True), ("falsch\n", False)):
            secret.unlink(missing_ok=True)
            secret.write_text(text)
            secret.chmod(0o600)
            if is_right:
                connect(place).close()
                continue
            with pytest.raises(StoreError, match="password authentication failed") as refused:
                connect(place)
            assert "falsch" not in str(refused.value)
    finally:
        shared.execute("DROP ROLE guarded")


def write_late(sql: Connection) -> None:
    """Write once the server has put this session out."""
    pid = sql.session.info.backend_pid
    alive = f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid}"  # noqa: S608 - a number
    while postgres.server().execute(alive):
        time.sleep(0.02)
    sql.execute("INSERT INTO tally VALUES ('a', 1)")


def test_a_writer_that_stops_in_the_middle_is_put_out(server: Server) -> None:
    with closing(connect(server, "off")) as database:
        database.connection.execute("SET idle_in_transaction_session_timeout = 50")
        with pytest.raises(StoreError, match="cannot be written"), database.transaction() as sql:
            write_late(sql)
        with database.transaction() as sql:
            assert sql.execute("SELECT count(*) FROM tally").fetchone() == (0,)
