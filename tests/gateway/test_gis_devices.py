"""What ГИС ЖКХ calls the meters is entered whole or not at all, and may be corrected."""

import uuid

import pytest

from gateway import gis_devices
from gateway.registry import RegistryError
from tests.gateway.closed import HOUSE_GUID, WATER_GUID
from tests.gateway.estate import Estate

HEAD = "meter,device_guid,unit,resource_guid,house_guid"
HEAT_GUID = WATER_GUID.replace("1", "9")


def guid(number: int) -> str:
    return str(uuid.UUID(int=number))


E1 = f"E1,{guid(1)},245,,{HOUSE_GUID}"
W1 = f"W1,{guid(2)},113,{WATER_GUID},{HOUSE_GUID}"
H1 = f"H1,{guid(3)},A056,{HEAT_GUID},"


def csv(*lines: str) -> bytes:
    return "\n".join([HEAD, *lines]).encode()


def refusal(estate: Estate, *lines: str) -> list[str]:
    """What is said of bad lines, after which nothing was entered."""
    before = estate.store.book.gis_devices()
    with pytest.raises(RegistryError) as refused:
        gis_devices.import_csv(estate.store, csv(*lines))
    assert estate.store.book.gis_devices() == before
    return [str(problem) for problem in refused.value.problems]


def test_devices_are_entered_once(estate: Estate) -> None:
    assert gis_devices.import_csv(estate.store, csv(E1, W1, H1)) == {
        "new": 3,
        "changed": 0,
        "same": 0,
    }
    assert gis_devices.import_csv(estate.store, csv(E1, W1, H1))["same"] == 3
    known = estate.store.book.gis_devices()
    assert known["W1"] == (guid(2), "113", WATER_GUID, HOUSE_GUID)
    assert known["H1"].house_guid == ""


def test_a_semicolon_and_capital_guids_will_do(estate: Estate) -> None:
    data = f"\ufeff{HEAD}\n{W1.upper()}".replace(",", ";")
    gis_devices.import_csv(estate.store, data.encode())
    assert estate.store.book.gis_devices()["W1"].resource_guid == WATER_GUID


def test_a_later_file_corrects_an_earlier_one_even_crosswise(estate: Estate) -> None:
    gis_devices.import_csv(estate.store, csv(E1, W1))
    crossed = [E1.replace(guid(1), guid(2)), W1.replace(guid(2), guid(1))]
    assert gis_devices.import_csv(estate.store, csv(*crossed)) == {
        "new": 0,
        "changed": 2,
        "same": 0,
    }
    known = estate.store.book.gis_devices()
    assert (known["E1"].device_guid, known["W1"].device_guid) == (guid(2), guid(1))


def test_every_bad_line_is_named_and_nothing_is_entered(estate: Estate) -> None:
    said = refusal(
        estate,
        E1,
        f"X9,{guid(4)},113,{WATER_GUID},",
        "W1,not-a-guid,113,,Lenina 1",
        f"H1,{guid(1)},A056,{HEAT_GUID}",
    )
    assert [line.split(": expected")[0] for line in said] == [
        "line 3, column meter",
        "line 4, column device_guid",
        "line 4, column house_guid",
        "line 4, column resource_guid",
        "line 5",
    ]
    assert "a meter of the registry, got 'X9'" in said[0]
    assert "4 fields instead of 5" in said[4]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (E1.replace("245", "246"), "the device's ОКЕИ code (245), got '246'"),
        (W1.replace("113", "м3"), "the device's ОКЕИ code (112, 113), got 'м3'"),
        (W1.replace("113", "114"), "the device's ОКЕИ code (112, 113), got '114'"),
    ],
)
def test_a_unit_must_be_one_the_resource_can_have(estate: Estate, line: str, expected: str) -> None:
    (said,) = refusal(estate, line)
    assert said == f"line 2, column unit: expected {expected}"


def test_a_unit_must_be_exact_for_the_register(estate: Estate) -> None:
    # A meter in GJ cannot be told in Gcal, only the other way round.
    estate.store.database.connection.execute(
        "UPDATE register SET unit = 'GJ' WHERE obis = '6-0:1.0.0'"
    )
    (said,) = refusal(estate, H1.replace("A056", "233"))
    assert "a unit into which GJ converts exactly (271, A056, A058), got '233'" in said
    assert gis_devices.import_csv(estate.store, csv(H1))["new"] == 1


def test_a_guid_belongs_to_one_meter(estate: Estate) -> None:
    (said,) = refusal(estate, E1, W1.replace(guid(2), guid(1)))
    assert said.endswith("device_guid: expected a device of its own, got the one of meter E1")
    gis_devices.import_csv(estate.store, csv(E1))
    (said,) = refusal(estate, W1.replace(guid(2), guid(1).upper()))
    assert said.endswith("got the one of meter E1")
    (said,) = refusal(estate, W1, W1)
    assert said == "line 3, column meter: expected each meter once, got the one of line 2 again"


def test_the_meters_of_a_resource_name_one_record(estate: Estate) -> None:
    gis_devices.import_csv(estate.store, csv(W1))
    estate.store.database.connection.execute(
        "UPDATE point SET resource = 'cold-water' WHERE name = 'A-H'"
    )
    estate.store.database.connection.execute(
        "UPDATE register SET unit = 'm3', obis = '8-0:1.0.0' WHERE obis = '6-0:1.0.0'"
    )
    (said,) = refusal(estate, W1, H1.replace("A056", "113"))
    assert said.startswith(f"line 3, column resource_guid: expected {WATER_GUID} of cold-water")


def test_the_meters_of_a_house_name_one_house(estate: Estate) -> None:
    (said,) = refusal(estate, E1, W1.replace(HOUSE_GUID, WATER_GUID))
    assert said.endswith(
        f"line 3, column house_guid: expected {HOUSE_GUID} of A as in line 2, got '{WATER_GUID}'"
    )


def test_a_file_that_is_no_such_csv_is_refused(estate: Estate) -> None:
    with pytest.raises(RegistryError, match="column device_guid: expected this column, got none"):
        gis_devices.import_csv(estate.store, b"meter,guid\n")
    with pytest.raises(RegistryError, match="expected UTF-8"):
        gis_devices.import_csv(estate.store, HEAD.encode() + b"\n\xff")
