"""A year of a town in virtual time: seal, bring, enter, decide, close, hand over, day after day.

A day is one step, at noon UTC, when every midnight of the town's zones is over. The gateway's own
code does what the gateway does; the world seed decides what happens to houses and meters, the road
seed only when it arrives. Two years of one world seed on two roads must end in the same ledger.
"""

import asyncio
from collections import Counter
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from random import Random

from cloud_sync.signing import SigningKey
from drivers.reading import to_ms
from gateway.closing import close_next_due, close_period, due_period
from gateway.handoff.event import event_maker
from gateway.handoff.pump import Pump
from gateway.ingest import Ingest
from gateway.reopening import Person, reopen_period
from gateway.sql.billing import BillingLedger
from gateway.sql.outbox import OutboxLedger
from gateway.sql.store import SqlStore
from simulators.truth import DAY_MS
from simulators.year import clerk
from simulators.year.books import Books
from simulators.year.clerk import Act
from simulators.year.device import Device
from simulators.year.evidence import Evidence
from simulators.year.model import House, Trouble
from simulators.year.operator import Operator
from simulators.year.parts import Parts
from simulators.year.road import LATEST_DAYS
from simulators.year.town import build

# Periods are closed on the third, so that what was lost on the first nights is there; a hasty
# person closes on the first.
CLOSING_DAY = 3
# Where a contract takes readings until the third, its period is over on the fourth.
_CLOSING_DAYS = frozenset({CLOSING_DAY, 6})
_GRACE_MS = 2 * DAY_MS
# After the last month everything arrives and is decided before it is closed.
_AFTER_DAYS = LATEST_DAYS + 2
_MONDAY = 0
_REOPENS = Person("Petrova", "simulated", "an act came late")


def live(
    seed: int,
    houses: int,
    months: int,
    folder: Path,
    *,
    road: int = 1,
    only: Collection[int] = (),
    parts: Parts | None = None,
) -> Evidence:
    """Live through the year of `seed` on one road; what a judge may look at, files in `folder`.

    `only`: the numbers of the houses to live in; each fares there as it does in the whole town.
    """
    town = [one for one in build(seed, houses, months) if not only or one.number in only]
    path = folder / f"ledger-{road}.sqlite"
    year = _Year(seed, town, path, road, parts or Parts())
    try:
        return year.run()
    finally:
        year.store.close()


class _Year:
    def __init__(self, seed: int, town: list[House], path: Path, road: int, parts: Parts) -> None:
        self.town = town
        self.parts = parts
        self.store: SqlStore = parts.store(path)
        self._first = town[0].first_day
        self._days = town[0].days
        self._road = parts.road(f"{seed}/road/{road}", self._days + LATEST_DAYS + 1)
        self._devices = [Device(house, str(seed)) for house in town]
        key = SigningKey.from_seed(Random(f"{seed}/gateway").randbytes(32))
        self._ingest = Ingest(self.store, key)
        self._closing = BillingLedger(self.store.database)
        self._outbox = OutboxLedger(self.store.database)
        self._books = parts.books(Random(f"{seed}/books/{road}"))
        self._pump = Pump(self._outbox, [self._books], Random(f"{seed}/pump/{road}"))
        self._close = partial(
            close_period,
            self._closing,
            targets=[Books.name],
            event_of=event_maker("urn:plomba:year"),
        )
        self._withdraw = partial(
            reopen_period,
            self._closing,
            targets=[Books.name],
            event_of=event_maker("urn:plomba:year"),
        )
        self._open_again: dict[str, str] = {}
        self.evidence = Evidence(seed, path, town=town, devices=self._devices, books=self._books)
        self._operator = Operator(
            self.store, self.evidence.registers, self.evidence.untimed, self._replaced()
        )
        self.evidence.done = self._operator.done
        self._acts: list[Act] = sorted(
            (act for house in town for act in clerk.acts(house)), key=lambda act: act.at_ms
        )

    def run(self) -> Evidence:
        """Live through it."""
        keys = {device.house.device: device.key.public for device in self._devices}
        clerk.opening(self.store, self.town, keys)
        for day in range(self._days + _AFTER_DAYS):
            self._live_through(day)
        self._finish(self._days + _AFTER_DAYS)
        self.evidence.counts = self._counts()
        return self.evidence

    def _live_through(self, day: int) -> None:
        now_ms, today = self._noon_ms(day), self._first + timedelta(days=day)
        office = today.weekday() == _MONDAY or today.day in (1, CLOSING_DAY)
        if day <= self._days:
            self._seal(day)
        if office:
            self._enter(now_ms)
        self._bring(day, now_ms)
        if office:
            self._operator.work(now_ms)
        if day < self._days:
            self._close_due(today, now_ms)
            self._reopen(day, now_ms)
        if office:
            asyncio.run(self._pump.once(now_ms))

    def _seal(self, day: int) -> None:
        for device in self._devices:
            night = device.night(day)
            if night is not None:
                self.evidence.nights[device.house.name][day] = night._replace(message=b"")
                self._road.send(device.house, night)

    def _enter(self, now_ms: int) -> None:
        while self._acts and self._acts[0].at_ms <= now_ms:
            act = self._acts.pop(0)
            act.do(self.store)
            self.evidence.entered[act.subject, act.what] = now_ms

    def _bring(self, day: int, now_ms: int) -> None:
        messages = self._road.due(day)
        if not messages:
            return
        outcome = self._ingest.process(messages, now_ms)
        for device, sequence in self._road.heard(outcome.receipts, day):
            self.evidence.arrived.setdefault((device, sequence), now_ms)

    def _close_due(self, today: date, now_ms: int) -> None:
        if today.day == 1:
            for house in self.town:
                if house.hasty:
                    self._close_by_hand(house, now_ms)
        if today.day in _CLOSING_DAYS:
            due = partial(
                close_next_due,
                self._closing,
                targets=[Books.name],
                event_of=event_maker("urn:plomba:year"),
            )
            while due(now_ms, grace_ms=_GRACE_MS):
                pass

    def _close_by_hand(self, house: House, now_ms: int) -> None:
        """What a person closes on the first: the period that has just ended, if it is the next."""
        ended = (self._first_of(now_ms) - timedelta(days=1)).strftime("%Y-%m")
        with self._closing.closing() as transaction:
            found = transaction.house(house.name)
            due = None if found is None else due_period(transaction, found)
        if due == ended and house.calendar.term(due).over_ms <= now_ms:
            self._close(house.name, due, now_ms)

    def _reopen(self, day: int, now_ms: int) -> None:
        """What a person takes back today, and what was taken back and is closed again."""
        for house in self.town:
            for one in house.reopened:
                if one.day == day:
                    self._take_back(house, now_ms)
                if one.again == day and house.name in self._open_again:
                    self._close(house.name, self._open_again.pop(house.name), now_ms)

    def _take_back(self, house: House, now_ms: int) -> None:
        with self._closing.closing() as transaction:
            found = transaction.house(house.name)
            last = None if found is None else transaction.last_closed(found.house_no)
        if last is not None:
            self._withdraw(house.name, last, _REOPENS, now_ms)
            self._open_again[house.name] = last
            self.evidence.reopened.append((house.name, last))

    def _finish(self, day: int) -> None:
        """Everything has arrived and is decided; the last period is closed and handed over."""
        now_ms = self._noon_ms(day)
        self._enter(now_ms)
        self._operator.work(now_ms)
        last = (self._first + timedelta(days=self._days - 1)).strftime("%Y-%m")
        for house in self.town:
            self._close(house.name, last, now_ms)
        self._operator.work(now_ms)  # The last closing may have left figures of people in doubt.
        self._outbox.leave_out_withdrawn(None, now_ms)
        self._outbox.retry(None, now_ms)
        for hours in range(48):
            asyncio.run(self._pump.once(now_ms + hours * 3_600_000))

    def _noon_ms(self, day: int) -> int:
        return to_ms(datetime.combine(self._first + timedelta(days=day), time(12), UTC))

    def _first_of(self, now_ms: int) -> date:
        return datetime.fromtimestamp(now_ms // 1000, UTC).date().replace(day=1)

    def _replaced(self) -> set[tuple[str, int]]:
        """Which wrong readings the operator replaces: serial and capture time."""
        return {
            (place.hanging_at(at_ms).meter.serial, at_ms)
            for house in self.town
            for place in house.places
            for day, wrong in (place.wrongs or {}).items()
            if wrong.replaced and wrong.trouble is not Trouble.RIVAL
            for at_ms in [house.read_ms(day)]
        }

    def _counts(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for house in self.town:
            counts.update(place.fate for place in house.places if place.fate)
        counts.update({f"road {name}": times for name, times in self._road.counts.items()})
        counts.update({f"operator {name}": n for name, n in self._operator.counts.items()})
        counts["road under way"] = self._road.waiting
        return counts
