"""Keeping the database of a server: roles and schema, and the months of what grows.

A ledger in a file has nothing of this. How it is done stands in gateway/postgres.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gateway.postgres.place import Server
from gateway.sql.engine import postgres


class Made(NamedTuple):
    """What `init` did; `to_run`: what somebody with more rights must do first."""

    schema: str
    roles: Sequence[str]
    to_run: Sequence[str]


class Month(NamedTuple):
    """A partition; `rows` is the server's estimate."""

    name: str
    rows: int
    size: int
    attached: bool


def init(owner: Server, writer: Server) -> Made:
    """Make or migrate the schema as `owner`; rights for the writer and its reader."""
    made: Made = postgres("roles").init(owner, writer)
    return made


def ahead(writer: Server, now_ms: int, count: int) -> int:
    """Have this month and the `count` next ones ready; how many were made."""
    made: int = postgres("partitions").ahead(writer, now_ms, count)
    return made


def detach(owner: Server, before: str, now_ms: int) -> Iterator[str]:
    """Take the months before YYYY-MM, long past, out of their tables; the names that went."""
    names: Iterator[str] = postgres("partitions").detach(owner, before, now_ms)
    return names


def months(owner: Server) -> list[Month]:
    """The months there are, attached or not."""
    found: list[Month] = postgres("partitions").months(owner)
    return found
