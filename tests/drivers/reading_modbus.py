"""One Modbus read of a fake line, and what many of its tests read."""

from decimal import Decimal

from drivers import profile
from drivers.bus import Line
from drivers.driver import Address, Answer
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.values import encode
from drivers.profile import MeterProfile
from tests.drivers.fake_line import FakeLink, in_virtual_time
from tests.drivers.profiles import REGISTER

SDM630 = profile.load("eastron_sdm630")
SUM = REGISTER.replace("float32", "uint32") + 'absent = "FFFFFFFF"\nscale = "0.01"\n'
SUM += 'plus = [{ address = 0x4A }, { address = 0x50, kind = "uint16", scale = "10" }]\n'


def read_once(
    link: FakeLink,
    meter: MeterProfile = SDM630,
    address: Address = 1,
    expect_id: str | None = None,
) -> Answer:
    async def main() -> Answer:
        return await ModbusDriver().read(Line(link), meter, address, expect_id=expect_id)

    return in_virtual_time(main)


def floats(*values: str) -> tuple[int, ...]:
    return tuple(word for value in values for word in encode(Decimal(value), "float32"))
