"""Value information: ranges of the tables, chains of VIFEs, and every code of every table.

Codes and words follow EN 13757-3:2018, tables 10 to 18; real frames behind the trickier ones are
named beside them.
"""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.mbus import records, values, vib
from drivers.mbus.vif import FIRST_EXTENSION, PRIMARY, SECOND_EXTENSION, Kind


def _says(vib_hex: str, value: int = 1) -> tuple[str, str, str | None]:
    """Quantity, value and unit of a 32-bit integer under this VIB."""
    data = value.to_bytes(4, "little", signed=True)
    (record,) = records.decode(b"\x04" + bytes.fromhex(vib_hex) + data).records
    assert record.value is not None
    return record.quantity, format(record.value, "f"), record.unit


@pytest.mark.parametrize(
    ("code", "quantity", "one", "unit"),
    [
        ("00", "energy", "0.001", "Wh"),
        ("07", "energy", "10000", "Wh"),
        ("08", "energy", "1", "J"),
        ("0F", "energy", "10000000", "J"),
        ("10", "volume", "0.000001", "m3"),
        ("17", "volume", "10", "m3"),
        ("18", "mass", "0.001", "kg"),
        ("1F", "mass", "10000", "kg"),
        ("20", "on-time", "1", "s"),
        ("21", "on-time", "60", "s"),
        ("22", "on-time", "3600", "s"),
        ("27", "operating-time", "86400", "s"),
        ("2B", "power", "1", "W"),
        ("30", "power", "1", "J/h"),
        ("3E", "volume-flow", "1", "m3/h"),
        ("47", "volume-flow", "60", "m3/h"),
        ("4F", "volume-flow", "36.00", "m3/h"),
        ("53", "mass-flow", "1", "kg/h"),
        ("58", "flow-temperature", "0.001", "°C"),
        ("5F", "return-temperature", "1", "°C"),
        ("61", "temperature-difference", "0.01", "K"),
        ("67", "external-temperature", "1", "°C"),
        ("6B", "pressure", "1", "bar"),
        ("6E", "heat-cost-allocation", "1", "HCA"),
        ("73", "averaging-duration", "86400", "s"),
        ("74", "actuality-duration", "1", "s"),
        ("78", "fabrication-number", "1", None),
        ("FB 00", "energy", "100000", "Wh"),
        ("FB 01", "energy", "1000000", "Wh"),
        ("FB 02", "reactive-energy", "1000", "varh"),
        ("FB 08", "energy", "100000000", "J"),
        ("FB 0D", "energy", "1000000", "cal"),
        ("FB 10", "volume", "100", "m3"),
        ("FB 14", "reactive-power", "1", "var"),
        ("FB 19", "mass", "1000000", "kg"),
        ("FB 1A", "relative-humidity", "0.1", "%"),
        ("FB 21", "volume", "0.1", "ft3"),
        ("FB 23", "volume", "1", "gal"),
        ("FB 29", "power", "1000000", "W"),
        ("FB 2D", "frequency", "0.01", "Hz"),
        ("FB 37", "apparent-power", "1000", "VA"),
        ("FB 5B", "flow-temperature", "1", "°F"),
        ("FB 7F", "cumulated-maximum-power", "10000", "W"),
        ("FD 03", "credit", "1", "currency"),
        ("FD 17", "error-flags", "1", None),
        ("FD 26", "storage-interval", "3600", "s"),
        ("FD 28", "storage-interval", "1", "month"),
        ("FD 3A", "dimensionless", "1", None),
        ("FD 48", "voltage", "0.1", "V"),
        ("FD 5C", "current", "1", "A"),
        ("FD 6C", "battery-operating-time", "3600", "s"),
        ("FD 6F", "battery-operating-time", "1", "year"),
        ("FD 71", "rf-level", "1", "dBm"),
        ("FD 74", "battery-remaining", "86400", "s"),
        ("FD FD 02", "battery-remaining", "1", "month"),
    ],
)
def test_codes_of_the_tables(code: str, quantity: str, one: str, unit: str | None) -> None:
    assert _says(code) == (quantity, one, unit)


@pytest.mark.parametrize(
    ("chain", "value", "said"),
    [
        # NZR: 10^-1 behind 10^4 Wh.
        ("87 75", 112_119, ("energy", "112119000", "Wh")),
        # Gavazzi EM111: factors behind FBh and FDh.
        ("FB 82 75", 37_219, ("reactive-energy", "3721900", "varh")),
        ("FB 97 72", -310, ("reactive-power", "-31.0", "var")),
        ("FD BA 73", 988, ("dimensionless", "0.988", None)),
        # A factor counts wherever it stands, and all of them count.
        ("83 BB 7D", 5, ("energy forward", "5000", "Wh")),
        ("83 F0 F7 7D", 5, ("energy", "0.05", "Wh")),
        ("DA 7B", 5, ("flow-temperature", "1.5", "°C")),
        ("DB 78", -5, ("flow-temperature", "-4.999", "°C")),
        # What is added is in the unit of the VIF too: minutes, and m3 a minute.
        ("A5 78", 1, ("operating-time", "60.060", "s")),
        ("C7 7B", 1, ("volume-flow", "120", "m3/h")),
        # Other quantities, not other values.
        ("83 3B", 5, ("energy forward", "5", "Wh")),
        ("83 3C", 5, ("energy backward", "5", "Wh")),
        ("83 FC 10", 5, ("energy absolute", "5", "Wh")),
        ("FD C8 FC 01", 5, ("voltage phase-L1", "0.5", "V")),
        ("93 28", 5, ("volume increment-per-input-pulse-0", "0.005", "m3")),
        ("93 69", 5, ("volume leakage", "0.005", "m3")),
        ("93 23", 5, ("volume", "0.005", "m3/d")),
        ("BB 48", 5, ("volume-flow upper-limit", "0.005", "m3/h")),
        # Other things altogether: the VIF's scale is not theirs.
        ("BB 49", 5, ("volume-flow exceeds-of-upper-limit", "5", None)),
        ("BE 50", 5, ("volume-flow duration-of-first-lower-limit-exceed", "5", "s")),
        ("BB 5E", 5, ("volume-flow duration-of-last-upper-limit-exceed", "18000", "s")),
        ("AB 61", 5, ("power duration-of-first", "300", "s")),
        # The manufacturer's: the VIF before keeps its meaning, what follows is named by its bytes,
        # and a 7Dh among those is no factor (ABB B21).
        ("FD C9 FF 01", 5, ("voltage manufacturer-specific 01", "5", "V")),
        ("84 FF FD 7D", 5, ("energy manufacturer-specific FD7D", "50", "Wh")),
        ("83 7F", 5, ("energy manufacturer-specific", "5", "Wh")),
        ("83 12", 5, ("energy average", "5", "Wh")),
        ("83 00", 5, ("energy", "5", "Wh")),
    ],
)
def test_chains(chain: str, value: int, said: tuple[str, str, str | None]) -> None:
    assert _says(chain, value) == said


def test_the_longest_chain_of_factors_loses_no_digit_of_the_smallest_real() -> None:
    # The smallest real times 10^-2 m3/s, nine factors of 10^-6, and 1 m3/s added to it.
    chain = "CF" + "F0" * 9 + "7B"
    (record,) = records.decode(bytes.fromhex("05" + chain + "01 00 00 00")).records
    assert record.value is not None
    rest = values.EXACT.subtract(record.value, 3600)
    smallest = values.EXACT.power(2, -149)
    assert rest == values.EXACT.multiply(smallest, Decimal("36E-54"))


@pytest.mark.parametrize(
    ("chain", "quantity"),
    [
        ("6D", "date-time"),
        ("AB 39", "power start"),
        ("BB 42", "volume-flow begin-of-first-lower-limit-exceed"),
        ("BB 4F", "volume-flow end-of-last-upper-limit-exceed"),
        ("AB 6A", "power begin-of-first"),
        ("AB 6F", "power end-of-last"),
        ("FD 70", "battery-change"),
    ],
)
def test_codes_that_make_a_record_a_time(chain: str, quantity: str) -> None:
    data = bytes.fromhex("0B 0A A9 24")
    (record,) = records.decode(b"\x04" + bytes.fromhex(chain) + data).records
    assert (record.quantity, record.time) == (quantity, "2021-04-09T10:11:00")
    assert (record.value, record.unit) == (None, None)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0x15, "no data available"),
        (0x16, "data overflow"),
        (0x17, "data underflow"),
        (0x18, "data error"),
        (0x04, "tariff not implemented"),
    ],
)
def test_a_record_error_stands_in_place_of_the_value(code: int, text: str) -> None:
    (record,) = records.decode(bytes((0x04, 0x83, code, 1, 2, 3, 4))).records
    assert (record.value, record.problem, record.text) == (None, "no-data", text)
    assert record.quantity == "energy"


@pytest.mark.parametrize(
    ("chain", "problem"),
    [
        ("6F", "reserved"),
        ("7B", "reserved"),
        ("FB 06", "reserved"),
        ("FD 77", "reserved"),
        ("FD FD 7F", "reserved"),
        ("EF 7D", "reserved"),  # a table without codes; 7Dh is no factor here
        ("83 10", "reserved"),
        ("83 FC 7F", "reserved"),
        ("93 3D", "reserved"),  # annex C: another unit, not named here
        ("FF 0A", "manufacturer-specific"),
        ("7F", "manufacturer-specific"),
    ],
)
def test_an_unknown_code_keeps_the_raw_number_and_its_problem(chain: str, problem: str) -> None:
    (record,) = records.decode(bytes.fromhex("04" + chain + "07 00 00 00")).records
    assert record.problem == problem
    assert record.value == Decimal(7)


@pytest.mark.parametrize(
    ("block", "quantity", "value", "unit"),
    [
        # Length and text behind the VIFEs, as EN 13757-3:2018, C.2 has it.
        ("FC 74 03 48 52 25 44 0D", "plain-text", "33.96", "%RH"),
        ("FC F4 74 03 48 52 25 44 0D", "plain-text", "0.3396", "%RH"),
        ("FC 3B 03 43 42 41 44 0D", "plain-text forward", "3396", "ABC"),
        # A VIF without the extension bit has no VIFEs to look for.
        ("7C 03 48 52 25 44 0D", "plain-text", "3396", "%RH"),
        # A length that is the code of a VIFE too: the text decides.
        ("FC 02 6B 78 74 44 0D", "plain-text", "33.96", "xk"),
    ],
)
def test_a_unit_in_plain_text_may_stand_behind_its_vifes(
    block: str, quantity: str, value: str, unit: str
) -> None:
    (record,) = records.decode(bytes.fromhex("02" + block)).records
    assert (record.quantity, record.value, record.unit) == (quantity, Decimal(value), unit)


def test_a_unit_that_ends_early_is_told_whichever_order_it_has() -> None:
    assert records.decode(bytes.fromhex("02 FC 74 03 48")).damage == (
        "the records end early: expected 116 bytes of unit, got 2"
    )


def test_a_unit_in_plain_text_is_read_backwards_and_scaled_by_its_vifes() -> None:
    # Elvaco CMa10.
    (record,) = records.decode(bytes.fromhex("02 FC 03 48 52 25 74 22 15")).records
    assert (record.quantity, record.value, record.unit) == ("plain-text", Decimal("54.10"), "%RH")


@pytest.mark.parametrize(
    ("table", "prefix"),
    [(PRIMARY, b""), (FIRST_EXTENSION, b"\xfb"), (SECOND_EXTENSION, b"\xfd")],
)
def test_every_code_of_a_table_is_found_under_itself(
    table: dict[int, object], prefix: bytes
) -> None:
    for code, meant in table.items():
        assert vib.read(prefix + bytes((code,)))[:5] == meant


def test_identifiers_and_flags_have_no_sign() -> None:
    assert _says("FD 17", -1)[1] == str(2**32 - 1)
    assert vib.read(b"\x78").kind is Kind.UNSIGNED


@given(st.binary(min_size=1, max_size=10))
def test_every_complete_vib_has_a_meaning(codes: bytes) -> None:
    chain = bytes(code | 0x80 for code in codes if code & 0x7F != vib.PLAIN_TEXT)
    meaning = vib.read(chain + b"\x00\x00\x00")
    assert meaning.quantity
