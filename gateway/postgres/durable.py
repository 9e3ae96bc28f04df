"""A receipt promises that a batch outlives a power cut: a server that cannot keep that is refused.

`synchronous_commit` on (or the stronger remote_apply) waits for the disk here and, where
`synchronous_standby_names` is set, for the standbys; `local` would forget the standbys, and `off`
and `remote_write` a power cut. fsync and full_page_writes off spoil the whole database in one.
"""

from typing import Any, Literal

import psycopg

from gateway.postgres.place import Server
from gateway.store import StoreError

_DURABLE = ("on", "remote_apply")


def check(
    session: psycopg.Connection[Any], server: Server, durability: Literal["full", "off"]
) -> None:
    """StoreError, the connection closed, if what is committed there may be lost."""
    if server.unsafe:
        return
    row = session.execute(
        "SELECT current_setting('fsync'), current_setting('full_page_writes'),"
        " current_setting('synchronous_commit')"
    ).fetchone()
    fsync, full_pages, commit = row or ("", "", "")
    if fsync == full_pages == "on" and (commit in _DURABLE or durability == "off"):
        return
    session.close()
    raise StoreError(
        f"the server of {server} could lose what is committed (fsync {fsync}, full_page_writes"
        f" {full_pages}, synchronous_commit {commit}): expected on, on, on; set them in its"
        " postgresql.conf and reload it"
    )
