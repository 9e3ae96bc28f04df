"""The registry: importing whole or not at all, exchanging meters, keys."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_sync.signing import SigningKey
from gateway import registry
from gateway.registry import NewMeter, RegistryError
from gateway.registry_csv import COLUMNS, parse_lines
from tests.gateway import estate as town
from tests.gateway.estate import DAY_MS, LINES, MIDNIGHT_MS, Estate, a_readout, csv, kwh
from tests.servers import ledgers

SOUND = dict(zip(COLUMNS, LINES[0].split(","), strict=True))
KEY = SigningKey.from_seed(b"k" * 32).public


def line(**changes: str) -> str:
    return ",".join((SOUND | changes).values())


def a_new_flat(number: int = 2, **changes: str) -> str:
    fresh = {"account": f"10{number}", "dwelling": str(number), "point": f"A-{number}-E"}
    return line(**(fresh | {"meter": f"E{number}"} | changes))


def everything(estate: Estate) -> dict[str, list[str]]:
    return ledgers.everything(estate.store.database)


def problems(estate: Estate, *lines: str) -> list[tuple[int, str]]:
    """Line and column of every problem; nothing may have been written."""
    before = everything(estate)
    with pytest.raises(RegistryError) as refused:
        registry.import_csv(estate.store, csv(*lines))
    assert everything(estate) == before
    return [(problem.line, problem.column) for problem in refused.value.problems]


def test_what_is_imported_stands_in_the_registry(estate: Estate) -> None:
    lines = estate.store.book.standing()
    assert [(line.point, line.meter, line.register, line.device) for line in lines] == [
        ("A-1-E", "E1", "1-0:1.8.1", "edge-1"),
        ("A-1-E", "E1", "1-0:1.8.2", "edge-1"),
        ("A-1-W", "W1", "8-0:1.0.0", "edge-1"),
        ("A-H", "H1", "6-0:1.0.0", "edge-2"),
    ]
    assert lines[0].initial_value == 1000
    assert lines[2].rate_max_per_h == 3125
    assert lines[0].installed_on == 1_790_802_000_000  # 2026-10-01T00:00:00+03:00


def test_importing_again_enters_nothing(estate: Estate) -> None:
    assert set(registry.import_csv(estate.store, csv(*LINES)).values()) == {0}


def dials(estate: Estate) -> dict[str, str]:
    return {line.meter: line.dial for line in estate.store.book.standing()}


def with_dial(*lines: str) -> bytes:
    """The last field of each line is how its register shows its digits."""
    return "\n".join([f"{town.COLUMNS},dial", *lines]).encode()


def test_how_a_dial_shows_its_digits_may_be_said_later_and_otherwise(estate: Estate) -> None:
    assert set(dials(estate).values()) == {""}
    told = with_dial(f"{line()},lcd", f"{a_new_flat()},wheels", f"{a_new_flat(3)},")
    assert registry.import_csv(estate.store, told)["dial"] == 2
    before = {"E1": "lcd", "E2": "wheels", "E3": "", "W1": "", "H1": ""}
    # Of E1's two registers only the first was spoken of; the other one stands later in the list.
    assert dials(estate) | {"E1": "lcd"} == before
    assert registry.import_csv(estate.store, told)["dial"] == 0
    assert registry.import_csv(estate.store, with_dial(f"{a_new_flat()},lcd"))["dial"] == 1
    assert registry.import_csv(estate.store, csv(*LINES, a_new_flat()))["dial"] == 0
    assert dials(estate)["E2"] == "lcd"
    before_bad = everything(estate)
    with pytest.raises(RegistryError, match="column dial: expected one of wheels, lcd"):
        registry.import_csv(estate.store, with_dial(f"{a_new_flat(4)},drum"))
    assert everything(estate) == before_bad


def test_a_meter_that_comes_in_an_exchange_may_show_its_digits_otherwise(estate: Estate) -> None:
    water = dict(zip(COLUMNS, LINES[2].split(","), strict=True))
    registry.import_csv(estate.store, with_dial(f"{','.join(water.values())},lcd"))
    assert dials(estate)["W1"] == "lcd"
    new = NewMeter("W2", "other", {"8-0:1.0.0": Decimal(0)})
    finals = {"8-0:1.0.0": Decimal(9)}
    at_ms = MIDNIGHT_MS + DAY_MS
    registry.exchange_meter(estate.store, "A-1-W", old="W1", finals=finals, new=new, at_ms=at_ms)
    assert dials(estate)["W2"] == ""


def test_a_file_may_add_to_what_is_there(estate: Estate) -> None:
    counts = registry.import_csv(estate.store, csv(*LINES, a_new_flat()))
    assert (counts["house"], counts["point"], counts["register"]) == (0, 1, 1)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("house", ""),
        ("address", ""),
        ("timezone", "Mars/Olympus"),
        ("timezone", "../../etc/passwd"),
        ("account", ""),
        ("dwelling", ""),
        ("point", "x" * 201),
        ("kind", "flat"),
        ("resource", "steam"),
        ("meter", "a b"),
        ("model", ""),
        ("register", "1.8.0"),
        ("register", "1-0:1.8.999"),
        ("unit", "kwh"),
        ("unit", "m3"),
        ("exponent", "-10"),
        ("exponent", "1.5"),
        ("digits", "0"),
        ("digits", "19"),
        ("rate_max_per_h", "0"),
        ("rate_max_per_h", "fast"),
        ("rate_max_per_h", "NaN"),
        ("rate_max_per_h", "1e400"),
        ("installed_on", "31.10.2026"),
        ("installed_on", "2026-02-30"),
        ("installed_on", "0001-01-01"),
        ("initial_value", "-1"),
        ("initial_value", "0.001"),
        ("initial_value", "1000000"),
        ("initial_value", "Infinity"),
        ("device", "Edge 1"),
    ],
)
def test_every_column_names_its_fault(estate: Estate, column: str, value: str) -> None:
    assert (2, column) in problems(estate, a_new_flat(**{column: value}))


def test_every_bad_line_is_named_at_once(estate: Estate) -> None:
    lines = [
        a_new_flat(2, unit="kwh", digits="0"),
        a_new_flat(3),
        a_new_flat(4, address="Lenina 2"),
        "too,few",
        a_new_flat(3),
        a_new_flat(5, point="A-1-E", account="101", dwelling="1"),
    ]
    assert problems(estate, *lines) == [
        (2, "digits"),
        (2, "unit"),
        (4, "address"),
        (5, ""),
        (6, "register"),
        (7, "meter"),
    ]


def test_a_problem_says_what_was_expected_and_what_came(estate: Estate) -> None:
    with pytest.raises(RegistryError) as refused:
        registry.import_csv(estate.store, csv(a_new_flat(unit="m3")))
    assert str(refused.value) == "line 2, column unit: expected one of kWh, kvarh, got 'm3'"


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"timezone": "Asia/Omsk"}, "timezone"),
        ({"dwelling": "9"}, "dwelling"),
        ({"model": "other"}, "model"),
        ({"exponent": "-1"}, "exponent"),
        ({"rate_max_per_h": "20"}, "rate_max_per_h"),
        ({"initial_value": "11"}, "initial_value"),
        ({"installed_on": "2026-10-02"}, "installed_on"),
        ({"device": "edge-2"}, "device"),
        ({"point": "A-1-X"}, "point"),
        ({"meter": "E9"}, "meter"),
    ],
)
def test_a_file_cannot_contradict_the_registry(
    estate: Estate, changes: dict[str, str], column: str
) -> None:
    assert (2, column) in problems(estate, line(**changes))


def test_a_house_meter_belongs_to_no_account(estate: Estate) -> None:
    found = problems(estate, a_new_flat(kind="house"))
    assert found == [(2, "account"), (2, "dwelling")]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "column house: expected this column, got none"),
        (b"house,house\n", "column house: expected a known column, once, got 'house'"),
        (csv(LINES[0]) + b"\n\xff", "line 3: expected UTF-8, got byte 0xff"),
        (csv(LINES[0]) + b'\n"', "line 3: expected CSV"),
    ],
)
def test_a_file_that_is_no_registry_is_one_clear_line(
    estate: Estate, data: bytes, text: str
) -> None:
    with pytest.raises(RegistryError, match="expected") as refused:
        registry.import_csv(estate.store, data)
    assert text in str(refused.value)


def test_a_spreadsheets_semicolons_and_byte_order_mark_are_read(estate: Estate) -> None:
    data = csv(a_new_flat(initial_value="10.5")).decode().replace(",", ";").replace("10.5", "10,5")
    registry.import_csv(estate.store, b"\xef\xbb\xbf" + data.encode())
    assert estate.store.book.standing("A-2-E")[0].initial_value == 1050


@settings(
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(csv)))
def test_any_bytes_are_read_or_refused_by_line(data: bytes) -> None:
    try:
        lines, found = parse_lines(data)
    except RegistryError as error:
        lines, found = [], error.problems
    assert all(str(problem).count("\n") == 0 for problem in found)
    assert len({line.line for line in lines}) == len(lines)


def exchange(estate: Estate, **changes: object) -> None:
    fields: dict[str, object] = {
        "old": "E1",
        "finals": {"1-0:1.8.1": Decimal("12.5"), "1-0:1.8.2": Decimal(3)},
        "new": NewMeter("E7", "SDM", {"1-0:1.8.1": Decimal(1), "1-0:1.8.2": Decimal(0)}),
        "at_ms": MIDNIGHT_MS + DAY_MS,
    }
    registry.exchange_meter(estate.store, "A-1-E", **(fields | changes))  # type: ignore[arg-type]


def test_an_exchange_ends_one_meter_and_begins_another(estate: Estate) -> None:
    exchange(estate)
    lines = estate.store.book.standing("A-1-E")
    assert [(line.meter, line.initial_value, line.device) for line in lines] == [
        ("E7", 100, "edge-1"),
        ("E7", 0, "edge-1"),
    ]
    ended = estate.store.database.connection.execute(
        "SELECT i.removed_at_ms, v.final_mantissa FROM installation i "
        "JOIN installation_value v USING (installation_no) JOIN meter m USING (meter_no) "
        "WHERE m.serial = 'E1' ORDER BY v.register_no"
    ).fetchall()
    assert ended == [(MIDNIGHT_MS + DAY_MS, 1250), (MIDNIGHT_MS + DAY_MS, 300)]


def test_after_an_exchange_each_meter_counts_in_its_own_time(estate: Estate) -> None:
    estate.take(estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(1100))))
    exchange(estate)
    after_ms = MIDNIGHT_MS + DAY_MS + 1000
    estate.take(
        estate.edge.sign(a_readout(after_ms, kwh(101), meter="E7")),
        estate.edge.sign(a_readout(after_ms, kwh(1300))),
        estate.edge.sign(a_readout(MIDNIGHT_MS + 1000, kwh(50), meter="E7")),
    )
    assert [(row[0], row[4], row[5]) for row in estate.rows()] == [
        ("E1", 1100, 0),
        ("E1", 1300, 2),
        ("E7", 50, 2),
        ("E7", 101, 0),
    ]


def test_a_file_from_before_an_exchange_can_be_imported_again(estate: Estate) -> None:
    exchange(estate)
    assert set(registry.import_csv(estate.store, csv(*LINES)).values()) == {0}
    assert estate.store.book.standing("A-1-E")[0].meter == "E7"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"old": "W1"}, "has the meter E1, not W1"),
        ({"at_ms": 0}, "give a later time"),
        ({"finals": {"1-0:1.8.1": Decimal(12)}}, "expected a final value"),
        ({"finals": {"1-0:1.8.1": Decimal("12.001"), "1-0:1.8.2": Decimal(3)}}, "below 1e-2"),
        ({"finals": {"1-0:1.8.1": Decimal(5), "1-0:1.8.2": Decimal(3)}}, "at least 11.00"),
        ({"new": NewMeter("E7", "SDM", {})}, "expected a first value"),
        (
            {"new": NewMeter("H1", "SDM", {"1-0:1.8.1": Decimal(0), "1-0:1.8.2": Decimal(0)})},
            "of meter H1",
        ),
    ],
)
def test_an_exchange_that_cannot_be_is_refused_whole(
    estate: Estate, changes: dict[str, object], text: str
) -> None:
    estate.take(estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(1100))))
    before = everything(estate)
    with pytest.raises(RegistryError, match=text):
        exchange(estate, **changes)
    assert everything(estate) == before


def test_an_exchange_at_a_point_that_is_not_there(estate: Estate) -> None:
    with pytest.raises(RegistryError, match="registry list"):
        registry.exchange_meter(
            estate.store, "nowhere", old="E1", finals={}, new=NewMeter("E7", "", {}), at_ms=0
        )


def test_a_key_belongs_to_one_device(estate: Estate) -> None:
    registry.add_device_key(estate.store, "edge-1", KEY, 0)
    registry.add_device_key(estate.store, "edge-1", KEY, 0)
    with pytest.raises(RegistryError, match="every device makes its own"):
        registry.add_device_key(estate.store, "edge-2", KEY, 0)
    assert estate.store.registry.device_keys([KEY.key_id])[KEY.key_id].device == "edge-1"


def test_a_key_that_is_not_known_cannot_be_ended(estate: Estate) -> None:
    with pytest.raises(RegistryError, match="no device"):
        registry.end_device_key(estate.store, KEY.key_id, MIDNIGHT_MS)


def test_every_change_raises_the_revision(estate: Estate) -> None:
    seen = [estate.store.registry.revision()]
    registry.add_device_key(estate.store, "edge-5", KEY, 0)
    seen.append(estate.store.registry.revision())
    registry.end_device_key(estate.store, KEY.key_id, MIDNIGHT_MS)
    seen.append(estate.store.registry.revision())
    registry.import_csv(estate.store, csv(a_new_flat()))
    seen.append(estate.store.registry.revision())
    exchange(estate)
    seen.append(estate.store.registry.revision())
    assert sorted(set(seen)) == seen


def test_the_helper_lines_are_sound() -> None:
    lines, found = parse_lines(csv(*town.LINES))
    assert (len(lines), found) == (4, [])
