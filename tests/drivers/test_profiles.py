"""Every meter profile: each of its samples, and that an unsound file is refused with its key."""

import os
from decimal import Decimal
from pathlib import Path

import pytest
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest

from drivers import profile
from drivers.mbus import driver as mbus_driver
from drivers.mbus import telegram
from drivers.mbus.profile import MbusProfile, MbusSample
from drivers.modbus import driver as modbus_driver
from drivers.modbus import frames
from drivers.modbus.plan import Block
from drivers.modbus.profile import ModbusProfile, ModbusSample
from drivers.profile import ProfileError
from drivers.register import Sample
from tests.drivers.profiles import HEAD, MBUS_HEAD, REGISTER, SAMPLE, parse

SHARED = Path(os.environ.get("PLOMBA_SHARED", Path(__file__).parents[2] / ".." / "shared"))

MODBUS_SAMPLES = [
    pytest.param(one, sample, id=f"{name}-{number}")
    for name in profile.names()
    if isinstance(one := profile.load(name), ModbusProfile)
    for number, sample in enumerate(one.samples)
]
MBUS_SAMPLES = [
    pytest.param(one, sample, id=f"{name}-{number}")
    for name in profile.names()
    if isinstance(one := profile.load(name), MbusProfile)
    for number, sample in enumerate(one.samples)
]


def test_there_are_profiles_of_both_protocols() -> None:
    assert {"eastron_sdm120", "eastron_sdm630"} <= set(profile.names())
    assert MODBUS_SAMPLES
    assert MBUS_SAMPLES


@pytest.mark.parametrize(("meter", "sample"), MODBUS_SAMPLES)
def test_a_modbus_sample_means_what_its_source_says(
    meter: ModbusProfile, sample: ModbusSample
) -> None:
    request, response = bytes.fromhex(sample.request), bytes.fromhex(sample.response)
    _, asked = FramerRTU(DecodePDU(is_server=True)).handleFrame(request, 0, 0)
    assert isinstance(asked, ReadHoldingRegistersRequest)
    block = Block(asked.function_code, asked.address, asked.count)
    assert frames.request("rtu", asked.dev_id, block, 0) == request
    assert frames.find(response, "rtu", asked.dev_id, block, 0) == response
    words = frames.registers(response, "rtu", asked.dev_id)
    got = {}
    for register in meter.registers:
        if block.holds(register.place):
            value = modbus_driver.value(register, block.cut(words, register.place))
            assert value is not None
            got[register.obis] = value.value
    assert got == _expected(sample)


@pytest.mark.parametrize(("meter", "sample"), MBUS_SAMPLES)
def test_an_mbus_sample_means_what_its_source_says(meter: MbusProfile, sample: MbusSample) -> None:
    raw = _telegram(sample)
    answer = mbus_driver.pick(meter, [telegram.decode(raw)], raw)
    got = {value.register: value.value for value in answer.values}
    assert got == _expected(sample)


def _expected(sample: Sample) -> dict[str, Decimal]:
    return {obis: Decimal(text) for obis, text in sample.expect.items()}


def _telegram(sample: MbusSample) -> bytes:
    if sample.response is not None:
        return bytes.fromhex(sample.response)
    assert sample.telegram is not None
    path = SHARED / "mbus-frames" / sample.telegram
    if not path.is_file():
        pytest.skip(f"the shared telegram {sample.telegram} is not here: set PLOMBA_SHARED")
    return bytes.fromhex(path.read_text().splitlines()[0])


def test_a_sound_profile_loads() -> None:
    meter = parse(HEAD + REGISTER + SAMPLE)
    assert (meter.name, meter.protocol, str(meter.resource)) == ("a_meter", "modbus", "electricity")


MBUS_REGISTER = """
[[registers]]
obis = "6-0:1.0.0"
unit = "kWh"
exponent = 0
digits = 7
quantity = "energy"
"""
MBUS_SAMPLE = """
[[samples]]
source = "somebody"
response = ""
expect = { "6-0:1.0.0" = "0" }
"""


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name = ", "Invalid value"),
        (HEAD.replace("modbus", "dlms") + REGISTER + SAMPLE, "protocol: expected one of"),
        (HEAD + "colour = 1" + REGISTER + SAMPLE, "colour: unknown key"),
        (HEAD + REGISTER + "colour = 1" + SAMPLE, "unknown field `colour`"),
        (HEAD.replace("a_meter", "b_meter") + REGISTER + SAMPLE, "expected the name of the file"),
        (HEAD + REGISTER, "missing required field `samples`"),
        (HEAD + "samples = []" + REGISTER, "samples"),
        (HEAD + REGISTER + REGISTER + SAMPLE, "obis: 1-0:1.8.0 stands there 2 times"),
        (
            HEAD + REGISTER + REGISTER.replace("1.8.0", "2.8.0") + SAMPLE,
            r"place: \(4, 72\) stands there 2 times",
        ),
        (HEAD + REGISTER + SAMPLE.replace('"1-0:1.8.0"', '"1-0:9.8.0"'), "no register 1-0:9.8.0"),
        (
            HEAD + REGISTER + REGISTER.replace("1.8.0", "2.8.0").replace("48", "4A") + SAMPLE,
            "no sample shows 1-0:2.8.0",
        ),
        (HEAD + REGISTER.replace("1.8.0", "1.8.0*255") + SAMPLE, "without \\*255"),
        (HEAD + REGISTER.replace("1.8.0", "1.8") + SAMPLE, "obis"),
        (HEAD + REGISTER.replace("kWh", "MWh") + SAMPLE, "unit"),
        (HEAD + REGISTER.replace("0x0048", "0xFFFF") + SAMPLE, "address: ends behind 0xFFFF"),
        (HEAD + REGISTER + 'scale = "0"' + SAMPLE, "scale: expected a positive number"),
        (
            HEAD + REGISTER.replace("float32", "uint32") + 'scale = "0.001"' + SAMPLE,
            "scale 0.001 is finer than 1e-2",
        ),
        (HEAD + REGISTER + 'absent = "FFFF"' + SAMPLE, "absent: expected 8 hex digits"),
        (HEAD + "max_registers = 126" + REGISTER + SAMPLE, "max_registers"),
        (MBUS_HEAD + MBUS_REGISTER, "missing required field `samples`"),
        (
            MBUS_HEAD + MBUS_REGISTER + MBUS_SAMPLE.replace("response", "#"),
            "expected either response or telegram",
        ),
        (
            MBUS_HEAD + MBUS_REGISTER + MBUS_REGISTER.replace("1.0.0", "1.0.1") + MBUS_SAMPLE,
            "place: .* stands there 2 times",
        ),
        (MBUS_HEAD + 'makers = ["Kamstrup"]' + MBUS_REGISTER + MBUS_SAMPLE, "makers"),
    ],
)
def test_an_unsound_profile_is_refused_with_file_and_key(text: str, complaint: str) -> None:
    with pytest.raises(ProfileError, match=complaint) as caught:
        parse(text)
    assert str(caught.value).startswith("a_meter.toml: ")
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ProfileError, match=r"a_meter\.toml"):
        profile.parse(b"\xff", "a_meter.toml")


def test_a_file_beyond_measure_is_refused() -> None:
    with pytest.raises(ProfileError, match="expected at most"):
        profile.parse(bytes(1_000_000), "a_meter.toml")


def test_an_unknown_meter_is_named_with_those_that_are_known() -> None:
    with pytest.raises(ProfileError, match="no meter profile 'sdm999'; there are: eastron_sdm120,"):
        profile.load("sdm999")
