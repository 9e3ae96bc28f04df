"""From a meter of the truth to a meter on a line: the profile says which bytes it answers."""

from collections.abc import Mapping

from drivers import profile
from drivers.mbus.profile import MbusProfile
from drivers.modbus.profile import ModbusProfile
from simulators.house import Point
from simulators.mbus_bus import FACTORY_ADDRESS, MbusBus
from simulators.mbus_meter import MbusMeter
from simulators.modbus_meter import ModbusBus, ModbusMeter
from simulators.truth import Meter

# The heat meter's records do not fit one telegram, as with many real ones.
HEAT_TELEGRAMS = 2


def hang(point: Point, meter: Meter, buses: Mapping[str, ModbusBus | MbusBus]) -> None:
    """Put `meter` on its point's line, in the place of whatever had that address."""
    bus = buses[point.line]
    model = profile.load(meter.profile)
    if isinstance(bus, MbusBus) and isinstance(model, MbusProfile):
        telegrams = HEAT_TELEGRAMS if model.resource == "heat" else 1
        address = point.address if isinstance(point.address, int) else FACTORY_ADDRESS
        bus.hang(MbusMeter(address, model, meter.shown, meter.serial, telegrams))
    elif (
        isinstance(bus, ModbusBus)
        and isinstance(model, ModbusProfile)
        and isinstance(point.address, int)
    ):
        bus.hang(ModbusMeter(point.address, model, meter.shown, int(meter.serial)))
    else:
        raise TypeError(f"{point.name}: a {model.protocol} meter cannot hang on {point.line}")
