"""A house's balance and hints as its page shows them: the last closed period, the last 30 days."""

from collections.abc import Sequence
from functools import cached_property
from zoneinfo import ZoneInfo

from gateway.balance import odn
from gateway.balance.hints import Hint
from gateway.balance.model import ALERTS, Balance, Remark
from gateway.balance.report import BalanceStore, HouseBalance, house_balance, recent_hints
from gateway.web import charts
from gateway.web.texts import Words

DAY_MS = 86_400_000
RECENT_MS = 30 * DAY_MS


class BalanceView:
    """What the balance's template asks for."""

    # A person looks into so many things in a day; the command lists all of them.
    HINTS_MAX = 20
    # Names beyond these make a sentence unreadable.
    NAMES_MAX = 5

    def __init__(self, store: BalanceStore, house: str, words: Words, now_ms: int) -> None:
        self._store = store
        self._house = house
        self._words = words
        self._now_ms = now_ms

    @cached_property
    def closed(self) -> HouseBalance | None:
        """The balance of the last closed period."""
        if self._store.last_closed(self._house) is None:
            return None
        return house_balance(self._store, self._house, None)

    @property
    def resources(self) -> Sequence[Balance]:
        """The balances, resource by resource."""
        if self.closed is None:
            return ()
        order = tuple(charts.COLOURS)
        return sorted(self.closed.resources, key=lambda one: order.index(one.resource))

    @cached_property
    def hints(self) -> list[Hint]:
        """What was seen lately."""
        since_ms = self._now_ms - RECENT_MS
        return recent_hints(self._store, self._house, since_ms, self._now_ms)[: self.HINTS_MAX]

    def remark(self, remark: Remark) -> str:
        """A remark in words, with the first of its names."""
        said = self._words(f"remark_{remark.kind}", self._limit)
        if not remark.names:
            return said
        more = len(remark.names) - self.NAMES_MAX
        rest = f" {self._words('and_more', more)}" if more > 0 else ""
        return f"{said}: {', '.join(remark.names[: self.NAMES_MAX])}{rest}"

    @property
    def _limit(self) -> str:
        """The residual that is worth a look, in per cent."""
        if self.closed is None:
            return ""
        return self._words.number(int(odn.limits(self.closed.period).share_max * 100))

    def notes(self, row: Balance) -> list[str]:
        """What the numbers of a row are made of, as far as there is something to say."""
        parts = {
            "balance_percent": row.percent,
            "balance_nonresidential": row.nonresidential or None,
            "balance_unmetered": row.unmetered or None,
            "balance_heating": row.heating or None,
            f"balance_by_{row.basis}": row.common,
            "balance_norm": row.norm_volume,
        }
        return [
            self._words(key, self._words.number(value))
            for key, value in parts.items()
            if value is not None
        ]

    def is_alert(self, remark: Remark) -> bool:
        """Whether somebody should go and see."""
        return remark.kind in ALERTS

    def hint(self, hint: Hint) -> str:
        """A hint in words."""
        amount = "" if hint.amount is None else self._words.number(hint.amount)
        return self._words(f"hint_{hint.kind}", amount, self._words.unit(hint.unit), hint.times)

    def seen(self, hint: Hint, zone: ZoneInfo) -> str:
        """When, as the clocks of the house show it."""
        first, last = (self._words.time(at, zone) for at in (hint.first_ms, hint.last_ms))
        return first if first == last else f"{first} – {last}"
