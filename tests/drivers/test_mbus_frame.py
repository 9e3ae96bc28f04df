"""Frames: the worked examples of the M-Bus documentation, every check, and arbitrary bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.driver import FrameError
from drivers.mbus import frame
from drivers.mbus.frame import Ack, Long, Short

BYTES = st.integers(0, 255)
# "The M-Bus: A Documentation", rev. 4.8, 5.4 and 7.1: what a master sends.
SND_NKE_TO_1 = bytes.fromhex("10 40 01 41 16")
REQ_UD2_TO_254 = bytes.fromhex("10 7B FE 79 16")
SET_ADDRESS_8 = bytes.fromhex("68 06 06 68 53 FE 51 01 7A 08 25 16")


def test_frames_of_the_documentation() -> None:
    assert frame.short(frame.SND_NKE, 1) == SND_NKE_TO_1
    assert frame.short(frame.REQ_UD2 | frame.FCB, frame.ADDRESS_ANY) == REQ_UD2_TO_254
    assert frame.long(frame.SND_UD, frame.ADDRESS_ANY, 0x51, b"\x01\x7a\x08") == SET_ADDRESS_8
    assert frame.parse(SND_NKE_TO_1) == Short(frame.SND_NKE, 1)
    assert frame.parse(SET_ADDRESS_8) == Long(frame.SND_UD, 0xFE, 0x51, b"\x01\x7a\x08")
    assert frame.parse(b"\xe5") == Ack()


@given(BYTES, BYTES, BYTES, st.binary(max_size=frame.BODY_LENGTH_MAX))
def test_a_long_frame_round_trips(control: int, address: int, ci: int, body: bytes) -> None:
    sent = frame.long(control, address, ci, body)
    assert frame.parse(sent) == Long(control, address, ci, body)
    assert len(sent) <= frame.FRAME_LENGTH_MAX


@given(BYTES, BYTES)
def test_a_short_frame_round_trips(control: int, address: int) -> None:
    assert frame.parse(frame.short(control, address)) == Short(control, address)


def test_a_body_longer_than_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 252"):
        frame.long(frame.RSP_UD, 1, 0x72, bytes(253))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "expected a frame, got 0 bytes"),
        ("10 40 01 41", "expected 5 bytes, got 4"),
        ("10 40 01 42 16", "counted 41h, got 42h"),
        ("10 40 01 41 17", "expected the stop byte 16h, got 17h"),
        ("10 40 01 41 16 16", "1 bytes follow"),
        ("E5 E5", "1 bytes follow"),
        ("68 03 04 68 08 01 72 7B 16", "lengths of the frame differ"),
        ("68 03 03 69 08 01 72 7B 16", "second start byte 68h, got 69h"),
        ("68 02 02 68 08 01 09 16", "length of at least 3, got 2"),
        ("68 03 03 68 08 01 72 7C 16", "counted 7Bh, got 7Ch"),
        ("68 03 03 68 08 01 72 7B 00", "expected the stop byte 16h, got 00h"),
        ("16", "expected a frame start E5h, 10h or 68h, got 16h"),
    ],
)
def test_each_check_says_what_was_expected_and_what_came(data: str, reason: str) -> None:
    with pytest.raises(FrameError, match=reason):
        frame.parse(bytes.fromhex(data))


@given(st.binary(max_size=40))
def test_any_bytes_parse_or_raise_frame_error(data: bytes) -> None:
    try:
        frame.parse(data)
    except FrameError as error:
        assert error.received == data  # noqa: PT017 - either outcome is right, this one keeps bytes


@pytest.mark.parametrize("whole", [b"\xe5", SND_NKE_TO_1, SET_ADDRESS_8])
def test_the_length_is_known_as_soon_as_it_can_be_and_never_changes(whole: bytes) -> None:
    known = [frame.expected_length(whole[:end]) for end in range(len(whole) + 1)]
    assert known[0] is None
    assert set(known) <= {None, len(whole)}
    assert known[min(4, len(whole))] == len(whole)


def test_an_answer_is_told_by_its_control_field() -> None:
    answers = [control for control in range(256) if Long(control, 1, 0x72, b"").is_response]
    assert answers == [0x08, 0x18, 0x28, 0x38]
