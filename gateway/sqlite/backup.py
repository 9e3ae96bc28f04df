"""A ledger's file copied while it is written, and one file put in the place of another.

SQLite's own backup copies what one reader sees at one instant; ingest goes on meanwhile. The copy
is one file without a log beside it, so that it can be carried anywhere by any program.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from cloud_sync import private_file
from gateway.sqlite.schema import version
from gateway.store import StoreError

# What SQLite keeps beside a file in WAL mode.
BESIDE = ("-wal", "-shm")


def copy(source: Path, target: Path) -> None:
    """Write the ledger at `source` to the new file `target`, checked and on the disk."""
    try:
        with closing(sqlite3.connect(source)) as ledger, closing(sqlite3.connect(target)) as made:
            target.chmod(0o600)
            ledger.backup(made)
            made.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise StoreError(f"cannot copy the ledger {source} to {target}: {error}") from error
    check(target)
    sync(target)


def check(file: Path) -> str:
    """The schema of a ledger that nobody has open; StoreError if a page or an index is broken."""
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as ledger:
            (said,) = ledger.execute("PRAGMA integrity_check(1)").fetchone()
            schema = version(ledger)
    except sqlite3.Error as error:
        raise StoreError(f"{file} is no ledger that can be read: {error}") from error
    if said != "ok":
        raise StoreError(f"{file} is damaged ({said}): take another backup")
    if schema is None:
        raise StoreError(f"{file} is no ledger: it has no schema")
    return schema


def close_log(path: Path) -> None:
    """Bring what stands in the log into the file itself; StoreError where a program has it open.

    A file that SQLite cannot read any more is left as it is: there is nothing to bring.
    """
    try:
        with closing(sqlite3.connect(path, timeout=0)) as ledger:
            ledger.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.OperationalError as error:
        raise StoreError(
            f"the ledger {path} is in use ({error}): stop the gateway first"
        ) from error
    except sqlite3.DatabaseError:
        return


def replace(path: Path, new: Path, aside: Path) -> None:
    """Give `new` the name of a ledger; what had it, if anything had, is kept as `aside`.

    Whenever this ends, or is ended, one of the two has the name.
    """
    close_log(new)
    sync(new)
    if path.exists():
        os.link(path, aside)
    # A log that is left here is of a file that cannot be read, or is gone: it would spoil the new.
    for suffix in BESIDE:
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    new.replace(path)
    sync(path)


def sync(file: Path) -> None:
    """Bring a file and its name to the disk."""
    private_file.sync(file)
    private_file.sync(file.parent)
