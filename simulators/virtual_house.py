"""Virtual meters on TCP or serial ports, to try `plomba-edge` without hardware.

Either the lines of an edge.toml are served, each at the address the agent will dial, or a house
of the simulated world, or a folder of recorded telegrams. Meters count by the system's clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from drivers import profile
from drivers.driver import Address
from drivers.mbus import header
from drivers.mbus.header import Identity
from drivers.mbus.profile import MbusProfile
from edge import meter_keys
from edge.config import EdgeConfig, LineConfig
from edge.meter_keys import Keys
from simulators import house as houses
from simulators.lines import Bus
from simulators.mbus_bus import FACTORY_ADDRESS, SECONDARY_BYTES, WILDCARD, MbusBus
from simulators.mbus_meter import MbusMeter, identity_of
from simulators.modbus_meter import Framing, ModbusBus, ModbusMeter
from simulators.recordings import recordings
from simulators.shared_bus import SharedBus
from simulators.truth import Meter
from simulators.usage import meter_of

# Of an identification number, as it stands on an M-Bus meter.
_ID_DIGITS = 8


class ServingError(ValueError):
    """What cannot be served; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Hanging:
    """One meter on a served line, for people to read."""

    address: Address
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


class _Place(NamedTuple):
    """A meter and where it hangs; its key if it encrypts, its number if that is not its serial."""

    address: Address
    meter: Meter
    key: bytes | None = None
    expect_id: str | None = None


def of_config(
    config: EdgeConfig, seed: str, today: date, *, on_pty: bool = False
) -> list[ServedLine]:
    """The lines of an agent's configuration with meters of its profiles.

    On TCP those that are dialled by TCP, on pseudo-terminals all but those with Modbus TCP.
    """
    if on_pty:
        lines = [line for line in config.lines if line.framing == "rtu"]
        wanted = 'one without framing = "tcp" to serve on a pseudo-terminal, got none'
    else:
        lines = [line for line in config.lines if line.url.startswith("tcp://")]
        wanted = "one with a tcp:// address to serve, got only serial ones: try --pty"
    if not lines:
        raise ServingError(f"expected a line, {wanted}")
    keys = meter_keys.of(config.device.meter_keys)
    return [_configured(line, seed, today, keys) for line in lines]


def of_house(seed: str, host: str, ports: dict[str, int], today: date) -> list[ServedLine]:
    """The lines of a house of the simulated world, at the given ports by line name."""
    house = houses.build(seed, "virtual", "UTC", today, days=30)
    return [
        _line(
            name,
            host,
            port,
            [_Place(p.address, p.meters[0][0]) for p in house.points if p.line == name],
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


def _configured(line: LineConfig, seed: str, today: date, keys: Keys) -> ServedLine:
    where = urlsplit(line.url)
    places = [
        _Place(
            meter.address,
            _meter(f"{seed}/{meter.serial}", meter.serial, meter.profile, today),
            meter_keys.find(keys, meter.address, meter.expect_id, meter.serial),
            meter.expect_id,
        )
        for meter in line.meters
    ]
    host, port = where.hostname or "127.0.0.1", where.port or 0
    return _line(line.name, host, port, places, framing=line.framing)


def _line(
    name: str, host: str, port: int, places: Sequence[_Place], *, framing: Framing = "rtu"
) -> ServedLine:
    hanging = tuple(
        Hanging(address=one.address, serial=one.meter.serial, profile=one.meter.profile)
        for one in places
    )
    return ServedLine(name=name, host=host, port=port, bus=_bus(places, framing), meters=hanging)


def _bus(places: Sequence[_Place], framing: Framing) -> Bus:
    """The line's meters; those of both protocols share it."""
    modbus, mbus = ModbusBus(framing=framing), MbusBus()
    for place in places:
        model = profile.load(place.meter.profile)
        if isinstance(model, MbusProfile):
            mbus.join(_mbus_meter(place, model))
        elif isinstance(place.address, int):
            number = _number(place.expect_id or place.meter.serial)
            modbus.hang(ModbusMeter(place.address, model, place.meter.shown, number))
    if modbus.meters and mbus.meters:
        return SharedBus([modbus, mbus])
    return modbus if modbus.meters else mbus


def _mbus_meter(place: _Place, model: MbusProfile) -> MbusMeter:
    """A meter whose address is a secondary one has its primary address from the factory."""
    number = place.expect_id or _identification(place.meter.serial)
    identity = identity_of(model, number.upper().zfill(_ID_DIGITS))
    if isinstance(place.address, str):
        identity = _named(identity, place.address)
    return MbusMeter(
        place.address if isinstance(place.address, int) else FACTORY_ADDRESS,
        model,
        place.meter.shown,
        identity.identification,
        identity=identity,
        key=place.key,
    )


def _named(identity: Identity, secondary: str) -> Identity:
    """The identity that fits a secondary address; what that leaves open stays."""
    open_digits = header.encode_identity(identity)
    sent = bytes.fromhex(secondary.ljust(2 * SECONDARY_BYTES, "F"))
    # As text the identification stands high byte first.
    asked = sent[:4][::-1] + sent[4:]
    told = bytes(
        known if wanted == WILDCARD else wanted
        for wanted, known in zip(asked, open_digits, strict=True)
    )
    return header.parse_identity(told, "little")


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
    return f"{_number(serial) % 10**_ID_DIGITS:0{_ID_DIGITS}d}"
