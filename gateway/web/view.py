"""What the templates show, drawn from an `Overview` when a template asks for it."""

from collections.abc import Sequence
from datetime import date
from functools import cached_property
from itertools import groupby, islice
from typing import NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

from drivers.reading import Resource
from gateway.acts.model import Charge
from gateway.audit import Entry
from gateway.explain import findings
from gateway.explain.telling import which_register
from gateway.obligations import Obligation
from gateway.overview import (
    Counts,
    DeviceRow,
    HouseCard,
    Overview,
    PeriodRow,
    RegisterRow,
    Series,
)
from gateway.resident.dispute import Dispute
from gateway.review.queue import Refusal, Task, Waiting
from gateway.rules.parameters import TABLE
from gateway.surveillance import Watched, troubled, watch
from gateway.web import charts
from gateway.web.balance import BalanceView
from gateway.web.charts import Scale
from gateway.web.texts import Words

PARTS = frozenset({"counts", "charts", "meters", "doubts", "billing", "devices", "queue", "silent"})
"""What the page asks for again while it is open; each is a template."""
_RESOURCES = tuple(charts.COLOURS)


class MeterCard(NamedTuple):
    """A meter with its registers, as one row of the table."""

    dwelling: str | None
    account: str | None
    resource: str
    meter: str
    model: str
    registers: list[RegisterRow]


class View:
    """One look at one house (the first one unless asked for)."""

    # More meters than this are looked up, not scrolled through.
    ROWS_MAX = 400
    DOUBTS_MAX = 12
    UNHEARD_MAX = 8
    LOG_MAX = 30
    PERIODS_MAX = 12

    def __init__(self, overview: Overview, house: str | None, words: Words, now_ms: int) -> None:
        self._overview = overview
        self._asked = house
        self._words = words
        self.now_ms = now_ms

    @cached_property
    def houses(self) -> list[HouseCard]:
        """All houses."""
        return self._overview.houses()

    @cached_property
    def house(self) -> HouseCard | None:
        """The house on the page."""
        asked = [one for one in self.houses if self._asked in (None, one.name)]
        return asked[0] if asked else None

    @property
    def zone(self) -> ZoneInfo:
        """The clock on the wall of the house."""
        return ZoneInfo(self.house.timezone if self.house else "UTC")

    @property
    def query(self) -> str:
        """The house as the query of a link."""
        return f"?house={quote(self.house.name)}" if self.house else ""

    @property
    def here(self) -> str:
        """The query that leads back to this very page, for the language switch."""
        return self.query

    @cached_property
    def counts(self) -> Counts:
        """The running totals."""
        return self._overview.counts()

    @property
    def accepted_percent(self) -> str:
        """The share of accepted readings, rounded down: only all of them are 100 %."""
        stored = self.counts.stored
        return str(100 * self.counts.accepted // stored) if stored else "0"

    @cached_property
    def meters(self) -> list[MeterCard]:
        """The meters of the house with their registers."""
        if self.house is None:
            return []
        rows = self._overview.registers(self.house.name, self.ROWS_MAX)
        return [
            MeterCard(*key, list(registers))
            for key, registers in groupby(
                rows, lambda row: (row.dwelling, row.account, row.resource, row.meter, row.model)
            )
        ]

    def state(self, row: RegisterRow) -> str:
        """How a register stands, as the end of a text's key and a class."""
        if row.state is None or row.captured_at_ms is None:
            return "none"
        limits = TABLE.limits(Resource(row.resource), self.now_ms)
        if self.now_ms - row.captured_at_ms > limits.silent_ms:
            return "silent"
        return str(row.state)

    @cached_property
    def doubts(self) -> list[Waiting]:
        """The newest suspect readings of the house."""
        return self._overview.queue.waiting(self.house and self.house.name, self.DOUBTS_MAX)

    @cached_property
    def waiting(self) -> list[Waiting]:
        """The same, as many as one scrolls through."""
        return self._overview.queue.waiting(self.house and self.house.name, self.ROWS_MAX)

    @cached_property
    def tasks(self) -> list[Task]:
        """What people are to do in the house."""
        return self._overview.queue.tasks(self.house and self.house.name, self.ROWS_MAX)

    @cached_property
    def refusals(self) -> list[Refusal]:
        """What billing would not take of the house."""
        return self._overview.queue.refusals(self.house and self.house.name, self.ROWS_MAX)

    @cached_property
    def log(self) -> list[Entry]:
        """What people did last, in any house."""
        return self._overview.queue.log(self.LOG_MAX)

    @cached_property
    def unheard(self) -> list[Watched]:
        """The meters of the house that are silent or come with gaps, the silent ones first.

        Each by the register of it that is heard least: they mostly fall silent together.
        """
        if self.house is None:
            return []
        found = watch(self._overview.deliveries, self.house.name, self.now_ms)
        meters: dict[str, Watched] = {}
        for one in troubled(found):
            meters.setdefault(one.register.meter, one)
        return list(meters.values())

    @cached_property
    def disputes(self) -> Sequence[Dispute]:
        """What residents of the house wait for an answer to, the nearest term first."""
        return self._overview.disputes.waiting(self.house and self.house.name, self.ROWS_MAX)

    @cached_property
    def periods(self) -> list[PeriodRow]:
        """The newest closed periods of the house."""
        return self._overview.closed_periods(self.house and self.house.name, self.PERIODS_MAX)

    @cached_property
    def estimates(self) -> list[Obligation]:
        """What is billed in the house without a reading and not settled yet, the newest first."""
        name = self.house and self.house.name
        return self._overview.estimates.obligations(name, only_open=True, limit=self.DOUBTS_MAX)

    @cached_property
    def charges(self) -> list[Charge]:
        """What interferences in the house are charged for and nobody was handed yet."""
        name = self.house and self.house.name
        waiting = (one for one in self._overview.acts.charges(name) if one.charged_in is None)
        return list(islice(waiting, self.DOUBTS_MAX))

    @cached_property
    def balance(self) -> BalanceView | None:
        """The balance of the house."""
        if self.house is None:
            return None
        return BalanceView(self._overview.balance, self.house.name, self._words, self.now_ms)

    @cached_property
    def devices(self) -> list[DeviceRow]:
        """The devices of the house."""
        name = self.house and self.house.name
        return [one for one in self._overview.devices(self.ROWS_MAX) if one.house == name]

    @cached_property
    def scale(self) -> Scale:
        """The steps of the charts."""
        return charts.scale(self._first_ms, self.now_ms, self.zone)

    @cached_property
    def _first_ms(self) -> int | None:
        return self._overview.first_reading_ms(self.house.name) if self.house else None

    @cached_property
    def consumption(self) -> list[Series]:
        """One series per resource, in the order of the legend; heat by energy, not by volume."""
        if self.house is None or self._first_ms is None:
            return []
        found = self._overview.consumption(self.house.name, self.scale.edges_ms)
        shown = [one for one in found if (one.resource, one.unit) not in _NOT_SHOWN]
        return sorted(shown, key=lambda one: _RESOURCES.index(one.resource))

    def series(self, resource: str) -> Series | None:
        """The series of one resource."""
        return next((one for one in self.consumption if one.resource == resource), None)

    def time(self, moment_ms: int) -> str:
        """A time on the house's clock."""
        return self._words.time(moment_ms, self.zone)

    def place(self, dwelling: str | None) -> str:
        """Whose meter it is: a dwelling's, or the house's."""
        return self._words("house_meter" if dwelling is None else "dwelling_of", dwelling)

    def finding(self, detail: str, day: date | str = "") -> str:
        """A finding, what became of a claim, why there is no line: in the language of the page."""
        return findings.told(detail, self._words, self.zone, day)

    def reason(self, reason: str) -> str:
        """A line's reason in the language of the page."""
        return findings.reason_told(reason, self._words, self.zone)

    def named(self, register: str) -> str:
        """A register by its resource and, where a meter has several, which of them."""
        parts = (
            self._words(_MEDIA[register[0]]) if register[:1] in _MEDIA else register,
            self.which(register),
        )
        return ", ".join(part for part in parts if part)

    def which(self, register: str) -> str:
        """Which of a meter's registers that is, in words; nothing for the only one."""
        return which_register(register, self._words)

    def moment(self, moment_ms: int) -> str:
        """A time with its year on the house's clock."""
        return self._words.moment(moment_ms, self.zone)


# The medium of a register, the A of A-B:C.D.E.
_MEDIA = {"1": "electricity", "6": "heat", "7": "gas", "8": "cold-water", "9": "hot-water"}
_NOT_SHOWN = {("heat", "m3"), ("heat", "t"), ("electricity", "kvarh")}
