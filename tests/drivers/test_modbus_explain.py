"""What the bytes of a Modbus answer say, place by place."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import profile
from drivers.bus import Framing
from drivers.driver import (
    Detail,
    FrameError,
)
from drivers.modbus import frames
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.plan import Block
from drivers.modbus.values import encode
from tests.drivers.fake_line import (
    FakeLink,
    rtu,
    tcp,
)
from tests.drivers.modbus_map import MapMeters, at
from tests.drivers.profiles import HEAD, SAMPLE, parse
from tests.drivers.reading_modbus import SUM, floats, read_once

SDM630 = profile.load("eastron_sdm630")
BLOCK = Block(4, 0x0048, 4)


def test_an_answer_is_explained_place_by_place() -> None:
    model = parse(HEAD + "gap_max = 10" + SUM + SAMPLE)
    meters = MapMeters({1: at(4, 0x48, (1, 0, 0, 5, 9, 9, 9, 9, 7))})
    answer = read_once(FakeLink(meters), model)
    assert ModbusDriver().explain(model, answer.raw) == (
        Detail("input 0x0048", "00 01 00 00", "uint32 65536 x 0.01 kWh", "1-0:1.8.0"),
        Detail("input 0x004a", "00 00 00 05", "added: uint32 5 x 0.01 kWh", "1-0:1.8.0"),
        Detail("input 0x004c", "00 09 00 09 00 09 00 09", "no register of the profile", None),
        Detail("input 0x0050", "00 07", "added: uint16 7 x 10 kWh", "1-0:1.8.0"),
    )


@pytest.mark.parametrize(("framing", "number"), [("rtu", 0), ("tcp", 1), ("tcp", 0x0103)])
def test_the_bytes_of_either_framing_are_explained(framing: Framing, number: int) -> None:
    words = (*floats("12345.67"), 0x7FC0, 0)
    answer = rtu(1, words) if framing == "rtu" else tcp(1, words, number)
    raw = frames.request(framing, 1, BLOCK, number) + answer
    first, second = ModbusDriver().explain(SDM630, raw * 2)[:2]
    assert first == Detail("input 0x0048", "46 40 E6 AE", "float32 12345.6699 kWh", "1-0:1.8.0")
    assert second == Detail("input 0x004a", "7F C0 00 00", "float32: no value", "1-0:2.8.0")


@pytest.mark.parametrize(
    "raw",
    [b"\x01", bytes(12), frames.request("rtu", 1, BLOCK, 0), rtu(1, floats("1", "2"))],
    ids=["a byte", "zeros", "no answer", "no question"],
)
def test_bytes_that_are_no_answers_with_their_questions_are_not_explained(raw: bytes) -> None:
    with pytest.raises(FrameError, match="expected"):
        ModbusDriver().explain(SDM630, raw)


@given(raw=st.binary(max_size=80))
def test_explaining_any_bytes_is_an_answer_or_our_error(raw: bytes) -> None:
    with suppress(FrameError):
        ModbusDriver().explain(SDM630, frames.request("rtu", 1, BLOCK, 0) + raw)


def floats(*values: str) -> tuple[int, ...]:
    return tuple(word for value in values for word in encode(Decimal(value), "float32"))
