"""One database of a PostgreSQL server, opened the way a ledger needs it: every commit durable.

A transaction is always explicit and takes the ledger's lock at its start: the exclusive one where
it may write anything (closing, review, every act), the shared one where it only takes batches in,
which any number of collectors do beside each other. READ COMMITTED is enough behind that lock,
since every statement sees what was committed before it.

A server that went away (restart, failover) ends the transaction under way with a StoreError; the
next use connects again by itself, to whichever of the hosts takes writes now.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any, Literal, TypeVar

import psycopg
from psycopg import IsolationLevel

from gateway.postgres import durable, schema
from gateway.postgres.dialect import arguments, translated
from gateway.postgres.errors import one_line
from gateway.postgres.locks import LEDGER
from gateway.postgres.months import Months
from gateway.postgres.place import Server
from gateway.postgres.session import Purpose, open_session
from gateway.store import Crossed, StoreError

Cursor = psycopg.Cursor[Any]
T = TypeVar("T")

# What two collectors beside each other may do to one another, and one alone does not.
_CROSSED = (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected)
# What a server refuses because it (or the way to it) cannot, and not because of what was asked:
# gone, full, shutting down, a lock not given in time, a deadlock.
_CANNOT = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.IdleInTransactionSessionTimeout,
)
# The classes of errors that end a connection: it broke, the server is going, or it takes no
# writes any more because another one does.
_LOST = ("08", "57P", "25006", "25P03")
# What ingest asks is by keys it holds in its hand. The planner does not know how few they are, and
# up to some millions of readings would rather read every month than look them up; a table that is
# small or empty it would keep at hand and go through for each key, also when it has grown. Nor does
# it know that plans for 40 months are dear to make, and that any two of them are the same.
_BY_KEYS = (
    "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;"
    " SET LOCAL enable_material = off; SET LOCAL enable_seqscan = off;"
    " SET LOCAL plan_cache_mode = force_generic_plan;"
)


class Connection:
    """A connection whose statements are of the portable dialect; it is made when it is used."""

    def __init__(self, open_: Callable[[], psycopg.Connection[Any]]) -> None:
        self._open = open_
        self._session: psycopg.Connection[Any] | None = None
        self.in_transaction = False
        self.warned = ""

    @property
    def opened(self) -> psycopg.Connection[Any] | None:
        """The session there is, if there is one."""
        return self._session

    @property
    def session(self) -> psycopg.Connection[Any]:
        """The session of psycopg, a new one if the last is lost; StoreError if that fails."""
        if self._session is None or (self._session.closed and not self.in_transaction):
            self._session = self._open()
        return self._session

    def execute(self, statement: str, parameters: Any = (), /) -> Cursor:
        """Run a statement with a sequence of parameters, or with a mapping of named ones."""
        text = translated(statement)
        given = arguments(text, parameters)
        return self._run(lambda session: session.execute(text.text, given))

    def executemany(self, statement: str, rows: Iterable[Any], /) -> Cursor:
        """Run a statement for each of the rows of parameters."""
        text = translated(statement)
        given = [arguments(text, row) for row in rows]

        def run(session: psycopg.Connection[Any]) -> Cursor:
            cursor = session.cursor()
            if given:
                cursor.executemany(text.text, given)
            return cursor

        return self._run(run)

    def _run(self, run: Callable[[psycopg.Connection[Any]], T]) -> T:
        try:
            return run(self.session)
        except _CANNOT as error:
            if self.in_transaction:
                raise
            # Outside a transaction nothing is written, so it may be asked a second time.
            if not self.dropped(error):
                raise StoreError(f"the ledger cannot be read: {one_line(error)}") from error
        try:
            return run(self.session)
        except _CANNOT as error:
            raise StoreError(f"the ledger cannot be read: {one_line(error)}") from error

    def heard(self, notice: psycopg.errors.Diagnostic) -> None:
        """Remember the last warning; notices are no matter."""
        if notice.severity_nonlocalized == "WARNING":
            self.warned = notice.message_primary or "a warning"

    def commit(self) -> None:
        """COMMIT; a warning says that it stands here, but perhaps not on a standby."""
        self.warned = ""
        self.session.execute("COMMIT")
        if self.warned:
            self.session.close()
            raise psycopg.OperationalError(f"not known to be on a standby: {self.warned}")

    def dropped(self, error: psycopg.Error) -> bool:
        """Whether that error was the end of the connection, which then is closed here too."""
        lost = error.sqlstate is None or error.sqlstate.startswith(_LOST)
        if lost:
            self.close()
        return lost

    def close(self) -> None:
        """Leave the server; what is not committed is undone there."""
        if self._session is not None:
            self._session.close()


class Database:
    """One connection with the ledger's lock; `_lock` keeps two threads out of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.months = Months(lambda: connection.session)
        self._lock = threading.RLock()
        self._depth = 0

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing; entered again inside itself it is the same transaction."""
        try:
            with self._within("pg_advisory_xact_lock"):
                yield self.connection
        except psycopg.errors.DeadlockDetected as error:
            # Not with a collector: with a month that is taken out, or a person's own session.
            if self._depth:
                raise
            raise StoreError(f"the ledger cannot be written: {one_line(error)}") from error

    @contextmanager
    def ingesting(self) -> Iterator[Connection]:
        """Beside others of its kind, never beside `transaction`."""
        try:
            with self._within("pg_advisory_xact_lock_shared"):
                yield self.connection
        except _CROSSED as error:
            if self._depth:
                raise
            raise Crossed(f"another collector was there first: {one_line(error)}") from error

    @contextmanager
    def _within(
        self, lock: Literal["pg_advisory_xact_lock", "pg_advisory_xact_lock_shared"]
    ) -> Iterator[None]:
        with self._lock:
            if self._depth:
                yield
                return
            self._depth += 1
            try:
                self._begin(lock)
                yield
                self.connection.commit()
            except BaseException as error:
                if isinstance(error, _CANNOT):
                    self.connection.dropped(error)
                self._undo()
                if isinstance(error, psycopg.Error) and _cannot(error):
                    said = f"the ledger cannot be written: {one_line(error)}"
                    raise StoreError(said) from error
                raise
            finally:
                self.connection.in_transaction = False
                self._depth -= 1

    def _begin(self, lock: str) -> None:
        # A connection lost while nothing was asked of it shows itself here, before any work.
        settings = _BY_KEYS if lock.endswith("shared") else ""
        statement = f"BEGIN; {settings} SELECT {lock}({LEDGER})".encode()
        try:
            self.connection.session.execute(statement)
        except _CANNOT as error:
            if not self.connection.dropped(error):
                raise
            self.connection.session.execute(statement)
        self.connection.in_transaction = True

    def _undo(self) -> None:
        self.months.forget()
        session = self.connection.opened
        if session is not None and not session.closed:
            try:
                session.execute("ROLLBACK")
            except psycopg.Error:
                session.close()

    def turn(self, devices: Sequence[int]) -> dict[int, int]:
        """Lock the devices' rows in the order of their numbers: two never wait crosswise."""
        wanted = sorted(set(devices))
        stamps = self._locked(wanted)
        if len(stamps) < len(wanted):
            # Devices that never had a turn; beside another collector that found the same.
            self.connection.session.execute(
                "INSERT INTO device_turn SELECT unnest(%s::BIGINT[]) ON CONFLICT DO NOTHING",
                ([device for device in wanted if device not in stamps],),
            )
            stamps = self._locked(wanted)
        return stamps

    def _locked(self, devices: Sequence[int]) -> dict[int, int]:
        rows = self.connection.session.execute(
            "SELECT device_no, stamp FROM device_turn WHERE device_no = ANY (%s::BIGINT[])"
            " ORDER BY device_no FOR NO KEY UPDATE",
            (devices,),
        )
        return dict(rows.fetchall())

    def end_turn(self, devices: Sequence[int]) -> dict[int, int]:
        """New stamps, the same for all: the transaction's number is nobody else's."""
        rows = self.connection.session.execute(
            "UPDATE device_turn SET stamp = nextval('device_stamp')"
            " WHERE device_no = ANY (%s::BIGINT[]) RETURNING device_no, stamp",
            (list(devices),),
        )
        return dict(rows.fetchall())

    def horizon(self) -> int:
        """The highest batch number once every group that was under way has ended."""
        with self.transaction() as connection:
            found = connection.execute("SELECT coalesce(max(batch_no), 0) FROM batch")
            return int(found.fetchall()[0][0])

    def overwriting(self) -> AbstractContextManager[Connection]:
        """The same as `transaction`: a server overwrites nothing (docs/postgres.md)."""
        return self.transaction()

    def clean(self, tables: Collection[str]) -> bool:
        """Write those tables anew without their dead rows; False where another one uses them."""
        session = self.connection.session
        try:
            for table in sorted(tables):
                session.execute("SELECT rewrite_table(%s)", (table,))
        except psycopg.errors.LockNotAvailable:
            return False
        return True

    def text_columns(self) -> list[tuple[str, str]]:
        """Every table's columns that hold text."""
        rows = self.connection.session.execute(
            "SELECT c.table_name, c.column_name FROM information_schema.columns c"
            " JOIN information_schema.tables t USING (table_schema, table_name)"
            " WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'"
            " AND c.data_type = 'text' ORDER BY 1, 2"
        )
        return rows.fetchall()

    def close(self) -> None:
        """Leave the server; an open transaction is undone."""
        self.connection.close()


def _cannot(error: psycopg.Error) -> bool:
    """Whether the same would go well at another time, or on another server.

    A row finds no partition where its month was detached since it was last seen there.
    """
    if isinstance(error, _CROSSED):
        return False
    is_check = isinstance(error, psycopg.errors.CheckViolation)
    return isinstance(error, _CANNOT) or (is_check and error.diag.constraint_name is None)


def connect(server: Server, durability: Literal["full", "off"] = "full") -> Database:
    """Open the ledger of `server` and bring its schema up to date; StoreError if not."""

    def opened() -> psycopg.Connection[Any]:
        session = open_session(server, Purpose.WRITE, durability)
        durable.check(session, server, durability)
        session.add_notice_handler(connection.heard)
        return session

    connection = Connection(opened)
    try:
        schema.migrate(connection.session, server)
    except StoreError:
        connection.close()
        raise
    return Database(connection)


@contextmanager
def snapshot(server: Server) -> Iterator[Connection]:
    """One look at the ledger of `server`, which it cannot change; StoreError if it fails."""
    try:
        with closing(open_session(server.reader or server, Purpose.LOOK)) as session:
            session.isolation_level = IsolationLevel.REPEATABLE_READ
            session.read_only = True
            session.autocommit = False
            look = Connection(lambda: session)
            look.in_transaction = True  # so that nothing is asked twice, of two states
            yield look
    except psycopg.Error as error:
        raise StoreError(f"cannot read the ledger {server}: {one_line(error)}") from error
