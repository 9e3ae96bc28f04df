"""Which source is believed first, for how long, and how far two may lie apart: a dated table.

None of the numbers is a law; each row says how far it can be relied on. An automatic reading
always stands above every claim: a claim fills in where there is none, and where both are there
they are compared. A house may have an order and tolerances of its own (`registry policies`).

The tolerance is max(units, percent). The percentage is of what was *used* since the line before,
not of what the register shows: 2 % of an old meter's 20 000 kWh would be more than a month's use,
and grow every year. [P]
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from drivers.reading import Unit
from gateway.claims.model import ClaimError, ClaimSource
from gateway.rules.parameters import Mark
from gateway.rules.subject import Dial

_DAY_MS = 24 * 3_600_000


class Policy(NamedTuple):
    """What holds from a period on. `sources` are in the order they are believed.

    `fresh_days`: a reading, or a claim of a better source, makes later claims of the next so many
    days unnecessary.
    """

    since: str
    sources: tuple[ClaimSource, ...]
    fresh_days: int
    tolerance_units: Decimal
    tolerance_percent: Decimal
    mark: Mark = Mark.PROPOSED

    def rank(self, source: ClaimSource) -> int:
        """0 for the source believed first."""
        return self.sources.index(source)

    @property
    def fresh_ms(self) -> int:
        """`fresh_days` in milliseconds."""
        return self.fresh_days * _DAY_MS

    def tolerance(self, dial: Dial, used: int) -> int:
        """How far two values of a register may lie apart where `used` went through it."""
        units = min(self.tolerance_units, FINER.get(dial.unit, self.tolerance_units))
        by_percent = Decimal(abs(used)) * self.tolerance_percent / 100
        return int(max(units.scaleb(-dial.exponent), by_percent))


ROWS = (
    # max(1 unit, 2 %): V-SRC, ПП 354 п. 61. Three days: a weekend and a day of repair.
    Policy("2000-01", tuple(ClaimSource), 3, Decimal(1), Decimal(2)),
)

# A unit that is a month of heating is no tolerance: of these, so much at most.
FINER = {Unit.GCAL: Decimal("0.05"), Unit.GJ: Decimal("0.2")}


def holding(rows: Sequence[Policy], period: str) -> Policy:
    """The newest row that holds in `period`; a house's own rows come after the common ones."""
    found = [row for row in (*ROWS, *rows) if row.since <= period]
    if not found:
        raise ClaimError(f"no policy of sources holds in {period}: add a row with an earlier date")
    own = [row for row in found if row in rows]
    return max(own or found, key=lambda row: row.since)
