"""The exchange as a person runs it, against a simulated ГИС ЖКХ; and residents' figures fetched."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.__main__ import main
from gateway.claims.model import ClaimSource
from gateway.gis import history
from gateway.gis.parsing import parsed
from gateway.sql.audit import SqlAudit
from simulators.gis_service import GisService, Known, serving
from tests.gateway.gis.office import ORGANISATION, SHARED, a_town, guid
from tests.gateway.gis_schema import check, needs_schema
from tests.servers.ledgers import open_store


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--config", str(config)])


def said(config: Path, *arguments: str) -> str:
    result = run(config, *arguments)
    assert result.exit_code == 0, result.stderr or result.output
    return result.stdout


def configured(folder: Path, endpoint: str, *more: str) -> Path:
    file = folder / "gateway.toml"
    lines = ['data = "."', "[gis_zhkh]", f'endpoint = "{endpoint}"', "poll_interval_s = 0.05"]
    file.write_text("\n".join([*lines, f'organisation = "{ORGANISATION}"', *more]), "utf-8")
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    a_town(tmp_path).store.close()
    return tmp_path


def test_send_poll_list_and_retry(folder: Path) -> None:
    service = GisService(errors={guid("W1"): ("INT1", "нет")}, polls=1, schemas=SHARED)
    with serving(service) as endpoint:
        config = configured(folder, endpoint, '[gis_zhkh.error_words]\nINT1 = "окно закрыто"')
        assert json.loads(said(config, "gis", "send", "--json")) == {
            "requests": 1,
            "left-out": 1,
            "pending": 3,
        }
        said(config, "gis", "poll")
        assert "2 acknowledged, 1 left-out, 1 refused" in said(config, "gis", "poll")
        (listed,) = said(config, "gis", "list", "--json").splitlines()
        electric, water = json.loads(listed)["values"]
        assert (electric["state"], electric["unique_number"]) == ("accepted", "SIM-1")
        assert (water["state"], water["code"], water["words"]) == ("refused", "INT1", "нет")
        assert "1 accepted, 1 refused" in said(config, "gis", "list")
        (refused,) = said(config, "outbox", "list", "--state", "refused", "--json").splitlines()
        assert json.loads(refused)["last_error"] == "INT1: окно закрыто (нет)"
        service.errors.clear()
        line = json.loads(refused)["event_id"]
        asked = ("outbox", "retry", line, "--by", "Иванова", "--why", "окно открыто")
        assert "1 deliveries" in said(config, *asked)
        said(config, "gis", "send")
        said(config, "gis", "poll")
        assert "3 acknowledged, 1 left-out" in said(config, "gis", "poll")
    store = open_store(folder / "ledger.sqlite")
    acts = [one.act for one in SqlAudit(store.database.connection).entries()]
    (act,) = [one for one in acts if one.act == "outbox retry"]
    store.close()
    assert (act.actor, act.act, act.subject) == ("Иванова", "outbox retry", f"line {line}")
    assert act.before == "gis-zhkh: refused: INT1: окно закрыто (нет)"


def test_without_the_section_one_line_says_so(folder: Path) -> None:
    config = folder / "gateway.toml"
    config.write_text('data = "."', "utf-8")
    result = run(config, "gis", "send")
    assert result.exit_code == 1
    assert "gis_zhkh: missing" in result.stderr


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("https://api.dom.gosuslugi.ru/x", "signer: missing; unsigned readings go to this machine"),
        ("http://api.dom.gosuslugi.ru/x", "expected an https:// address"),
    ],
)
def test_unsigned_readings_stay_on_this_machine(folder: Path, endpoint: str, expected: str) -> None:
    result = run(configured(folder, endpoint), "gis", "list")
    assert result.exit_code == 1
    assert expected in result.stderr


def known(serial: str, *values: str, date: str = "2026-09-20", **more: str) -> Known:
    return Known(guid(serial), values, date, entered=f"{date}T10:00:00.000+03:00", **more)


def test_residents_figures_become_claims_once(folder: Path) -> None:
    service = GisService(
        schemas=SHARED,
        page=1,
        history=[
            known("E1", "121.10", "106.5"),
            known("W1", "10.4", resource="1"),
            known("W1", "10", date="2026-09-21", resource="1"),
            known("W1", "9.9", date="2026-08-21", resource="1"),
        ],
    )
    with serving(service) as endpoint:
        config = configured(folder, endpoint)
        told = json.loads(said(config, "gis", "fetch", "--period", "2026-09", "--json"))
        assert told == {"period": "2026-09", "readings": 3, "new": 4, "known": 0, "refused": []}
        again = said(config, "gis", "fetch", "--period", "2026-09")
    assert again.startswith("3 readings, 0 new, 4 known")
    store = open_store(folder / "ledger.sqlite")
    rows = store.database.connection.execute(
        "SELECT source, serial, obis, mantissa, reference FROM claim"
        " JOIN register USING (register_no) JOIN meter USING (meter_no) ORDER BY claim_no"
    ).fetchall()
    store.close()
    assert {row[0] for row in rows} == {ClaimSource.GIS.value}
    assert sorted(row[1:4] for row in rows) == [
        ("E1", "1-0:1.8.1", 12_110),
        ("E1", "1-0:1.8.2", 10_650),
        ("W1", "8-0:1.0.0", 10_000),
        ("W1", "8-0:1.0.0", 10_400),
    ]
    assert rows[0][4].endswith("2026-09-20 2026-09-20T07:00:00Z")


def test_what_cannot_be_a_claim_is_told(folder: Path) -> None:
    service = GisService(
        polls=0,
        history=[
            known("E1", "1", "2", "3"),
            known("W1", "10.4", resource="1", organisation=ORGANISATION),
        ],
    )
    with serving(service) as endpoint:
        told = said(configured(folder, endpoint), "gis", "fetch", "--period", "2026-09")
    assert "2 readings, 0 new" in told
    assert f"not taken: {guid('E1')}: tariff 3 is none of the meter's" in told
    assert f"entered by organisation {ORGANISATION}" in told


def test_nothing_to_tell_is_no_error(folder: Path) -> None:
    with serving(GisService(polls=0)) as endpoint:
        told = said(configured(folder, endpoint), "gis", "fetch", "--period", "2026-09")
    assert told.startswith("0 readings, 0 new, 0 known")


@needs_schema
def test_the_question_is_valid_and_asks_for_two_months_at_most(tmp_path: Path) -> None:
    town = a_town(tmp_path)
    devices = list(town.store.book.gis_devices().values())
    check(history.question(devices, history.window("2026-12"), guid("E1")))
    assert history.window("2026-12") == (
        history.date(2026, 12, 1),
        history.date(2027, 1, 31),
    )


def test_values_of_another_unit_are_converted_exactly_or_told() -> None:
    found = history.Known(guid("W1"), {0: "10456"}, history.date(2026, 9, 1), 0, "", "")
    registers = {0: ("8-0:1.0.0", history.Unit.M3)}
    assert history.values(found, registers, "112") == {"8-0:1.0.0": Decimal("10.456")}
    heat = {0: ("6-0:1.0.0", history.Unit.GCAL)}
    exact = found._replace(values={0: "4.1868"})
    assert history.values(exact, heat, "A056") == {"6-0:1.0.0": Decimal(1)}
    with pytest.raises(history.GisError, match="no exact number of Gcal"):
        history.values(found._replace(values={0: "1"}), heat, "A056")


@pytest.mark.parametrize("period", ["", "2026", "2026-13", "октябрь"])
@pytest.mark.parametrize("command", ["send", "fetch"])
def test_what_is_no_period_is_told_in_a_line(folder: Path, command: str, period: str) -> None:
    result = run(configured(folder, "http://127.0.0.1:9/x"), "gis", command, "--period", period)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "expected a period like 2026-10" in result.stderr


@pytest.mark.parametrize(
    ("entered", "day"),
    [
        ("0001-01-01T00:00:00+14:00", "2026-09-20"),
        ("2026-09-20T10:00:00", "2026-09-20"),
        ("soon", "2026-09-20"),
        ("2026-09-20T10:00:00+03:00", "2026-02-31"),
        ("2026-09-20T10:00:00+03:00", "вчера"),
    ],
)
def test_a_time_that_is_none_is_told_in_a_line(entered: str, day: str) -> None:
    state = parsed(
        f'<a xmlns:m="{history.METERING}" xmlns:d="{history.DEVICE_BASE}">'
        "<m:exportMeteringDeviceHistoryResult><m:ElectricDeviceValue><m:Values><m:CurrentValue>"
        f"<d:MeteringValueT1>1</d:MeteringValueT1><d:EnterIntoSystem>{entered}"
        f"</d:EnterIntoSystem><m:DateValue>{day}</m:DateValue></m:CurrentValue></m:Values>"
        "</m:ElectricDeviceValue></m:exportMeteringDeviceHistoryResult></a>".encode()
    )
    with pytest.raises(history.GisError, match="expected"):
        history.page(state)
