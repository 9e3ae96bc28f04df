"""Asking: which dwellings have to be asked for a reading, once, and when they need not be any more.

What a window is and which readings it takes is the contract's (gateway/contracts.py); a register
needs a person where a claim made now would count at the closing: where no automatic reading is as
fresh as the house's policy wants it (gateway/claims/choosing.py goes by the same number). Where no
contract says when, or says "the whole month", readings are asked for in the month's last days.

A dwelling is asked once for a period. It is left alone once everything has arrived by itself or
has been given, and it is not asked again if its meter falls silent afterwards: the reading that
came lies within the window and closes the period.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import NamedTuple, Protocol

from drivers.reading import Resource
from gateway import periods
from gateway.audit import GATEWAY, Act, By
from gateway.claims.policy import Policy, holding
from gateway.closing_records import House
from gateway.contracts import Calendar, window
from gateway.model import Level
from gateway.resident.links import DAY_MS, Links, mail_id
from gateway.resident.model import (
    Asked,
    Channel,
    Contact,
    Dwelling,
    Link,
    Purpose,
    ResidentError,
)
from gateway.resident.ports import NewMessage
from gateway.resident.quiet import Quiet

# A transaction of them takes a fraction of a second, and ingest waits for it.
DWELLINGS_A_STEP = 200
# Who is asked today is not reminded tomorrow morning.
REMINDED_AFTER_MS = DAY_MS
# A letter's "no more letters" still works when the next two years' letters have come.
STOP_LIFE_MS = 800 * DAY_MS
REMINDER, ASK = "reminder", "ask"


class Rules(NamedTuple):
    """What the operator decided. `channels`: those that are configured."""

    days_without_contract: int = 7
    reminder_days: tuple[int, ...] = (3, 1)
    quiet: Quiet = Quiet()
    channels: frozenset[Channel] = frozenset(Channel)


class Standing(NamedTuple):
    """A register at an account's point.

    `automatic_ms`: when it was last read automatically, or hung there; `claimed_ms`: the time of
    the last figure that somebody gave.
    """

    account_no: int
    register_no: int
    point: str
    resource: str
    serial: str
    obis: str
    unit: str
    exponent: int
    digits: int | None
    automatic_ms: int | None
    claimed_ms: int | None
    last: Level | None


class Window(NamedTuple):
    """The window in which now lies, or that comes next."""

    period: str
    opens_ms: int
    closes_ms: int


class Need(StrEnum):
    """Whether a register needs a person."""

    CLOSED = "closed"
    """Its window is not open."""
    READ = "read"
    GIVEN = "given"
    NEEDED = "needed"


class Open(NamedTuple):
    """A dwelling that was asked and still is.

    `messages` are those to contacts that stand: what went to an address that has been put right,
    or taken out, asked nobody.
    """

    asking_no: int
    account_no: int
    period: str
    closes_ms: int
    messages: int


class Swept(NamedTuple):
    """What a sweep did. `more`: there are dwellings left for another one."""

    asked: int = 0
    messages: int = 0
    ended: int = 0
    more: bool = False


class Offer(NamedTuple):
    """A register that a dwelling may give a reading of; `is_wanted`: it is asked for."""

    asked: Asked
    is_wanted: bool


class AskingPort(Protocol):
    """What asking needs of the ledger; writing is in the transaction open around it."""

    def transaction(self) -> AbstractContextManager[object]:
        """All or nothing."""

    def houses(self, name: str | None) -> list[House]:
        """One house or all."""

    def calendar(self, house: House) -> Calendar:
        """Its contracts."""

    def policies(self, house_no: int) -> list[Policy]:
        """Its own policies."""

    def newest_closed(self, house_no: int) -> str:
        """Its newest closed period, empty where none is."""

    def standing(self, house_no: int, account_no: int | None, now_ms: int) -> list[Standing]:
        """The registers of its accounts, or of one."""

    def open_askings(self, house_no: int) -> list[Open]:
        """The dwellings that are asked."""

    def asked_in(self, house_no: int, periods_: Iterable[str]) -> set[tuple[int, str]]:
        """The accounts that were ever asked for those periods."""

    def contacts(self, account_no: int) -> list[Contact]:
        """An account's contacts that stand, e-mail first."""

    def add_asking(self, account_no: int, window_: Window, now_ms: int) -> int:
        """Note that a dwelling is asked; its number."""

    def end_asking(self, one: Open, outcome: str, now_ms: int) -> None:
        """Note why it is not any more; drop what waits and end the links nobody has used."""

    def stop_link(self, contact: Contact, until_ms: int) -> Link | None:
        """A link by which a contact can unsubscribe until then at least."""

    def add_message(self, new: NewMessage) -> None:
        """Have a message sent."""

    def append(self, act: Act) -> int:
        """Add to the audit log."""


def window_of(calendar: Calendar, resource: Resource, now_ms: int, rules: Rules) -> Window:
    """The window for readings of a resource taken now."""
    windows = calendar.windows(resource)
    period = windows.period_of(now_ms)
    days = window(windows.holding(period), period, calendar.zone)
    if days == periods.bounds(period, calendar.zone):
        return Window(period, days.end_ms - rules.days_without_contract * DAY_MS, days.end_ms)
    return Window(period, days.start_ms, days.end_ms)


def need_of(one: Standing, its: Window, policy: Policy, now_ms: int) -> Need:
    """Whether a register needs a person now."""
    if now_ms < its.opens_ms:
        return Need.CLOSED
    if one.automatic_ms is not None and now_ms - one.automatic_ms <= policy.fresh_ms:
        return Need.READ
    if one.claimed_ms is not None and one.claimed_ms >= its.opens_ms:
        return Need.GIVEN
    return Need.NEEDED


class _House(NamedTuple):
    """A house with what its registers are judged by."""

    house: House
    calendar: Calendar
    policies: Sequence[Policy]
    closed: str

    def at(self, now_ms: int, rules: Rules) -> "_Moment":
        """What holds now, worked out once for all of its registers."""
        windows = {one: window_of(self.calendar, one, now_ms, rules) for one in Resource}
        policies = {one.period: holding(self.policies, one.period) for one in windows.values()}
        return _Moment(windows, policies, self.closed, now_ms)


class _Moment(NamedTuple):
    """A house at a moment."""

    windows: dict[Resource, Window]
    policies: dict[str, Policy]
    closed: str
    now_ms: int

    @property
    def is_open(self) -> bool:
        """Whether any window is; else its registers need not be looked at."""
        return any(one.opens_ms <= self.now_ms for one in self.windows.values())

    def judged(self, one: Standing) -> tuple[Window, Need]:
        its = self.windows[Resource(one.resource)]
        if its.period <= self.closed:
            return its, Need.CLOSED
        return its, need_of(one, its, self.policies[its.period], self.now_ms)


def offers(port: AskingPort, dwelling: Dwelling, now_ms: int, rules: Rules) -> list[Offer]:
    """Every register of a dwelling, and whether it is asked for in the window open now."""
    (house,) = _known(port, dwelling.house)
    moment = house.at(now_ms, rules)
    return [
        Offer(_asked(one, its), need is Need.NEEDED)
        for one in port.standing(house.house.house_no, dwelling.account_no, now_ms)
        for its, need in [moment.judged(one)]
    ]


class Asker:
    """Asks the dwellings of a ledger, as often as it is told to look."""

    def __init__(
        self, port: AskingPort, links: Links, rules: Rules, clock: Callable[[], int]
    ) -> None:
        self._port = port
        self._links = links
        self._rules = rules
        self._clock = clock

    def houses(self) -> list[str]:
        """The houses to be swept, one after the other."""
        return [one.name for one in self._port.houses(None)]

    def sweep(self, house: str | None = None, by: By = GATEWAY) -> Swept:
        """Ask who has to be asked in a house or all, leave alone who need not be any more."""
        found = [self._house(one, by) for one in _known(self._port, house)]
        return Swept(
            sum(one.asked for one in found),
            sum(one.messages for one in found),
            sum(one.ended for one in found),
            any(one.more for one in found),
        )

    def _house(self, house: _House, by: By) -> Swept:
        now_ms = self._clock()
        moment = house.at(now_ms, self._rules)
        if not moment.is_open and not self._port.open_askings(house.house.house_no):
            return Swept()
        needed: dict[tuple[int, str], Window] = {}
        given: set[tuple[int, str]] = set()
        for one in self._port.standing(house.house.house_no, None, now_ms):
            its, need = moment.judged(one)
            key = (one.account_no, its.period)
            if need is Need.NEEDED:
                before = needed.get(key, its)
                needed[key] = max(before, its, key=lambda each: each.closes_ms)
            elif need is Need.GIVEN:
                given.add(key)
        with self._port.transaction():
            ended = self._leave(house.house, needed, given, now_ms, by)
            return self._ask(house.house, needed, now_ms, by)._replace(ended=ended)

    def _leave(
        self,
        house: House,
        needed: dict[tuple[int, str], Window],
        given: set[tuple[int, str]],
        now_ms: int,
        by: By,
    ) -> int:
        counts: dict[tuple[str, str], int] = {}
        for one in self._port.open_askings(house.house_no):
            key = (one.account_no, one.period)
            if now_ms >= one.closes_ms:
                outcome = "over"
            elif key in needed:
                continue
            else:
                outcome = "given" if key in given else "silent"
            self._port.end_asking(one, outcome, now_ms)
            counts[one.period, outcome] = counts.get((one.period, outcome), 0) + 1
        for (period, outcome), count in sorted(counts.items()):
            self._note(f"{house.name} {period}", f"{count} dwellings: {outcome}", now_ms, by)
        return sum(counts.values())

    def _ask(
        self, house: House, needed: dict[tuple[int, str], Window], now_ms: int, by: By
    ) -> Swept:
        known = self._port.asked_in(house.house_no, {period for _, period in needed})
        fresh = sorted(key for key in needed if key not in known)
        waiting = {
            (one.account_no, one.period): one.asking_no
            for one in self._port.open_askings(house.house_no)
            if not one.messages and (one.account_no, one.period) in needed
        }
        asked: dict[str, int] = {}
        messages = 0
        for key in fresh[:DWELLINGS_A_STEP]:
            waiting[key] = self._port.add_asking(key[0], needed[key], now_ms)
            asked[key[1]] = asked.get(key[1], 0) + 1
        for key, asking_no in waiting.items():
            messages += self._write(house, asking_no, key[0], needed[key], now_ms)
        for period, count in sorted(asked.items()):
            self._note(f"{house.name} {period}", f"{count} dwellings asked", now_ms, by)
        return Swept(sum(asked.values()), messages, 0, len(fresh) > DWELLINGS_A_STEP)

    def _write(
        self, house: House, asking_no: int, account_no: int, its: Window, now_ms: int
    ) -> int:
        """Have a dwelling's contact written to, now and before the window ends; how many times."""
        contact = next(
            (
                one
                for one in self._port.contacts(account_no)
                if one.unsubscribed_ms is None and one.channel in self._rules.channels
            ),
            None,
        )
        if contact is None:
            return 0
        made = self._links.make(account_no, its.period, its.closes_ms, contact.contact_no)
        if self._port.stop_link(contact, now_ms + STOP_LIFE_MS // 2) is None:
            until_ms = now_ms + STOP_LIFE_MS
            self._links.make(account_no, its.period, until_ms, contact.contact_no, Purpose.STOP)
        times = [(ASK, now_ms)]
        times += [
            (REMINDER, at_ms)
            for days in sorted(self._rules.reminder_days, reverse=True)
            if (at_ms := its.closes_ms - days * DAY_MS) >= now_ms + REMINDED_AFTER_MS
        ]
        count = 0
        for kind, at_ms in times:
            allowed_ms = self._rules.quiet.next_allowed(at_ms, house.zone)
            if allowed_ms >= its.closes_ms:
                continue
            self._port.add_message(
                NewMessage(
                    *(contact, kind, made.link_no, now_ms, allowed_ms, its.closes_ms, mail_id()),
                    asking_no=asking_no,
                )
            )
            count += 1
        return count

    def _note(self, subject: str, after: str, now_ms: int, by: By) -> None:
        self._port.append(Act(now_ms, *by, "residents asked", subject, "", after, ""))


def _known(port: AskingPort, name: str | None) -> list[_House]:
    found = port.houses(name)
    if name is not None and not found:
        raise ResidentError(f"no house is called {name!r}: see plomba-gateway registry list")
    return [
        _House(
            house,
            port.calendar(house),
            port.policies(house.house_no),
            port.newest_closed(house.house_no),
        )
        for house in found
    ]


def _asked(one: Standing, its: Window) -> Asked:
    return Asked(
        *(one.register_no, one.point, one.resource, one.serial, one.obis, one.unit),
        *(one.exponent, one.digits, its.period, its.closes_ms, one.last),
    )
