"""The clerk of a world: writes houses, devices and exchanges of meters into the gateway's registry.

As in life, it works beside the running gateway: each act opens the ledger for itself and closes it.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from cloud_sync.signing import VerifyKey
from gateway import norms, registry
from gateway.balance import facts_csv
from gateway.billing import BILLED_UNITS
from gateway.registry import NewMeter
from gateway.registry_csv import COLUMNS
from gateway.sql.balance import FactsLedger
from gateway.sql.norms import NormLedger
from gateway.sql.store import SqlStore, open_store
from gateway.sqlite.connection import Durability
from simulators.house import Exchange, House
from simulators.truth import Meter, Register
from simulators.usage import usage_of

# Keys are enrolled on a bench, long before a device is taken to its house.
KEY_VALID_FROM_MS = 0
# A two-room flat with two people, and a small house's stairs and cellar.
_DWELLING = ("54.2", "2")
_COMMON_AREA_M2 = "38.5"
# A month's norms for a square metre of common property and for a resident, of a usual size.
_WATER_NORMS = {"cold-water": ("0.03", "4.2"), "hot-water": ("0.03", "3.1")}


class Registrar:
    """Keeps the registry of one ledger."""

    def __init__(self, ledger_file: Path, durability: Durability = "full") -> None:
        self._ledger_file = ledger_file
        self._durability = durability

    def register(self, houses: Iterable[House], keys: Mapping[str, VerifyKey]) -> None:
        """Enter houses with their first meters, and the keys of their devices by name."""
        with closing(self._open()) as store:
            for house in houses:
                registry.import_csv(store, registry_csv(house))
                registry.add_device_key(store, house.device, keys[house.device], KEY_VALID_FROM_MS)

    def describe(self, house: House) -> None:
        """Enter what the balance of a house asks for: its areas, residents and norms."""
        with closing(self._open()) as store:
            facts = FactsLedger(store.database)
            facts_csv.import_areas(facts, _areas_csv(house))
            facts_csv.import_norms(facts, _norms_csv(house))

    def set_norms(self, house: House) -> None:
        """Enter what a month that nobody reads is billed in a house."""
        with closing(self._open()) as store, store.transaction() as connection:
            norms.import_norms(NormLedger(connection), _month_norms_csv(house))

    def exchange(self, exchange: Exchange) -> None:
        """Enter an exchange of meters, with what both show at that instant."""
        old, new, at_ms = exchange.old, exchange.new, exchange.at_ms
        with closing(self._open()) as store:
            registry.exchange_meter(
                store,
                exchange.point.name,
                old=old.serial,
                finals=_values(old, at_ms),
                new=NewMeter(new.serial, new.profile, _values(new, at_ms)),
                at_ms=at_ms,
            )

    def _open(self) -> SqlStore:
        return open_store(self._ledger_file, self._durability)


def registry_csv(house: House) -> bytes:
    """The registry's CSV of a house with its first meters."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(_rows(house))
    return text.getvalue().encode()


def _areas_csv(house: House) -> bytes:
    dwellings = sorted({point.dwelling for point in house.points if point.dwelling})
    accounts = [
        (house.name, f"{house.name}-{one}", "dwelling", *_DWELLING, _day(house))
        for one in dwellings
    ]
    common = (house.name, "", "common", _COMMON_AREA_M2, "", _day(house))
    return _table(facts_csv.AREA_COLUMNS, [*accounts, common])


def _norms_csv(house: House) -> bytes:
    water = [
        (house.name, resource, "m3", *norms, _day(house), "demo")
        for resource, norms in _WATER_NORMS.items()
    ]
    return _table(facts_csv.NORM_COLUMNS, water)


def _month_norms_csv(house: House) -> bytes:
    """The same round amount for every register of the dwellings."""
    kinds = {
        (register.obis, register.unit)
        for point in house.points
        if point.kind == "dwelling"
        for register in point.meters[0][0].registers
        if register.unit in BILLED_UNITS
    }
    rows = [
        (house.name, "", *kind, f"{house.installed_on:%Y-%m}", "12.5") for kind in sorted(kinds)
    ]
    return _table(norms.NORM_COLUMNS, rows)


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([columns, *rows])
    return text.getvalue().encode()


def _day(house: House) -> str:
    return f"{house.installed_on:%Y-%m-%d}"


def _rows(house: House) -> Iterator[dict[str, object]]:
    for point in house.points:
        meter, span = point.meters[0]
        for register in meter.registers:
            yield {
                "house": house.name,
                "address": f"{house.name.capitalize()} Street 1",
                "timezone": house.timezone,
                "account": f"{house.name}-{point.dwelling}" if point.dwelling else "",
                "dwelling": point.dwelling,
                "point": point.name,
                "kind": point.kind,
                "resource": point.resource,
                "meter": meter.serial,
                "model": meter.profile,
                **_row(meter, register),
                "installed_on": f"{house.installed_on:%Y-%m-%d}",
                "initial_value": _value(register, span.start_ms),
                "device": house.device,
            }


def _row(meter: Meter, register: Register) -> dict[str, object]:
    rate = usage_of(meter.profile, register.obis).rate_max_per_h
    return {
        "register": register.obis,
        "unit": register.unit,
        "exponent": register.exponent,
        "digits": register.digits,
        "rate_max_per_h": Decimal(rate).scaleb(register.exponent),
    }


def _values(meter: Meter, at_ms: int) -> dict[str, Decimal]:
    return {register.obis: _value(register, at_ms) for register in meter.registers}


def _value(register: Register, at_ms: int) -> Decimal:
    return Decimal(register.shown(at_ms)).scaleb(register.exponent)
