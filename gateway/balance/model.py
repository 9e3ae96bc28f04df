"""The words of a house's balance: what is known of its premises, what was used, what was found.

Volumes are exact decimals in the unit beside them, areas square metres. A *remark* says why a
number is missing or should be looked at; it is a kind with its names, and the words for it are the
reader's (`gateway/web/balance_texts.py`, `gateway/commands/house_balance.py`).
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from gateway.billing import Role
from gateway.model import Kind


class BalanceError(ValueError):
    """A balance that cannot be made; the text says why and what to do."""


class Use(StrEnum):
    """What a line of `registry areas` speaks of."""

    DWELLING = "dwelling"
    NONRESIDENTIAL = "nonresidential"
    COMMON = "common"
    """The house's common property, S_ОИ."""
    HEATING = "heating"
    """A house meter whose resource goes into the house's own heating or hot water."""


class Premises(NamedTuple):
    """An account's premises as they stood at the end of a period; None is what nobody said."""

    account: str
    dwelling: str
    use: Use
    area: Decimal | None
    residents: int | None


class Norm(NamedTuple):
    """A month's norms of one resource: for a square metre of common property, for a resident."""

    resource: str
    unit: str
    per_m2: Decimal | None
    per_resident: Decimal | None
    source: str


class Used(NamedTuple):
    """A closed line: what one register of one point counted, and by which method it closed.

    `taken_ms` is when its closing value was read; `is_corrected` says that a later correction is
    in it already. `behind` is the point whose sub-meter it is.
    """

    point: str
    kind: Kind
    resource: str
    register: str
    unit: str
    account: str | None
    dwelling: str | None
    meter: str
    volume: Decimal
    method: str
    taken_ms: int
    is_corrected: bool = False
    role: Role = Role.BILLED
    behind: str | None = None


class House(NamedTuple):
    """What the registry says of a house for one period.

    `dwelling_norms` are a month's norms by account, resource and unit (ПП 354 п. 60), with which a
    dwelling without a meter is counted.
    """

    premises: tuple[Premises, ...]
    common_area: Decimal | None
    heating_points: frozenset[str]
    norms: tuple[Norm, ...]
    dwelling_norms: Mapping[tuple[str, str, str], Decimal] = {}


class Basis(StrEnum):
    """What the common needs of a house follow from."""

    METER = "meter"
    NORM = "norm"
    NONE = "none"


class RemarkKind(StrEnum):
    """Why a number is missing (the first ones) or should be looked at (from LARGE on)."""

    NO_HOUSE_METER = "no-house-meter"
    HOUSE_METER_UNREAD = "house-meter-unread"
    HOUSE_METER_ESTIMATED = "house-meter-estimated"
    AREAS_MISSING = "areas-missing"
    COMMON_AREA_MISSING = "common-area-missing"
    UNMETERED_UNKNOWN = "unmetered-unknown"
    NOT_SHARED = "not-shared"
    LARGE = "large"
    NEGATIVE = "negative"
    UNREAD = "unread"
    ESTIMATED = "estimated"
    CORRECTED = "corrected"
    APART = "apart"


ALERTS = frozenset({RemarkKind.LARGE, RemarkKind.NEGATIVE})
"""What somebody should go and see about; none of it says whose fault it is."""


class Remark(NamedTuple):
    """A remark and whom it is about, as dwellings or points."""

    kind: RemarkKind
    names: tuple[str, ...] = ()


class Share(NamedTuple):
    """What of the common needs falls on one account."""

    account: str
    dwelling: str
    area: Decimal
    volume: Decimal


class Balance(NamedTuple):
    """One resource of one house in one period.

    `house` is None without a house meter that was read; `residual` is then None too. `percent` is
    the residual's share of `house` to a tenth. `common` is what `shares` add up to, exactly;
    `norm_volume` is what the norm grants the common property, for comparison.
    """

    resource: str
    unit: str
    house: Decimal | None
    nonresidential: Decimal
    unmetered: Decimal
    metered: Decimal
    heating: Decimal
    residual: Decimal | None
    percent: Decimal | None
    basis: Basis
    common: Decimal | None
    norm_volume: Decimal | None
    shares: tuple[Share, ...]
    remarks: tuple[Remark, ...]

    @property
    def premises(self) -> Decimal:
        """All that is accounted for: the formula's subtrahends."""
        return self.nonresidential + self.unmetered + self.metered + self.heating
