"""A virtual M-Bus meter: telegrams made from its profile, as the meters of that model send them.

Around the billed records stand others of the same quantity, as real meters send them: the value
at the last billing date (storage 1) and a maximum. A driver that took the first record that looks
right would take a wrong one.

A meter with `telegrams` above one spreads its records over that many. What the link layer does for
it (frame count bits, selection, who answers at all) is in `simulators/mbus_bus.py`.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product

from msgspec import structs

from drivers.mbus import records, telegram, vib
from drivers.mbus.header import Identity
from drivers.mbus.profile import MbusProfile, MbusRegister
from drivers.mbus.records import Record
from drivers.mbus.telegram import Telegram
from drivers.reading import Resource, Unit
from simulators.mbus_bus import SECONDARY_BYTES
from simulators.modbus_meter import Shown
from simulators.truth import DAY_MS

_HEADER_VERSION = 1
# Behind start, lengths, start, C, A and CI of a long frame stands the long header.
_HEADER_AT = 7
_NO_DAY = -1

# What one unit of a register is in the base unit M-Bus counts in, as a power of ten.
_IN_BASE_UNITS = {
    Unit.KWH: ("Wh", 3),
    Unit.KVARH: ("varh", 3),
    Unit.GJ: ("J", 9),
    Unit.GCAL: ("cal", 9),
    Unit.M3: ("m3", 0),
    Unit.TONNE: ("kg", 3),
    Unit.KW: ("W", 3),
    Unit.M3_PER_H: ("m3/h", 0),
    Unit.CELSIUS: ("°C", 0),
    Unit.KELVIN: ("K", 0),
    Unit.VOLT: ("V", 0),
    Unit.AMPERE: ("A", 0),
    Unit.HERTZ: ("Hz", 0),
    Unit.HCA: ("HCA", 0),
}
_MEDIA = {
    Resource.ELECTRICITY: "electricity",
    Resource.COLD_WATER: "water",
    Resource.HOT_WATER: "warm-water",
    Resource.HEAT: "heat",
    Resource.GAS: "gas",
}

# DIF: the data field of an integer is its length in bytes, the function is in bits 4 and 5, the
# lowest bit of the storage number in bit 6.
_INT32_BYTES, _INT48_BYTES = 4, 6
_FUNCTIONS = {"instantaneous": 0, "maximum": 1, "minimum": 2}
_EXTENDED = 0x80
# What introduces the extended VIF tables, and the VIFs whose meaning stands outside every table.
_FIRST_EXTENSION, _SECOND_EXTENSION = 0xFB, 0xFD
_PLAIN_TEXT, _MANUFACTURER = 0x7C, 0x7F
# A value of the last billing date differs from today's; by how much does not matter.
_SINCE_BILLING_DATE = 17


class MbusMeter:
    """One meter made from a profile, showing `shown`; `serial` is its identification number.

    `identity` replaces the whole of what its header says about it.
    `telegrams` says over how many its records spread. A `deaf` meter can be selected and
    acknowledges, but has no data to give. One with `high_first` sends the high byte first, one with
    a `key` encrypts its records in mode 5.
    """

    def __init__(
        self,
        address: int,
        profile: MbusProfile,
        shown: Shown,
        serial: str,
        telegrams: int = 1,
        *,
        identity: Identity | None = None,
        turnaround_s: float = 0.0,
        deaf: bool = False,
        high_first: bool = False,
        key: bytes | None = None,
    ) -> None:
        self.address = address
        self.turnaround_s = turnaround_s
        self.high_first = high_first
        self.readouts = 0
        """How many times it composed a readout: what costs a battery."""
        self._profile = profile
        self._shown = shown
        who = identity or identity_of(profile, serial)
        self._header = Telegram(
            address=address,
            identification=who.identification,
            manufacturer=who.manufacturer,
            version=who.version,
            medium=who.medium,
            status=0,
            configuration=0,
            ci=telegram.LONG_HEADER_HIGH_FIRST if high_first else telegram.LONG_HEADER,
        )
        self._split = telegrams
        self._deaf = deaf
        self._key = key
        self._day = _NO_DAY
        self._readouts_of_day = 0

    @property
    def secondary(self) -> bytes:
        """What a select frame must mean to choose this meter, in the order of its header."""
        return telegram.encode(self._header)[_HEADER_AT:][:SECONDARY_BYTES]

    def readout(self, now_ms: int) -> list[bytes]:
        """All frames of one readout, their values of one moment.

        A meter on a battery keeps silent when it was read more often in a day than it allows.
        """
        if self._deaf or not self._may_be_read(now_ms):
            return []
        self.readouts += 1
        found = self._records(now_ms)
        size = -(-len(found) // self._split)
        parts = [found[at : at + size] for at in range(0, len(found), size)]
        return [
            self._frame(part, more_follows=number < len(parts))
            for number, part in enumerate(parts, 1)
        ]

    def _may_be_read(self, now_ms: int) -> bool:
        """One more of a day's readouts, if there is one left."""
        if now_ms // DAY_MS != self._day:
            self._day, self._readouts_of_day = now_ms // DAY_MS, 0
        self._readouts_of_day += 1
        allowed = self._profile.reads_per_day_max
        return allowed is None or self._readouts_of_day <= allowed

    def _records(self, now_ms: int) -> list[Record]:
        shown = self._shown(now_ms)
        found: list[Record] = []
        for register in self._profile.registers:
            mantissa = shown[register.obis]
            found.append(_record(register, mantissa))
            past = max(mantissa - _SINCE_BILLING_DATE, 0)
            found.append(_record(register, past, storage=register.storage + 1))
            found.append(_record(register, mantissa // 2, function="maximum"))
        if self.high_first:
            return [structs.replace(record, data=record.data[::-1]) for record in found]
        return found

    def _frame(self, part: Sequence[Record], *, more_follows: bool) -> bytes:
        end = (records.manufacturer_data(b"", more_follows=True),) if more_follows else ()
        return telegram.encode(
            self._header._replace(
                access_number=self.readouts % 0x100,
                records=(*part, *end),
            ),
            key=self._key,
        )


def identity_of(profile: MbusProfile, serial: str) -> Identity:
    """Who a meter of a model says it is."""
    return Identity(
        identification=serial,
        manufacturer=profile.makers[0] if profile.makers else "PLB",
        version=profile.versions[0] if profile.versions else _HEADER_VERSION,
        medium=profile.media[0] if profile.media else _MEDIA[profile.resource],
    )


def _record(
    register: MbusRegister, mantissa: int, *, storage: int | None = None, function: str = ""
) -> Record:
    """The record that says `mantissa` of a register, or of its neighbour in storage or function."""
    size = _INT32_BYTES if abs(mantissa) < 2**31 else _INT48_BYTES
    number = register.storage if storage is None else storage
    dib, vib_ = _blocks(register, size, number, function or register.function)
    data = mantissa.to_bytes(size, "little", signed=True)
    return Record(index=0, quantity=register.quantity, dib=dib, vib=vib_, data=data)


@cache
def _blocks(register: MbusRegister, size: int, storage: int, function: str) -> tuple[bytes, bytes]:
    """DIB and VIB, which are the same in every telegram."""
    dif = size | _FUNCTIONS[function] << 4
    return _dib(dif, storage, register.tariff, register.subunit), _vib(register)


def _dib(dif: int, storage: int, tariff: int, subunit: int) -> bytes:
    """DIF and as many DIFEs as storage, tariff and subunit take (EN 13757-3, 6.3.5)."""
    block = [dif | (storage & 1) << 6]
    storage >>= 1
    while storage or tariff or subunit:
        block[-1] |= _EXTENDED
        block.append(storage & 0x0F | (tariff & 3) << 4 | (subunit & 1) << 6)
        storage, tariff, subunit = storage >> 4, tariff >> 2, subunit >> 1
    return bytes(block)


@cache
def _vib(register: MbusRegister) -> bytes:
    """The shortest VIB of the register's quantity whose scale is its resolution."""
    unit, exponent = _IN_BASE_UNITS[register.unit]
    wanted = (register.quantity, unit, exponent + register.exponent, 1, None)
    for block in _all_vibs():
        meaning = vib.read(block)
        if wanted == (*meaning[:4], meaning.problem):
            return block
    raise ValueError(f"no VIB counts {register.quantity} in 1e{register.exponent} {register.unit}")


def _all_vibs() -> Iterator[bytes]:
    """Every VIF of the three tables, alone and then with any one VIFE, such as a factor of ten."""
    heads = [bytes(head) for head in ((), (_FIRST_EXTENSION,), (_SECOND_EXTENSION,))]
    for head, code in product(heads, range(_PLAIN_TEXT)):
        yield head + bytes((code,))
    for head, code, vife in product(heads, range(_PLAIN_TEXT), range(_MANUFACTURER)):
        yield head + bytes((code | _EXTENDED, vife))
