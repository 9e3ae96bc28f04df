"""Profiles to test with: written as TOML, through the loader's own door."""

from drivers import profile
from drivers.mbus.profile import MbusProfile
from drivers.modbus.profile import ModbusProfile

HEAD = """
name = "a_meter"
title = "A meter"
manufacturer = "Somebody"
protocol = "modbus"
resource = "electricity"
verified = "documented"
source = "somebody"
"""
REGISTER = """
[[registers]]
obis = "1-0:1.8.0"
unit = "kWh"
exponent = -2
digits = 7
function = 4
address = 0x0048
kind = "float32"
"""
SAMPLE = """
[[samples]]
source = "somebody"
request = "01 04 00 48 00 02 F1 DD"
response = "01 04 04 43 E4 B3 33 9B 12"
expect = { "1-0:1.8.0" = "457.40" }
"""
MBUS_HEAD = HEAD.replace('"modbus"', '"mbus"').replace("electricity", "heat")
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


def parse(text: str) -> profile.MeterProfile:
    return profile.parse(text.encode(), "a_meter.toml")


def modbus(head: str, *registers: tuple[int, int, str]) -> ModbusProfile:
    """A Modbus profile with registers (function, address, kind), named 1-0:1.8.0 and so on."""
    parts = [HEAD, head]
    expect = ", ".join(f'"1-0:1.8.{n}" = "0"' for n in range(len(registers)))
    for number, (function, address, kind) in enumerate(registers):
        parts.append(
            f'[[registers]]\nobis = "1-0:1.8.{number}"\nunit = "kWh"\nexponent = 0\ndigits = 4\n'
            f'function = {function}\naddress = {address}\nkind = "{kind}"\n'
        )
    parts.append(
        f'[[samples]]\nsource = "none"\nrequest = ""\nresponse = ""\nexpect = {{ {expect} }}\n'
    )
    made = parse("\n".join(parts))
    assert isinstance(made, ModbusProfile)
    return made


def mbus(registers: str, head: str = "") -> MbusProfile:
    """An M-Bus profile with the registers of a piece of TOML; every OBIS in it gets a sample."""
    obis = [line.split('"')[1] for line in registers.splitlines() if line.startswith("obis")]
    expect = ", ".join(f'"{one}" = "0"' for one in obis)
    sample = f'[[samples]]\nsource = "none"\nresponse = ""\nexpect = {{ {expect} }}\n'
    made = parse(f"{MBUS_HEAD}\n{head}\n{registers}\n{sample}")
    assert isinstance(made, MbusProfile)
    return made
