"""Reading by secondary address: who is selected, and whose answer is believed to be theirs."""

from collections.abc import Iterable

import pytest

from drivers.bus import Line
from drivers.driver import FrameError, NoAnswer, Refused
from drivers.mbus import address as secondary
from drivers.mbus import frame
from tests.drivers.fake_line import Event, FakeLink, now_s
from tests.drivers.mbus_meters import (
    ACK,
    BAUD,
    FIRST,
    MULTICAL,
    NKE,
    Wires,
    a_multical,
    a_telegram,
    energy,
    energy_of,
    on,
    read_once,
    volume,
)

KEY = bytes(range(16))


TWO = ("12345678", "12345679")


def both() -> Wires:
    return Wires(a_multical(TWO[0], kwh=100), a_multical(TWO[1], kwh=200))


@pytest.mark.parametrize("rest", ["", "2D2CFFFF", "2D2C0104", "ffffffff"])
def test_meters_are_told_apart_by_their_secondary_addresses(rest: str) -> None:
    async def scene(line: Line) -> None:
        for _ in range(2):
            assert await energy_of(line, TWO[0] + rest) == 100
            assert await energy_of(line, TWO[1] + rest) == 200

    wires = both()
    on(wires, scene)
    asked = [frame.parse(one) for one in wires.asked]
    kinds = [one.control for one in asked if not isinstance(one, frame.Ack)]
    # Selected anew, a meter begins anew: no greeting, and the count bit set.
    assert kinds == [frame.SND_UD, FIRST] * 4


def test_a_meter_with_several_telegrams_is_read_by_its_secondary_address() -> None:
    answer = read_once(Wires(a_multical(TWO[0], telegrams=3)), address=TWO[0])
    assert [value.mantissa for value in answer.values] == [1000] * len(MULTICAL.registers)


def test_who_is_not_there_costs_one_timeout_and_is_selected_in_either_byte_order() -> None:
    wires = Wires(a_multical(TWO[0], high_first=True), a_multical(TWO[1]))

    async def scene(line: Line) -> None:
        began_s = now_s()
        with pytest.raises(NoAnswer, match="meter 12345678FFFFFFFF did not answer"):
            await energy_of(line, TWO[0])
        assert now_s() - began_s == pytest.approx(0.5 + 17 * 11 / BAUD, abs=0.01)
        assert await energy_of(line, TWO[0]) == 1000
        assert await energy_of(line, TWO[1]) == 1000
        assert await energy_of(line, TWO[0]) == 1000

    on(wires, scene)
    # Who heard a select frame that nobody answered is not selected: there is nobody to deselect.
    assert all(frame.short(NKE, frame.ADDRESS_NETWORK) != one for one in wires.asked)


def test_the_telegram_of_another_meter_is_not_taken_for_the_selected_one() -> None:
    other = a_telegram(energy(1), volume("2"))

    def answer(request: bytes) -> Iterable[Event]:
        return [(0.02, other if request[0] == frame.SHORT_START else ACK)]

    with pytest.raises(FrameError, match="no sound answer of meter 12345678FFFFFFFF"):
        read_once(answer, address=TWO[0])
    assert read_once(answer, address="06855817").values[0].value == 1


def test_an_answer_without_an_identification_is_not_believed_to_be_the_selected_meter() -> None:
    nameless = frame.long(frame.RSP_UD, 0, 0x78, bytes.fromhex("0406010000000413D0070000"))

    def answer(request: bytes) -> Iterable[Event]:
        return [(0.02, nameless if request[0] == frame.SHORT_START else ACK)]

    with pytest.raises(FrameError):
        read_once(answer, address=TWO[0])


def test_two_that_are_selected_at_once_are_deselected_before_the_next_read() -> None:
    # The first meter does not hear that it is deselected, once.
    deaf_to = [secondary.select(TWO[1] + "FFFFFFFF")]
    first, second = Wires(a_multical(TWO[0])), Wires(a_multical(TWO[1], kwh=200))

    def answer(request: bytes) -> Iterable[Event]:
        events = list(second(request))
        if request in deaf_to:
            deaf_to.remove(request)
            return events
        heard = list(first(request))
        if heard and events:
            at_s, data = events[0]
            return [(at_s, bytes(a & b for a, b in zip(heard[0][1], data, strict=True)))]
        return heard or events

    async def scene(line: Line) -> None:
        assert await energy_of(line, TWO[0]) == 1000
        with pytest.raises(FrameError):
            await energy_of(line, TWO[1])
        assert await energy_of(line, TWO[1]) == 200

    on(answer, scene)
    asked = [frame.parse(one) for one in second.asked]
    greeted = [one for one in asked if isinstance(one, frame.Short) and one.control == NKE]
    assert [one.address for one in greeted] == [frame.ADDRESS_NETWORK]


def test_an_encrypted_meter_is_read_with_its_key_only() -> None:
    wires = Wires(a_multical(TWO[0], key=KEY))
    assert read_once(wires, address=TWO[0], key=KEY).values[0].value == 1000
    for wrong in (None, bytes(16)):
        with pytest.raises(Refused, match="the values of the meter are encrypted"):
            read_once(Wires(a_multical(TWO[0], key=KEY)), address=TWO[0], key=wrong)


@pytest.mark.parametrize("address", ["", "1234567", "123456789", "1234567G", "0" * 17])
def test_what_is_no_secondary_address_is_refused_unasked(address: str) -> None:
    with pytest.raises(Refused, match="expected a secondary address of 8 hexadecimal digits"):
        read_once(FakeLink(lambda _: []), address=address)
