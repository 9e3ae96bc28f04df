"""No sum over lines bills twice, and every export says the right thing of a multiplied meter."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from drivers.reading import to_ms
from gateway import planning, settling
from gateway.__main__ import main
from gateway.balance.registers import consumed
from gateway.billing import Facts, Installation, Mark, ReadingKey
from gateway.config import LEDGER_FILE
from gateway.export.cim import NAMESPACE, as_cim
from gateway.export.columns import as_columns, load
from gateway.export.gis_zhkh import as_gis_zhkh
from gateway.meter_life import acts
from gateway.model import GisDevice
from gateway.periods import Bounds
from gateway.sql.balance import BalanceLedger
from gateway.sql.closed import ClosedLedger
from tests.gateway.meter_life.test_factor import FACTORS
from tests.gateway.meter_life.test_life_closing import BACK, POWER, T1, T2, read, relate
from tests.gateway.town import HOUSE, Town, local
from tests.servers.ledgers import look

GUID = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """A flat with two tariffs, their total and what it gives back; times 40 from 2 September."""
    town = Town(tmp_path)
    town.install("A1", town.point("P1"), POWER, T1, T2, BACK)
    town.install("H1", town.point("inlet", None), POWER)
    town.install("H2", town.point("lift", None), POWER)
    town.install("C1", town.point("C1"), POWER)
    relate(town, "lift,behind,inlet,2026-09-01", "C1,checks,P1,2026-09-01")
    zero = {dial.obis: Decimal(0) for dial in (POWER, T1, T2, BACK)}
    acts.change_factor(town.store, "A1", "40", zero, local(9, 1, 1))
    end_ms = local(10, 1)
    read(town, "A1", end_ms, (POWER, 300), (T1, 200), (T2, 100), (BACK, 50))
    for serial, mantissa in (("H1", 20_000), ("H2", 3_000), ("C1", 12_001)):
        read(town, serial, end_ms, (POWER, mantissa))
    town.send()
    town.close()
    return town


def test_the_balance_counts_each_flow_once(town: Town) -> None:
    used = BalanceLedger(town.store.database.connection).lines(HOUSE, "2026-09")
    volumes = {(one.point, one.register): one.volume for one in consumed(used)["electricity"]}
    assert volumes == {
        ("P1", "1-0:1.8.1"): 80,
        ("P1", "1-0:1.8.2"): 40,
        ("inlet", "1-0:1.8.0"): 170,
        ("lift", "1-0:1.8.0"): 30,
    }


def test_a_chart_shows_what_was_used_once_and_multiplied(town: Town) -> None:
    read(town, "A1", local(10, 2), (POWER, 310), (T1, 205), (T2, 105), (BACK, 60))
    town.send()
    with look(town.folder / LEDGER_FILE) as overview:
        (series,) = overview.consumption(HOUSE, [local(10, 1), local(10, 2)])
    assert series.amounts == (Decimal("4.00"),)


def test_an_accounts_file_has_nothing_that_bills_twice(town: Town) -> None:
    lines = list(ClosedLedger(town.store.database).closed("2026-09", HOUSE))
    found = as_columns(lines, load("1c"))
    rows = found.files[0].decode("cp1251").splitlines()[1:]
    assert [row.split(";")[4] for row in rows] == ["1-0:1.8.1", "1-0:1.8.2"]
    assert [row.split(";")[9] for row in rows] == ["80,00", "40,00"]
    assert {(one.meter, one.register): one.reason[:14] for one in found.left_out} == {
        ("A1", "1-0:1.8.0"): "a check regist",
        ("A1", "1-0:2.8.0"): "energy given b",
        ("C1", "1-0:1.8.0"): "a check regist",
        ("H1", "1-0:1.8.0"): "a meter of the",
        ("H2", "1-0:1.8.0"): "a meter of the",
    }
    assert found.lines + len(found.left_out) == len(lines)


def test_gis_zhkh_has_the_meters_own_values_by_tariff(town: Town) -> None:
    lines = list(ClosedLedger(town.store.database).closed("2026-09", HOUSE))
    device = GisDevice(GUID, "245", "", "")
    (file,) = as_gis_zhkh(lines, {"A1": device}).files
    texts = {element.tag.rpartition("}")[2]: element.text for element in ET.fromstring(file).iter()}  # noqa: S314 - ours
    assert (texts["MeteringValueT1"], texts["MeteringValueT2"]) == ("2.00", "1.00")
    assert "MeteringValueT3" not in texts


def test_cim_has_what_was_billed(town: Town) -> None:
    lines = list(ClosedLedger(town.store.database).closed("2026-09", HOUSE))
    (file,) = as_cim(one for one in lines if one.line.point == "P1").files
    values = [one.text for one in ET.fromstring(file).iter(f"{{{NAMESPACE}}}value")]  # noqa: S314 - ours
    assert values == ["120.00", "80.00", "40.00", "20.00"]


def test_a_trace_says_the_factor_and_what_is_not_billed(town: Town) -> None:
    town.store.close()
    said_of = "".join(
        CliRunner()
        .invoke(main, ["trace", f"2026-09-{number:06}", "--data", str(town.folder)])
        .output
        for number in range(1, 8)
    )
    assert "to 3.00, times 40; not billed: check" in said_of
    assert "to 2.00, times 40\n" in said_of
    assert "to 0.50, times 40; not billed: export" in said_of


HOUR_MS = 3_600_000
START_MS = to_ms(datetime(2026, 1, 1, tzinfo=UTC))


@given(
    FACTORS,
    st.integers(3, 6),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 1)), min_size=1, max_size=6),
)
def test_lines_add_up_to_the_registers_way_however_it_is_cut(
    times: str, digits: int, ends: list[tuple[int, int]]
) -> None:
    """Closed hour by hour, each line from where the one before closed, or as one line."""
    full = 10**digits
    one = Installation(1, -2, digits, START_MS, 0, factor=times)
    marks = [
        (Mark(1, at_ms, value % full, ReadingKey(at_ms, 0)), turns)
        for number, (value, turns) in enumerate(ends, 1)
        if (at_ms := START_MS + number * HOUR_MS)
    ]
    opening, parts = None, 0
    for mark, turns in marks:
        bounds = Bounds(mark.at_ms - HOUR_MS, mark.at_ms)
        (span,) = planning.plan([one], opening, bounds)
        settled = settling.settle([span], [Facts(mark, turns)])
        parts += settled.consumption
        opening = settled.closing
    (span,) = planning.plan([one], None, Bounds(START_MS, marks[-1][0].at_ms))
    whole = settling.settle([span], [Facts(marks[-1][0], sum(turns for _, turns in marks))])
    assert parts == whole.consumption
