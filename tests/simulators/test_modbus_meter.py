"""The virtual Modbus meter: it gives what the makers' tables say, and refuses what they forbid."""

from decimal import Decimal

import pytest
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

from drivers import profile
from drivers.modbus.profile import ModbusProfile
from simulators.lines import PAUSE_MS_MAX
from simulators.modbus_meter import ModbusBus, ModbusMeter

SDM120 = {"1-0:1.8.0": 45_740}
SDM630 = {"1-0:1.8.0": 1_234_567, "1-0:2.8.0": 5}


def the_profile(name: str) -> ModbusProfile:
    found = profile.load(name)
    assert isinstance(found, ModbusProfile)
    return found


def a_bus(name: str, shown: dict[str, int]) -> ModbusBus:
    return ModbusBus([ModbusMeter(1, the_profile(name), lambda _: shown)])


def ask(bus: ModbusBus, address: int, count: int, unit: int = 1) -> ModbusPDU | None:
    framer = FramerRTU(DecodePDU(is_server=False))
    request = ReadInputRegistersRequest(address=address, count=count, dev_id=unit)
    return framer.handleFrame(bus.feed(framer.buildFrame(request), 0), unit, 0)[1]


@pytest.mark.parametrize("name", ["eastron_sdm120", "eastron_sdm630", "siemens_pac2200"])
def test_it_answers_the_samples_of_its_profile_to_the_byte(name: str) -> None:
    for sample in the_profile(name).samples:
        mantissas = {
            register.obis: register.exactly(Decimal(sample.expect[register.obis])).mantissa
            for register in the_profile(name).registers
        }
        bus = a_bus(name, mantissas)
        assert bus.feed(bytes.fromhex(sample.request), 0) == bytes.fromhex(sample.response)


def test_a_request_may_come_in_pieces() -> None:
    (sample, *_) = the_profile("eastron_sdm120").samples
    bus = a_bus("eastron_sdm120", SDM120)
    *pieces, last = (bytes((byte,)) for byte in bytes.fromhex(sample.request))
    assert not any(bus.feed(piece, 0) for piece in pieces)
    assert bus.feed(last, 0) == bytes.fromhex(sample.response)


def test_what_is_shown_depends_on_when_it_is_asked() -> None:
    meter = ModbusMeter(1, the_profile("eastron_sdm120"), lambda now_ms: {"1-0:1.8.0": now_ms})
    bus = ModbusBus([meter])
    request = bytes.fromhex("01 04 00 48 00 02 F1 DD")
    assert bus.feed(request, 100) != bus.feed(request, 200)


@pytest.mark.parametrize(
    ("address", "count", "why"),
    [
        (0x0000, 2, "not in the map"),
        (0x0044, 4, "begins before the map"),
        (0x0048, 6, "ends behind the map"),
        (0x0049, 2, "cuts a value in two"),
        (0x0048, 3, "an odd count"),
        (0x0048, 82, "more than the meter allows"),
    ],
)
def test_it_refuses_what_the_manual_forbids(address: int, count: int, why: str) -> None:
    answer = ask(a_bus("eastron_sdm630", SDM630), address, count)
    assert isinstance(answer, ExceptionResponse), why


def test_a_function_it_does_not_have_is_refused() -> None:
    bus = a_bus("eastron_sdm120", SDM120)
    framer = FramerRTU(DecodePDU(is_server=False))
    request = ReadHoldingRegistersRequest(address=0x48, count=2, dev_id=1)
    answer = framer.handleFrame(bus.feed(framer.buildFrame(request), 0), 1, 0)[1]
    assert isinstance(answer, ExceptionResponse)


def test_other_addresses_and_broken_frames_are_met_with_silence() -> None:
    bus = a_bus("eastron_sdm120", SDM120)
    assert ask(bus, 0x48, 2, unit=2) is None
    assert bus.feed(bytes.fromhex("01 04 00 48 00 02 F1 DE"), 0) == b""
    assert ask(bus, 0x48, 2) is not None


def test_endless_noise_is_forgotten() -> None:
    bus = a_bus("eastron_sdm120", SDM120)
    for _ in range(1000):
        assert bus.feed(b"\x01\x10\xff\xff", 0) == b""
    bus.reset()
    assert ask(bus, 0x48, 2) is not None


def test_it_speaks_modbus_tcp_too() -> None:
    bus = ModbusBus(
        [ModbusMeter(1, the_profile("eastron_sdm120"), lambda _: SDM120)], framing="tcp"
    )
    framer = FramerSocket(DecodePDU(is_server=False))
    request = ReadInputRegistersRequest(address=0x48, count=2, dev_id=1, transaction_id=77)
    answer = framer.handleFrame(bus.feed(framer.buildFrame(request), 0), 1, 77)[1]
    assert answer is not None
    assert answer.registers == [0x43E4, 0xB333]


TSRV = {register.obis: 1_234_567 for register in the_profile("vzljot_tsrv026m").registers}


def hearing(data: str, *, mute: bool) -> bytes:
    meter = ModbusMeter(1, the_profile("vzljot_tsrv026m"), lambda _: TSRV, mute=mute)
    return ModbusBus([meter]).feed(framed(data), 0)


def framed(pdu: str) -> bytes:
    """Unit 1 and a checksum around function and data, whatever their length."""
    body = b"\x01" + bytes.fromhex(pdu)
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")


def test_a_span_that_must_not_be_touched_is_refused_or_met_with_silence() -> None:
    assert hearing("04 4006 0001", mute=False)[1] == 0x84
    assert hearing("04 4006 0001", mute=True) == b""
    assert hearing("04 C068 0004", mute=True)[1] == 4


@pytest.mark.parametrize("count", ["0000", "007E", "FFFF"])
def test_a_count_that_no_meter_may_take_is_refused(count: str) -> None:
    assert hearing(f"04 C068 {count}", mute=True) in (b"", framed("84 03"))


def test_a_request_of_the_wrong_length_is_not_answered_and_not_remembered() -> None:
    bus = a_bus("eastron_sdm120", SDM120)
    now_ms = 0
    for wrong in ("04 0048 00", "04 0048 0002 00", "04"):
        assert bus.feed(framed(wrong), now_ms) == b""
        now_ms += PAUSE_MS_MAX + 1
        assert bus.feed(framed("04 0048 0002"), now_ms)


def test_a_meter_may_take_its_time() -> None:
    meter = ModbusMeter(1, the_profile("eastron_sdm120"), lambda _: SDM120, turnaround_s=0.3)
    bus = ModbusBus([meter])
    ask(bus, 0x48, 2)
    assert bus.turnaround_s == 0.3
