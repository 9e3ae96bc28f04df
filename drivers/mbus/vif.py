"""The VIF tables of EN 13757-3:2018 as data: what a code measures, in which unit, at which scale.

Three tables name quantities: the primary one (table 10), the first extension behind FBh (table 14)
and the second behind FDh (table 12, its own extension FDh FDh in table 13). A code is a range
prefix and a scale in its low bits, so a table is written as ranges and unrolled here once.

Units are base units: 10^3 W is an exponent of 3 at "W", minutes are a factor of 60 at "s". Months
and years have no fixed length and stay what they are. What is said in litres, hours or kvarh by
other programs is therefore one and the same unit here.
"""

from enum import Enum, auto
from typing import NamedTuple


class Kind(Enum):
    """How the data behind a code is to be read, beyond what its data field says."""

    SIGNED = auto()
    """Type B: an integer is two's complement."""
    UNSIGNED = auto()
    """Types C and D: identifiers, flags and counts have no sign."""
    TIME = auto()
    """Types F, G, I and J, told apart by their length; type M keeps its bytes, see `values`."""
    OPAQUE = auto()
    """A structure of its own (types K and L, profiles, containers), as hexadecimal text."""


class Vif(NamedTuple):
    """One code: a data value v means v times `factor` times ten to the `exponent`, in `unit`."""

    quantity: str
    unit: str | None = None
    exponent: int = 0
    factor: int = 1
    kind: Kind = Kind.SIGNED


_DURATIONS = ("s", 1), ("s", 60), ("s", 3600), ("s", 86_400)
_LONG_DURATIONS = ("s", 3600), ("s", 86_400), ("month", 1), ("year", 1)

Table = dict[int, Vif]


def _scaled(
    first: int, count: int, quantity: str, unit: str | None, exponent: int, *, factor: int = 1
) -> Table:
    """`count` codes from `first` on, each ten times the one before."""
    return {first + step: Vif(quantity, unit, exponent + step, factor) for step in range(count)}


def _durations(first: int, quantity: str, units: tuple[tuple[str, int], ...] = _DURATIONS) -> Table:
    return {
        first + step: Vif(quantity, unit, 0, factor) for step, (unit, factor) in enumerate(units)
    }


def _plain(kind: Kind, **codes: int) -> Table:
    """Codes without a scale, named by their keyword."""
    return {code: Vif(name.replace("_", "-"), kind=kind) for name, code in codes.items()}


PRIMARY: Table = {
    **_scaled(0x00, 8, "energy", "Wh", -3),
    **_scaled(0x08, 8, "energy", "J", 0),
    **_scaled(0x10, 8, "volume", "m3", -6),
    **_scaled(0x18, 8, "mass", "kg", -3),
    **_durations(0x20, "on-time"),
    **_durations(0x24, "operating-time"),
    **_scaled(0x28, 8, "power", "W", -3),
    **_scaled(0x30, 8, "power", "J/h", 0),
    **_scaled(0x38, 8, "volume-flow", "m3/h", -6),
    **_scaled(0x40, 8, "volume-flow", "m3/h", -7, factor=60),  # per minute
    **_scaled(0x48, 8, "volume-flow", "m3/h", -9, factor=3600),  # per second
    **_scaled(0x50, 8, "mass-flow", "kg/h", -3),
    **_scaled(0x58, 4, "flow-temperature", "°C", -3),
    **_scaled(0x5C, 4, "return-temperature", "°C", -3),
    **_scaled(0x60, 4, "temperature-difference", "K", -3),
    **_scaled(0x64, 4, "external-temperature", "°C", -3),
    **_scaled(0x68, 4, "pressure", "bar", -3),
    0x6C: Vif("date", kind=Kind.TIME),
    0x6D: Vif("date-time", kind=Kind.TIME),
    0x6E: Vif("heat-cost-allocation", "HCA"),
    **_durations(0x70, "averaging-duration"),
    **_durations(0x74, "actuality-duration"),
    **_plain(Kind.UNSIGNED, fabrication_number=0x78, identification=0x79, bus_address=0x7A),
    0x7E: Vif("any"),
}

FIRST_EXTENSION: Table = {
    **_scaled(0x00, 2, "energy", "Wh", 5),
    **_scaled(0x02, 2, "reactive-energy", "varh", 3),
    **_scaled(0x04, 2, "apparent-energy", "VAh", 3),
    **_scaled(0x08, 2, "energy", "J", 8),
    **_scaled(0x0C, 4, "energy", "cal", 5),
    **_scaled(0x10, 2, "volume", "m3", 2),
    **_scaled(0x14, 4, "reactive-power", "var", 0),
    **_scaled(0x18, 2, "mass", "kg", 5),
    **_scaled(0x1A, 2, "relative-humidity", "%", -1),
    0x20: Vif("volume", "ft3"),
    0x21: Vif("volume", "ft3", -1),
    **_scaled(0x22, 2, "volume", "gal", -1),
    0x24: Vif("volume-flow", "gal/min", -3),
    0x25: Vif("volume-flow", "gal/min"),
    0x26: Vif("volume-flow", "gal/h"),
    **_scaled(0x28, 2, "power", "W", 5),
    0x2A: Vif("phase-voltage-to-voltage", "°", -1),
    0x2B: Vif("phase-voltage-to-current", "°", -1),
    **_scaled(0x2C, 4, "frequency", "Hz", -3),
    **_scaled(0x30, 2, "power", "J/h", 8),
    **_scaled(0x34, 4, "apparent-power", "VA", 0),
    **_scaled(0x58, 4, "flow-temperature", "°F", -3),
    **_scaled(0x5C, 4, "return-temperature", "°F", -3),
    **_scaled(0x60, 4, "temperature-difference", "°F", -3),
    **_scaled(0x64, 4, "external-temperature", "°F", -3),
    **_scaled(0x70, 4, "temperature-limit", "°F", -3),
    **_scaled(0x74, 4, "temperature-limit", "°C", -3),
    **_scaled(0x78, 8, "cumulated-maximum-power", "W", -3),
}

SECOND_EXTENSION: Table = {
    **_scaled(0x00, 4, "credit", "currency", -3),
    **_scaled(0x04, 4, "debit", "currency", -3),
    **_plain(
        Kind.UNSIGNED,
        message_identification=0x08,
        device_type=0x09,
        manufacturer=0x0A,
        parameter_set=0x0B,
        model_version=0x0C,
        hardware_version=0x0D,
        firmware_version=0x0E,
        software_version=0x0F,
        customer_location=0x10,
        customer=0x11,
        access_code_user=0x12,
        access_code_operator=0x13,
        access_code_system_operator=0x14,
        access_code_developer=0x15,
        password=0x16,
        error_flags=0x17,
        error_mask=0x18,
        security_key=0x19,
        digital_output=0x1A,
        digital_input=0x1B,
        retry=0x1E,
        remote_control=0x1F,
        first_storage_number=0x20,
        last_storage_number=0x21,
        storage_block_size=0x22,
        tariff_and_subunit_descriptor=0x23,
        operator_specific=0x2A,
        reset_counter=0x60,
        cumulation_counter=0x61,
        control_signal=0x62,
        day_of_week=0x63,
        week_number=0x64,
        parameter_activation_state=0x66,
        special_supplier_information=0x67,
        stop_counter=0x75,
    ),
    0x1C: Vif("baud-rate", "Bd", kind=Kind.UNSIGNED),
    0x1D: Vif("response-delay", "bit-time", kind=Kind.UNSIGNED),
    **_durations(0x24, "storage-interval"),
    0x28: Vif("storage-interval", "month"),
    0x29: Vif("storage-interval", "year"),
    0x2B: Vif("second-of-time-point", "s"),
    **_durations(0x2C, "duration-since-readout"),
    0x30: Vif("tariff-start", kind=Kind.TIME),
    0x31: Vif("tariff-duration", "s", 0, 60),
    0x32: Vif("tariff-duration", "s", 0, 3600),
    0x33: Vif("tariff-duration", "s", 0, 86_400),
    **_durations(0x34, "tariff-period"),
    0x38: Vif("tariff-period", "month"),
    0x39: Vif("tariff-period", "year"),
    0x3A: Vif("dimensionless"),
    0x3B: Vif("wireless-container", kind=Kind.OPAQUE),
    **_durations(0x3C, "transmission-period"),
    **_scaled(0x40, 16, "voltage", "V", -9),
    **_scaled(0x50, 16, "current", "A", -12),
    0x65: Vif("day-change", kind=Kind.TIME),
    **_durations(0x68, "duration-since-cumulation", _LONG_DURATIONS),
    **_durations(0x6C, "battery-operating-time", _LONG_DURATIONS),
    0x70: Vif("battery-change", kind=Kind.TIME),
    0x71: Vif("rf-level", "dBm"),
    0x72: Vif("daylight-saving", kind=Kind.OPAQUE),  # type K
    0x73: Vif("listening-window", kind=Kind.OPAQUE),  # type L
    0x74: Vif("battery-remaining", "s", 0, 86_400),
    0x76: Vif("manufacturer-container", kind=Kind.OPAQUE),
}

SECOND_EXTENSION_LEVEL_2: Table = {
    0x00: Vif("selected-application", kind=Kind.UNSIGNED),
    0x02: Vif("battery-remaining", "month"),
    0x03: Vif("battery-remaining", "year"),
}
