"""A device's report: JSON for people, and nothing from outside can break its reader."""

import json

from hypothesis import given
from hypothesis import strategies as st

from cloud_sync import state
from cloud_sync.state import OFFLINE, STATE_BYTES_MAX, DeviceState
from drivers.reading import ClockState

ONLINE = DeviceState(
    state="online",
    software="plomba 0.1.0",
    at_ms=1_796_040_000_000,
    clock_state=ClockState.SYNCHRONISED,
    waiting_batches=3,
    problems={"10000001": "unit 1 did not answer within 0.51 s"},
)


def test_a_report_reads_as_it_was_written() -> None:
    assert state.decode(state.encode(ONLINE)) == ONLINE
    assert json.loads(state.encode(ONLINE))["problems"] == ONLINE.problems


def test_the_last_will_says_only_that_the_device_is_gone() -> None:
    assert json.loads(state.encode(OFFLINE)) == {"state": "offline"}
    assert state.decode(b'{"state": "offline"}') == OFFLINE


@given(st.binary(max_size=200))
def test_any_other_bytes_are_no_report(data: bytes) -> None:
    assert isinstance(state.decode(data), DeviceState | None)


def test_a_report_of_absurd_size_is_not_even_read() -> None:
    assert state.decode(b" " * STATE_BYTES_MAX + state.encode(ONLINE)) is None
