"""Streams of batches from a seed: two devices, all that a meter, a clock and a road can do.

Most readings are ordinary; the rest fall, leap, stand still, roll over, come in another unit, from
another device's meter, from clocks that are wrong or not set, or with registers nobody knows; and
the batches come twice, late, mixed up or damaged.
"""

from collections.abc import Callable, Iterator, Sequence
from random import Random

from cloud_sync import batch, topics
from cloud_sync.signing import SigningKey
from drivers.reading import ClockState, Evidence, Readout, RegisterValue, Source, Unit
from gateway import registry
from gateway.opening import Incoming
from gateway.registry_csv import COLUMNS
from gateway.sql.store import SqlStore

START_MS = 1_788_220_800_000  # 2026-09-01T00:00:00Z
MINUTE_MS = 60_000
DAY_MS = 1440 * MINUTE_MS
GATEWAY_KEY = SigningKey.from_seed(bytes(range(1, 33)))
TOTAL, DAY, NIGHT = "1-0:1.8.0", "1-0:1.8.1", "1-0:1.8.2"
FOREIGN = "1-0:2.8.0"
METERS = {
    "one": {"M1": (DAY, NIGHT), "M2": (TOTAL, DAY, NIGHT), "M3": (TOTAL,), "M4": (DAY, NIGHT)},
    "two": {"M5": (TOTAL, DAY, NIGHT), "M6": (DAY,)},
}
FIRST = 9_000_00
"""What every register shows first; those of M3 have six digits and so are near their end."""
DIGITS = {"M3": 6}

Readouts = Callable[[Random, "Device", int], Iterator[Readout]]


def register(store: SqlStore, *, more: bool = False) -> None:
    """Enter the devices and their meters, or one more meter."""
    lines = [",".join(COLUMNS)]
    meters = {"two": {"M7": (DAY,)}} if more else METERS
    for device, serials in meters.items():
        if not more:
            registry.add_device_key(store, device, _key(device).public, 0)
        lines += [
            f"house,-,UTC,{device},1,{serial},dwelling,electricity,{serial},"
            f"bench,{obis},kWh,-2,{DIGITS.get(serial, 8)},13.8,2026-08-31,{FIRST // 100},{device}"
            for serial, names in serials.items()
            for obis in names
        ]
    registry.import_csv(store, "\n".join(lines).encode())


class Device:
    """A device with what its meters show."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.now_ms = START_MS
        self.booted_ms, self.boot = START_MS - DAY_MS, bytes(8)
        self.sequence, self._previous = 0, batch.GENESIS
        self.shown = {
            (serial, obis): FIRST for serial, names in METERS[name].items() for obis in names
        }

    def move(self, serial: str, step: int) -> None:
        """A meter counts on: its first tariff a step, its second another, its total both."""
        names = METERS[self.name][serial]
        steps = {DAY: step, NIGHT: step // 3, TOTAL: step + step // 3 if len(names) > 1 else step}
        for obis in names:
            capacity = 10 ** DIGITS.get(serial, 8)
            self.shown[serial, obis] = (self.shown[serial, obis] + steps[obis]) % capacity

    def seal(self, readouts: Sequence[Readout], state: ClockState) -> Incoming:
        """Its next batch."""
        self.sequence += 1
        content = batch.Batch(
            version=1,
            device=self.name,
            sequence=self.sequence,
            previous=self._previous,
            signed_at_ms=self.now_ms,
            clock_state=state,
            clock_error_s=1,
            boot=self.boot,
            uptime_ms=self.now_ms - self.booted_ms,
            software="stream",
            readouts=tuple(readouts),
        )
        topic = topics.batch_topic(self.name)
        message = _key(self.name).seal(batch.encode(content), topic)
        self._previous = batch.chain_hash(message)
        return Incoming(topic, message)


def plain(_random: Random, device: Device, step: int) -> Iterator[Readout]:
    """All meters, in order."""
    for serial in METERS[device.name]:
        device.move(serial, step)
        yield readout(device, serial)


def troubled(random: Random, device: Device, step: int) -> Iterator[Readout]:
    """Most meters in order, the rest with all that happens to meters."""
    for serial in METERS[device.name]:
        if random.random() < 0.03:
            continue
        device.move(serial, random.choice((step, step, step, step // 2, 0, step * 8, step // 8)))
        one = readout(device, serial)
        if random.random() < 0.2:
            one = random.choice(_EVENTS)(random, one)
        if one is not None:
            yield one
    if random.random() < 0.05:
        yield readout(device, "M9", names=(DAY,))
    if random.random() < 0.05 and device.name == "one":
        yield readout(device, "M6", names=(DAY,))


def readout(device: Device, serial: str, names: Sequence[str] = ()) -> Readout:
    """What a meter shows."""
    known = METERS[device.name].get(serial)
    values = tuple(
        RegisterValue(obis, device.shown.get((serial, obis), FIRST), -2, Unit.KWH)
        for obis in known or names
    )
    evidence = Evidence.of(f"{serial} {device.now_ms}".encode()).hashed()
    return Readout(
        serial, device.now_ms, ClockState.SYNCHRONISED, 1, 0, Source.INTERVAL, evidence, values
    )


def stream(
    seed: int, batches: int, readouts: Readouts, interval_min: Sequence[int]
) -> list[Incoming]:
    """That many batches of each device, in the order in which they were signed."""
    random = Random(seed)
    devices = [Device(name) for name in METERS]
    found = []
    for _ in range(batches):
        for device in devices:
            minutes = random.choice(interval_min)
            device.now_ms += minutes * MINUTE_MS
            known = readouts is plain or random.random() < 0.95
            if not known and random.random() < 0.5:
                device.boot = random.randbytes(8)
                device.booted_ms = device.now_ms - 5 * MINUTE_MS
            state = ClockState.SYNCHRONISED if known else ClockState.RELATIVE
            read = list(readouts(random, device, minutes))
            if not known:
                at_ms = device.now_ms - device.booted_ms
                read = [changed(one, clock_state=state, captured_at_ms=at_ms) for one in read]
            if read:
                found.append(device.seal(read, state))
    return found


def mixed(seed: int, messages: Sequence[Incoming]) -> list[Incoming]:
    """As a road brings them: some twice, some late, some damaged."""
    random = Random(seed)
    places = [(at + random.choice((0, 0, 0, 0, 0, 3, 12)), at) for at in range(len(messages))]
    found = []
    for _, at in sorted(places):
        topic, message = messages[at]
        found.append(Incoming(topic, message))
        if random.random() < 0.05:
            found.append(random.choice(messages))
        if random.random() < 0.03:
            place = random.randrange(len(message))
            damaged = bytes([message[place] ^ (1 << random.randrange(8))])
            found.append(Incoming(topic, message[:place] + damaged + message[place + 1 :]))
    return found


def groups(seed: int, messages: Sequence[Incoming]) -> Iterator[list[Incoming]]:
    """Cut into groups of any size."""
    random, rest = Random(seed), list(messages)
    while rest:
        size = random.choice((1, 2, 7, 30))
        yield rest[:size]
        del rest[:size]


def changed(one: Readout, **fields: object) -> Readout:
    """A readout in which something else stands."""
    given = {name: getattr(one, name) for name in one.__struct_fields__}
    return Readout(**(given | fields))  # type: ignore[arg-type]


def _values(one: Readout, change: Callable[[RegisterValue], RegisterValue]) -> Readout:
    first, *rest = one.values
    return changed(one, values=(change(first), *rest))


def _shifted(by: int) -> Callable[[Random, Readout], Readout]:
    return lambda _, one: _values(
        one,
        lambda value: RegisterValue(
            value.register, value.mantissa + by, value.exponent, value.unit
        ),
    )


def _at(by_ms: int) -> Callable[[Random, Readout], Readout]:
    return lambda _, one: changed(one, captured_at_ms=one.captured_at_ms + by_ms)


def _formed(exponent: int, unit: Unit) -> Callable[[Random, Readout], Readout]:
    return lambda _, one: _values(
        one, lambda value: RegisterValue(value.register, value.mantissa, exponent, unit)
    )


def _stranger(_random: Random, one: Readout) -> Readout:
    return changed(one, values=(*one.values, RegisterValue(FOREIGN, 5, -2, Unit.KWH)))


def _clock(random: Random, one: Readout) -> Readout:
    state = random.choice((ClockState.UNSYNCHRONISED, ClockState.INFORMATIVE))
    return changed(one, clock_state=state, clock_error_s=random.choice((0, 9, 10, 500)))


def _daily(random: Random, one: Readout) -> Readout:
    values = one.values if random.random() < 0.7 else one.values[:1]
    return changed(one, source=Source.DAILY, values=values, evidence=Evidence.of(b"answer"))


def _swapped(_random: Random, one: Readout) -> Readout:
    first, *rest = (value.mantissa for value in one.values)
    values = zip(one.values, (*rest, first), strict=True)
    return changed(
        one,
        values=tuple(
            RegisterValue(value.register, mantissa, value.exponent, value.unit)
            for value, mantissa in values
        ),
    )


def _gone(_random: Random, _one: Readout) -> None:
    return None


_EVENTS: Sequence[Callable[[Random, Readout], Readout | None]] = (
    _shifted(-50), _shifted(10_000_000), _shifted(1), _shifted(-10_000_000), _shifted(2**45),
    _at(-20 * MINUTE_MS), _at(10 * DAY_MS), _at(-40 * DAY_MS), _at(-1),
    _at(-15 * MINUTE_MS), _at(-15 * MINUTE_MS), _swapped, _swapped, _formed(-1, Unit.KWH),
    _formed(-3, Unit.KWH), _formed(-2, Unit.M3), _stranger, _clock, _clock, _daily, _daily, _gone,
)  # fmt: skip


def _key(device: str) -> SigningKey:
    return SigningKey.from_seed(device.encode().ljust(32, b"."))
