"""A house's device: what it reads in a night, sealed as one batch of an unbroken chain.

The key, the batch and the chain are the real ones; only the wires are left out. Whatever is wrong
with a night (a wrong value, a clock that is not set) is wrong before it is sealed.
"""

import hashlib
from collections.abc import Iterator, Mapping
from random import Random
from typing import NamedTuple

from cloud_sync import batch as wire_batch
from cloud_sync import topics
from cloud_sync.batch import GENESIS, Batch
from cloud_sync.signing import SigningKey
from drivers.reading import ClockState, Evidence, Readout, RegisterValue, Source
from simulators.truth import DAY_MS, HOUR_MS, Meter, Register
from simulators.year.fates import DOUBT_DAYS, impossible
from simulators.year.model import House, Place, Trouble, Wrong
from simulators.year.town import rates

# A round is sealed when all meters have answered.
_SEALED_AFTER_MS = 20_000
_BOOT_BEFORE_MS = 2 * HOUR_MS
_BACK_MS = 21 * DAY_MS
# Of a hundred nights of a house, those with the hours of the day before.
_HOURLY_PER_CENT = 2
_HOURS = range(1, 24)


class Night(NamedTuple):
    """What a device sealed in a night.

    `boot` is the day its boot began, `hourly` says that the hours of the day before are in it.
    """

    day: int
    sequence: int
    at_ms: int
    clock: ClockState
    boot: int
    hourly: bool
    topic: str
    message: bytes


class Injected(NamedTuple):
    """A wrong value that was sealed, with the capture time it carries."""

    place: str
    serial: str
    obis: str
    at_ms: int
    mantissa: int


class Device:
    """Seals night after night; `injected` and `untimed` are what it sealed wrong on purpose.

    `untimed`: serial and alleged time of readouts by a clock that nothing vouched for.
    """

    def __init__(self, house: House, seed: str) -> None:
        self.house = house
        self.key = SigningKey.from_seed(Random(f"{seed}/{house.name}/key").randbytes(32))
        self._hourly = Random(f"{seed}/{house.name}/hourly")
        self._sequence = 0
        self._previous = GENESIS
        self._topic = topics.batch_topic(house.device)
        self._rates = {place.name: rates(place) for place in house.places}
        self._rivals: list[Readout] = []
        self.injected: list[Injected] = []
        self.untimed: set[tuple[str, int]] = set()

    def night(self, day: int) -> Night | None:
        """The batch of a night; None while the device is away."""
        house = self.house
        hourly = self._hourly.randrange(100) < _HOURLY_PER_CENT
        if not house.is_read(day):
            return None
        clock, boot_day = _clock(house, day)
        hourly = hourly and clock is ClockState.SYNCHRONISED and day > 0
        boot_ms = house.midnight_ms(boot_day) - _BOOT_BEFORE_MS
        at_ms = house.read_ms(day)
        shift_ms = {ClockState.RELATIVE: boot_ms, ClockState.UNSYNCHRONISED: _BACK_MS}.get(clock, 0)
        readouts = [*self._rivals, *self._readouts(day, at_ms, clock, shift_ms)]
        self._rivals = [*self._rival(day, at_ms)] if clock is ClockState.SYNCHRONISED else []
        if hourly:
            readouts = [*self._hours(day, at_ms), *readouts]
        self._sequence += 1
        signed_ms = at_ms + _SEALED_AFTER_MS
        batch = Batch(
            version=1,
            device=house.device,
            sequence=self._sequence,
            previous=self._previous,
            signed_at_ms=signed_ms - shift_ms,
            clock_state=clock,
            clock_error_s=1,
            boot=hashlib.sha256(f"{house.name}/{boot_day}".encode()).digest()[:8],
            uptime_ms=signed_ms - boot_ms,
            software="plomba year",
            readouts=tuple(readouts),
        )
        message = self.key.seal(wire_batch.encode(batch), self._topic)
        self._previous = wire_batch.chain_hash(message)
        return Night(day, self._sequence, at_ms, clock, boot_day, hourly, self._topic, message)

    def _readouts(
        self, day: int, at_ms: int, clock: ClockState, shift_ms: int
    ) -> Iterator[Readout]:
        knows = clock is ClockState.SYNCHRONISED
        for place in self.house.places:
            if any(day in one for one in place.silent):
                continue
            meter = place.hanging_at(at_ms).meter
            wrong = place.wrong(day)
            values = meter.shown(at_ms)
            if wrong is not None and wrong.trouble is not Trouble.RIVAL and knows:
                values = self._spoiled(place, wrong, at_ms)
            if clock is ClockState.UNSYNCHRONISED:
                self.untimed.add((meter.serial, at_ms - shift_ms))
            yield _readout(meter, values, at_ms - shift_ms, clock, Source.DAILY)

    def _rival(self, day: int, at_ms: int) -> Iterator[Readout]:
        """Second answers for the same instant, which go with the next batch."""
        for place in self.house.places:
            wrong = place.wrong(day)
            if wrong is not None and wrong.trouble is Trouble.RIVAL:
                meter = place.hanging_at(at_ms).meter
                values = self._spoiled(place, wrong, at_ms)
                yield _readout(meter, values, at_ms, ClockState.SYNCHRONISED, Source.DAILY)

    def _spoiled(self, place: Place, wrong: Wrong, at_ms: int) -> dict[str, int]:
        """The values of a wrong reading, noted for the judge."""
        meter = place.hanging_at(at_ms).meter
        values, true = self._wrong_values(place, wrong, at_ms), meter.shown(at_ms)
        self.injected += [
            Injected(place.name, meter.serial, obis, at_ms, value)
            for obis, value in values.items()
            if value != true[obis]
        ]
        return values

    def _wrong_values(self, place: Place, wrong: Wrong, at_ms: int) -> dict[str, int]:
        """The values of a wrong reading; each of them impossible."""
        meter = place.hanging_at(at_ms).meter
        true = meter.shown(at_ms)
        obis = {register.obis: register for register in meter.registers}
        if wrong.trouble is Trouble.SWAP:
            swapped = true | {"1-0:1.8.1": true["1-0:1.8.2"], "1-0:1.8.2": true["1-0:1.8.1"]}
            if all(
                impossible(obis[name], self._rates[place.name][name], at_ms, swapped[name])
                for name in ("1-0:1.8.1", "1-0:1.8.2")
            ):
                return swapped
        return {
            name: _spoil(register, wrong.trouble, self._rates[place.name][name], at_ms)
            for name, register in obis.items()
        }

    def _hours(self, day: int, at_ms: int) -> Iterator[Readout]:
        """The hours before midnight, of what counts electricity and was not exchanged meanwhile."""
        for place in self.house.places:
            meter = place.hanging_at(at_ms).meter
            is_new = place.hanging_at(at_ms - DAY_MS).meter is not meter
            spared = any(day in one or day - 1 in one for one in place.silent)
            if not place.name.endswith("electricity") or is_new or spared:
                continue
            for hour in _HOURS:
                hour_ms = at_ms - (24 - hour) * HOUR_MS
                values = meter.shown(hour_ms)
                yield _readout(meter, values, hour_ms, ClockState.SYNCHRONISED, Source.INTERVAL)


def _clock(house: House, day: int) -> tuple[ClockState, int]:
    """How the clock stands, and the day the boot began: after each outage and power cut."""
    boot_day = max((one.end for one in house.silences if one.end <= day), default=0)
    for unset in house.unset:
        nights = unset.nights
        if day in nights:
            return ClockState.RELATIVE, nights.first
        if nights.end <= day:
            boot_day = max(boot_day, nights.first if unset.placed else nights.end)
    back = any(day in one for one in house.backdated)
    return ClockState.UNSYNCHRONISED if back else ClockState.SYNCHRONISED, boot_day


def _readout(
    meter: Meter, values: Mapping[str, int], at_ms: int, clock: ClockState, source: Source
) -> Readout:
    answer = Evidence.of(f"{meter.serial} {at_ms}".encode())
    return Readout(
        meter=meter.serial,
        captured_at_ms=at_ms,
        clock_state=clock,
        clock_error_s=1,
        status=0,
        source=source,
        evidence=answer if source is Source.DAILY else answer.hashed(),
        values=tuple(
            RegisterValue(one.obis, values[one.obis], one.exponent, one.unit)
            for one in meter.registers
        ),
    )


def _spoil(register: Register, trouble: Trouble, rate_max_per_h: int, at_ms: int) -> int:
    """A value as wrong as asked for; a leap where the dial stands so low that it would pass."""
    true = register.shown(at_ms)
    leap = true + rate_max_per_h * 24 * (DOUBT_DAYS + 30)
    fallen = register.counted(at_ms - DOUBT_DAYS * DAY_MS) - 1 - true // 10
    wanted = {Trouble.SLIP: (true // 10, true * 10), Trouble.FALL: (fallen,)}.get(trouble, ())
    found = (one for one in wanted if impossible(register, rate_max_per_h, at_ms, one))
    return next(found, leap)
