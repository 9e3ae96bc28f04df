"""Registers to exact decimals: every kind and order, against pymodbus and makers' examples."""

import struct
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client.mixin import ModbusClientMixin

from drivers.modbus.values import (
    KINDS,
    Kind,
    Order,
    bytes_to_words,
    decode,
    encode,
    is_float,
    width,
    words_to_bytes,
)
from drivers.reading import Unit
from drivers.register import Register

ORDERS: tuple[Order, ...] = get_args(Order)
PYMODBUS = ModbusClientMixin.DATATYPE
any_kind = st.sampled_from(KINDS)
any_order = st.sampled_from(ORDERS)


def a_register(exponent: int) -> Register:
    return Register(obis="1-0:1.8.0", unit=Unit.KWH, exponent=exponent, digits=8)


def test_the_voltage_of_eastrons_own_example() -> None:
    # Eastron SDM Modbus protocol, the worked example of function 04: 43 66 33 34 is 230.2 V.
    number = decode((0x4366, 0x3334), "float32")
    assert number is not None
    assert a_register(-1).rounded(number).value == Decimal("230.2")


def test_a_float_is_the_exact_decimal_of_its_bits() -> None:
    assert decode((0x43E4, 0xB333), "float32") == Decimal("457.399993896484375")


def test_the_four_orders_of_one_float() -> None:
    # 123456.0 is 47 F1 20 00: AB CD, CD AB, BA DC, DC BA.
    value = Decimal(123456)
    assert encode(value, "float32") == (0x47F1, 0x2000)
    assert encode(value, "float32", word_order="little") == (0x2000, 0x47F1)
    assert encode(value, "float32", byte_order="little") == (0xF147, 0x0020)
    assert encode(value, "float32", word_order="little", byte_order="little") == (0x0020, 0xF147)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.endswith("48")])
@pytest.mark.parametrize("order", ORDERS)
def test_pymodbus_reads_and_writes_the_same(kind: Kind, order: Order) -> None:
    value = 12345.5 if is_float(kind) else 12345
    words = ModbusClientMixin.convert_to_registers(value, PYMODBUS[kind.upper()], order)
    assert encode(Decimal(value), kind, word_order=order) == tuple(words)
    assert decode(words, kind, word_order=order) == Decimal(value)


@pytest.mark.parametrize(
    ("kind", "words", "value"),
    [
        ("int16", (0xFFFF,), -1),
        ("uint16", (0xFFFF,), 65535),
        ("int32", (0xFFFF, 0xFFFE), -2),
        ("uint32", (0xFFFF, 0xFFFE), 4294967294),
        ("int48", (0xFFFF, 0xFFFF, 0xFFFE), -2),
        ("uint48", (0x0001, 0x0000, 0x0002), 2**32 + 2),
        ("int64", (0x8000, 0, 0, 0), -(2**63)),
        ("uint64", (0x8000, 0, 0, 0), 2**63),
        ("float64", (0x4167, 0x8C29, 0xC000, 0x0000), 12345678),
    ],
)
def test_signs_and_widths(kind: Kind, words: tuple[int, ...], value: int) -> None:
    assert decode(words, kind) == value


@pytest.mark.parametrize("bits", ["7FC00000", "FFC00000", "7F800000", "FF800000", "7F800001"])
def test_what_is_not_a_number_is_none(bits: str) -> None:
    assert decode(bytes_to_words(bytes.fromhex(bits)), "float32") is None


@given(data=st.binary(min_size=8, max_size=8), kind=any_kind, words=any_order, bytes_=any_order)
def test_any_registers_decode_and_encode_back(
    data: bytes, kind: Kind, words: Order, bytes_: Order
) -> None:
    registers = bytes_to_words(data)[: width(kind)]
    value = decode(registers, kind, word_order=words, byte_order=bytes_)
    if value is None:
        assert is_float(kind)
        return
    again = encode(value, kind, word_order=words, byte_order=bytes_)
    # Zero has two signs as a float and one as a decimal.
    assert again == registers or (value == 0 and is_float(kind))
    assert words_to_bytes(registers) == data[: 2 * width(kind)]


@given(mantissa=st.integers(0, 10**7 - 1))
def test_a_float32_gives_back_the_two_decimals_its_meter_meant(mantissa: int) -> None:
    meant = Decimal(mantissa).scaleb(-2)
    number = decode(encode(meant, "float32"), "float32")
    assert number is not None
    assert a_register(-2).rounded(number).mantissa == mantissa


@pytest.mark.parametrize(("number", "mantissa"), [("0.125", 12), ("0.375", 38), ("-0.125", -12)])
def test_halves_go_to_even(number: str, mantissa: int) -> None:
    assert a_register(-2).rounded(Decimal(number)).mantissa == mantissa


def test_a_longer_float_is_rounded_once() -> None:
    # 0.5 and a bit at 2^-60: rounded to 28 digits on the way it would be a half, and go to even.
    number = decode(bytes_to_words(struct.pack(">d", 2.5 + 2.0**-51)), "float64")
    assert number is not None
    assert a_register(0).rounded(number).mantissa == 3


@pytest.mark.parametrize("number", ["1e17", "-1e300", "Infinity", "NaN"])
def test_a_number_no_counter_can_show_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="no counter is that long"):
        a_register(-2).rounded(Decimal(number))


@pytest.mark.parametrize("number", ["1.001", f"1.{'0' * 30}1"])
def test_an_exact_value_finer_than_the_register_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="has digits below 1e-2"):
        a_register(-2).exactly(Decimal(number))


@pytest.mark.parametrize(("value", "kind"), [(65536, "uint16"), (-1, "uint32"), ("0.5", "int64")])
def test_an_integer_that_does_not_fit_its_kind_is_refused(value: int | str, kind: Kind) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        encode(Decimal(value), kind)


def test_a_value_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="a float32 takes 2 registers, got 1"):
        decode((1,), "float32")
