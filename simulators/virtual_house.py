"""Virtual meters over TCP, for a person who tries `plomba-edge` without hardware.

Either the lines of an edge.toml are served, each at the address the agent will dial, or a house
of the simulated world, or a folder of recorded telegrams. Meters count by the system's clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from drivers import profile
from drivers.mbus.profile import MbusProfile
from drivers.modbus.profile import ModbusProfile
from edge.config import EdgeConfig, LineConfig
from simulators import house as houses
from simulators.lines import Bus
from simulators.mbus_meter import MbusBus, MbusMeter
from simulators.modbus_meter import Framing, ModbusBus, ModbusMeter
from simulators.recordings import recordings
from simulators.truth import Meter
from simulators.usage import meter_of


class ServingError(ValueError):
    """What cannot be served; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Hanging:
    """One meter on a served line, for people to read."""

    address: int
    serial: str
    profile: str


@dataclass(frozen=True, kw_only=True)
class ServedLine:
    """A bus and where it listens."""

    name: str
    host: str
    port: int
    bus: Bus
    meters: tuple[Hanging, ...]


def of_config(config: EdgeConfig, seed: str, today: date) -> list[ServedLine]:
    """The TCP lines of an agent's configuration with meters of its profiles."""
    lines = [line for line in config.lines if line.url.startswith("tcp://")]
    if not lines:
        raise ServingError("expected a line with a tcp:// address to serve, got only serial ones")
    return [_configured(line, seed, today) for line in lines]


def of_house(seed: str, host: str, ports: dict[str, int], today: date) -> list[ServedLine]:
    """The lines of a house of the simulated world, at the given ports by line name."""
    house = houses.build(seed, "virtual", "UTC", today, days=30)
    return [
        _line(
            name,
            host,
            port,
            [(p.address, p.meters[0][0]) for p in house.points if p.line == name],
        )
        for name, port in ports.items()
    ]


def of_folder(folder: Path, host: str, port: int) -> ServedLine:
    """The recorded telegrams of a folder as one M-Bus."""
    found = recordings(folder)
    meters = tuple(
        Hanging(address=one.meter.address, serial=one.file.stem, profile="recorded")
        for one in found
    )
    bus = MbusBus(one.meter for one in found)
    return ServedLine(name="recorded", host=host, port=port, bus=bus, meters=meters)


def _configured(line: LineConfig, seed: str, today: date) -> ServedLine:
    where = urlsplit(line.url)
    meters = [
        (meter.address, _meter(f"{seed}/{meter.serial}", meter.serial, meter.profile, today))
        for meter in line.meters
    ]
    return _line(
        line.name, where.hostname or "127.0.0.1", where.port or 0, meters, framing=line.framing
    )


def _line(
    name: str,
    host: str,
    port: int,
    meters: Sequence[tuple[int, Meter]],
    *,
    framing: Framing = "rtu",
) -> ServedLine:
    hanging = tuple(
        Hanging(address=address, serial=meter.serial, profile=meter.profile)
        for address, meter in meters
    )
    bus = _bus(name, meters, framing)
    return ServedLine(name=name, host=host, port=port, bus=bus, meters=hanging)


def _bus(name: str, meters: Sequence[tuple[int, Meter]], framing: Framing) -> Bus:
    modbus: list[ModbusMeter] = []
    mbus: list[MbusMeter] = []
    for address, meter in meters:
        model = profile.load(meter.profile)
        if isinstance(model, ModbusProfile):
            modbus.append(ModbusMeter(address, model, meter.shown, _number(meter.serial)))
        elif isinstance(model, MbusProfile):
            mbus.append(MbusMeter(address, model, meter.shown, _identification(meter.serial)))
    if modbus and mbus:
        raise ServingError(f"line {name}: Modbus and M-Bus meters cannot share a line")
    return ModbusBus(modbus, framing) if modbus else MbusBus(mbus)


def _meter(seed: str, serial: str, profile_name: str, today: date) -> Meter:
    """A meter of any profile that has been counting for a while."""
    installed_on = today - timedelta(days=houses.INSTALLED_DAYS_BEFORE)
    origin_ms = houses.local_midnight(installed_on, "UTC")
    return meter_of(profile_name, serial, seed, origin_ms)


def _number(serial: str) -> int:
    """The digits of a serial, as a register of 32 bits holds them."""
    return int("".join(filter(str.isdigit, serial)) or 0) % 2**32


def _identification(serial: str) -> str:
    """Eight digits, as an M-Bus header holds them."""
    return f"{_number(serial) % 10**8:08d}"
