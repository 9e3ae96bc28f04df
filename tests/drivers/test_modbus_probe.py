"""Finding Modbus meters: whoever answers is there, and shows which model it is."""

from collections.abc import Iterable
from decimal import Decimal

import pytest

from drivers import profile
from drivers.bus import Line
from drivers.driver import Found, LinkDown, Step
from drivers.modbus import probe
from drivers.modbus.probe import QUESTIONS_MAX
from drivers.modbus.values import encode
from tests.drivers.fake_line import Event, FakeLink, in_virtual_time, now_s
from tests.drivers.modbus_map import MapMeters, Registers, at, refusal, text


def number(function: int, address: int, value: str, kind: str = "float32") -> Registers:
    return at(function, address, encode(Decimal(value), kind))  # type: ignore[arg-type]


SDM630 = {
    **at(3, 0xFC00, (0x0131, 0x5D97, 0x0070, 0)),
    **number(4, 0, "230.1"),
    **number(4, 0x46, "49.98"),
}
ABB = {**text(3, 0x8960, "B23 112-100 "), **number(3, 0x8900, "1234567", "uint32")}


def searched(link: FakeLink, addresses: Iterable[int]) -> list[Step]:
    async def main() -> list[Step]:
        return [step async for step in probe.search(Line(link), addresses)]

    return in_virtual_time(main)


def found(link: FakeLink, addresses: Iterable[int]) -> list[Found]:
    return [step.found for step in searched(link, addresses) if step.found is not None]


def test_meters_are_found_recognised_and_named_with_their_serial_numbers() -> None:
    meters = MapMeters({7: SDM630, 12: ABB})
    sdm, abb = found(FakeLink(meters), range(1, 20))
    assert (sdm.protocol, sdm.address, sdm.profiles[0]) == ("modbus", 7, "eastron_sdm630")
    assert (abb.address, abb.profiles[0], abb.manufacturer) == (12, "abb_b23", "ABB")
    assert abb.identification == "1234567"
    assert profile.load(sdm.profiles[0]).manufacturer == sdm.manufacturer


def test_a_meter_no_profile_knows_is_found_too() -> None:
    (meter,) = found(FakeLink(MapMeters({3: at(3, 0, (1, 2))})), range(1, 5))
    assert meter.address == 3
    assert meter.profiles == ()
    assert meter.remark == "answers, but no profile recognises it"


def test_an_exception_is_an_answer_but_a_gateway_that_reaches_nobody_is_none() -> None:
    answers = {1: 2, 2: 11, 3: 10, 4: 6}
    link = FakeLink(lambda request: [(0.01, refusal(request[0], answers[request[0]], request[1]))])
    assert [one.address for one in found(link, answers)] == [1, 4]


def test_every_block_is_asked_for_once_and_questions_have_an_end() -> None:
    meters = MapMeters({1: {}})
    found(FakeLink(meters), [1])
    asked = [block for _, block in meters.asked]
    assert len(asked) == len(set(asked))
    assert len(asked) <= QUESTIONS_MAX + 1


def test_a_silent_address_costs_one_turnaround() -> None:
    async def main() -> float:
        async for _ in probe.search(Line(FakeLink(lambda _: [])), range(1, 248)):
            pass
        return now_s()

    assert in_virtual_time(main) == pytest.approx(247 * (0.5 + 8 * 11 / 9600), rel=0.01)


def test_a_search_goes_on_where_it_was_stopped() -> None:
    meters = MapMeters({5: ABB, 8: SDM630})
    steps = searched(FakeLink(meters), range(1, 11))
    assert [step.asked for step in steps] == list(range(1, 11))
    assert {step.of for step in steps} == {10}
    assert steps[4].where == "unit 5"
    stopped_at = steps[5].todo
    assert stopped_at == ("7", "8", "9", "10")
    (rest,) = found(FakeLink(meters), map(int, stopped_at))
    assert rest.address == 8
    assert steps[-1].todo == ()


def test_a_meter_slower_than_the_line_was_told_is_found_in_the_end() -> None:
    meters = MapMeters({2: ABB, 6: SDM630})
    meters.delay_s[2] = 0.8
    abb, sdm = sorted(found(FakeLink(meters), range(1, 10)), key=lambda one: str(one.address))
    assert (abb.address, abb.profiles[0]) == (2, "abb_b23")
    assert (sdm.address, sdm.profiles[0]) == (6, "eastron_sdm630")


def test_two_meters_at_one_address_are_told_as_what_they_look_like() -> None:
    link = FakeLink(lambda request: [(0.02, b"\xff\x03\xfe") if request[0] == 4 else (9e9, b"")])
    (meter,) = found(link, range(3, 6))
    assert meter.address == 4
    assert meter.remark is not None
    assert "not as one Modbus meter: no sound answer of unit 4" in meter.remark


def test_a_meter_that_is_silent_to_what_it_does_not_know_is_not_asked_for_ever() -> None:
    asked = []

    def mute(request: bytes) -> list[Event]:
        asked.append(request)
        return [(0.02, refusal(1, 2, 3))] if len(asked) == 1 else []

    (meter,) = found(FakeLink(mute), [1])
    assert meter.profiles == ()
    assert len(asked) <= 1 + probe.SILENCES_MAX


def test_a_line_that_fails_ends_the_search() -> None:
    link = FakeLink(lambda _: [])
    link.answer = lambda _: link.hang_up() or []  # type: ignore[func-returns-value]
    with pytest.raises(LinkDown):
        searched(link, [1, 2])
