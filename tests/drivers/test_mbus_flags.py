"""A maker's record of flags: what it tells, of which meters, and what a profile may say of it."""

import pytest

from drivers import profile
from drivers.mbus import picking, telegram
from drivers.mbus.profile import MbusProfile
from drivers.profile import ProfileError
from drivers.reading import MeterStatus
from tests.drivers.profiles import MBUS_HEAD, MBUS_REGISTER, MBUS_SAMPLE, parse

# Heat meter of version 34h or 35h: energy, volume, and the record of info codes.
_FRAME = "68 22 22 68 08 01 72 78 56 34 12 2D 2C {:02X} 04 07 00 00 00"
_RECORDS = "04 06 39 30 00 00 04 14 32 09 01 00 04 FF 22"


def status(version: int, code: int) -> MeterStatus:
    meter = profile.load("kamstrup_multical")
    assert isinstance(meter, MbusProfile)
    head = bytes.fromhex(_FRAME.format(version))
    body = head[4:] + bytes.fromhex(_RECORDS) + code.to_bytes(4, "little")
    raw = head[:4] + body + bytes((sum(body) & 0xFF, 0x16))
    return picking.pick(meter, [telegram.decode(raw)], raw).status


REVERSE, LEAK = MeterStatus.REVERSE_FLOW, MeterStatus.LEAK


@pytest.mark.parametrize(
    ("version", "code", "told"),
    [
        (0x34, 0, MeterStatus.OK),
        (0x34, 1 + 8 + 16 + 256 + 2048, MeterStatus.OK),  # supply, sensors, air, high flow
        (0x34, 512, REVERSE),
        (0x34, 4096, LEAK),
        (0x34, 8192, LEAK),
        (0x34, 16384 + 32768, MeterStatus.OK),  # external alarms say nothing of water
        (0x34, 0x02000000, MeterStatus.OK),  # a 403 has no second flow sensor
        (0x35, 0x02000000, MeterStatus.OK),  # no document of the maker names the bits of a 603
        (0x1C, 512, MeterStatus.OK),  # a 602 means a burst by it: another table
    ],
)
def test_info_codes_of_multical(version: int, code: int, told: MeterStatus) -> None:
    assert status(version, code) == told


_FLAGS = """
[[flags]]
record = "04 FF 22"
versions = [8]
source = "a document"
leak = 1
"""


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (_FLAGS, "samples.status: expected leak, got none"),
        (_FLAGS.replace("leak = 1", ""), "expected tamper, reverse_flow or leak"),
        (_FLAGS.replace("04 FF 22", "04FF22"), "flags"),
        (_FLAGS.replace('source = "a document"', ""), "source"),
        (_FLAGS.replace("versions = [8]", "versions = []"), "versions"),
    ],
)
def test_flags_that_are_not_shown_or_mean_nothing_are_refused(flags: str, said: str) -> None:
    with pytest.raises(ProfileError, match=said):
        parse(MBUS_HEAD + MBUS_REGISTER + flags + MBUS_SAMPLE)
