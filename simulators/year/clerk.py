"""The clerk of a town: enters houses, meters and what fitters report, by the front door.

Acts are done on office days, so whatever happens on a Tuesday is known to the registry on the
Monday after. Each act is a record with its time; a new kind of act is one more class with `do`.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_sync.signing import VerifyKey
from drivers.reading import Unit, from_ms
from gateway import contract_csv, norms, orders, registry
from gateway.acts import csv as acts_csv
from gateway.acts import entering
from gateway.acts.entering import Desk
from gateway.balance import facts_csv
from gateway.claims.model import Claim, ClaimSource
from gateway.claims.model import enter as enter_claims
from gateway.estimation.terms import Cause
from gateway.meter_life import files
from gateway.meter_life.files import Author
from gateway.registry import NewMeter
from gateway.registry_csv import COLUMNS
from gateway.sql.acts import ActLedger
from gateway.sql.audit import SqlAudit
from gateway.sql.balance import FactsLedger
from gateway.sql.claims import SqlClaimStore
from gateway.sql.contracts import ContractLedger
from gateway.sql.meter_life import LifeLedger
from gateway.sql.norms import NormLedger
from gateway.sql.orders import OrderLedger
from gateway.sql.store import SqlStore
from simulators.truth import DAY_MS, Meter
from simulators.year.model import Barred, Hanging, House, Paper, Place, Said
from simulators.year.town import month_after, rates

# A month's norms of a flat, in the register's unit, by resource: the people in it counted.
NORM_OF = {
    "electricity": Decimal("180.5"),
    "cold-water": Decimal("6.935"),
    "hot-water": Decimal("4.745"),
    "heat": Decimal("0.81"),
    "gas": Decimal("30.2"),
}
# In one house of so many nobody has entered norms.
WITHOUT_NORMS = 7
# A contract is known before its first period: more days than pass between two office days.
_AGREED_BEFORE_MS = 12 * DAY_MS
_AUTHOR = Author("Petrova", "simulated", 0, "the town as it was found")
_HEATED = (("-10-01", "-05-10"),)


@dataclass(frozen=True)
class Act:
    """Something a person enters, known from `at_ms` on."""

    at_ms: int
    subject: str
    what: str
    do: Callable[[SqlStore], None]


def opening(store: SqlStore, houses: Sequence[House], keys: Mapping[str, VerifyKey]) -> None:
    """Everything that is known when a year begins."""
    for house in houses:
        there = [place for place in house.places if not place.hangings[0].entered_ms]
        registry.import_csv(store, _registry_csv(house, there))
        registry.add_device_key(store, house.device, keys[house.device], 0)
        registry.place_device(store, house.device, house.name)
        with store.transaction() as connection:
            book = NormLedger(connection)
            if house.number % WITHOUT_NORMS:
                norms.import_norms(book, _norms_csv(house))
            norms.import_seasons(book, _seasons_csv(house))
            files.import_relations(LifeLedger(connection), _relations_csv(house), _AUTHOR)
        facts = FactsLedger(store.database)
        facts_csv.import_areas(facts, _areas_csv(house, there))


def acts(house: House) -> Iterator[Act]:
    """All that a clerk will learn of a house."""
    yield from _contracts(house)
    for place in house.places:
        first, *others = place.hangings
        if first.entered_ms:
            yield Act(first.entered_ms, first.meter.serial, "registered", _register(house, place))
        for before, one in zip(place.hangings, others, strict=False):
            yield Act(one.entered_ms, one.meter.serial, "registered", _exchange(place, before, one))
        if place.barred is not None and place.barred.finding:
            yield from _certified(house, place, place.barred)
        elif place.barred is not None:
            yield from _barred(place.barred)
        yield from (_paper(house, place, one) for one in place.papers)
        yield from (_claimed(place, one) for one in place.said)


def _contracts(house: House) -> Iterator[Act]:
    """Contracts are entered days before their first period begins."""
    for one in house.agreed:
        month = month_after(house.first_day, one.since)
        day = (month - house.first_day).days
        cutoff = "interpolated" if one.drawn else "reading"
        days = one.first_day, one.last_day, "yes" if one.next_month else "no"
        data = _table(contract_csv.COLUMNS, [(house.name, "", f"{month:%Y-%m}", *days, cutoff)])

        def enter(store: SqlStore, data: bytes = data) -> None:
            with store.transaction() as connection:
                contract_csv.import_contracts(ContractLedger(connection), data)

        at_ms = house.midnight_ms(day) - _AGREED_BEFORE_MS
        yield Act(at_ms, house.name, f"contract of {month:%Y-%m}", enter)


def _certified(house: House, place: Place, barred: Barred) -> Iterator[Act]:
    """The certificate it hangs with, and the later one."""
    last_on = _day(house, barred.from_ms) - timedelta(days=1)
    earlier = house.first_day - timedelta(days=400), "fit", last_on, ""
    yield Act(barred.declared_ms, barred.serial, "out of order", _verify(barred.serial, *earlier))
    if barred.fit_ms is None:
        return
    values, until_ms = "", barred.until_ms or barred.from_ms + DAY_MS
    anew_on = _day(house, until_ms) - timedelta(days=int(barred.noted))
    if barred.noted:
        shown = _values(place.hangings[0].meter, until_ms)
        values = " ".join(f"{obis}={value:f}" for obis, value in shown.items())
    later = anew_on, barred.finding, anew_on + timedelta(days=2_000), values
    yield Act(barred.fit_ms, barred.serial, "found fit", _verify(barred.serial, *later))


def _verify(
    serial: str, on: date, finding: str, until: date, values: str
) -> Callable[[SqlStore], None]:
    columns = (*files.VERIFICATION_COLUMNS, *files.VERIFICATION_OPTIONAL)
    row = (serial, on, "6y", f"{serial}-{on}", "the laboratory", finding, until, values)
    data = _table(columns, [row])

    def do(store: SqlStore) -> None:
        with store.transaction() as connection:
            files.import_verifications(LifeLedger(connection), data, _AUTHOR)

    return do


def _day(house: House, at_ms: int) -> date:
    return from_ms(at_ms).astimezone(ZoneInfo(house.timezone)).date()


def _paper(house: House, place: Place, paper: Paper) -> Act:
    """A controller's act; what an interference costs takes a second person."""
    row = [
        *(paper.kind, f"{paper.made_on:%m%d}-{place.name}", paper.made_on, "Petrov"),
        *(_account(house, place), place.name),
    ]
    if paper.capacity is None:
        row += ["", "", ""]
    else:
        row += [place.kind.makes[0].obis, paper.capacity, paper.begun_on]

    def do(store: SqlStore) -> None:
        with store.transaction() as connection:
            ledger, audit = ActLedger(connection), SqlAudit(connection)
            desk = Desk(ledger, audit, "Petrova", "simulated", paper.entered_ms)
            entering.enter(desk, _table(acts_csv.COLUMNS, [row]), {})
            if paper.capacity is not None:
                (waiting,) = (one for one in ledger.charges(house.name) if not one.confirmed_by)
                second = desk._replace(person="Sidorov")
                entering.confirm(second, waiting.charge_id, "looked, too")

    return Act(paper.entered_ms, place.name, f"{paper.kind} on {paper.made_on}", do)


def _claimed(place: Place, said: Said) -> Act:
    """A person's figures; the same list may well be brought twice."""
    exponents = {one.obis: one.exponent for one in place.hangings[0].meter.registers}
    claims = [
        Claim(
            *(ClaimSource(said.source), said.serial, obis, said.at_ms),
            _given(value, exponents[obis], said.step),
            *(said.reference, "Ivanova", said.entered_ms),
        )
        for obis, value in said.values.items()
    ]

    def do(store: SqlStore) -> None:
        for _ in range(2):
            enter_claims(SqlClaimStore(store.database), claims, said.entered_ms)

    return Act(said.entered_ms, said.reference, "claimed", do)


def _given(value: int, exponent: int, step: int) -> Decimal:
    """A figure with the digits that were given."""
    digits = len(str(step)) - 1
    return Decimal(value // step).scaleb(exponent + digits)


def _relations_csv(house: House) -> bytes:
    since = f"{house.installed_on:%Y-%m-%d}"
    rows = [(one.name, "behind", one.behind, since) for one in house.places if one.behind]
    rows += [(one.name, "checks", one.checks, since) for one in house.places if one.checks]
    return _table(files.RELATION_COLUMNS, rows)


def _barred(barred: Barred) -> Iterator[Act]:
    def declare(store: SqlStore) -> None:
        with store.transaction() as connection:
            cause = Cause(barred.cause)
            orders.declare(OrderLedger(connection), barred.serial, cause, barred.from_ms)

    def fit(store: SqlStore) -> None:
        with store.transaction() as connection:
            orders.declare_fit(OrderLedger(connection), barred.serial, barred.fit_ms or 0)

    yield Act(barred.declared_ms, barred.serial, "out of order", declare)
    if barred.fit_ms is not None:
        yield Act(barred.fit_ms, barred.serial, "found fit", fit)


def _register(house: House, place: Place) -> Callable[[SqlStore], None]:
    def do(store: SqlStore) -> None:
        registry.import_csv(store, _registry_csv(house, [place]))

    return do


def _exchange(place: Place, old: Hanging, new: Hanging) -> Callable[[SqlStore], None]:
    def do(store: SqlStore) -> None:
        at_ms = new.span.start_ms
        registry.exchange_meter(
            store,
            place.name,
            old=old.meter.serial,
            finals=_values(old.meter, at_ms),
            new=NewMeter(
                *(new.meter.serial, new.meter.profile, _values(new.meter, at_ms)),
                factor=place.factor,
            ),
            at_ms=at_ms,
        )

    return do


def _registry_csv(house: House, places: Iterable[Place]) -> bytes:
    return _table((*COLUMNS, "factor"), (row for place in places for row in _rows(house, place)))


def _rows(house: House, place: Place) -> Iterator[list[object]]:
    hanging, limits = place.hangings[0], rates(place)
    since = from_ms(hanging.span.start_ms).astimezone(ZoneInfo(house.timezone))
    for register in hanging.meter.registers:
        rate = Decimal(limits[register.obis]).scaleb(register.exponent)
        initial = Decimal(register.shown(hanging.span.start_ms)).scaleb(register.exponent)
        yield [
            *(house.name, f"Town, {house.name}", house.timezone, _account(house, place)),
            *(place.dwelling, place.name, "house" if place.is_house else "dwelling"),
            *(place.kind.resource, hanging.meter.serial, hanging.meter.profile, register.obis),
            *(register.unit, register.exponent, register.digits, f"{rate:f}"),
            *(f"{since:%Y-%m-%d}", f"{initial:f}", house.device, place.factor),
        ]


def _account(house: House, place: Place) -> str:
    return "" if place.is_house else account_of(house, place.dwelling)


def account_of(house: House, dwelling: str) -> str:
    """Who pays for a dwelling."""
    return f"{house.name}-a{dwelling}"


def _norms_csv(house: House) -> bytes:
    kinds = {place.kind for place in house.places if not place.is_house}
    since = f"{datetime.combine(house.installed_on, datetime.min.time(), UTC):%Y-%m}"
    rows = [
        (house.name, "", make.obis, kind.unit, since, norm_of(kind.resource, len(kind.makes)))
        for kind in sorted(kinds, key=lambda kind: len(kind.makes))
        for make in kind.makes
        if not is_given_back(make.obis)
    ]
    return _table(norms.NORM_COLUMNS, {row[2]: row for row in rows}.values())


def is_given_back(obis: str) -> bool:
    """Whether a register counts what is given back to the network, of which there is no norm."""
    return obis.startswith("1-0:2.")


def norm_of(resource: str, registers: int) -> Decimal:
    """A month's norm of one register; those with many share it, roughly."""
    return NORM_OF[resource] if registers == 1 else NORM_OF[resource] / 2


def _seasons_csv(house: House) -> bytes:
    first = house.first_day.year
    rows = [
        (house.name, f"{year}{start}", f"{year + 1}{end}")
        for year in range(first - 1, first + 2)
        for start, end in _HEATED
    ]
    return _table(norms.SEASON_COLUMNS, rows)


def _areas_csv(house: House, there: Iterable[Place]) -> bytes:
    day = f"{house.installed_on:%Y-%m-%d}"
    flats = sorted({place.dwelling for place in there if place.dwelling})
    rows: list[tuple[object, ...]] = [
        (house.name, account_of(house, flat), "dwelling", f"{30 + 7 * int(flat)}.4", 2, day)
        for flat in flats
    ]
    return _table(facts_csv.AREA_COLUMNS, [*rows, (house.name, "", "common", "64.5", "", day)])


def _table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([columns, *rows])
    return text.getvalue().encode()


def _values(meter: Meter, at_ms: int) -> dict[str, Decimal]:
    return {one.obis: Decimal(one.shown(at_ms)).scaleb(one.exponent) for one in meter.registers}


BILLED_UNITS = frozenset({Unit.KWH, Unit.M3, Unit.GCAL})
