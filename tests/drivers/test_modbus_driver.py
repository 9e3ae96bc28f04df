"""Reading Modbus over RTU, RTU over TCP and TCP: right values or a clear error, nothing else."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse

from drivers import profile
from drivers.bus import Line
from drivers.driver import (
    DriverError,
    FrameError,
    NoAnswer,
    Refused,
    WrongMeter,
)
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.values import encode
from drivers.reading import MeterStatus
from tests.drivers.fake_line import (
    FakeLink,
    in_virtual_time,
    now_s,
    rtu,
)
from tests.drivers.modbus_map import MapMeters, at
from tests.drivers.profiles import HEAD, REGISTER, SAMPLE, mbus, parse
from tests.drivers.reading_modbus import SUM, floats, read_once
from tests.drivers.test_profiles import MBUS_REGISTER

SDM630 = profile.load("eastron_sdm630")
SDM120 = profile.load("eastron_sdm120")


def test_one_request_reads_both_energies_and_keeps_the_bytes() -> None:
    response = rtu(1, floats("12345.67", "0.05"))
    link = FakeLink(lambda _: [(0.02, response)])
    answer = read_once(link)
    assert [(v.register, v.value) for v in answer.values] == [
        ("1-0:1.8.0", Decimal("12345.67")),
        ("1-0:2.8.0", Decimal("0.05")),
    ]
    assert [v.mantissa for v in answer.values] == [1234567, 5]
    assert answer.status == MeterStatus.OK
    assert answer.raw == bytes.fromhex("01 04 00 48 00 04 71 DF") + response


def test_noise_before_and_after_an_answer_is_survived() -> None:
    response = rtu(1, floats("1", "2"))
    link = FakeLink(lambda _: [(0.02, b"\x01\x04\xff" + response + b"\x00\x01")])
    answer = read_once(link)
    assert [v.value for v in answer.values] == [1, 2]
    assert answer.raw.endswith(response)


@pytest.mark.parametrize(
    "response",
    [
        rtu(2, floats("1", "2")),
        rtu(1, floats("1", "2"), function=3),
        rtu(1, floats("1")),
        rtu(1, floats("1", "2", "3")),
        rtu(1, floats("1", "2"))[:-1] + b"\x00",
        rtu(1, floats("1", "2"))[:-1],
    ],
    ids=["another unit", "another function", "fewer", "more", "bad checksum", "cut"],
)
def test_what_is_no_answer_to_the_question_is_refused_with_its_bytes(response: bytes) -> None:
    with pytest.raises(FrameError, match="no sound answer of unit 1") as caught:
        read_once(FakeLink(lambda _: [(0.02, response)]))
    assert caught.value.received == response
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("code", "error", "reason"),
    [
        (2, Refused, "it has no such registers"),
        (4, NoAnswer, "it failed while answering"),
        (6, NoAnswer, "it is busy"),
        (11, NoAnswer, "it did not answer the gateway"),
        (99, Refused, "it does not say why"),
    ],
)
def test_an_exception_says_why_and_whether_to_ask_again(
    code: int, error: type[DriverError], reason: str
) -> None:
    pdu = ExceptionResponse(4, code, device_id=1)
    response = FramerRTU(DecodePDU(is_server=True)).buildFrame(pdu)
    with pytest.raises(error, match=reason):
        read_once(FakeLink(lambda _: [(0.02, response)]))


def test_a_dead_meter_costs_one_timeout_whatever_it_has() -> None:
    async def main() -> float:
        with pytest.raises(NoAnswer):
            await ModbusDriver().read(Line(FakeLink(lambda _: [])), SDM630, 1)
        return now_s()

    assert in_virtual_time(main) == pytest.approx(0.5 + 8 * 11 / 9600, abs=0.001)


def test_a_value_that_is_not_a_number_is_left_out_and_told() -> None:
    words = (*floats("12.5"), 0x7FC0, 0)
    answer = read_once(FakeLink(lambda _: [(0.02, rtu(1, words))]))
    assert [v.register for v in answer.values] == ["1-0:1.8.0"]
    assert answer.status == MeterStatus.TEMPORARY_ERROR


def test_a_meter_without_any_value_is_refused() -> None:
    with pytest.raises(Refused, match="no value for any register of eastron_sdm630"):
        read_once(FakeLink(lambda _: [(0.02, rtu(1, (0x7FC0, 0, 0x7FC0, 0)))]))


def test_the_pattern_of_an_absent_value_is_no_value() -> None:
    register = REGISTER.replace("float32", "uint32") + 'absent = "FFFFFFFF"\nscale = "0.01"\n'
    meter = parse(HEAD + register + SAMPLE)
    with pytest.raises(Refused, match="no value"):
        read_once(FakeLink(lambda _: [(0.02, rtu(1, (0xFFFF, 0xFFFF)))]), meter)
    answer = read_once(FakeLink(lambda _: [(0.02, rtu(1, (0xFFFF, 0xFFFE)))]), meter)
    assert answer.values[0].value == Decimal("42949672.94")


def test_a_number_no_counter_can_show_is_an_unsound_answer() -> None:
    with pytest.raises(FrameError, match="no counter is that long"):
        read_once(FakeLink(lambda _: [(0.02, rtu(1, floats("1e30", "0")))]))


WHOLE_AND_FRACTION = REGISTER.replace("float32", "int32").replace("exponent = -2", "exponent = -3")
WHOLE_AND_FRACTION += 'plus = [{ address = 0x4A, kind = "float32" }]\n'


def test_the_tariffs_of_a_sum_are_added_each_with_its_own_scale() -> None:
    meters = MapMeters({1: {**at(4, 0x48, (1, 0, 0, 5)), **at(4, 0x50, (7,))}})
    answer = read_once(FakeLink(meters), parse(HEAD + SUM + SAMPLE))
    # 65536 and 5 hundredths, and 7 tens.
    assert [v.value for v in answer.values] == [Decimal("725.41")]


@pytest.mark.parametrize("gone", [0x48, 0x4A])
def test_a_sum_with_a_part_missing_is_no_value(gone: int) -> None:
    registers = {**at(4, 0x48, (1, 0, 0, 5)), **at(4, 0x50, (7,)), **at(4, gone, (0xFFFF, 0xFFFF))}
    with pytest.raises(Refused, match="no value for any register"):
        read_once(FakeLink(MapMeters({1: registers})), parse(HEAD + SUM + SAMPLE))


@pytest.mark.parametrize(
    ("whole", "fraction", "value"),
    [
        ("1234", "0.5", "1234.500"),
        ("2147483646", "0.999", "2147483646.999"),
        # What a float32 makes of 0.1 is rounded away at the resolution, carried where it must be.
        ("7", "0.1", "7.100"),
        ("7", "0.99996", "8.000"),
        ("-3", "-0.25", "-3.250"),
    ],
)
def test_a_whole_and_its_fraction_are_one_exact_value_of_one_answer(
    whole: str, fraction: str, value: str
) -> None:
    words = (*encode(Decimal(whole), "int32"), *encode(Decimal(fraction), "float32"))
    meters = MapMeters({1: at(4, 0x48, words)})
    answer = read_once(FakeLink(meters), parse(HEAD + WHOLE_AND_FRACTION + SAMPLE))
    assert str(answer.values[0].value) == value
    assert len(meters.asked) == 1


def test_a_fraction_that_is_not_a_number_takes_the_whole_with_it() -> None:
    meters = MapMeters({1: at(4, 0x48, (0, 7, 0x7FC0, 0))})
    with pytest.raises(Refused, match="no value for any register"):
        read_once(FakeLink(meters), parse(HEAD + WHOLE_AND_FRACTION + SAMPLE))


def test_a_key_for_what_is_never_encrypted_is_refused() -> None:
    async def main() -> None:
        await ModbusDriver().read(Line(FakeLink(lambda _: [])), SDM630, 1, key=bytes(16))

    with pytest.raises(Refused, match="remove the key"):
        in_virtual_time(main)


def serial_number(number: int) -> Callable[[bytes], list[tuple[float, bytes]]]:
    def answer(request: bytes) -> list[tuple[float, bytes]]:
        is_serial = request[1] == 3
        words = encode(Decimal(number), "uint32") if is_serial else floats("457.4")
        return [(0.02, rtu(1, words, function=request[1]))]

    return answer


def test_the_configured_serial_number_is_checked() -> None:
    answer = read_once(FakeLink(serial_number(20011223)), SDM120, expect_id="20011223")
    assert answer.identification == "20011223"
    assert answer.values[0].value == Decimal("457.40")
    with pytest.raises(WrongMeter, match="expected meter 20011224 at address 1, got 20011223"):
        read_once(FakeLink(serial_number(20011223)), SDM120, expect_id="20011224")


def test_a_serial_number_that_cannot_be_checked_is_not_silently_believed() -> None:
    with pytest.raises(Refused, match="tells no serial number: remove the expected 7"):
        read_once(FakeLink(lambda _: []), SDM630, expect_id="7")


@pytest.mark.parametrize("address", [0, 248, -1, "12345678"])
def test_an_address_no_meter_can_have_is_refused_unasked(address: int | str) -> None:
    link = FakeLink(lambda _: [])
    with pytest.raises(Refused, match="expected a Modbus address from 1 to 247"):
        read_once(link, address=address)
    assert link.asked == []


def test_a_profile_of_another_protocol_is_refused() -> None:
    with pytest.raises(Refused, match="a_meter speaks mbus, this line Modbus"):
        read_once(FakeLink(lambda _: []), mbus(MBUS_REGISTER))
