"""Records: channels, cutting, and building a record from a value."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.driver import FrameError
from drivers.mbus import records
from drivers.mbus.records import Record

Chain = tuple[list[int], int, bytes]


def _one(text: str) -> Record:
    (record,) = records.decode(bytes.fromhex(text)).records
    return record


@pytest.mark.parametrize(
    ("dib", "function", "storage", "tariff", "subunit"),
    [
        ("04", "instantaneous", 0, 0, 0),
        ("14", "maximum", 0, 0, 0),
        ("24", "minimum", 0, 0, 0),
        ("34", "error", 0, 0, 0),
        ("44", "instantaneous", 1, 0, 0),
        ("84 10", "instantaneous", 0, 1, 0),
        ("84 60", "instantaneous", 0, 2, 1),
        ("C4 80 40", "instantaneous", 1, 0, 2),
        ("84 80 01", "instantaneous", 32, 0, 0),
        ("C4 FF 7F", "instantaneous", 511, 15, 3),
        ("84 80 80 80 80 80 80 80 80 80 01", "instantaneous", 2**37, 0, 0),
    ],
)
def test_channels(dib: str, function: str, storage: int, tariff: int, subunit: int) -> None:
    record = _one(dib + "03 01 00 00 00")
    assert record.function == function
    assert (record.storage, record.tariff, record.subunit) == (storage, tariff, subunit)
    assert record.dib == bytes.fromhex(dib)


def test_a_record_without_data_keeps_its_place() -> None:
    found = records.decode(bytes.fromhex("00 03 08 03 04 03 01 00 00 00")).records
    assert [one.problem for one in found] == ["no-data", "no-data", None]
    assert found[2].index == 2


def test_fillers_are_no_records() -> None:
    assert len(records.decode(bytes.fromhex("2F 2F 01 03 01 2F 01 03 02 2F")).records) == 2


def test_the_manufacturers_block_ends_the_telegram() -> None:
    value, last = records.decode(bytes.fromhex("01 03 01 0F 01 03 02 2F")).records
    assert value.value == 1
    assert (last.text, last.raw, last.problem) == (
        "0103022F",
        "0F0103022F",
        "manufacturer-specific",
    )
    assert records.manufacturer_data(bytes.fromhex("01 03 02 2F"), index=1) == last
    assert records.manufacturer_data(b"", more_follows=True).dib == b"\x1f"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("04", "1 bytes of VIF, got 0"),
        ("84", "1 bytes of DIFE, got 0"),
        ("04 83", "1 bytes of VIFE, got 0"),
        ("04 03 01 02", "4 bytes of data, got 2"),
        ("0D 03", "1 bytes of data length, got 0"),
        ("0D 03 05 41", "5 bytes of data, got 1"),
        ("04 7C", "1 bytes of unit length"),
        ("04 7C 05 41", "5 bytes of unit, got 1"),
        ("04 FC 01 41", "1 bytes of VIFE, got 0"),
        ("84" + "80" * 11, "more than 10 DIFEs"),
        ("04" + "83" + "80" * 11, "more than 10 VIFEs"),
        ("04 FC 01 41" + "80" * 11, "more than 10 VIFEs"),
        ("8F", "DIF 8Fh is reserved"),
        ("7F", "DIF 7Fh is reserved"),
    ],
)
def test_a_record_that_cannot_be_cut_out_ends_the_list_and_costs_none_before_it(
    body: str, reason: str
) -> None:
    assert records.decode(bytes.fromhex(body))[0] == ()
    found, damage = records.decode(bytes.fromhex("01 03 07" + body))
    assert [one.value for one in found] == [7]
    assert damage is not None
    assert reason in damage


@pytest.mark.parametrize(
    ("dib", "vib", "value", "raw"),
    [
        ("04", "13", "54.321", "041331D40000"),
        ("0C", "06", "2850427000", "0C0627048502"),
        ("04", "22", "3600", "042201000000"),
        ("8410", "04", "103880", "841004" + "94280000"),
        ("02", "FDBA73", "-0.310", "02FDBA73CAFE"),
        ("05", "5B", "92", "055B0000B842"),
        ("02", "DA7B", "1.5", "02DA7B0500"),
        ("0D", "13", "-1.234", "0D13D23412"),
        ("04", "7C0143", "3571", "047C0143F30D0000"),
    ],
)
def test_a_record_is_built_from_its_value(dib: str, vib: str, value: str, raw: str) -> None:
    built = records.build(bytes.fromhex(dib), bytes.fromhex(vib), value=Decimal(value))
    assert built.raw == raw
    assert built.value == Decimal(value)


def test_a_record_is_built_from_a_time_or_text() -> None:
    at = records.build(b"\x04", b"\x6d", time="2012-07-10T15:25:00", text="summer time")
    assert (at.time, at.text) == ("2012-07-10T15:25:00", "summer time")
    assert records.build(b"\x0d", b"\xfd\x11", text="Пломба".encode().decode("latin-1")).text


@pytest.mark.parametrize(
    ("dib", "vib", "value", "reason"),
    [
        ("04", "13", "0.0001", "finer than the record's scale"),
        ("04", "21", "61", "no multiple of 60 s"),
        ("02", "13", "99", "does not fit into 2 bytes"),
        ("04", "13", "NaN", "a finite number"),
    ],
)
def test_a_value_the_record_cannot_hold_is_refused(
    dib: str, vib: str, value: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        records.build(bytes.fromhex(dib), bytes.fromhex(vib), value=Decimal(value))


@given(st.integers(-(2**31) + 1, 2**31 - 1), st.integers(0, 0x6B))
def test_every_plain_vif_round_trips_every_value(number: int, vif: int) -> None:
    data = number.to_bytes(4, "little", signed=True)
    record = _one(f"04 {vif:02X}" + data.hex())
    assert records.build(record.dib, record.vib, value=record.value) == record


# Chains that are nearly too long are rare in random bytes, so they are drawn on purpose.
CHAINS = st.tuples(
    st.lists(st.integers(0x80, 0xFF), max_size=13), st.integers(0, 0x7F), st.binary(max_size=20)
)


@given(st.tuples(CHAINS, CHAINS))
def test_the_quick_way_to_cut_blocks_is_the_slow_one(chains: tuple[Chain, Chain]) -> None:
    (difes, dif_end, _), (vifes, vif_end, rest) = chains
    body = bytes((*difes, dif_end, *vifes, vif_end)) + rest
    quick = records._BLOCKS.match(body)
    if body[0] & 0x0F == 0x0F:
        assert quick is None
        return
    try:
        slow = records._blocks_end(body, 0)
    except FrameError:
        assert quick is None
        return
    vif_at = len(difes) + 1
    is_plain_text = body[vif_at] & 0x7F == 0x7C
    assert (quick is None) == is_plain_text
    assert quick is None or quick.end() == slow
