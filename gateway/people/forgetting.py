"""Forgetting a person while the ledger stays whole: one person asks, another confirms.

Numbers, marks, hashes and evidence stay: a bill must add up for as long as anybody may dispute it.
What names the person is replaced by one pseudonym that nothing leads back from: the account's
number (and the dwelling, if asked), in closed lines and in the events kept of them, what people
wrote about their readings, what they brought, and the texts of the audit log, whose chain holds
without them (see gateway/audit.py). When all is replaced the ledger is searched for the names, and
if one is left anywhere, nothing is done at all.

What was handed over already, exported, or copied into a backup is out of reach; it is listed, for
whoever must tell the others.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple, Protocol

from gateway.audit import FORGET, Act, By, Entry, covering
from gateway.people.words import Names, PeopleError, checked, pseudonym

WHY_CHARS_MIN, WHY_CHARS_MAX = 3, 500
ASK = "person forget asked"


class Account(NamedTuple):
    """An account that stands in the registry."""

    account_no: int
    number: str
    house: str
    dwelling: str


class Asked(NamedTuple):
    """A request to forget a person. `words` name them beside the account's number."""

    number: int
    account: Account
    words: tuple[str, ...]
    takes_dwelling: bool
    asked_by: str
    why: str
    asked_at_ms: int
    done_as: str | None = None


class Left(NamedTuple):
    """What is out of reach: events handed over to a target, or a file that was exported."""

    where: str
    what: str


class Forgotten(NamedTuple):
    """What was done: the pseudonym, how many texts were replaced, and what cannot be recalled."""

    pseudonym: str
    replaced: int
    entries: int
    beyond: tuple[Left, ...]


class Reached(NamedTuple):
    """E-mail addresses and phones, but those of other accounts too; and how lists showed them."""

    addresses: tuple[str, ...]
    masks: tuple[str, ...]


class PeoplePort(Protocol):
    """The ledger as forgetting needs it, in the transaction open around it."""

    def account(self, number: str) -> Account | None:
        """An account by its number."""

    def ask(self, asked: Asked) -> int:
        """Keep a request; its number."""

    def asked(self, number: int) -> Asked | None:
        """A request, done or not."""

    def waiting(self) -> list[Asked]:
        """The requests nobody has confirmed."""

    def undelivered(self, names: Names) -> int:
        """How many events that name the person are still on their way."""

    def beyond(self, account: Account, names: Names) -> list[Left]:
        """What has left the ledger with the names in it."""

    def documents(self, account: Account) -> set[str]:
        """References and documents people gave with the account's readings."""

    def reached(self, account: Account) -> Reached:
        """How the account's residents were ever reached."""

    def linked(self, account: Account) -> set[int]:
        """Entries of the audit log about the account's readings and acts."""

    def entries(self) -> Collection[Entry]:
        """The whole audit log."""

    def append(self, act: Act) -> int:
        """Add to the audit log."""

    def forget_entries(self, entries: Collection[tuple[Entry, Act]], number: int) -> None:
        """Leave of entries the texts beside them; entry `number` tells of it."""

    def replace(self, account: Account, names: Names, *, dwelling: bool) -> int:
        """Replace the names wherever they stand but in the audit log; how many texts."""

    def still(self, names: Names) -> list[str]:
        """The columns that still hold a name."""

    def done(self, number: int, by: str, now_ms: int, names: Names) -> None:
        """Note that a request was carried out, and forget its words and its reason."""


def ask(
    store: PeoplePort,
    account: str,
    by: By,
    why: str,
    now_ms: int,
    *,
    words: Collection[str] = (),
    dwelling: bool = False,
) -> Asked:
    """Ask that the person of an account be forgotten; PeopleError where that cannot be."""
    found = store.account(account)
    if found is None:
        raise PeopleError(f"no account is called {account!r}: see registry list")
    why = why.strip()
    if not WHY_CHARS_MIN <= len(why) <= WHY_CHARS_MAX or not why.isprintable():
        raise PeopleError(
            f"expected a reason of {WHY_CHARS_MIN} to {WHY_CHARS_MAX} characters in one line"
        )
    if any(one.account.account_no == found.account_no for one in store.waiting()):
        raise PeopleError(f"account {account} is asked for already: see person list")
    _all_delivered(store, Names((found.number,), ""))
    asked = Asked(0, found, checked(words), dwelling, by.actor, why, now_ms)
    store.append(Act(now_ms, *by, ASK, f"account {found.number}", "", "", why))
    return asked._replace(number=store.ask(asked))


def confirm(
    store: PeoplePort, number: int, by: By, now_ms: int, random: Callable[[], bytes]
) -> Forgotten:
    """Another person agrees, and the person of the account is forgotten."""
    asked = store.asked(number)
    if asked is None:
        raise PeopleError(f"nobody asked for {number}: see person list")
    if asked.done_as is not None:
        return Forgotten(asked.done_as, 0, 0, ())
    if asked.asked_by.strip().casefold() == by.actor.strip().casefold():
        raise PeopleError(f"request {number} is {asked.asked_by}'s own: another person confirms it")
    reached = store.reached(asked.account)
    words = dict.fromkeys((asked.account.number, *asked.words, *reached.addresses))
    names = Names((*words,), pseudonym(random()))
    # What is as short as "7" would be found in every text; such a one is replaced in its place.
    long = {text for text in store.documents(asked.account) if len(text) >= len("акт 17")}
    names = names._replace(words=(*names.words, *sorted(long)))
    _all_delivered(store, names)
    beyond = tuple(store.beyond(asked.account, names))
    entries = _entries(store, asked, (names, names._replace(words=reached.masks)), by, now_ms)
    replaced = store.replace(asked.account, names, dwelling=asked.takes_dwelling)
    store.done(number, by.actor, now_ms, names)
    if left := store.still(names):
        raise PeopleError(f"nothing was done: {', '.join(left)} would still name the person")
    return Forgotten(names.pseudonym, replaced, entries, beyond)


def _all_delivered(store: PeoplePort, names: Names) -> None:
    if waiting := store.undelivered(names):
        raise PeopleError(
            f"{waiting} lines of the account are still on their way to billing, which needs its"
            " number: see outbox list"
        )


def _entries(
    store: PeoplePort, asked: Asked, named: tuple[Names, Names], by: By, now_ms: int
) -> int:
    """Take the names out of the audit log, under an entry that counts what went.

    `named`: the names, and what names the person only in what is about their own account.
    """
    names, masks = named
    linked = store.linked(asked.account)
    found = [
        (entry, _left(entry, names, masks, linked))
        for entry in store.entries()
        if entry.number in linked or any(names.within(text) for text in entry.act[4:])
    ]
    fresh = [entry.number for entry, _ in found if not entry.forgotten_by]
    subject, why = f"account {names.pseudonym}", names.replaced(asked.why)
    said = f"asked by {asked.asked_by}; {covering(fresh)}"
    number = store.append(Act(now_ms, *by, FORGET, subject, "", said, why))
    store.forget_entries(found, number)
    return len(found)


def _left(entry: Entry, names: Names, masks: Names, linked: Collection[int]) -> Act:
    texts = [names.replaced(text) for text in entry.act[4:]]
    if masks.words and names.within(entry.act.subject):
        texts = [masks.replaced(text) for text in texts]
    if entry.number in linked:
        texts[-1] = names.pseudonym if texts[-1] else ""
    return Act(*entry.act[:4], *texts)
