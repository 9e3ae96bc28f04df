"""M-Bus meters for tests of the driver: their telegrams, and meters that hand those out."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from drivers import profile
from drivers.bus import Line
from drivers.driver import Address, Answer
from drivers.mbus import frame, records, telegram
from drivers.mbus.driver import MbusDriver
from drivers.mbus.header import Identity
from drivers.mbus.profile import MbusProfile
from drivers.mbus.records import Record
from drivers.mbus.telegram import Telegram
from drivers.profile import MeterProfile
from simulators.mbus_bus import MbusBus
from simulators.mbus_meter import MbusMeter
from tests.drivers.fake_line import Event, FakeLink, in_virtual_time, now_s

_LOADED = profile.load("kamstrup_multical")
assert isinstance(_LOADED, MbusProfile)
MULTICAL = _LOADED
BAUD = 2400
# A converter hands on what it has every 37 ms at this speed.
CHUNK_BYTES = 8
# The requests of a master, as they stand in the C field.
NKE, FIRST, SECOND = frame.SND_NKE, frame.REQ_UD2 | frame.FCB, frame.REQ_UD2

Scene = Callable[[Line], Awaitable[None]]
ACK = bytes((frame.ACK,))


def energy(kwh: int, dib: str = "04", vib: str = "06") -> Record:
    return records.build(bytes.fromhex(dib), bytes.fromhex(vib), value=Decimal(kwh) * 1000)


def volume(m3: str, dib: str = "04", vib: str = "14") -> Record:
    return records.build(bytes.fromhex(dib), bytes.fromhex(vib), value=Decimal(m3))


def a_telegram(
    *content: Record,
    address: int = 5,
    access: int = 1,
    status: int = 0,
    identification: str = "06855817",
) -> bytes:
    return telegram.encode(
        Telegram(
            address,
            identification=identification,
            manufacturer="KAM",
            version=8,
            medium="heat",
            access_number=access,
            status=status,
            configuration=0,
            records=content,
        )
    )


@dataclass
class Meter:
    """An M-Bus meter that keeps the frame count bit and hands out its telegrams in turn."""

    telegrams: list[bytes]
    address: int = 5
    at: int = 0
    last_fcb: int | None = None
    control: list[int] = field(default_factory=list)

    def __call__(self, request: bytes) -> Iterable[Event]:
        asked = frame.parse(request)
        assert isinstance(asked, frame.Short)
        if asked.address != self.address:
            return []
        self.control.append(asked.control)
        if asked.control == frame.SND_NKE:
            self.at, self.last_fcb = 0, None
            return [(0.02, ACK)]
        fcb = asked.control & frame.FCB
        if self.last_fcb is not None and fcb != self.last_fcb:
            self.at = (self.at + 1) % len(self.telegrams)
        self.last_fcb = fcb
        return [(0.1, self.telegrams[self.at])]


MORE = records.manufacturer_data(b"", more_follows=True)


class Wires:
    """The answerer of a fake link at whose other end a virtual bus hangs.

    Answers come a few bytes at a time, at the speed of the wires.
    """

    def __init__(self, *meters: MbusMeter, chunk_bytes: int = CHUNK_BYTES) -> None:
        self._chunk_bytes = chunk_bytes
        self.asked: list[bytes] = []
        self._bus = MbusBus(meters, baud=BAUD)

    def __call__(self, request: bytes) -> list[Event]:
        self.asked.append(request)
        answer = self._bus.feed(request, round(now_s() * 1000))
        began_s = len(request) * 11 / BAUD + self._bus.turnaround_s
        ends = range(self._chunk_bytes, len(answer) + self._chunk_bytes, self._chunk_bytes)
        return [
            (
                began_s + min(end, len(answer)) * 11 / BAUD,
                answer[end - self._chunk_bytes : end],
            )
            for end in ends
            if answer
        ]


def a_multical(
    serial: str,
    *,
    address: int = 0,
    kwh: int = 1000,
    delay_s: float = 0.02,
    identity: Identity | None = None,
    telegrams: int = 1,
    deaf: bool = False,
    high_first: bool = False,
    key: bytes | None = None,
) -> MbusMeter:
    return MbusMeter(
        address,
        MULTICAL,
        lambda _: {register.obis: kwh for register in MULTICAL.registers},
        serial,
        telegrams,
        identity=identity,
        turnaround_s=delay_s,
        deaf=deaf,
        high_first=high_first,
        key=key,
    )


def read_once(
    answer: object,
    meter: MeterProfile = MULTICAL,
    address: Address = 5,
    expect_id: str | None = None,
    key: bytes | None = None,
) -> Answer:
    async def main() -> Answer:
        link = answer if isinstance(answer, FakeLink) else FakeLink(answer)  # type: ignore[arg-type]
        line = Line(link, baud=BAUD)
        return await MbusDriver().read(line, meter, address, expect_id=expect_id, key=key)

    return in_virtual_time(main)


def on(answer: Callable[[bytes], Iterable[Event]], scene: Scene) -> None:
    """Play a scene on a line whose far end is `answer`."""

    async def main() -> None:
        await scene(Line(FakeLink(answer), baud=BAUD))

    in_virtual_time(main)


async def energy_of(line: Line, address: Address = 5) -> Decimal:
    answer = await MbusDriver().read(line, MULTICAL, address)
    return answer.values[0].value
