"""A resident is told that somebody took up a dispute, and that it is answered.

By the contact that letters of that dwelling go to, through the same outbox: not in quiet hours, not
to whoever wants no letters, and at least once. What was answered stands on the page behind the
link, not in the letter: the page asks for a code first, a mailbox or a locked phone does not.
"""

from collections.abc import Callable
from typing import Final, Protocol

from gateway import periods
from gateway.resident.asking import STOP_LIFE_MS, Rules
from gateway.resident.dispute import Dispute, State
from gateway.resident.links import DAY_MS, Links, mail_id
from gateway.resident.model import Contact, Link, Purpose
from gateway.resident.ports import LinksPort, NewMessage

# As long as a holiday; the dispute itself is on the page for whoever comes in later.
LINK_LIFE_MS = 14 * DAY_MS
_KINDS: Final = {State.IN_WORK: "taken", State.ANSWERED: "answered"}


class TellingPort(LinksPort, Protocol):
    """What telling asks of the ledger, in the transaction around it."""

    def contacts(self, account_no: int) -> list[Contact]:
        """An account's contacts that stand, e-mail first."""

    def stop_link(self, contact: Contact, until_ms: int) -> Link | None:
        """A link by which a contact can unsubscribe until then at least."""


class Teller:
    """Has residents told; `clock` says now, in ms UTC."""

    def __init__(
        self, port: TellingPort, links: Links, rules: Rules, clock: Callable[[], int]
    ) -> None:
        self._port, self._links, self._rules, self._clock = port, links, rules, clock

    def tell(self, dispute: Dispute) -> bool:
        """Have a message sent about where it stands; False where nobody can be written to."""
        kind, now_ms = _KINDS.get(dispute.state), self._clock()
        contact = next(
            (
                one
                for one in self._port.contacts(dispute.account_no)
                if one.unsubscribed_ms is None and one.channel in self._rules.channels
            ),
            None,
        )
        if kind is None or contact is None:
            return False
        zone = self._port.dwelling(dispute.account_no).zone
        whose = (dispute.account_no, periods.containing(now_ms, zone))
        until_ms = now_ms + LINK_LIFE_MS
        link = self._links.make(*whose, until_ms, contact.contact_no)
        if self._port.stop_link(contact, until_ms) is None:
            self._links.make(*whose, now_ms + STOP_LIFE_MS, contact.contact_no, Purpose.STOP)
        at_ms = self._rules.quiet.next_allowed(now_ms, zone)
        new = NewMessage(contact, kind, link.link_no, now_ms, at_ms, until_ms, mail_id())
        self._port.add_message(new._replace(about=dispute.number))
        return True
