"""Which norm a dwelling's month is billed by (ПП 354 п. 60): one answer from three tables.

The account's own row goes first, then the norm for a resident times the residents, then the row of
the house. A norm is the dwelling's, and nobody is billed it twice: the metering points of one
resource share it evenly, and so do the tariffs of one point what residents are granted [P]; a
total beside them, which is shown and never billed, has it whole.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from drivers.reading import Resource
from gateway.billing import Role
from gateway.meter_life.roles import Code, role_of

# The A of A-B:C.D.E, the medium.
_MEDIA = {
    "1": Resource.ELECTRICITY,
    "6": Resource.HEAT,
    "7": Resource.GAS,
    "8": Resource.COLD_WATER,
    "9": Resource.HOT_WATER,
}

Place = tuple[int, str, str]
"""A register of an account: number of its metering point, OBIS code, unit."""


class PerResident(NamedTuple):
    """A month's norm for one resident, and the act that sets it."""

    amount: Decimal
    source: str


class Norms(NamedTuple):
    """The norms that hold in a period.

    `rows` by account (None: any of the house), register and unit; `per_resident` by resource and
    unit; `residents` of the accounts of which they are known.
    """

    rows: Mapping[tuple[str | None, str, str], Decimal]
    per_resident: Mapping[tuple[str, str], PerResident] = {}
    residents: Mapping[str, int] = {}


class MonthNorm(NamedTuple):
    """A dwelling's norm for a month, in the unit; `said` is how it came about, if not by a row."""

    amount: Fraction
    said: str = ""


def norm_of(
    norms: Norms, account: str | None, place: Place, of_account: Iterable[Place]
) -> MonthNorm | None:
    """The month's norm of one of an account's registers; a house meter has none."""
    if account is None:
        return None
    kind, siblings = place[1:], list(of_account)
    sharing = len({point for point, *other in siblings if tuple(other) == kind} | {place[0]})
    own = norms.rows.get((account, *kind))
    if own is not None:
        return _shared(MonthNorm(Fraction(own)), sharing, "metering points")
    by_residents = _by_residents(norms, account, place, siblings)
    if by_residents is not None:
        return by_residents
    of_house = norms.rows.get((None, *kind))
    if of_house is None:
        return None
    return _shared(MonthNorm(Fraction(of_house)), sharing, "metering points")


def dwelling_norm(norms: Norms, account: str, resource: str, unit: str) -> Decimal | None:
    """The month's norm of a dwelling without any meter of a resource, by the same order."""
    own = _of_resource(norms.rows, account, resource, unit)
    if own is not None:
        return own
    one, residents = norms.per_resident.get((resource, unit)), norms.residents.get(account)
    if one is not None and residents is not None:
        return one.amount * residents
    return _of_resource(norms.rows, None, resource, unit)


def resource_of(obis: str) -> Resource | None:
    """Whose register an OBIS code is."""
    return _MEDIA.get(obis.partition("-")[0])


def _by_residents(
    norms: Norms, account: str, place: Place, siblings: Iterable[Place]
) -> MonthNorm | None:
    point, obis, unit = place
    resource = resource_of(obis)
    one = norms.per_resident.get((resource, unit)) if resource is not None else None
    residents = norms.residents.get(account)
    if one is None or residents is None or _is_given_back(obis):
        return None
    said = f"{one.amount:f} for each of {residents} residents ({one.source})"
    alike = {
        other
        for other in [place, *siblings]
        if other[2] == unit and resource_of(other[1]) is resource and not _is_given_back(other[1])
    }
    whole = MonthNorm(Fraction(one.amount) * residents, said)
    of_point = _shared(whole, len({other[0] for other in alike}), "metering points")
    tariffs = {other[1] for other in alike if other[0] == point and not Code.of(other[1]).is_total}
    return _shared(of_point, 1 if Code.of(obis).is_total else len(tariffs), "tariffs")


def _of_resource(
    rows: Mapping[tuple[str | None, str, str], Decimal],
    account: str | None,
    resource: str,
    unit: str,
) -> Decimal | None:
    found = {
        obis: amount
        for (whose, obis, its_unit), amount in rows.items()
        if whose == account and its_unit == unit and resource_of(obis) == resource
    }
    totals = {obis: amount for obis, amount in found.items() if Code.of(obis).is_total}
    counted = totals or found
    return sum(counted.values(), Decimal()) if counted else None


def _shared(norm: MonthNorm, sharing: int, what: str) -> MonthNorm:
    if sharing == 1:
        return norm
    said = ", ".join(filter(None, (norm.said, f"shared by {sharing} {what}")))
    return MonthNorm(norm.amount / sharing, said)


def _is_given_back(obis: str) -> bool:
    return role_of(resource_of(obis) or "", obis, ()) is Role.EXPORT
