"""Three roles with the least rights each needs: owner, writer, reader.

The owner has the schema and is used by `plomba-gateway database` alone. The writer, as whom the
gateway runs, adds and changes rows; it makes no tables but months and lets go of no others (by the
schema's functions), can neither change nor remove a batch, nor remove an act, a decision, a dispute
or an entry of the audit log. The reader, as whom pages, exports and the pull API look, only
selects.
"""

from contextlib import closing
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Composed, Identifier

from gateway.postgres import schema
from gateway.postgres.errors import one_line
from gateway.postgres.place import Server
from gateway.postgres.session import Purpose, open_session
from gateway.sql.keeping import Made
from gateway.store import StoreError

# What the writer may do with a table, where that is not everything one does with rows.
_ADD_ONLY = dict.fromkeys(("batch_head", "batch_message"), "SELECT, INSERT")
_OURS = ("act", "audit", "decision", "dispute", "dispute_step", "resident_act")
_KEPT = dict.fromkeys(_OURS, "SELECT, INSERT, UPDATE")
_WRITER = {"alembic_version": "SELECT", **_ADD_ONLY, **_KEPT}
_ROWS = "SELECT, INSERT, UPDATE, DELETE"
# The schema's functions that act with the owner's rights.
_OWNERS = (
    "archive_month(TEXT, BIGINT)",
    "partition_ensure(TEXT, BIGINT[])",
    "rewrite_table(TEXT)",
    "take_batch_nos(BIGINT)",
)

# Months are reached through their tables, by the rights on these.
_RELATIONS = """
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = CAST('public' AS REGNAMESPACE) AND c.relkind IN ('r', 'p', 'v')
    AND NOT c.relispartition ORDER BY c.relname
"""


def init(owner: Server, writer: Server) -> Made:
    """Make or migrate the schema as `owner`; rights for the writer and its reader."""
    places = (writer, writer.reader) if writer.reader is not None else (writer,)
    may_write: dict[str, bool] = {}
    for place in places:
        if (name := _user(place)) is not None:
            may_write.setdefault(name, place is writer)
    try:
        with closing(open_session(owner, Purpose.KEEP)) as session:
            schema.migrate(session, owner)
            (us,) = _row(session, "SELECT current_user")
            others = [name for name in may_write if name != us]
            if to_run := [text for name in others if (text := _role(session, name))]:
                return Made(schema.head(), (), to_run)
            with session.transaction():
                _close_to_others(session)
                for name in others:
                    _grant(session, name, may_write=may_write[name])
    except psycopg.Error as error:
        raise StoreError(f"cannot prepare {owner}: {one_line(error)}") from error
    return Made(schema.head(), others, ())


def _user(place: Server) -> str | None:
    """As whom one comes there, where the configuration says so."""
    name = conninfo_to_dict(place.conninfo).get("user")
    return None if name is None else str(name)


def _role(session: psycopg.Connection[Any], name: str) -> str | None:
    """Make a role that is missing; what to run instead where that is not allowed."""
    if session.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone():
        return None
    statement = SQL("CREATE ROLE {} LOGIN").format(Identifier(name))
    try:
        session.execute(statement)
    except psycopg.errors.InsufficientPrivilege:
        return f"{statement.as_string(session)};"
    return None


def _close_to_others(session: psycopg.Connection[Any]) -> None:
    """Nobody has a right here because he is anybody."""
    try:
        with session.transaction():
            session.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    except psycopg.errors.InsufficientPrivilege:
        pass  # a schema of the superuser's: since PostgreSQL 15 nobody else makes tables in it
    for function in _OWNERS:
        session.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")


def _grant(session: psycopg.Connection[Any], name: str, *, may_write: bool) -> None:
    run = session.execute
    role = Identifier(name)
    run(_for(role, "GRANT USAGE ON SCHEMA public TO {role}"))
    for (relation,) in run(_RELATIONS).fetchall():
        rights = _WRITER.get(relation, _ROWS) if may_write else "SELECT"
        table = Identifier(relation)
        run(SQL("REVOKE ALL ON {} FROM {}").format(table, role))
        run(SQL("GRANT {} ON {} TO {}").format(SQL(rights), table, role))
    if may_write:
        run(_for(role, "GRANT USAGE ON SEQUENCE device_stamp TO {role}"))
        for function in _OWNERS:
            run(_for(role, f"GRANT EXECUTE ON FUNCTION {function} TO {{role}}"))


def _for(role: Identifier, statement: Any) -> Composed:
    return SQL(statement).format(role=role)


def _row(session: psycopg.Connection[Any], statement: Any) -> Any:
    return session.execute(statement).fetchone()
