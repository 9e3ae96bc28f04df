"""The outbox of messages to residents: at least once, seldom twice, never for ever.

Before a message goes out the ledger says that it is on its way, and afterwards what became of it.
A process that is killed in between, or a mail server that falls silent in the middle of a message,
leaves a message of which nobody knows whether it arrived. Such a one is sent once more, under the
same Message-ID, by which mailboxes know a copy; left so again it is given up, so that nobody gets
three. What was refused for the moment is tried again after a time that doubles.

A message says what holds when it goes out: it is dropped if the reading has arrived meanwhile, if
the contact wants no letters or is gone; it waits for the end of the quiet hours; and where its
link was used it gets a new one, since the old one works for that browser only.

What a mail server will not take for an address goes to the same dwelling's phone, where it has one;
the refusal stays with the message that failed, for the operator to see (`resident status`).
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from enum import StrEnum
from random import Random
from typing import NamedTuple, Protocol

from gateway.handoff.pump import Caller, delay_ms, jitter
from gateway.resident.links import Links, mail_id
from gateway.resident.model import Channel, Code, Contact, Dwelling, Link
from gateway.resident.ports import NewMessage
from gateway.resident.quiet import Quiet
from gateway.resident.secrets import Secrets
from gateway.resident.sending_texts import Letter, composed

# A mail server's greylisting takes minutes, an outage an evening: with doubling from half a
# minute eight tries last two hours.
TRIES_MAX = 8
FIRST_DELAY_S = 30.0
# One that may have arrived is sent once more, and no third time.
UNSURE_MAX = 2
# Connections at a time; a provider's limit for one sender is often ten.
PARALLEL = 4
BATCH = 40
_UNASKED = frozenset({"ask", "reminder", "taken", "answered"})
"""What nobody asked for just now: it waits for the morning, and ends with a word."""


class Fate(StrEnum):
    """What became of a message that did not certainly go."""

    LATER = "later"
    """It was not taken now, for a reason that may pass."""
    NEVER = "never"
    """It was refused, and would be again."""
    UNSURE = "unsure"
    """Nobody knows."""


class SendError(Exception):
    """A message that did not certainly go; the text is one line without its content.

    `of_address`: it was the address, or the letter for it, that was refused, and nothing of ours.
    """

    def __init__(self, fate: Fate, said: str, *, of_address: bool = False) -> None:
        super().__init__(said)
        self.fate, self.of_address = fate, of_address


class Sender(Protocol):
    """A way to residents. It blocks, within bounds of its own, and runs in a thread."""

    def send(self, letter: Letter) -> None:
        """Hand a letter over; SendError where it was not certainly taken."""


class Due(NamedTuple):
    """A message whose time has come. `is_standing`: its contact is; `is_wanted`: it still asks.

    `closes_ms` is the end of the window it asks for, None for what somebody asked for himself;
    `about` the number of the dispute it tells of.
    """

    message_no: int
    kind: str
    tries: int
    unsure: int
    next_ms: int
    until_ms: int
    mail_id: str
    contact: Contact
    is_standing: bool
    dwelling: Dwelling
    link: Link
    code: Code | None
    stop: Link | None
    closes_ms: int | None
    is_wanted: bool
    asking_no: int | None = None
    about: str = ""


class OutboxPort(Protocol):
    """Where messages are kept; writing is in the transaction open around it."""

    def transaction(self) -> AbstractContextManager[object]:
        """All or nothing."""

    def due(self, now_ms: int, limit: int) -> list[Due]:
        """Messages whose time has come, the longest due first."""

    def contacts(self, account_no: int) -> list[Contact]:
        """An account's contacts that stand, e-mail first."""

    def add_message(self, new: NewMessage) -> None:
        """Have a message sent."""

    def begin(self, message_no: int, link_no: int, now_ms: int, next_ms: int) -> None:
        """It is on its way with that link; if nothing else is noted it is due again."""

    def postpone(self, message_no: int, now_ms: int, next_ms: int) -> None:
        """Not before then."""

    def sent(self, message_no: int, now_ms: int) -> None:
        """It was taken."""

    def later(
        self, message_no: int, error: str, now_ms: int, next_ms: int, *, is_known: bool
    ) -> None:
        """It is tried again; `is_known`: it certainly was not taken."""

    def over(self, message_no: int, state: str, error: str, now_ms: int) -> None:
        """It is ``dropped`` or ``failed``."""


class Place(NamedTuple):
    """What letters say of the house's office, and where their links lead."""

    public_url: str
    office: str = ""


class Postman:
    """Sends what is due."""

    def __init__(
        self,
        port: OutboxPort,
        links: Links,
        key: Secrets,
        senders: Mapping[Channel, Sender],
        *,
        place: Place,
        quiet: Quiet,
        clock: Callable[[], int],
        random: Random,
        call: Caller,
    ) -> None:
        self._port = port
        self._links = links
        self._key = key
        self._senders = senders
        self._place = place
        self._quiet = quiet
        self._clock = clock
        self._random = random
        self._call = call

    async def once(self) -> int:
        """Send a batch of what is due; how many were due."""
        due, letters = await self._call(self._begun)
        gate = asyncio.Semaphore(PARALLEL)

        async def one(message: Due, letter: Letter) -> tuple[Due, SendError | None]:
            async with gate:
                return message, await self._sent(message, letter)

        if letters:
            told = await asyncio.gather(*(one(*each) for each in letters))
            await self._call(lambda: self._noted(told))
        return due

    def _begun(self) -> tuple[int, list[tuple[Due, Letter]]]:
        now_ms = self._clock()
        with self._port.transaction():
            due = self._port.due(now_ms, BATCH)
            return len(due), [
                (one, self._begin(one, now_ms)) for one in due if self._goes(one, now_ms)
            ]

    def _goes(self, one: Due, now_ms: int) -> bool:
        """Whether a message goes out now; what becomes of it otherwise is noted."""
        unwanted = one.kind in _UNASKED and (
            not one.is_wanted or one.contact.unsubscribed_ms is not None
        )
        if not one.is_standing or unwanted or one.link.ended_ms is not None:
            self._port.over(one.message_no, "dropped", "no longer wanted", now_ms)
        elif now_ms >= one.until_ms:
            said = "its time was over before it could be sent"
            self._port.over(one.message_no, "failed" if one.tries else "dropped", said, now_ms)
        elif one.unsure >= UNSURE_MAX:
            said = f"sent {UNSURE_MAX} times without an answer: it may have arrived"
            self._port.over(one.message_no, "failed", said, now_ms)
        elif one.contact.channel not in self._senders:
            said = f"nothing is configured for {one.contact.channel}: see docs/resident.md"
            self._port.over(one.message_no, "failed", said, now_ms)
        elif (allowed_ms := self._allowed(one, now_ms)) > now_ms:
            self._port.postpone(one.message_no, now_ms, allowed_ms)
        else:
            return True
        return False

    def _allowed(self, one: Due, now_ms: int) -> int:
        if one.kind not in _UNASKED:
            return now_ms
        return self._quiet.next_allowed(now_ms, one.dwelling.zone)

    def _begin(self, one: Due, now_ms: int) -> Letter:
        link_no, token = one.link.link_no, self._links.token_of(one.link)
        if one.link.used_ms is not None and one.kind in _UNASKED:
            whose = (one.link.account_no, one.link.period, one.until_ms)
            link_no, token = self._links.make(*whose, one.contact.contact_no)
        self._port.begin(one.message_no, link_no, now_ms, now_ms + self._delay_ms(one))
        code = "" if one.code is None else self._key.code(one.code.link_no, one.code.nonce)
        stop = "" if one.stop is None else self._links.token_of(one.stop)
        return composed(
            one.kind,
            one.contact,
            one.dwelling,
            place=self._place.public_url,
            office=self._place.office,
            token=token,
            stop=stop,
            code=code,
            closes_ms=one.closes_ms or one.until_ms,
            mail_id=one.mail_id,
            about=one.about,
        )

    async def _sent(self, one: Due, letter: Letter) -> SendError | None:
        try:
            await asyncio.to_thread(self._senders[one.contact.channel].send, letter)
        except SendError as error:
            return error
        return None

    def _noted(self, told: Iterable[tuple[Due, SendError | None]]) -> None:
        now_ms = self._clock()
        with self._port.transaction():
            for one, error in told:
                if error is None:
                    self._port.sent(one.message_no, now_ms)
                elif error.fate is Fate.NEVER or one.tries + 1 >= TRIES_MAX:
                    self._port.over(one.message_no, "failed", str(error), now_ms)
                    if error.fate is Fate.NEVER and error.of_address:
                        self._by_phone(one, now_ms)
                else:
                    known = error.fate is Fate.LATER
                    next_ms = now_ms + self._delay_ms(one)
                    self._port.later(one.message_no, str(error), now_ms, next_ms, is_known=known)

    def _by_phone(self, one: Due, now_ms: int) -> None:
        """Have a letter that no mail server takes sent as a text, where there is a phone."""
        phone = next(
            (
                each
                for each in self._port.contacts(one.link.account_no)
                if each.channel is Channel.SMS and each.channel in self._senders
            ),
            None,
        )
        if one.contact.channel is not Channel.EMAIL or phone is None:
            return
        if phone.unsubscribed_ms is not None and one.kind in _UNASKED:
            return
        link_no = one.link.link_no
        if one.code is None:
            # By a link of its own, so that the code goes to the phone as well.
            whose = (one.link.account_no, one.link.period, one.until_ms)
            link_no = self._links.make(*whose, phone.contact_no).link_no
        new = NewMessage(phone, one.kind, link_no, now_ms, now_ms, one.until_ms, mail_id())
        code_no = None if one.code is None else one.code.code_no
        self._port.add_message(
            new._replace(asking_no=one.asking_no, code_no=code_no, about=one.about)
        )

    def _delay_ms(self, one: Due) -> int:
        return delay_ms(one.tries, jitter(self._random), FIRST_DELAY_S)
