"""Every meter profile: each of its samples, and that an unsound file is refused with its key."""

import os
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest

from drivers import profile
from drivers.mbus import picking, telegram
from drivers.mbus.profile import MbusProfile, MbusSample
from drivers.mbus.readout import cut
from drivers.mbus.recognise import recognise
from drivers.mbus.telegram import Telegram
from drivers.modbus import driver as modbus_driver
from drivers.modbus import frames
from drivers.modbus.plan import Block
from drivers.modbus.profile import ModbusProfile, ModbusSample
from drivers.profile import ProfileError
from drivers.reading import MeterStatus
from drivers.register import Sample
from tests.drivers.profiles import (
    HEAD,
    MBUS_HEAD,
    MBUS_REGISTER,
    MBUS_SAMPLE,
    REGISTER,
    SAMPLE,
    parse,
)

SHARED = Path(os.environ.get("PLOMBA_SHARED", Path(__file__).parents[2] / ".." / "shared"))

FLAGS = ("tamper", "reverse_flow", "leak")

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
    assert {"eastron_sdm120", "itron_cyble_cold"} <= set(profile.names())
    assert MODBUS_SAMPLES
    assert MBUS_SAMPLES


@pytest.mark.parametrize("name", profile.names())
def test_what_stands_behind_a_profile_is_said(name: str) -> None:
    one = profile.load(name)
    assert one.source not in {one.resource, one.manufacturer, one.title}
    assert all(sample.source for sample in one.samples)


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
        if all(block.holds(part.place) for part in register.parts):
            value = modbus_driver.value(register, partial(block.cut, words))
            assert value is not None
            got[register.obis] = value.value
    assert got == _expected(sample)


@pytest.mark.parametrize(("meter", "sample"), MBUS_SAMPLES)
def test_an_mbus_sample_means_what_its_source_says(meter: MbusProfile, sample: MbusSample) -> None:
    raw = _readout(sample)
    answer = picking.pick(meter, _telegrams(sample), raw)
    got = {value.register: value.value for value in answer.values}
    assert got == _expected(sample)
    told = {name for name in FLAGS if answer.status & MeterStatus[name.upper()]}
    assert told == set(sample.status)


# What a water meter measures, its telegram need not say: the installer chooses by the pipe.
COLD_OR_HOT = {
    "itron_cyble_cold": {"itron_cyble_hot"},
    "itron_cyble_hot": {"itron_cyble_cold"},
}


@pytest.mark.parametrize(("meter", "sample"), MBUS_SAMPLES)
def test_a_telegram_is_recognised_as_its_own_meter_and_no_other(
    meter: MbusProfile, sample: MbusSample
) -> None:
    names = set(recognise(_telegrams(sample)))
    assert names == {meter.name} | COLD_OR_HOT.get(meter.name, set())


BUILT = [
    pytest.param(meter, sample, id=meter.name)
    for meter, sample in (param.values for param in MBUS_SAMPLES)
    if isinstance(meter, MbusProfile) and meter.verified == "documented"
]


@pytest.mark.parametrize(("meter", "sample"), BUILT)
def test_pymeterbus_reads_a_telegram_that_was_built_by_hand_the_same(
    meter: MbusProfile, sample: MbusSample, meterbus: ModuleType
) -> None:
    theirs: list[Any] = [one.value for one in meterbus.load(_readout(sample)).records]
    # It counts in base units, with floats; the records stand in the order of the registers.
    for register, value in zip(meter.registers, theirs, strict=False):
        expected = Decimal(sample.expect[register.obis])
        power = {"kWh": 3, "GJ": 9, "m3": 0}[register.unit]
        assert round(Decimal(str(value)).scaleb(-power), 9) == expected


def _expected(sample: Sample) -> dict[str, Decimal]:
    return {obis: Decimal(text) for obis, text in sample.expect.items()}


def _telegrams(sample: MbusSample) -> list[Telegram]:
    return [telegram.decode(one) for one in cut(_readout(sample))]


def _readout(sample: MbusSample) -> bytes:
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
            "0x0048 and 0x0048 overlap: 1-0:1.8.0 and 1-0:2.8.0 would count them twice",
        ),
        (HEAD + REGISTER + SAMPLE.replace('"1-0:1.8.0"', '"1-0:9.8.0"'), "no register 1-0:9.8.0"),
        (
            HEAD + REGISTER + REGISTER.replace("1.8.0", "2.8.0").replace("48", "4A") + SAMPLE,
            "no sample shows 1-0:2.8.0",
        ),
        (HEAD + REGISTER.replace("1.8.0", "1.8.0*255") + SAMPLE, "without \\*255"),
        (HEAD + REGISTER.replace("1.8.0", "1.8") + SAMPLE, "obis"),
        (HEAD + REGISTER.replace("kWh", "MWh") + SAMPLE, "unit"),
        (
            HEAD + REGISTER.replace("0x0048", "0xFFFF") + SAMPLE,
            r"address: 1-0:1.8.0 .* ends behind 0xFFFF",
        ),
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
    first = ", ".join(profile.names()[:2])
    with pytest.raises(ProfileError, match=f"no meter profile 'sdm999'; there are: {first}"):
        profile.load("sdm999")


def test_a_mistyped_meter_is_named_with_those_that_resemble_it() -> None:
    with pytest.raises(ProfileError, match="did you mean: eastron_sdm120"):
        profile.load("eastron_sdm12")
