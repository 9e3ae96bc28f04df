"""A house's balance, resource by resource: its meter against the sum of its premises.

Pure: closed lines and the registry's facts in, balances out. Whatever is not known is left out
and said in a remark; nothing is guessed. A dwelling whose meter was not read counts as nothing
used, so it makes the residual larger and is spread over all by area, as the formula has it: the
remark names it. Formula 12 is of water, gas and electricity; heat is balanced, never shared here.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from drivers.reading import Resource
from gateway.balance import odn
from gateway.balance.model import (
    Balance,
    Basis,
    House,
    Norm,
    Premises,
    Remark,
    RemarkKind,
    Share,
    Use,
    Used,
)
from gateway.balance.odn import Volumes
from gateway.balance.registers import consumed
from gateway.billing import Method
from gateway.model import Kind

SHARED = frozenset({Resource.ELECTRICITY, Resource.COLD_WATER, Resource.HOT_WATER, Resource.GAS})
# A day's consumption is a thirtieth of a month's [P]: beyond it the residual is partly one of time.
APART_MS_MAX = 24 * 3_600_000
# A carried line's closing value is its opening one: nobody read the meter.
_UNREAD, _READ = Method.CARRIED, Method.ACTUAL


class _Unmetered(NamedTuple):
    volume: Decimal
    unknown: tuple[str, ...]


def balances(lines: Iterable[Used], house: House, period: str) -> list[Balance]:
    """The balance of every resource that has a closed line or a norm for common needs."""
    used = consumed(lines)
    norms = {norm.resource: norm for norm in house.norms}
    asked = sorted(set(used) | {name for name, norm in norms.items() if norm.per_m2 is not None})
    return [_balance(name, used.get(name, []), house, norms.get(name), period) for name in asked]


def _balance(
    resource: str, lines: Sequence[Used], house: House, norm: Norm | None, period: str
) -> Balance:
    unit = lines[0].unit if lines else (norm.unit if norm else "")
    norm = norm if norm is not None and norm.unit == unit else None
    house_lines = [one for one in lines if one.kind is Kind.HOUSE]
    inlets = [one for one in house_lines if one.point not in house.heating_points]
    flats = [one for one in lines if one.kind is Kind.DWELLING]
    unmetered = _unmetered(house, flats, resource, unit)
    volumes = _volumes(house_lines, flats, unmetered, house)
    is_read = bool(inlets) and all(one.method != _UNREAD for one in house_lines)
    left = odn.residual(volumes) if is_read else None
    common = _Common.of(resource, left, norm, house, unmetered)
    remarks = (
        *_of_house_meter(inlets, house_lines),
        *_of_residual(left, volumes, period),
        *_of_dwellings(flats, unmetered),
        *_apart(inlets, flats),
        *common.remarks,
    )
    return Balance(
        resource=resource,
        unit=unit,
        house=volumes.house if is_read else None,
        nonresidential=volumes.nonresidential,
        unmetered=volumes.unmetered,
        metered=volumes.metered,
        heating=volumes.heating,
        residual=left,
        percent=None if left is None else odn.percent(left, volumes.house),
        basis=common.basis,
        common=common.volume,
        norm_volume=_by_norm(norm, house),
        shares=common.shares,
        remarks=remarks,
    )


def _volumes(
    house_lines: Sequence[Used], flats: Sequence[Used], unmetered: _Unmetered, house: House
) -> Volumes:
    offices = {one.account for one in house.premises if one.use is Use.NONRESIDENTIAL}
    boilers = house.heating_points
    return Volumes(
        house=_sum(one for one in house_lines if one.point not in boilers),
        nonresidential=_sum(one for one in flats if one.account in offices),
        unmetered=unmetered.volume,
        metered=_sum(one for one in flats if one.account not in offices),
        heating=_sum(one for one in house_lines if one.point in boilers),
    )


class _Common(NamedTuple):
    """The common needs, from the meter or by norm, and who bears which part of them."""

    basis: Basis
    volume: Decimal | None
    shares: tuple[Share, ...]
    remarks: tuple[Remark, ...]

    @classmethod
    def of(
        cls,
        resource: str,
        left: Decimal | None,
        norm: Norm | None,
        house: House,
        unmetered: _Unmetered,
    ) -> "_Common":
        if resource not in SHARED:
            return cls(Basis.NONE, None, (), (Remark(RemarkKind.NOT_SHARED),))
        granted = _by_norm(norm, house)
        if left is None and granted is None:
            missing = norm is not None and norm.per_m2 is not None
            kinds = [RemarkKind.COMMON_AREA_MISSING] if missing else []
            return cls(Basis.NONE, None, (), tuple(map(Remark, kinds)))
        basis, whole = (Basis.NORM, granted) if left is None else (Basis.METER, left)
        if whole is None or whole < 0 or (basis is Basis.METER and unmetered.unknown):
            return cls(basis, None, (), ())
        nowhere = tuple(one.dwelling for one in house.premises if not one.area)
        if nowhere or not house.premises:
            return cls(basis, whole, (), (Remark(RemarkKind.AREAS_MISSING, nowhere),))
        return cls(basis, whole, _shares(whole, house.premises), ())


def _shares(whole: Decimal, premises: Sequence[Premises]) -> tuple[Share, ...]:
    areas = {one.account: one.area for one in premises if one.area}
    volumes = odn.share_out(whole, areas)
    return tuple(
        Share(one.account, one.dwelling, areas[one.account], volumes[one.account])
        for one in premises
    )


def _by_norm(norm: Norm | None, house: House) -> Decimal | None:
    if norm is None or norm.per_m2 is None or house.common_area is None:
        return None
    return odn.by_norm(norm.per_m2, house.common_area)


def _unmetered(house: House, flats: Sequence[Used], resource: str, unit: str) -> _Unmetered:
    """What premises without a meter used by norm, and those of which it cannot be said."""
    metered = {one.account for one in flats}
    volume, unknown = Decimal(), []
    for one in house.premises:
        if one.account in metered or one.residents == 0:
            continue
        norm = house.dwelling_norms.get((one.account, resource, unit))
        if norm is None or one.use is not Use.DWELLING:
            unknown.append(one.dwelling)
        else:
            volume += norm
    return _Unmetered(volume, tuple(unknown))


def _of_house_meter(inlets: Sequence[Used], house_lines: Sequence[Used]) -> list[Remark]:
    if not inlets:
        return [Remark(RemarkKind.NO_HOUSE_METER)]
    told = {
        RemarkKind.HOUSE_METER_UNREAD: [one for one in house_lines if one.method == _UNREAD],
        RemarkKind.HOUSE_METER_ESTIMATED: [
            one for one in house_lines if one.method not in {_UNREAD, _READ}
        ],
    }
    return [
        Remark(kind, tuple(one.point for one in lines)) for kind, lines in told.items() if lines
    ]


def _of_residual(left: Decimal | None, volumes: Volumes, period: str) -> list[Remark]:
    # With nothing behind the house meter, as with heat in most houses, there is nothing to compare.
    if left is None or left == volumes.house:
        return []
    if left < 0:
        return [Remark(RemarkKind.NEGATIVE)]
    return [Remark(RemarkKind.LARGE)] if odn.is_large(left, volumes.house, period) else []


def _of_dwellings(flats: Sequence[Used], unmetered: _Unmetered) -> list[Remark]:
    unread = _names(one for one in flats if one.method == _UNREAD)
    estimated = _names(one for one in flats if one.method not in {_UNREAD, _READ})
    told = {
        RemarkKind.UNMETERED_UNKNOWN: unmetered.unknown,
        RemarkKind.UNREAD: unread,
        RemarkKind.ESTIMATED: estimated,
        RemarkKind.CORRECTED: _names(one for one in flats if one.is_corrected),
    }
    return [Remark(kind, names) for kind, names in told.items() if names]


def _apart(inlets: Sequence[Used], flats: Sequence[Used]) -> list[Remark]:
    """Dwellings read so long before or after the house meter that the residual moves with it."""
    marks = [one.taken_ms for one in inlets if one.method == _READ]
    late = [
        one
        for one in flats
        if one.method == _READ and any(abs(one.taken_ms - at) > APART_MS_MAX for at in marks)
    ]
    return [Remark(RemarkKind.APART, _names(late))] if late else []


def _names(lines: Iterable[Used]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.dwelling or one.point for one in lines))


def _sum(lines: Iterable[Used]) -> Decimal:
    return sum((one.volume for one in lines), Decimal())
