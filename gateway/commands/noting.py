"""Acts of people at the keyboard, written to the audit log with what they change.

A command that changes something does it inside `acting`: the ledger open for one transaction, and
at its end an entry of who did what to what. Whatever fails leaves neither the change nor the
entry. What a library writes to the log by itself (reviews, closings, acts) needs no second entry.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.audit import TEXT_CHARS_MAX, Act, By, Head
from gateway.commands.common import ledger
from gateway.commands.people import via
from gateway.config import GatewayConfig
from gateway.sql.audit import SqlAudit
from gateway.sql.store import SqlStore
from gateway.wiring import system_clock


class Deed:
    """What is being done. `before` and `after` say how things stood, and stand; both may be empty.

    `undone` is set by whoever found that there was nothing to do, and then no entry is made.
    """

    def __init__(self, store: SqlStore, by: By, subject: str, why: str) -> None:
        self.store = store
        self.by = by
        self.subject = subject
        self.why = why
        self.before = ""
        self.after = ""
        self.undone = False


@contextmanager
def acting(
    config: GatewayConfig, actor: str, act: str, subject: str = "", why: str = ""
) -> Iterator[Deed]:
    """The ledger, in the transaction of one act of a person; its entry is written at the end."""
    with ledger(config) as store, store.transaction():
        deed = Deed(store, By(actor, via()), subject, why)
        yield deed
        if not deed.undone:
            write(store, deed, act)


def note(store: SqlStore, actor: str, act: str, subject: str = "", after: str = "") -> Head:
    """An entry by itself, for an act that speaks to others: written before the first word."""
    deed = Deed(store, By(actor, via()), subject, "")
    deed.after = after
    with store.transaction():
        return write(store, deed, act)


def write(store: SqlStore, deed: Deed, act: str) -> Head:
    """The entry of a deed, in the transaction that is open; the log's head then."""
    log = SqlAudit(store.database.connection)
    texts = (deed.subject, deed.before, deed.after, deed.why)
    log.append(Act(system_clock(), *deed.by, act, *map(_bounded, texts)))
    return log.head()


def _bounded(text: str) -> str:
    """A list of what a file brought may be longer than the log takes."""
    return text if len(text) <= TEXT_CHARS_MAX else f"{text[: TEXT_CHARS_MAX - 1]}…"
