"""Refused requests are split and remembered; what is refused alone is told with its address."""

import pytest

from drivers.bus import Line
from drivers.driver import Answer, NoAnswer, Refused
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.plan import Block
from drivers.modbus.profile import ModbusProfile
from tests.drivers.fake_line import FakeLink, in_virtual_time
from tests.drivers.modbus_map import MapMeters, at, refusal
from tests.drivers.profiles import modbus

HOLED = modbus("gap_max = 8", (3, 0, "uint32"), (3, 2, "uint32"), (3, 8, "uint32"))
# The map promises readable holes; this meter has none.
WITHOUT_HOLES = {**at(3, 0, (0, 1, 0, 2)), **at(3, 8, (0, 3))}
DENSE = modbus("", *((3, n, "uint16") for n in range(8)))


def read(meters: MapMeters, *models: ModbusProfile) -> list[Answer]:
    """Read unit 1 with one profile after another over one line."""

    async def main() -> list[Answer]:
        line = Line(FakeLink(meters))
        return [await ModbusDriver().read(line, model, 1) for model in models]

    return in_virtual_time(main)


def blocks(meters: MapMeters) -> list[Block]:
    return [block for _, block in meters.asked]


def test_a_block_refused_for_its_hole_is_asked_for_in_pieces_and_never_again_whole() -> None:
    meters = MapMeters({1: WITHOUT_HOLES})
    answers = read(meters, HOLED, HOLED)
    for answer in answers:
        assert [v.mantissa for v in answer.values] == [1, 2, 3]
    pieces = [Block(3, 0, 4), Block(3, 8, 2)]
    assert blocks(meters) == [Block(3, 0, 10), *pieces, *pieces]
    # The refusal is no evidence of anything: the bytes are those of the answered questions.
    assert answers[0].raw == answers[1].raw


def test_a_meter_that_takes_fewer_registers_than_its_map_says_is_read_in_halves() -> None:
    meters = MapMeters({1: at(3, 0, range(8))}, longest=3)
    answers = read(meters, DENSE, DENSE)
    assert [v.mantissa for v in answers[1].values] == list(range(8))
    first = [Block(3, 0, 8), Block(3, 0, 4), Block(3, 0, 2), Block(3, 2, 2)]
    assert blocks(meters)[:4] == first
    assert blocks(meters)[-4:] == [Block(3, n, 2) for n in (0, 2, 4, 6)]
    assert len(meters.asked) == 3 + 4 + 4


def test_a_register_that_is_refused_alone_is_told_with_its_address() -> None:
    missing = {place: word for place, word in at(3, 0, range(8)).items() if place != (3, 5)}
    meters = MapMeters({1: missing})
    with pytest.raises(
        Refused, match=r"no such registers .* registers 0x0005 to 0x0005 "
    ) as caught:
        read(meters, DENSE)
    assert not caught.value.retryable
    assert "(function 3)" in str(caught.value)
    # Halved three times, not asked for one by one.
    assert len(meters.asked) <= 1 + 2 * 3


def test_cuts_of_a_read_that_failed_are_forgotten() -> None:
    """A meter that refuses everything while it starts is not read in crumbs for ever after."""
    meters = MapMeters({1: {}})

    async def main() -> Answer:
        line = Line(FakeLink(meters))
        with pytest.raises(Refused):
            await ModbusDriver().read(line, DENSE, 1)
        meters.meters[1] = at(3, 0, range(8))
        meters.asked.clear()
        return await ModbusDriver().read(line, DENSE, 1)

    in_virtual_time(main)
    assert blocks(meters) == [Block(3, 0, 8)]


def test_what_one_meter_refuses_is_still_asked_of_another() -> None:
    meters = MapMeters({1: WITHOUT_HOLES, 2: at(3, 0, range(10))})

    async def main() -> None:
        line = Line(FakeLink(meters))
        for unit in (1, 2):
            await ModbusDriver().read(line, HOLED, unit)

    in_virtual_time(main)
    assert meters.asked[-1] == (2, Block(3, 0, 10))


@pytest.mark.parametrize(("code", "error"), [(1, Refused), (6, NoAnswer), (11, NoAnswer)])
def test_a_refusal_that_no_splitting_can_help_is_not_split(
    code: int, error: type[Exception]
) -> None:
    link = FakeLink(lambda _: [(0.02, refusal(1, code, 3))])

    async def main() -> None:
        with pytest.raises(error):
            await ModbusDriver().read(Line(link), DENSE, 1)

    in_virtual_time(main)
    assert len(link.asked) == 1


def test_on_a_fast_line_a_hole_is_left_out_and_on_a_slow_meter_read_along() -> None:
    model = modbus("gap_max = 40", (3, 0, "uint16"), (3, 31, "uint16"))
    counts = {}
    for delay_s in (0.005, 0.12):
        meters = MapMeters({1: at(3, 0, range(32))})
        meters.delay_s[1] = delay_s
        read(meters, *[model] * 20)
        counts[delay_s] = meters.asked[-1][1].size
    assert counts == {0.005: 1, 0.12: 32}
