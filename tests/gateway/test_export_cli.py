"""A closed period exported as a person does it, and read back against the ledger."""

import csv
import json
import uuid
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree

from tests.gateway.closed import HOUSE_GUID, WATER_GUID
from tests.gateway.gis_schema import check, needs_schema, read
from tests.gateway.shell import refusal, run, said
from tests.gateway.town import Dial, Town, local

T1 = Dial("1-0:1.8.1")
T2 = Dial("1-0:1.8.2")
WATER = Dial("8-0:1.0.0", "m3", -3)
HEAT = Dial("6-0:1.0.0", "Gcal", -3)
CIM = "{http://iec.ch/TC57/2011/MeterReadings#}"


def guid(serial: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, serial))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A closed September: two tariffs, water, a house's heat, and a meter nobody could read."""
    folder = tmp_path / "data"
    said("init", "--data", folder)
    town = Town(folder)
    town.install("E1", town.point("P1"), T1, T2)
    town.install("W1", town.point("P2", resource="cold-water"), WATER)
    town.install("H1", town.point("P3", None, "heat"), HEAT)
    town.install("E2", town.point("P4", "13"), Dial())
    town.read("E1", local(10, 1), 12_345, T1)
    town.read("E1", local(10, 1), 10_789, T2)
    town.read("W1", local(10, 1), 10_456, WATER)
    town.read("H1", local(9, 30, 23), 10_007, HEAT)
    town.send()
    town.store.close()
    said("close-period", "2026-09", "--data", folder)
    return folder


@pytest.fixture
def known(data: Path, tmp_path: Path) -> Path:
    """The same, the first three meters known to ГИС ЖКХ."""
    file = tmp_path / "gis.csv"
    file.write_text(
        "meter,device_guid,unit,resource_guid,house_guid\n"
        f"E1,{guid('E1')},245,,{HOUSE_GUID}\n"
        f"W1,{guid('W1')},112,{WATER_GUID},{HOUSE_GUID}\n"
        f"H1,{guid('H1')},A056,{WATER_GUID},{HOUSE_GUID}\n",
        encoding="utf-8",
    )
    assert "3 new, 0 changed, 0 same" in said("registry", "gis-zhkh", file, "--data", data)
    return data


def ledger(data: Path, tmp_path: Path) -> list[dict[str, str]]:
    """The lines as plain CSV has them."""
    out = tmp_path / "ledger.csv"
    said("export", "csv", "--data", data, "--out", out)
    with out.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_request_for_gis_zhkh_says_what_the_ledger_says(known: Path, tmp_path: Path) -> None:
    out = tmp_path / "values.xml"
    told = json.loads(
        said("export", "gis-zhkh", "--period", "2026-09", "--data", known, "--out", out, "--json")
    )
    assert (told["files"], told["lines"], told["devices"]) == ([str(out)], 4, 3)
    assert [(one["meter"], one["reason"]) for one in told["left_out"]] == [
        ("E2", "the meter has no GUID: enter it with plomba-gateway registry gis-zhkh")
    ]
    values = {one.device: one for one in read(out.read_bytes())}
    lines = {(one["closing_meter"], one["register"]): one for one in ledger(known, tmp_path)}
    electric, water, heat = (values[guid(serial)] for serial in ("E1", "W1", "H1"))
    assert electric.values == tuple(lines["E1", dial.obis]["closing_value"] for dial in (T1, T2))
    assert Decimal(water.values[0]) == 1000 * Decimal(lines["W1", WATER.obis]["closing_value"])
    assert Decimal(heat.values[0]) == Decimal("4.1868") * Decimal(
        lines["H1", HEAT.obis]["closing_value"]
    )
    assert (electric.date, heat.date) == ("2026-10-01", "2026-09-30")
    assert {one.period for one in values.values()} == {("2026", "9")}
    before = out.read_bytes()
    said("export", "gis-zhkh", "--period", "2026-09", "--data", known, "--out", out)
    assert out.read_bytes() == before


@needs_schema
def test_the_written_request_is_valid(known: Path, tmp_path: Path) -> None:
    said("export", "gis-zhkh", "--data", known, "--out", tmp_path / "values.xml")
    check((tmp_path / "values.xml").read_bytes())


def test_the_summary_names_each_meter_that_is_left_out(known: Path, tmp_path: Path) -> None:
    out = tmp_path / "values.xml"
    first, second = said("export", "gis-zhkh", "--data", known, "--out", out).splitlines()
    assert first == f"4 lines of 3 devices of 2026-09 in {out}, with {out.name}.manifest.json"
    assert second.startswith("left out: meter E2 (1-0:1.8.0): the meter has no GUID")


def test_without_any_guid_nothing_is_written_and_one_line_says_why(
    data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "values.xml"
    told = refusal("export", "gis-zhkh", "--data", data, "--out", out)
    assert "(5 lines)" in told
    assert "nothing to export: the meter has no GUID" in told
    assert not out.exists()


def test_a_bad_file_of_guids_enters_nothing(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "gis.csv"
    file.write_text(
        f"meter,device_guid,unit,resource_guid,house_guid\nE1,{guid('E1')},245,,\nE9,1,2,3,4\n",
        encoding="utf-8",
    )
    result = run("registry", "gis-zhkh", file, "--data", data)
    assert result.exit_code == 1
    assert "4 problems, nothing was entered" in result.stderr
    assert "line 3, column meter: expected a meter of the registry, got 'E9'" in result.stderr
    assert "no GUID" in refusal("export", "gis-zhkh", "--data", data, "--out", tmp_path / "x")


def test_more_than_a_thousand_devices_are_numbered_files(tmp_path: Path) -> None:
    data, file, out = tmp_path / "data", tmp_path / "gis.csv", tmp_path / "values.xml"
    said("init", "--data", data)
    town = Town(data)
    names = ["meter,device_guid,unit,resource_guid,house_guid"]
    for number in range(1001):
        serial = f"M{number}"
        town.install(serial, town.point(f"P{number:04d}", str(number)), Dial())
        town.read(serial, local(10, 1), 10_000 + number)
        names.append(f"{serial},{guid(serial)},245,,{HOUSE_GUID}")
        if number % 100 == 99:
            town.send()
    town.send()
    town.store.close()
    file.write_text("\n".join(names), encoding="utf-8")
    said("registry", "gis-zhkh", file, "--data", data)
    said("close-period", "2026-09", "--data", data)
    told = json.loads(said("export", "gis-zhkh", "--data", data, "--out", out, "--json"))
    files = [tmp_path / "values-1.xml", tmp_path / "values-2.xml"]
    assert told["files"] == [str(path) for path in files]
    values = [one for path in files for one in read(path.read_bytes())]
    assert [Decimal(one.values[0]) for one in values] == [
        Decimal(row["closing_value"]) for row in ledger(data, tmp_path)
    ]
    assert not out.exists()


def test_meter_readings_hold_every_line_of_the_ledger(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "readings.xml"
    assert "5 lines of 2026-09 in" in said("export", "cim", "--data", data, "--out", out)
    root = etree.parse(out).getroot()
    told = [
        (
            reading.findtext(f"{CIM}Meter/{CIM}serialNumber"),
            one.findtext(f"{CIM}timeStamp"),
            Decimal(one.findtext(f"{CIM}value")),
            one.find(f"{CIM}ReadingQualities/{CIM}ReadingQualityType").get("ref"),
        )
        for reading in root
        for one in reading.findall(f"{CIM}Readings")
    ]
    assert told == [
        (
            row["closing_meter"],
            row["closing_at"],
            Decimal(row["closing_value"]) * (Decimal("4.1868") if row["unit"] == "Gcal" else 1),
            "2.5.259" if row["method"] == "carried" else "3.0.1",
        )
        for row in ledger(data, tmp_path)
    ]


def test_the_verdicts_on_a_closing_reading_are_qualities(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "readings.xml"
    said("init", "--data", data)
    town = Town(data)
    rolling = Dial(digits=5, initial=99_990)
    town.install("E1", town.point("P1"), rolling)
    town.read("E1", local(10, 1), 10, rolling)
    town.send()
    town.store.close()
    said("close-period", "--data", data)
    said("export", "cim", "--data", data, "--out", out)
    assert "V-ROLL: " in out.read_text(encoding="utf-8")


def test_acts_of_removal_and_installation_are_told_apart(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "readings.xml"
    said("init", "--data", data)
    town = Town(data)
    gone, new = town.point("P1"), town.point("P2", "13")
    town.install("A", gone)
    town.install("B", new)
    town.read("A", local(9, 5), 10_100)
    town.read("B", local(9, 5), 10_200)
    town.send()
    town.remove("A", local(9, 10), 10_300)
    town.remove("B", local(9, 10), 10_400)
    town.install("C", new, Dial(initial=0), at_ms=local(9, 10))
    town.store.close()
    said("close-period", "2026-09", "--data", data)
    said("export", "cim", "--data", data, "--out", out)
    found = {
        reading.findtext(f"{CIM}Meter/{CIM}serialNumber"): [
            one.get("ref") for one in reading.iter(f"{CIM}ReadingQualityType")
        ]
        for reading in etree.parse(out).getroot()
    }
    assert found == {"A": ["3.4.131"], "C": ["2.5.259", "3.4.131"]}


def test_a_profile_chooses_the_columns_of_csv_only(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "1c.csv"
    told = said("export", "csv", "--columns", "1c", "--data", data, "--out", out)
    assert "4 lines of 2026-09" in told
    assert "left out: meter H1 (6-0:1.0.0): a meter of the whole house has no account" in told
    rows = list(csv.DictReader(out.read_text("cp1251").splitlines(), delimiter=";"))
    assert [row["ТекущееПоказание"] for row in rows] == [
        row["closing_value"].replace(".", ",") for row in ledger(data, tmp_path) if row["account"]
    ]
    assert "only csv has columns" in refusal(
        "export", "cim", "--columns", "1c", "--data", data, "--out", out
    )
    assert "cannot read the column profile none.toml" in refusal(
        "export", "csv", "--columns", "none.toml", "--data", data, "--out", out
    )


def test_one_house_can_be_exported(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.csv"
    assert "has no closing lines" in refusal(
        "export", "csv", "--house", "nowhere", "--data", data, "--out", out
    )
    said("export", "csv", "--house", "Лесная 5", "--data", data, "--out", out)
    assert len(out.read_text("utf-8").splitlines()) == 6


def test_a_place_that_cannot_be_written_is_one_line(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot write" in refusal(
        "export", "csv", "--data", data, "--out", tmp_path / "file" / "x.csv"
    )
