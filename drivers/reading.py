"""The measuring vocabulary: what a meter said, and how sure we are of when it said it.

A *readout* is one meter's answer at one instant; it holds the *values* of its registers and the
*evidence*, the very bytes of the answer. A reading is one value of one readout. Nothing here is
edited after it was made: opinions about a reading (verdicts) live in the gateway, beside it.

The types are msgspec structs because they are also the shape of the wire: a decoded batch is
checked against the constraints below while it is built, so nothing that crossed a network exists
in an unchecked form. Values are integers with a power of ten, from the wire to the bill.

Every cloud module may import this one; it imports no protocol code.
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum, IntFlag, StrEnum
from functools import lru_cache
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

# 18 digits hold the largest register of the table of meters (a 64-bit energy counter in Wh) and
# keep a mantissa inside SQLite's and PostgreSQL's 8-byte integers.
MANTISSA_MAX = 10**18 - 1
EXPONENT_MAX = 9
# Sixteen M-Bus telegrams of 261 bytes, the longest answer a driver collects, and a half more.
RAW_BYTES_MAX = 6144
# A meter with four tariffs, six phases and their maxima has about fifty registers.
VALUES_PER_READOUT_MAX = 128
# 2999-12-31; a later time is a corrupt one. No clock says it, and of two such times the sum and the
# difference (a time since a boot, and when that began) are still years that a calendar has.
TIME_MS_MAX = 32_503_679_999_999

OBIS_PATTERN = (
    r"^(?:[0-9]|1[0-5])-(?:[0-9]|[1-5][0-9]|6[0-4]):"
    r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?:\*[0-9]{1,3})?$"
)
_OBIS = re.compile(OBIS_PATTERN)

Obis = Annotated[str, Meta(pattern=OBIS_PATTERN, max_length=24)]
"""A register's name by IEC 62056-61: ``A-B:C.D.E``, with ``*F`` only where F is not 255."""

# Serials are printed on dials in capitals and digits; the characters are those of code 128 labels
# without space, so that one serial is one word in CSV files, topics, logs and terminal columns.
SERIAL_PATTERN = r"^[0-9A-Za-z][0-9A-Za-z._/\-]{0,31}$"
_SERIAL = re.compile(SERIAL_PATTERN)

# What the structs themselves ask of the two names. Their patterns are asked by whoever builds a
# readout from foreign bytes (cloud_sync.batch), once per name: a pattern per value would be more
# than half of the cost of decoding.
ObisText = Annotated[str, Meta(min_length=1, max_length=24)]
SerialText = Annotated[str, Meta(min_length=1, max_length=32)]

TimeMs = Annotated[int, Meta(ge=0, le=TIME_MS_MAX)]
"""Milliseconds since 1970-01-01T00:00:00Z."""

Sha256 = Annotated[bytes, Meta(min_length=32, max_length=32)]


class Unit(StrEnum):
    """The units in which registers are billed or watched; the text is the wire form."""

    KWH = "kWh"
    KVARH = "kvarh"
    M3 = "m3"
    GCAL = "Gcal"
    GJ = "GJ"
    TONNE = "t"
    KW = "kW"
    M3_PER_H = "m3/h"
    CELSIUS = "°C"
    KELVIN = "K"
    VOLT = "V"
    AMPERE = "A"
    HERTZ = "Hz"
    HOUR = "h"
    HCA = "HCA"


class Resource(StrEnum):
    """What a meter counts."""

    ELECTRICITY = "electricity"
    COLD_WATER = "cold-water"
    HOT_WATER = "hot-water"
    HEAT = "heat"
    GAS = "gas"


class ClockState(StrEnum):
    """How the capturing clock stood, after OCMF's time states (OCMF 1.x, table of TM)."""

    SYNCHRONISED = "S"
    INFORMATIVE = "I"
    """Set once (RTC or operator), not disciplined now."""
    RELATIVE = "R"
    """The time is milliseconds since this boot, to be corrected once the clock is known."""
    UNSYNCHRONISED = "U"


class Source(StrEnum):
    """Why a readout was taken. All but the first may close a period and carry their raw bytes."""

    INTERVAL = "interval"
    DAILY = "daily"
    ON_DEMAND = "on-demand"
    COMMISSIONING = "commissioning"


class MeterStatus(IntFlag):
    """What the meter says of itself; bits 0-4 follow the M-Bus status byte (EN 13757-3, 5.10)."""

    OK = 0
    APPLICATION_BUSY = 1
    APPLICATION_ERROR = 2
    POWER_LOW = 4
    PERMANENT_ERROR = 8
    TEMPORARY_ERROR = 16
    TAMPER = 32
    REVERSE_FLOW = 64
    LEAK = 128


class EvidenceKind(IntEnum):
    """In which form a readout carries the meter's answer."""

    RAW = 0
    SHA256 = 1


class Evidence(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """The meter's answer as received, or its SHA-256.

    For M-Bus the telegrams one after another; for Modbus each request followed by its response,
    as they stood on the line. Both are self-delimiting.
    """

    kind: EvidenceKind
    data: Annotated[bytes, Meta(min_length=1, max_length=RAW_BYTES_MAX)]

    @classmethod
    def of(cls, raw: bytes) -> "Evidence":
        """Evidence that carries `raw` itself."""
        return cls(EvidenceKind.RAW, raw)

    def hashed(self) -> "Evidence":
        """The same evidence as a SHA-256 of the answer."""
        if self.kind is EvidenceKind.SHA256:
            return self
        return Evidence(EvidenceKind.SHA256, hashlib.sha256(self.data).digest())


class RegisterValue(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """One register's value: `mantissa` times ten to the `exponent`, in `unit`."""

    register: ObisText
    mantissa: Annotated[int, Meta(ge=-MANTISSA_MAX, le=MANTISSA_MAX)]
    exponent: Annotated[int, Meta(ge=-EXPONENT_MAX, le=EXPONENT_MAX)]
    unit: Unit

    @property
    def value(self) -> Decimal:
        """The exact decimal value."""
        return Decimal(self.mantissa).scaleb(self.exponent)


class Readout(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """One meter's answer at one instant, with its evidence.

    `captured_at_ms` is UTC, or milliseconds since boot where `clock_state` is RELATIVE.
    `clock_error_s` is the largest possible error of that time, in whole seconds, rounded up.
    """

    meter: SerialText
    captured_at_ms: TimeMs
    clock_state: ClockState
    clock_error_s: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    status: Annotated[int, Meta(ge=0, le=0xFFFF)]
    source: Source
    evidence: Evidence
    values: Annotated[
        tuple[RegisterValue, ...], Meta(min_length=1, max_length=VALUES_PER_READOUT_MAX)
    ]

    @property
    def captured_at(self) -> datetime:
        """The capture time as aware UTC; meaningless while the clock state is RELATIVE."""
        return from_ms(self.captured_at_ms)

    @property
    def readings(self) -> Iterator["Reading"]:
        """The readout's readings, one per register."""
        return (Reading(self, value) for value in self.values)


class Reading(NamedTuple):
    """One register's value together with the readout it stands in."""

    readout: Readout
    value: RegisterValue


def parse_obis(text: str) -> str:
    """The canonical form of an OBIS code; ``*255`` is dropped, for it means "not used".

    Raises ValueError with what was expected and what came.
    """
    match = _OBIS.match(text)
    if match is None or any(int(n) > 255 for n in re.findall(r"[0-9]+", text)):
        raise ValueError(f"expected an OBIS code like 1-0:1.8.0, got {text!r}")
    return text.removesuffix("*255")


# The distinct names of a fleet are few; asking a pattern is ten times as dear as remembering.
@lru_cache(maxsize=65_536)
def is_serial(text: str) -> bool:
    """Whether `text` is a meter's serial, see SERIAL_PATTERN."""
    return _SERIAL.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def is_obis(text: str) -> bool:
    """Whether `text` is a register's name, see OBIS_PATTERN."""
    return _OBIS.fullmatch(text) is not None


def to_ms(moment: datetime) -> int:
    """Milliseconds since the epoch of an aware time, rounded down; naive times are refused."""
    if moment.tzinfo is None:
        raise ValueError(f"expected an aware time, got the naive {moment.isoformat()}")
    delta = moment.astimezone(UTC) - _EPOCH
    return delta.days * 86_400_000 + delta.seconds * 1000 + delta.microseconds // 1000


def from_ms(milliseconds: int) -> datetime:
    """The aware UTC time of `milliseconds` since the epoch, exact."""
    seconds, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def scaled(value: Decimal, exponent: int) -> int:
    """The mantissa of `value` at `exponent`; ValueError where that would lose a digit."""
    # Told by the size alone, for 1e999999 is too large a number to be made.
    if value and value.adjusted() - exponent >= len(str(MANTISSA_MAX)):
        raise ValueError(f"{value} at 1e{exponent} is longer than 18 digits")
    mantissa = int(value.scaleb(-exponent))
    # Compared with the value itself: scaling rounds one of more than 28 digits.
    if Decimal(mantissa).scaleb(exponent) != value:
        raise ValueError(f"{value} has digits below 1e{exponent}")
    return mantissa


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
