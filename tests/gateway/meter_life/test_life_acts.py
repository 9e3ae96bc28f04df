"""What happens to meters, entered over the real registry: what may be, and what is refused."""

from decimal import Decimal
from typing import Any

import pytest

from gateway import registry
from gateway.meter_life import acts
from gateway.meter_life.acts import Placed
from gateway.registry import NewMeter, RegistryError
from gateway.sql.meter_life import LifeLedger
from tests.gateway.estate import COLUMNS, DAY_MS, LINES, MIDNIGHT_MS, Estate, a_readout, kwh, litres
from tests.gateway.test_registry import a_new_flat, everything

FINALS = {"1-0:1.8.1": Decimal("12.5"), "1-0:1.8.2": Decimal(3)}
AT_MS = MIDNIGHT_MS + DAY_MS
WITH_FACTOR = f"{COLUMNS},factor"


def with_factor(*lines: str) -> bytes:
    return "\n".join([WITH_FACTOR, *lines]).encode()


def factor_of(estate: Estate, point: str) -> set[str]:
    return {line.factor for line in estate.store.book.standing(point)}


def removed(estate: Estate, at_ms: int = AT_MS) -> None:
    acts.remove_meter(estate.store, "A-1-E", "E1", FINALS, at_ms)


# The registry's CSV ------------------------------------------------------------------------------


def test_a_file_may_have_factors_and_one_line_speaks_for_the_meter(estate: Estate) -> None:
    second = a_new_flat(register="1-0:1.8.2")
    registry.import_csv(estate.store, with_factor(a_new_flat() + ",", second + ",40.0"))
    assert factor_of(estate, "A-2-E") == {"40"}
    assert factor_of(estate, "A-1-E") == {"1"}
    # An old file says nothing of it, and nothing against it.
    old = "\n".join([COLUMNS, *LINES, a_new_flat(), second]).encode()
    assert set(registry.import_csv(estate.store, old).values()) == {0}


@pytest.mark.parametrize(("factor", "text"), [("0", "a factor like 40"), ("1/0", "a factor like")])
def test_a_bad_factor_is_named(estate: Estate, factor: str, text: str) -> None:
    with pytest.raises(RegistryError, match=f"line 2, column factor: expected {text}"):
        registry.import_csv(estate.store, with_factor(f"{a_new_flat()},{factor}"))


def test_a_file_cannot_change_a_factor(estate: Estate) -> None:
    registry.import_csv(estate.store, with_factor(a_new_flat() + ",40"))
    with pytest.raises(RegistryError, match="column factor: expected '40'"):
        registry.import_csv(estate.store, with_factor(a_new_flat() + ",30"))


# Acts --------------------------------------------------------------------------------------------


def test_a_factor_act_keeps_the_meter_where_it_is(estate: Estate) -> None:
    assert acts.change_factor(estate.store, "E1", "80/2", FINALS, AT_MS) == "1"
    assert factor_of(estate, "A-1-E") == {"40"}
    now = estate.store.book.meter("E1")
    assert now is not None
    assert (now.point, now.device, now.read_since_ms) == ("A-1-E", "edge-1", AT_MS)
    with pytest.raises(RegistryError, match="multiplied by 40 already"):
        acts.change_factor(estate.store, "E1", "40", FINALS, AT_MS + 1)
    with pytest.raises(RegistryError, match="expected a factor like 40"):
        acts.change_factor(estate.store, "E1", "x", FINALS, AT_MS + 1)


def test_what_comes_late_from_before_an_act_is_judged_by_what_was_read_before(
    estate: Estate,
) -> None:
    estate.take(estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(1100), kwh(200, "1-0:1.8.2"))))
    acts.change_factor(estate.store, "E1", "40", FINALS, AT_MS)
    fell = a_readout(MIDNIGHT_MS + 3_600_000, kwh(1050), kwh(210, "1-0:1.8.2"))
    estate.take(estate.edge.sign(fell))
    estate.take(estate.edge.sign(a_readout(AT_MS + 3_600_000, kwh(1260), kwh(310, "1-0:1.8.2"))))
    assert estate.states() == [0, 1, 0]
    assert ("V-NEG", "E") in estate.verdicts()


def test_an_exchange_must_say_the_new_factor_where_the_old_one_had_one(estate: Estate) -> None:
    acts.change_factor(estate.store, "E1", "40", FINALS, AT_MS)
    new = NewMeter("E7", "SDM", {"1-0:1.8.1": Decimal(1), "1-0:1.8.2": Decimal(0)})

    def exchange(factor: str) -> None:
        registry.exchange_meter(
            estate.store,
            "A-1-E",
            old="E1",
            finals=FINALS,
            new=new._replace(factor=factor),
            at_ms=AT_MS + DAY_MS,
        )

    with pytest.raises(RegistryError, match="expected --factor for E7"):
        exchange("")
    exchange("1")
    assert factor_of(estate, "A-1-E") == {"1"}


def test_a_meter_is_put_up_where_it_is_free_and_fits(estate: Estate) -> None:
    removed(estate)
    assert estate.store.book.standing("A-1-E") == []
    acts.install_meter(estate.store, Placed("A-1-E", "E1", "edge-2", "1/2"), FINALS, AT_MS)
    assert factor_of(estate, "A-1-E") == {"1/2"}
    assert {line.device for line in estate.store.book.standing("A-1-E")} == {"edge-2"}


@pytest.mark.parametrize(
    ("placed", "values", "at_ms", "text"),
    [
        (Placed("nowhere", "E1", "edge-1"), FINALS, AT_MS, "expected a point"),
        (Placed("A-1-W", "E1", "edge-1"), FINALS, AT_MS, "has the meter W1"),
        (Placed("A-1-E", "E9", "edge-1"), FINALS, AT_MS, "expected a meter of the registry"),
        (Placed("A-1-E", "W1", "edge-1"), FINALS, AT_MS, "stands at A-1-W"),
        (Placed("A-1-E", "E1", "edge-9"), FINALS, AT_MS, "expected a device"),
        (Placed("A-1-E", "E1", "edge-1"), {}, AT_MS, "expected a first value"),
        (Placed("A-1-E", "E1", "edge-1"), FINALS, AT_MS - 1, "is free only since"),
        (Placed("A-1-E", "E1", "edge-1", "0"), FINALS, AT_MS, "expected a factor"),
    ],
)
def test_an_installation_that_cannot_be_is_refused_whole(
    estate: Estate, placed: Placed, values: dict[str, Decimal], at_ms: int, text: str
) -> None:
    removed(estate)
    before = everything(estate)
    with pytest.raises(RegistryError, match=text):
        acts.install_meter(estate.store, placed, values, at_ms)
    assert everything(estate) == before


def test_a_water_meter_is_not_put_up_for_electricity(estate: Estate) -> None:
    removed(estate)
    acts.remove_meter(estate.store, "A-1-W", "W1", {"8-0:1.0.0": Decimal(1)}, AT_MS)
    with pytest.raises(RegistryError, match="counts something else"):
        acts.install_meter(
            estate.store, Placed("A-1-E", "W1", "edge-1"), {"8-0:1.0.0": Decimal(1)}, AT_MS
        )


def test_another_device_reads_a_meter_from_an_instant_on(estate: Estate) -> None:
    assert acts.move_meter(estate.store, "W1", "edge-2", AT_MS) == "edge-1"
    early = estate.edge.sign(a_readout(AT_MS - 1000, litres(5), meter="W1"))
    estate.take(
        estate.edge.sign(a_readout(AT_MS + 1000, litres(6), meter="W1")),
        estate.other.sign(
            a_readout(AT_MS - 2000, litres(4), meter="W1"),
            a_readout(AT_MS + 2000, litres(7), meter="W1"),
        ),
    )
    # A batch of the device before that was late on the road counts all the same.
    estate.take(early)
    assert [(row[4], row[5]) for row in estate.rows()] == [(4, 2), (5, 0), (6, 2), (7, 0)]
    assert ("V-SIG", "E") in estate.verdicts()


@pytest.mark.parametrize(
    ("meter", "device", "at_ms", "text"),
    [
        ("X9", "edge-2", AT_MS, "expected a meter that stands"),
        ("W1", "edge-9", AT_MS, "expected a device"),
        ("W1", "edge-1", AT_MS, "reads W1 already"),
        ("W1", "edge-2", 0, "give a later time"),
    ],
)
def test_a_move_that_cannot_be(
    estate: Estate, meter: str, device: str, at_ms: int, text: str
) -> None:
    with pytest.raises(RegistryError, match=text):
        acts.move_meter(estate.store, meter, device, at_ms)


def test_a_turn_of_the_dial_at_the_end_is_deduced_or_said(estate: Estate) -> None:
    estate.take(estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(1100), kwh(200, "1-0:1.8.2"))))
    low = {"1-0:1.8.1": Decimal(5), "1-0:1.8.2": Decimal(3)}
    with pytest.raises(RegistryError, match="or --rolled-over"):
        acts.remove_meter(estate.store, "A-1-E", "E1", low, AT_MS)
    acts.remove_meter(estate.store, "A-1-E", "E1", low, AT_MS, rolled_over=True)
    said = estate.store.database.connection.execute(
        "SELECT obis, final_rolled FROM installation_value JOIN register USING (register_no)"
        " WHERE obis LIKE '1-0:%' ORDER BY obis"
    ).fetchall()
    assert said == [("1-0:1.8.1", 1), ("1-0:1.8.2", 0)]


def test_a_meters_whole_life_is_one_document(estate: Estate) -> None:
    removed(estate)
    acts.install_meter(estate.store, Placed("A-1-E", "E1", "edge-2", "40"), FINALS, AT_MS + 1)
    life = LifeLedger(estate.store.database.connection)
    assert life.meters_of("A-1-E") == ["E1"] == life.meters_of("E1")
    assert life.meters_of("nothing") == []
    document: Any = life.story("E1").document()
    first, second = document["installations"]
    assert (first["factor"], second["factor"]) == ("1", "40")
    assert first["removed_at"] == "2026-11-01T21:00:00+00:00"
    assert second["removed_at"] is None
    assert first["values"][0] == {
        "register": "1-0:1.8.1",
        "unit": "kWh",
        "initial": "10.00",
        "final": "12.50",
        "rolled_over": False,
    }
    assert [one["device"] for one in document["devices"]] == ["edge-1", "edge-2"]
