"""Secondary addresses: their text, the frames that select them, and whom a mask means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.mbus import address, frame, telegram
from drivers.mbus.frame import Long
from drivers.mbus.header import Identity
from simulators import mbus_bus
from tests.drivers.mbus_meters import a_multical, a_telegram
from tests.drivers.telegrams import LIBMBUS, telegram_bytes

HEX = st.sampled_from("0123456789ABCDEF")
MASKS = st.text(HEX, min_size=16, max_size=16)


def long(data: bytes) -> Long:
    parsed = frame.parse(data)
    assert isinstance(parsed, Long)
    return parsed


def test_eight_digits_leave_the_rest_open() -> None:
    assert address.parse(" 0685581a ") == "0685581AFFFFFFFF"
    assert address.parse("068558172d2c0804") == "068558172D2C0804"


@pytest.mark.parametrize("text", ["", "1234567", "12345678F", "1234567G", "0x123456", "1" * 17])
def test_what_is_no_address_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="expected a secondary address of 8 hexadecimal digits"):
        address.parse(text)


def test_the_select_frame_is_that_of_the_standard() -> None:
    # MBDOC48, 7.1, with identification 12345678, PAD, version 1, medium 3.
    sent = address.select("1234567824400103")
    assert sent.hex(" ").upper() == "68 0B 0B 68 53 FD 52 78 56 34 12 24 40 01 03 1E 16"
    turned = address.select("1234567824400103", high_first=True)
    assert long(turned).ci == 0x56
    assert long(turned).body.hex().upper() == "1234567840240103"


@given(MASKS, st.booleans())
def test_a_select_frame_says_its_mask(mask: str, high_first: bool) -> None:
    sent = address.select(mask, high_first=high_first)
    assert address.mask_of(long(sent)) == (mask, high_first)


def test_other_frames_select_nobody() -> None:
    assert address.mask_of(long(a_telegram())) is None
    assert address.mask_of(Long(frame.SND_UD, 253, 0x52, b"\x01")) is None


@pytest.mark.parametrize("high_first", [False, True])
def test_a_meter_is_selected_by_the_address_its_answer_shows(high_first: bool) -> None:
    meter = a_multical("12345678", high_first=high_first)
    full = address.of(long(meter.readout(0)[0]))
    assert full is not None
    assert full.startswith("123456782D2C")
    sent = long(address.select(full, high_first=high_first))
    assert mbus_bus.is_meant(sent.body, meter.secondary)


def test_the_old_structure_tells_its_identification_only() -> None:
    low = Long(frame.RSP_UD, 5, 0x73, bytes.fromhex("7856341201000000"))
    high = Long(frame.RSP_UD, 5, 0x77, bytes.fromhex("1234567801000000"))
    assert address.of(low) == address.of(high) == "12345678FFFFFFFF"
    assert address.fits("123456782D2C0804", "12345678FFFFFFFF")


@pytest.mark.parametrize(("ci", "body"), [(0x78, "0406"), (0x7A, "01000000"), (0x72, "78563412")])
def test_an_answer_without_an_identity_has_no_address(ci: int, body: str) -> None:
    assert address.of(Long(frame.RSP_UD, 5, ci, bytes.fromhex(body))) is None


@pytest.mark.parametrize("path", LIBMBUS, ids=lambda path: path.stem)
def test_the_address_of_a_real_telegram_holds_the_identity_its_decoder_tells(path: object) -> None:
    raw = telegram_bytes(path)  # type: ignore[arg-type]
    full, told = address.of(long(raw)), telegram.decode(raw)
    assert full is not None
    assert full[:8] == told.identification
    if told.identity is not None:
        assert isinstance(told.identity, Identity)
        assert int(full[12:14], 16) == told.version


@given(MASKS, MASKS)
def test_a_mask_means_what_every_digit_of_it_allows(mask: str, full: str) -> None:
    digits = all(m in {"F", d} for m, d in zip(mask[:8], full[:8], strict=True))
    pairs = all(
        mask[at : at + 2] in {"FF", full[at : at + 2]} or full[at : at + 2] == "FF"
        for at in (8, 10, 12, 14)
    )
    assert address.fits(mask, full) is (digits and pairs)
    assert address.fits("F" * 16, full)
    assert address.fits(full, full)
