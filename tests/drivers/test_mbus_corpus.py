"""Real telegrams against what two other programs make of them, record by record.

Expectations are other programs' output, not truth. Where ours differs, the difference stands in a
table below with the clause that decides it; nothing differs without one.
"""

import json
import xml.etree.ElementTree as ET
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from drivers.driver import FrameError
from drivers.mbus import frame, records, telegram
from drivers.mbus.records import Record
from edge.decode import HexError
from tests.drivers.telegrams import (
    ERRORS,
    LIBMBUS,
    MBUSPARSER,
    SOUND,
    UNUSUAL,
    name,
    needs_telegrams,
    telegram_bytes,
)

pytestmark = needs_telegrams

# Record (file, index) -> why libmbus's value is not ours.
VALUE_EXCEPTIONS = {
    # EN 13757-3:2018, annex A, type A: a digit above 9 is an error code and no number. libmbus
    # reads DDDDEBBD as 13131113.
    ("ELS_Elster-F96-Plus", 4): "invalid-bcd",
    ("ELS_Elster-F96-Plus", 5): "invalid-bcd",
    # Annex A, type G: day 0 and month 0 are "every day of every month", not the date 2000-00-00.
    ("itron_bm_+m", 2): "no-data",
}
# EN 13757-3:2018, table 15, E101 ufnn "duration of limit exceed": the record is a time in seconds.
# libmbus ignores the VIFE and calls 11 582 321 s a flow of so many m3/h.
UNIT_EXCEPTIONS = {("SEN_Pollustat", 12): "s", ("SEN_Pollustat", 13): "s"}

FUNCTIONS = {
    "Instantaneous value": "instantaneous",
    "Actual value": "instantaneous",
    "Maximum value": "maximum",
    "Minimum value": "minimum",
    "Value during error state": "error",
    # libmbus's words for DIF 0Fh and 1Fh, which have no function field.
    "Manufacturer specific": "instantaneous",
    "More records follow": "instantaneous",
}
# Their unit -> ours, and the exponent of ten between them.
UNITS = {
    "m^3": ("m3", 0),
    "m^3/h": ("m3/h", 0),
    "Units for H.C.A.": ("HCA", 0),
    # Of a fixed structure, which libmbus does not normalise.
    "kWh": ("Wh", 3),
    "l": ("m3", -3),
    "m³": ("m3", 0),
    "m³/h": ("m3/h", 0),
}
# MBusParser keeps durations in the unit they are sent in.
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
SIX_PLACES = Decimal("0.000001")


def _libmbus(path: Path) -> list[dict[str, str]]:
    # The header says ISO-8859-1, the bytes are UTF-8.
    text = path.with_suffix(".norm.xml").read_text("utf-8").replace("ISO-8859-1", "UTF-8")
    root = ET.fromstring(text.encode())  # noqa: S314 - a local file of the test data
    return [{field.tag: field.text or "" for field in one} for one in root.iter("DataRecord")]


@pytest.mark.parametrize("path", LIBMBUS, ids=name)
def test_libmbus_and_we_agree_on_every_record(path: Path) -> None:
    ours = telegram.decode(telegram_bytes(path)).records
    theirs = _libmbus(path)
    assert len(ours) == len(theirs)
    for record, expected in zip(ours, theirs, strict=True):
        key = (name(path), record.index)
        _same_channel(record, expected)
        if key in VALUE_EXCEPTIONS:
            assert (record.value, record.time) == (None, None)
            assert record.problem == VALUE_EXCEPTIONS[key]
        else:
            _same_value(record, expected, UNIT_EXCEPTIONS.get(key))


def _same_channel(record: Record, expected: dict[str, str]) -> None:
    assert record.function == FUNCTIONS[expected["Function"]]
    assert record.storage == int(expected.get("StorageNumber", 0))
    assert record.tariff == int(expected.get("Tariff", 0))
    assert record.subunit == int(expected.get("Device", 0))


def _same_value(record: Record, expected: dict[str, str], unit: str | None) -> None:
    value, their_unit = expected["Value"], expected["Unit"]
    if record.value is None:
        said = record.time or record.text or ""
        assert said.removesuffix("Z") == value.replace(" ", "").removesuffix("Z") or said == value
        return
    our_unit, exponent = UNITS.get(their_unit, (their_unit, 0))
    # They print six places; ours are exact.
    assert record.value.quantize(SIX_PLACES) == Decimal(value).scaleb(exponent).quantize(SIX_PLACES)
    if record.quantity.startswith("plain-text"):
        assert record.unit == expected["Quantity"]
    else:
        assert (record.unit or "") == (unit or our_unit)


def test_a_table_of_exceptions_names_only_what_is_there() -> None:
    there = {(name(path), index) for path in LIBMBUS for index in range(len(_libmbus(path)))}
    assert there >= VALUE_EXCEPTIONS.keys() | UNIT_EXCEPTIONS.keys()


def _mbusparser(path: Path) -> dict[str, Any]:
    document: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8").split("\n", 1)[1])
    return document["Datagram"]


# The configuration word 0520h says mode 5 with two encrypted blocks (EN 13757-7:2018, 7.6.3), and
# no 2Fh 2Fh opens the payload. MBusParser names it "Encrypted" too, and reads on all the same.
ENCRYPTED = {"022_apator_electricity"}
# MBusParser's own reading of one manufacturer's codes: 7Fh gives a VIF's meaning to the
# manufacturer alone (EN 13757-3:2018, table 10), so we give the number and no unit.
MAKERS_OWN = {("036_schneider_electricity", 23): "manufacturer-specific"}


@pytest.mark.parametrize("path", MBUSPARSER, ids=name)
def test_mbusparser_and_we_agree_on_every_record(path: Path) -> None:
    ours = telegram.decode(telegram_bytes(path))
    theirs = _mbusparser(path)
    assert ours.identification is not None
    assert int(ours.identification) == theirs["Header"]["Identification number"]
    assert ours.manufacturer == theirs["Header"]["Manufacturer"]
    assert ours.version == theirs["Header"]["Version"]
    assert ours.access_number == theirs["Header"]["Access number"]
    if name(path) in ENCRYPTED:
        assert theirs["Information"]["Decryption status"] == "Encrypted"
        assert [record.problem for record in ours.records] == ["encrypted"]
        return
    # Behind the manufacturer's block of 0Fh MBusParser adds its reading of the radio receiver's
    # bytes within it. A record begins there for no one else (6.3.3).
    assert len(ours.records) <= len(theirs["Data records"])
    extra = theirs["Data records"][len(ours.records) :]
    assert all(one["Vib"]["Description"] == "Rssi" for one in extra)
    for record, expected in zip(ours.records, theirs["Data records"], strict=False):
        _same_record(record, expected, MAKERS_OWN.get((name(path), record.index)))


def _hex(text: str | None) -> str:
    return (text or "").replace("0x", "").replace(" ", "")


def _same_record(record: Record, expected: dict[str, Any], own: str | None) -> None:
    dib = expected["Dib"]
    assert record.dib.hex().upper() == _hex(dib["Dif byte"]) + _hex(dib["Dife bytes"])
    if expected["Vib"] is None or expected["Vib"]["Vif byte"] is None:
        assert record.problem == "manufacturer-specific"
        return
    vib = expected["Vib"]
    assert record.vib.hex().upper() == _hex(vib["Vif byte"]) + _hex(vib["Vife bytes"])
    assert record.data.hex().upper() == _hex(expected["Data"])
    assert record.function == dib["Function field"].lower()
    assert record.storage == dib["Storage number"]
    assert (record.tariff, record.subunit) == (dib["Tariff"] or 0, dib["Subunit"] or 0)
    if own is not None:
        assert (record.problem, record.unit) == (own, None)
        return
    _same_datum(record, expected)


def _same_datum(record: Record, expected: dict[str, Any]) -> None:
    number, text = expected["Numeric value"], expected["Text value"]
    unit = expected["Vib"]["Unit"]
    if number is not None:
        assert record.value is not None
        factor = SECONDS.get(unit, 1)
        # They print three places of a real and at most fifteen digits of anything.
        assert abs(record.value - Decimal(str(number)) * factor) <= Decimal("0.0005")
        ours = "s" if unit in SECONDS else UNITS.get(unit, (unit, 0))[0]
        assert record.unit == ours
    elif expected["Comment"] == "Numeric value is NaN":
        assert (record.value, record.problem) == (None, "not-a-number")
    elif text == "2000-00-00":
        assert (record.time, record.problem) == (None, "no-data")
    elif record.time is not None:
        assert record.time.replace("T", " ") == text
        assert (record.text == "summer time") == (expected["Comment"] == "Summer time")
    elif record.problem != "manufacturer-specific" and "profile" not in record.quantity:
        assert record.text == text


@pytest.mark.parametrize("path", ERRORS, ids=name)
def test_a_damaged_telegram_gets_one_clear_error(path: Path) -> None:
    error = _error(telegram_bytes(path))
    assert len(error) > len("an error")
    assert "\n" not in error


def _error(data: bytes) -> str:
    """Why the frame is refused, or why its records end early."""
    try:
        return telegram.decode(data).damage or ""
    except FrameError as error:
        return str(error)


# A single block of the manufacturer's. The others are a master's commands, one digit short, a byte
# short, or empty.
UNUSUAL_AND_SOUND = {"svm_f22_telegram2"}


@pytest.mark.parametrize("path", UNUSUAL, ids=name)
def test_an_unusual_telegram_decodes_or_gets_one_clear_error(path: Path) -> None:
    if name(path) in UNUSUAL_AND_SOUND:
        assert telegram.decode(telegram_bytes(path)).more_follows
        return
    with pytest.raises((FrameError, HexError), match=r"^expected [^\n]*, got [^\n]*$"):
        telegram.decode(telegram_bytes(path))


@pytest.mark.parametrize("path", SOUND, ids=name)
def test_no_inverted_bit_is_accepted(path: Path) -> None:
    whole = telegram_bytes(path)
    frame.parse(whole)
    number = int.from_bytes(whole)
    for bit in range(8 * len(whole)):
        damaged = (number ^ 1 << bit).to_bytes(len(whole))
        with pytest.raises(FrameError):
            frame.parse(damaged)


@pytest.mark.parametrize("path", SOUND, ids=name)
def test_no_truncated_or_prolonged_telegram_is_accepted(path: Path) -> None:
    whole = telegram_bytes(path)
    for end in range(len(whole)):
        with pytest.raises(FrameError):
            frame.parse(whole[:end])
    with pytest.raises(FrameError, match="follow"):
        frame.parse(whole + b"\x16")


# Of the fixed structure, which is only decoded.
FIXED = {"sen_pollusonic_2"}
VARIABLE = [path for path in SOUND if name(path) not in FIXED]


@pytest.mark.parametrize("path", VARIABLE, ids=name)
def test_what_was_decoded_encodes_to_the_same_telegram(path: Path) -> None:
    whole = telegram_bytes(path)
    decoded = telegram.decode(whole)
    again = telegram.encode(decoded)
    assert telegram.decode(again) == decoded
    # Fillers between records carry nothing and are not kept.
    body = whole[19:-2]
    if not body.startswith(b"\x2f\x2f") and b"\x2f\x2f" not in body:
        assert again == whole


@pytest.mark.parametrize("path", SOUND, ids=name)
def test_a_record_built_from_its_value_is_the_record(path: Path) -> None:
    for record in telegram.decode(telegram_bytes(path)).records:
        if not record.vib or (record.problem and record.value is None):
            continue
        if "profile" in record.quantity:
            continue
        built = records.build(
            record.dib,
            record.vib,
            index=record.index,
            value=record.value,
            time=record.time,
            text=record.text,
        )
        assert (built.value, built.time, built.text) == (record.value, record.time, record.text)
        if record.time is None:
            assert built == record
