"""One ledger with estimates, corrections and a reopened month, in every form billing may have it.

Each form is read by a parser that knows nothing of ours (csv and json of the standard library,
lxml) and must say what the ledger's tables say.
"""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from lxml import etree

from gateway.__main__ import main
from gateway.config import LEDGER_FILE, WebConfig
from gateway.handoff import target
from gateway.handoff.csv import CsvTarget
from gateway.handoff.event import event_maker
from gateway.handoff.pump import Pump
from gateway.handoff.target import Answer, DueEvent
from gateway.model import GisDevice
from gateway.reopening import Person, reopen_period
from gateway.sql.outbox import OutboxLedger
from tests.gateway.closed import HOUSE_GUID, WATER_GUID
from tests.gateway.gis.office import guid
from tests.gateway.gis_schema import read
from tests.gateway.test_api import Browser
from tests.gateway.town import DAY_MS, HOUR_MS, HOUSE, Dial, Town, local
from tests.servers.ledgers import create_app

T1, T2 = Dial("1-0:1.8.1"), Dial("1-0:1.8.2")
WATER = Dial("8-0:1.0.0", "m3", -3)
HEAT = Dial("6-0:1.0.0", "Gcal", -3)
PERIOD = "2027-01"
CIM = "{http://iec.ch/TC57/2011/MeterReadings#}"
# Midnights of the first of October to February.
MIDNIGHTS = [local(10, 1) + days * DAY_MS for days in (0, 31, 61, 92, 123)]


class Line(NamedTuple):
    """What a line of the ledger says, from its tables alone."""

    line_id: str
    meter: str
    register: str
    unit: str
    value: Decimal
    consumption: Decimal
    method: str
    account: str | None


class Hooked:
    """A billing system that keeps what is posted to it."""

    name = "erp"

    def __init__(self) -> None:
        self.events: list[dict[str, object]] = []

    async def deliver(self, events: list[DueEvent]) -> list[Answer]:
        self.events += [json.loads(event.payload) for event in events]
        return [target.ACKNOWLEDGED for _ in events]


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Everything read for three months, then water late (an average, corrected in January)."""
    assert CliRunner().invoke(main, ["init", "--data", str(tmp_path)]).exit_code == 0
    town = Town(tmp_path, targets=("erp", "files"))
    town.install("E1", town.point("P1"), T1, T2)
    town.install("W1", town.point("P2", resource="cold-water"), WATER)
    town.install("H1", town.point("P3", None, "heat"), HEAT)
    town.install("E2", town.point("P4", "13"))
    for month, at_ms in enumerate(MIDNIGHTS, 1):
        town.read("E1", at_ms, 10_000 + 1_234 * month, T1)
        town.read("E1", at_ms, 10_000 + 567 * month, T2)
        town.read("H1", at_ms, 10_000 + 11 * month, HEAT)
        if month != 4:
            town.read("W1", at_ms, 10_000 + 3_001 * month, WATER)
        if month < 4:
            town.read("E2", at_ms, 10_000 + 5_000 * month)
        town.send()
        town.close(now_ms=at_ms + 2 * HOUR_MS)
    reopen_period(
        town.ledger, HOUSE, PERIOD, Person("Иванова", "test", "для сверки"), town.now_ms,
        targets=town.targets, event_of=event_maker("urn:plomba:gateway:test"),
    )  # fmt: skip
    town.close(PERIOD, now_ms=town.now_ms + 5 * HOUR_MS)
    with town.store.transaction():
        town.store.book.set_gis_devices(
            {
                "E1": GisDevice(guid("E1"), "245", "", HOUSE_GUID),
                "W1": GisDevice(guid("W1"), "112", WATER_GUID, HOUSE_GUID),
                "H1": GisDevice(guid("H1"), "A056", WATER_GUID, HOUSE_GUID),
            }
        )
    return town


def ledger(town: Town) -> dict[str, Line]:
    rows = town.store.database.connection.execute(
        "SELECT line_id, serial, line.obis, line.unit, closing_mantissa, register.exponent,"
        " consumption_mantissa, consumption_exponent, method, account"
        " FROM written_line AS line JOIN written_closing USING (closing_no)"
        " JOIN register ON register_no = closing_register_no JOIN meter USING (meter_no)"
        " WHERE period = ? AND closing_no NOT IN (SELECT closing_no FROM withdrawal)",
        (PERIOD,),
    )
    return {
        row[0]: Line(
            *row[:4], Decimal(row[4]).scaleb(row[5]), Decimal(row[6]).scaleb(row[7]), *row[8:]
        )
        for row in rows
    }


def export(town: Town, form: str, *options: str) -> bytes:
    out = town.folder / "out"
    arguments = ["export", form, "--period", PERIOD, "--out", str(out), *options]
    result = CliRunner().invoke(main, [*arguments, "--data", str(town.folder)])
    assert result.exit_code == 0, result.stderr
    return out.read_bytes()


def table(data: bytes, encoding: str = "utf-8", separator: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(encoding)), delimiter=separator))


def test_the_ledger_has_all_kinds_of_lines(town: Town) -> None:
    lines = ledger(town)
    assert {line.method for line in lines.values()} == {"actual", "average"}
    assert all("-r2" in line_id for line_id in lines)
    (corrections,) = town.store.database.connection.execute(
        "SELECT count(*) FROM correction"
    ).fetchone()
    assert corrections


def test_plain_csv(town: Town) -> None:
    found = {
        row["line_id"]: Line(
            row["line_id"],
            *(row["closing_meter"], row["register"], row["unit"]),
            *(Decimal(row["closing_value"]), Decimal(row["consumption"])),
            *(row["method"], row["account"] or None),
        )
        for row in table(export(town, "csv"))
    }
    assert found == ledger(town)


def test_columns_of_1c(town: Town) -> None:
    rows = table(export(town, "csv", "--columns", "1c"), "cp1251", ";")
    assert [
        (
            Decimal(row["ТекущееПоказание"].replace(",", ".")),
            Decimal(row["Расход"].replace(",", ".")),
        )
        for row in rows
    ] == [(line.value, line.consumption) for line in ledger(town).values() if line.account]


def test_the_banks_form(town: Town) -> None:
    data = export(town, "csv", "--columns", "sberbank-14-1").decode("cp1251")
    rows = list(csv.reader(io.StringIO(data), delimiter=";"))
    assert [(*row[-4:-2], Decimal(row[-2].replace(",", "."))) for row in rows] == [
        (line.meter, line.register, line.value) for line in ledger(town).values() if line.account
    ]


def test_cim(town: Town) -> None:
    root = etree.fromstring(export(town, "cim"))
    found = sorted(
        (
            one.getparent().findtext(f"{CIM}Meter/{CIM}serialNumber"),
            Decimal(one.findtext(f"{CIM}value")),
        )
        for one in root.iter(f"{CIM}Readings")
    )
    gcal = {"Gcal": Decimal("4.1868")}
    assert found == sorted(
        (line.meter, line.value * gcal.get(line.unit, 1)) for line in ledger(town).values()
    )


def test_gis_zhkh(town: Town) -> None:
    values = {one.device: one for one in read(export(town, "gis-zhkh"))}
    lines = {(line.meter, line.register): line for line in ledger(town).values()}
    electric = tuple(lines["E1", dial.obis].value for dial in (T1, T2))
    assert tuple(map(Decimal, values[guid("E1")].values)) == electric
    (litres,) = values[guid("W1")].values
    assert Decimal(litres) == 1000 * lines["W1", WATER.obis].value
    (gigajoules,) = values[guid("H1")].values
    assert Decimal(gigajoules) == Decimal("4.1868") * lines["H1", HEAT.obis].value
    assert len(values) == 3


async def test_events_in_every_way_say_the_same_and_net_to_the_ledger(town: Town) -> None:
    hooked, folder = Hooked(), town.folder / "files"
    pump = Pump(OutboxLedger(town.store.database), [hooked, CsvTarget("files", folder)], Random(1))
    await pump.once(town.now_ms + 100 * DAY_MS)
    token = CliRunner().invoke(main, ["api-token", "1c", "--data", str(town.folder)]).stdout.strip()
    site = Browser(create_app(town.folder / LEDGER_FILE, lambda: town.now_ms, WebConfig()))
    answer = await site.ask(
        "GET", "/api/v1/lines?limit=1000", headers={"authorization": f"Bearer {token}"}
    )
    pulled = answer.json()["events"]
    assert not answer.json()["more"]
    assert {one["id"]: one for one in pulled} == {one["id"]: one for one in hooked.events}
    written = [row for file in folder.glob("*.csv") for row in table(file.read_bytes())]
    data = [one["data"] for one in pulled]
    assert sorted(map(sorted, (row.items() for row in written))) == sorted(
        map(sorted, (row.items() for row in data))
    )
    net: dict[tuple[str, str], Decimal] = {}
    amounts = {"line-closed": ("consumption", 1), "line-corrected": ("difference", 1)}
    amounts["line-withdrawn"] = ("amount", -1)
    for one in pulled:
        name, sign = amounts[one["type"].split(".")[2]]
        key = one["data"]["point"], one["data"]["register"]
        net[key] = net.get(key, Decimal(0)) + sign * Decimal(one["data"][name])
    # What was billed in all is the way of each register, whatever was estimated on it.
    assert net["P1", T1.obis] == Decimal("61.70")
    assert net["P1", T2.obis] == Decimal("28.35")
    assert net["P2", WATER.obis] == Decimal("15.005")
    assert net["P3", HEAT.obis] == Decimal("0.055")
    assert net["P4", "1-0:1.8.0"] == 5 * Decimal("50.00")
