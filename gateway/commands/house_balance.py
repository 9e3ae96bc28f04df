"""Commands about a house as a whole: its balance, and the areas and norms it is made with."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import click

from drivers.reading import from_ms
from gateway.balance import facts_csv
from gateway.balance.hints import Hint
from gateway.balance.model import ALERTS, Balance, RemarkKind, Share
from gateway.balance.notices import gather
from gateway.balance.report import HouseBalance
from gateway.balance.report import house_balance as balance_of
from gateway.commands.common import (
    as_json,
    configured,
    ledger,
    looking,
    print_json,
    print_table,
)
from gateway.commands.people import by_person
from gateway.commands.registry import FILE, entered, registry, tell_entered
from gateway.config import GatewayConfig
from gateway.sql.balance import FactsLedger

_SAID = {
    RemarkKind.NO_HOUSE_METER: "no house meter",
    RemarkKind.HOUSE_METER_UNREAD: "the house meter has no reading of the period",
    RemarkKind.HOUSE_METER_ESTIMATED: "the house meter is estimated (ПП 354 п. 59(1))",
    RemarkKind.AREAS_MISSING: "not shared: no area of these premises (registry areas)",
    RemarkKind.COMMON_AREA_MISSING: "no area of the common property (registry areas)",
    RemarkKind.UNMETERED_UNKNOWN: (
        "not shared: no meter, and residents or norm unknown (registry areas, common-norms)"
    ),
    RemarkKind.NOT_SHARED: "balanced only: heat is shared by other formulas",
    RemarkKind.LARGE: (
        "LOOK: the residual is above the limit; leaks, missing readings and meters that start late"
        " all make one"
    ),
    RemarkKind.NEGATIVE: "LOOK: premises counted more than the house meter; nothing is shared",
    RemarkKind.UNREAD: "no reading of the period, which makes the residual larger",
    RemarkKind.ESTIMATED: "estimated",
    RemarkKind.APART: "read more than a day apart from the house meter, which moves the residual",
    RemarkKind.CORRECTED: "with what corrected them since the period was closed",
}


@click.command("house-balance")
@click.argument("house")
@click.argument("period", required=False)
@click.option("--shares", is_flag=True, help="List each account's share too.")
@configured
@as_json
def house_balance(
    config: GatewayConfig, house: str, period: str | None, *, shares: bool, as_json: bool
) -> None:
    """Compare HOUSE's meters with its premises in closed PERIOD (the last one if left out).

    Shows the common needs (ОДН) with each account's share, and hints to look at: never proof.
    """
    with ledger(config) as store:
        while gather(FactsLedger(store.database)):
            pass
    with looking(config) as overview:
        found = balance_of(overview.balance, house, period)
    if as_json:
        print_json(_document(found))
    else:
        _print(found, shares=shares)


@registry.command("areas")
@click.argument("file", type=FILE)
@by_person
@configured
@as_json
def areas(config: GatewayConfig, file: Path, actor: str, *, as_json: bool) -> None:
    """Enter areas and residents from a CSV; every bad line is named, or all are entered.

    Columns: house, subject, use, area_m2, residents, valid_from. use is dwelling or nonresidential
    (subject: the account), common (the common property, no subject), or heating (subject: the
    point of a house meter whose resource makes the house's own heat or hot water; no area).
    """
    counts = entered(
        lambda store, data: facts_csv.import_areas(FactsLedger(store.database), data),
        *(config, file, (actor, "registry areas")),
    )
    _print_counts(file, counts, as_json=as_json)


@registry.command("common-norms")
@click.argument("file", type=FILE)
@by_person
@configured
@as_json
def common_norms(config: GatewayConfig, file: Path, actor: str, *, as_json: bool) -> None:
    """Enter the norms a house's balance needs from a CSV, a line per house, resource and day.

    Columns: house, resource, unit, per_m2 (common needs, a month and square metre of common
    property), per_resident (a month of a dwelling without a meter), valid_from, source (the act).
    """
    counts = entered(
        lambda store, data: facts_csv.import_norms(FactsLedger(store.database), data),
        *(config, file, (actor, "registry common-norms")),
    )
    _print_counts(file, counts, as_json=as_json)


def _print_counts(file: Path, counts: dict[str, int], *, as_json: bool) -> None:
    tell_entered(file, counts, as_json=as_json)


def _print(found: HouseBalance, *, shares: bool) -> None:
    click.echo(f"{found.house}, {found.period}")
    header = (
        *("resource", "unit", "house", "nonresidential", "no meter", "metered", "heating"),
        *("residual", "%", "common", "by"),
    )
    print_table(header, [_row(one) for one in found.resources])
    for one in found.resources:
        for said in _remarks(one):
            click.echo(f"{one.resource}: {said}")
    if shares:
        print_table(("resource", "flat", "account", "m2", "share"), _shares(found))
    if found.hints:
        click.echo("Hints, to be looked at on the spot:")
        columns = ("what", "flat", "point", "meter", "times", "from", "to", "amount", "evidence")
        print_table(columns, [_hint_row(hint) for hint in found.hints])


def _row(one: Balance) -> tuple[object, ...]:
    numbers = (
        *(one.house, one.nonresidential, one.unmetered, one.metered, one.heating),
        *(one.residual, one.percent, one.common),
    )
    return (one.resource, one.unit, *map(_text, numbers), one.basis)


def _remarks(one: Balance) -> Iterator[str]:
    for kind, names in one.remarks:
        yield _SAID[kind] + (f": {', '.join(names)}" if names else "")


def _shares(found: HouseBalance) -> Iterator[tuple[object, ...]]:
    for one in found.resources:
        for share in one.shares:
            where = (one.resource, share.dwelling, share.account)
            yield (*where, _text(share.area), f"{_text(share.volume)} {one.unit}")


def _hint_row(hint: Hint) -> tuple[object, ...]:
    where, amount = hint.where, f"{_text(hint.amount)} {hint.unit}".strip()
    return (
        *(hint.kind, where.dwelling, where.point, where.meter, hint.times),
        *(_time(hint.first_ms), _time(hint.last_ms), amount, hint.evidence),
    )


def _document(found: HouseBalance) -> dict[str, object]:
    return {
        "house": found.house,
        "period": found.period,
        "resources": [_resource(one) for one in found.resources],
        "hints": [_hint(hint) for hint in found.hints],
    }


def _resource(one: Balance) -> dict[str, object]:
    return {name: _plain(value) for name, value in one._asdict().items()} | {
        "basis": one.basis,
        "shares": [_share(share) for share in one.shares],
        "remarks": [
            {"kind": kind, "alert": kind in ALERTS, "names": list(names)}
            for kind, names in one.remarks
        ],
    }


def _share(share: Share) -> dict[str, object]:
    return {name: _plain(value) for name, value in share._asdict().items()}


def _hint(hint: Hint) -> dict[str, object]:
    return {
        "kind": hint.kind,
        **hint.where._asdict(),
        "from": _time(hint.first_ms),
        "to": _time(hint.last_ms),
        "times": hint.times,
        "amount": _plain(hint.amount),
        "unit": hint.unit,
        "evidence": hint.evidence,
    }


def _plain(value: object) -> object:
    return f"{value:f}" if isinstance(value, Decimal) else value


def _text(value: Decimal | None) -> str:
    return "" if value is None else f"{value:f}"


def _time(moment_ms: int) -> str:
    return from_ms(moment_ms).isoformat(timespec="seconds").replace("+00:00", "Z")
