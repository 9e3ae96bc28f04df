"""What a profile may not say: every contradiction is refused with its key, and what is near passes.

Each case changes one thing of a sound profile.
"""

import pytest

from drivers.modbus import plan
from drivers.modbus.profile import ModbusProfile
from drivers.profile import ProfileError
from tests.drivers.profiles import (
    HEAD,
    MBUS_HEAD,
    MBUS_REGISTER,
    MBUS_SAMPLE,
    REGISTER,
    SAMPLE,
    parse,
)

INTEGER = REGISTER.replace("float32", "uint32") + 'scale = "0.01"\n'
EXPORT = REGISTER.replace("1.8.0", "2.8.0").replace("0x0048", "0x004A")
BOTH = SAMPLE.replace('"457.40"', '"457.40", "1-0:2.8.0" = "0"')


def sign(text: str) -> str:
    return HEAD + f"signs = [{{ function = 3, address = 0x8960, {text} }}]\n" + REGISTER + SAMPLE


def heat(unit: str, obis: str = "6-0:1.0.0", quantity: str = "energy") -> str:
    register = MBUS_REGISTER.replace("kWh", unit).replace('"energy"', f'"{quantity}"')
    return (MBUS_HEAD + register + MBUS_SAMPLE).replace("6-0:1.0.0", obis)


UNREADABLE = "unreadable = [{{ function = 4, first = {}, last = {} }}]\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        # The name, the medium and the unit.
        ((HEAD + REGISTER + SAMPLE).replace("1-0:1.8.0", "8-0:1.0.0"), "expected 1-… for elec"),
        (HEAD + REGISTER.replace("kWh", "m3") + SAMPLE, "unit: expected kW or kWh, got m3"),
        ((HEAD + REGISTER + SAMPLE).replace("1.8.0", "32.7.0"), "unit: expected V, got kWh"),
        (heat("m3"), "6-0:1.0.0: unit: expected GJ or Gcal or kWh, got m3"),
        (heat("m3", "8-0:1.0.0", "volume"), "obis: expected 5-… or 6-… for heat"),
        (heat("m3", "6-0:2.0.0"), "unit: energy is told in GJ or Gcal or kWh, got m3"),
        (heat("kWh", quantity="enregy"), "quantity: expected current or energy or .*'enregy'"),
        (MBUS_HEAD + 'media = ["warmth"]' + MBUS_REGISTER + MBUS_SAMPLE, "expected a medium"),
        # Registers that meet.
        (HEAD + REGISTER + EXPORT.replace("4A", "49") + BOTH, "0x0048 and 0x0049 overlap"),
        (
            HEAD + REGISTER + "plus = [{ address = 0x004A }]\n" + EXPORT + BOTH,
            "1-0:1.8.0 and 1-0:2.8.0 would count them twice",
        ),
        (
            HEAD + REGISTER + "plus = [{ address = 0x0048 }]\n" + SAMPLE,
            "1-0:1.8.0 and 1-0:1.8.0 would count them twice",
        ),
        # Registers that must not be touched.
        (HEAD + UNREADABLE.format(0x40, 0x48) + REGISTER + SAMPLE, "unreadable: 1-0:1.8.0 .*"),
        (
            HEAD + UNREADABLE.format(5, 9) + "identification = { function = 4, address = 8, "
            'kind = "uint32" }\n' + REGISTER + SAMPLE,
            r"unreadable: identification \(function 4, 0x0008 to 0x0009\) touches unreadable",
        ),
        (HEAD + UNREADABLE.format(9, 5) + REGISTER + SAMPLE, "address: unreadable .* before it"),
        (
            HEAD + REGISTER + "plus = [{ address = 0xFFFF }]\n" + SAMPLE,
            "address: 1-0:1.8.0 .* ends behind 0xFFFF",
        ),
        # Numbers.
        (HEAD + INTEGER.replace("digits = 7", "digits = 10") + SAMPLE, "never shows 10 digits"),
        (
            HEAD + INTEGER + 'plus = [{ address = 2, scale = "0.001" }]' + SAMPLE,
            "scale 0.001 is finer than 1e-2",
        ),
        (
            HEAD + INTEGER + 'plus = [{ address = 2, scale = "-1" }]' + SAMPLE,
            "scale: expected a positive number",
        ),
        (HEAD + INTEGER.replace('"0.01"', '"NaN"') + SAMPLE, "scale: expected a positive number"),
        # Signs.
        (sign('kind = "uint16", low = "NaN", high = "1"'), "expected low and high, both finite"),
        (sign('text = "B23 ", words = "4232"'), "signs: 0x8960: expected exactly one of text"),
        (sign('word_order = "big"'), "expected exactly one of text, words, kind"),
        (sign('text = "Ж1"'), "text: expected ASCII"),
        (sign('text = "B23", low = "1"'), "low and high are limits of a kind"),
        (sign('kind = "uint16", low = "1"'), "expected low and high"),
        (sign('kind = "uint16", low = "2", high = "1"'), "expected 0 up to 65535 in this order"),
        (sign('kind = "uint16", low = "1", high = "65536"'), "got 1 and 65536"),
        (sign('kind = "int16", low = "-40000", high = "1"'), "expected -32768 up to 32767"),
        (
            HEAD + "max_registers = 4\n" + sign('text = "abcdefghij"').removeprefix(HEAD),
            "5 registers at 0x8960 in one request, the meter allows 4",
        ),
        # Samples.
        (HEAD + REGISTER + SAMPLE.replace("457.40", "457.401"), "digits below 1e-2"),
        (HEAD + REGISTER + SAMPLE.replace("457.40", "much"), "samples.expect: 1-0:1.8.0: 'much'"),
        (HEAD + REGISTER + SAMPLE.replace("457.40", "123456.00"), "longer than 7 digits"),
        (
            MBUS_HEAD + MBUS_REGISTER + MBUS_SAMPLE.replace('response = ""', 'telegram = "x.hex"'),
            'verified: a recorded telegram makes it "sample", got documented',
        ),
    ],
)
def test_a_contradiction_is_refused_with_file_and_key(text: str, complaint: str) -> None:
    with pytest.raises(ProfileError, match=complaint) as caught:
        parse(text)
    assert str(caught.value).startswith("a_meter.toml: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        heat("kWh"),
        heat("GJ", "5-0:1.0.0"),
        heat("kWh", quantity="energy forward"),
        sign('text = "B23 "'),
        sign('kind = "uint16", low = "0", high = "65535"'),
        sign('kind = "float32", low = "-1e9", high = "45"'),
        HEAD + INTEGER.replace("digits = 7", "digits = 9") + SAMPLE,
        HEAD + UNREADABLE.format(0x4A, 0x4A) + REGISTER + SAMPLE,
    ],
)
def test_what_only_looks_like_a_contradiction_passes(text: str) -> None:
    assert parse(text).name == "a_meter"


def test_a_hole_that_may_be_read_along_never_hides_one_that_may_not() -> None:
    apart = EXPORT.replace("0x004A", "0x004E")
    head = HEAD + "gap_max = 8\n" + UNREADABLE.format(0x4B, 0x4B)
    meter = parse(head + REGISTER + apart + BOTH)
    assert isinstance(meter, ModbusProfile)
    assert plan.blocks(meter) == (plan.Block(4, 0x48, 2), plan.Block(4, 0x4E, 2))
