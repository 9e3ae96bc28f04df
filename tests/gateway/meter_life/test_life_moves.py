"""Exchanges, relocation, roles and relations through close_period over the real ledger."""

from decimal import Decimal

import pytest

from gateway import orders, registry
from gateway.estimation.terms import Cause
from gateway.meter_life import acts
from gateway.meter_life.acts import Placed
from gateway.registry import NewMeter
from gateway.sql.orders import OrderLedger
from tests.gateway.meter_life.test_life_closing import (
    BACK,
    POWER,
    T1,
    T2,
    T3,
    by_point,
    read,
    relate,
)
from tests.gateway.test_corrections import WATER, Flat, billed, month_start, three_months
from tests.gateway.town import DEVICE, Dial, Town, local

# Exchange, relocation, another device ------------------------------------------------------------


def test_an_exchange_over_a_turn_of_the_dial(town: Town) -> None:
    dial = Dial("1-0:1.8.0", "kWh", 0, 4, 9_500)
    town.install("A1", town.point("P1"), dial)
    read(town, "A1", local(9, 20), (dial, 9_950))
    town.send()
    new = NewMeter("A2", "SDM", {"1-0:1.8.0": Decimal(0)})
    registry.exchange_meter(
        town.store,
        "P1",
        old="A1",
        finals={"1-0:1.8.0": Decimal(20)},
        new=new,
        at_ms=local(9, 25),
    )
    read(town, "A2", local(10, 1), (dial._replace(exponent=0), 30))
    town.send()
    (line,) = town.close().lines
    assert (line.consumption, line.rollovers) == (520 + 30, 1)


def test_a_turn_that_no_rule_sees_is_a_persons_word(town: Town) -> None:
    dial = Dial("1-0:1.8.0", "kWh", 0, 4, 5_000)
    town.install("A1", town.point("P1"), dial)
    read(town, "A1", local(9, 20), (dial, 7_000))
    town.send()
    finals = {"1-0:1.8.0": Decimal(2_000)}
    with pytest.raises(registry.RegistryError, match="or --rolled-over"):
        acts.remove_meter(town.store, "P1", "A1", finals, local(9, 25))
    acts.remove_meter(town.store, "P1", "A1", finals, local(9, 25), rolled_over=True)
    town.install("B1", town.point("P2", "13"), POWER, at_ms=local(9, 2))
    read(town, "B1", local(10, 1), (POWER, 100))
    town.send()
    assert by_point(town.close())["P1", "1-0:1.8.0"].consumption == 7_000


def test_a_meter_that_moves_bills_at_each_point_what_it_counted_there(town: Town) -> None:
    town.install("A1", town.point("P1"), POWER)
    town.point("P2", "13")
    read(town, "A1", local(9, 10), (POWER, 5_000))
    acts.remove_meter(town.store, "P1", "A1", {POWER.obis: Decimal(60)}, local(9, 15))
    # In the store room it is tried out: 3 kWh that nobody is billed for.
    read(town, "A1", local(9, 17), (POWER, 6_200))
    town.send()
    acts.install_meter(
        town.store, Placed("P2", "A1", DEVICE), {POWER.obis: Decimal(63)}, local(9, 20)
    )
    read(town, "A1", local(10, 1), (POWER, 7_000))
    # It comes late, from its time at the first point.
    read(town, "A1", local(9, 12), (POWER, 5_500))
    town.send()
    lines = by_point(town.close())
    assert lines["P1", POWER.obis].consumption == 60
    assert lines["P2", POWER.obis].consumption == 7
    states = town.store.database.connection.execute(
        "SELECT mantissa, state FROM reading ORDER BY captured_at_ms"
    ).fetchall()
    assert states == [(5_000, 0), (5_500, 0), (6_200, 2), (7_000, 0)]


def test_the_same_meter_comes_back_to_its_point(town: Town) -> None:
    town.install("A1", town.point("P1"), POWER)
    read(town, "A1", local(9, 10), (POWER, 5_000))
    town.send()
    acts.remove_meter(town.store, "P1", "A1", {POWER.obis: Decimal(60)}, local(9, 15))
    # Repaired, its dial begins anew.
    acts.install_meter(
        town.store, Placed("P1", "A1", DEVICE), {POWER.obis: Decimal(0)}, local(9, 20)
    )
    read(town, "A1", local(10, 1), (POWER, 400))
    town.send()
    (line,) = town.close().lines
    assert line.consumption == 60 + 4
    read(town, "A1", local(11, 1), (POWER, 900))
    town.send()
    assert town.close().lines[0].consumption == 5


def test_an_order_ends_when_the_meter_is_put_into_service_anew(flat: Flat) -> None:
    three_months(flat)
    with flat.town.store.transaction() as connection:
        orders.declare(OrderLedger(connection), "W1", Cause.FAILED, month_start(12) + 1)
    value = {WATER.obis: Decimal(40)}
    acts.remove_meter(flat.town.store, "P1", "W1", value, local(12, 10))
    acts.install_meter(flat.town.store, Placed("P1", "W1", DEVICE), value, local(12, 11))
    flat.read((13, 47_000))
    (december,) = flat.close(12).lines
    assert december.consumption == 7 + round(Decimal(11) * 9 / 31, 3)
    flat.read((14, 50_000))
    assert billed(flat.close(13)) == ("actual", Decimal(3))


# Roles, relations --------------------------------------------------------------------------------


@pytest.mark.parametrize("tariffs", [(T1, T2), (T1, T2, T3)])
def test_tariffs_are_billed_and_their_total_checks_them(
    town: Town, tariffs: tuple[Dial, ...]
) -> None:
    town.install("A1", town.point("P1"), POWER, *tariffs)
    shown = [(dial, 1_000 * number) for number, dial in enumerate(tariffs, 1)]
    read(town, "A1", local(10, 1), (POWER, sum(mantissa for _, mantissa in shown)), *shown)
    town.send()
    lines = town.close().lines
    assert [line.role for line in lines] == ["check", *["billed"] * len(tariffs)]
    total, *parts = [line.consumption for line in lines]
    assert sum(parts) == total


def test_what_a_prosumer_gives_back_is_no_consumption(town: Town) -> None:
    town.install("A1", town.point("P1"), POWER, BACK)
    read(town, "A1", local(10, 1), (POWER, 5_000), (BACK, 9_000))
    town.send()
    assert [(line.register, line.role) for line in town.close().lines] == [
        ("1-0:1.8.0", "billed"),
        ("1-0:2.8.0", "export"),
    ]


def test_a_meter_with_tariffs_after_one_without_bills_nothing_twice(town: Town) -> None:
    point = town.point("P1")
    town.install("A1", point, POWER)
    town.remove("A1", local(9, 16), final=10_000)
    town.install("A2", point, POWER, T1, T2, at_ms=local(9, 16))
    read(town, "A2", local(10, 1), (POWER, 3_000), (T1, 2_000), (T2, 1_000))
    town.send()
    lines = town.close().lines
    assert [(line.role, line.consumption) for line in lines] == [
        ("billed", Decimal(100)),
        ("billed", Decimal(20)),
        ("billed", Decimal(10)),
    ]
    read(town, "A2", local(11, 1), (POWER, 6_000), (T1, 4_000), (T2, 2_000))
    town.send()
    assert [line.role for line in town.close().lines] == ["check", "billed", "billed"]


def test_lines_say_behind_which_point_they_stand(town: Town) -> None:
    town.install("H1", town.point("inlet", None), POWER)
    town.install("H2", town.point("lift", None), POWER)
    town.install("A1", town.point("P1"), POWER)
    town.install("C1", town.point("C1"), POWER)
    relate(town, "lift,behind,inlet,2026-09-01", "C1,checks,P1,2026-09-01")
    for serial, mantissa in (("H1", 9_000), ("H2", 1_000), ("A1", 5_000), ("C1", 5_001)):
        read(town, serial, local(10, 1), (POWER, mantissa))
    town.send()
    lines = by_point(town.close())
    assert {point: (line.role, line.behind) for (point, _), line in lines.items()} == {
        "inlet": ("billed", None),
        "lift": ("billed", "inlet"),
        "P1": ("billed", None),
        "C1": ("check", None),
    }
