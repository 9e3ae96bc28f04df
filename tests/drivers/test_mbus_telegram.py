"""Telegrams: headers of every layout, errors in place of answers, and whatever bytes may come."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.driver import FrameError
from drivers.mbus import frame, media, records, telegram
from drivers.mbus.header import Identity
from drivers.mbus.records import Record
from drivers.mbus.telegram import ApplicationError, Telegram
from tests.drivers.telegrams import SOUND, telegram_bytes

HEADER = "78 56 34 12 24 40 01 07 55 10 00 00"
ENERGY = records.build(b"\x04", b"\x03", index=0, value=Decimal(12_345))
WATER = Telegram(
    address=1,
    identification="12345678",
    manufacturer="PAD",
    version=1,
    medium="water",
    access_number=0x55,
    status=0x10,
    configuration=0,
)


def _decoded(ci: int, body: str) -> Telegram:
    return telegram.decode(frame.long(frame.RSP_UD, 1, ci, bytes.fromhex(body)))


def test_the_long_header() -> None:
    # The example of the M-Bus documentation, 6.4: a water meter of the code 4024h.
    found = _decoded(0x72, HEADER)
    assert found == WATER
    assert not found.more_follows


def test_high_bytes_first() -> None:
    found = _decoded(
        0x76, "12 34 56 78 40 24 01 07 55 10 00 00 04 03 00 00 30 39 0D FD 11 02 41 42"
    )
    assert found[:8] == WATER[:8]
    assert [(one.value, one.text) for one in found.records] == [(12_345, None), (None, "AB")]
    assert found.records[0].raw == "040300003039"


def test_the_short_header_and_none() -> None:
    short = _decoded(0x7A, "55 10 00 00 04 03 39 30 00 00")
    assert (short.access_number, short.status, short.identification) == (0x55, 0x10, None)
    assert short.records == (ENERGY,)
    none = _decoded(0x78, "04 03 39 30 00 00")
    assert (none.access_number, none.medium, none.records) == (None, None, (ENERGY,))


@pytest.mark.parametrize("ci", [0x72, 0x76, 0x7A, 0x78])
def test_what_is_encoded_decodes_to_itself(ci: int) -> None:
    said = telegram.decode(telegram.encode(WATER._replace(ci=ci, records=(_swapped(ci),))))
    assert said.records[0].value == Decimal(12_345)
    assert telegram.decode(telegram.encode(said)) == said


def _swapped(ci: int) -> Record:
    """A record's bytes stand as they are sent, so high byte first they are sent turned round."""
    if ci != telegram.LONG_HEADER_HIGH_FIRST:
        return ENERGY
    return records.decode(bytes.fromhex("04 03 00 00 30 39"), high_first=True).records[0]


def test_an_identification_need_not_be_decimal() -> None:
    assert _decoded(0x72, "05 00 02 3E" + HEADER[11:]).identification == "3E020005"


@pytest.mark.parametrize("code", range(256))
def test_every_medium_has_a_name_that_leads_back(code: int) -> None:
    assert media.code(media.name(code)) == code


def test_an_unknown_medium_or_manufacturer_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a medium"):
        telegram.encode(WATER._replace(medium="beer"))
    with pytest.raises(ValueError, match="three capitals"):
        telegram.encode(WATER._replace(manufacturer="pad"))
    with pytest.raises(ValueError, match="CI field of 72h"):
        telegram.encode(WATER._replace(ci=0x73))


@pytest.mark.parametrize(
    ("code", "text"),
    [("", "unspecified"), ("00", "unspecified"), ("08", "too busy"), ("2A", "reserved code 2Ah")],
)
def test_an_application_error_is_told_from_data(code: str, text: str) -> None:
    with pytest.raises(ApplicationError, match=text):
        _decoded(0x70, code)


@pytest.mark.parametrize(
    ("ci", "body"), [(0x70, "08"), (0x6E, "55 10 00 00 08"), (0x6F, HEADER + "08")]
)
def test_an_application_error_stands_behind_every_header(ci: int, body: str) -> None:
    with pytest.raises(ApplicationError, match="too busy") as caught:
        _decoded(ci, body)
    assert caught.value.busy
    assert caught.value.received == frame.long(frame.RSP_UD, 1, ci, bytes.fromhex(body))


def test_only_a_busy_meter_may_be_asked_again() -> None:
    with pytest.raises(ApplicationError) as caught:
        _decoded(0x70, "03")
    assert not caught.value.busy


@pytest.mark.parametrize(
    ("ci", "body"), [(0x71, "05"), (0x74, "55 10 00 00 05"), (0x75, HEADER + "05")]
)
def test_an_alarm_is_told_from_data(ci: int, body: str) -> None:
    with pytest.raises(ApplicationError, match=r"alarm: 05$"):
        _decoded(ci, body)


def test_a_telegram_knows_who_sent_it_if_its_header_says_all() -> None:
    assert WATER.identity == Identity("12345678", "PAD", 1, "water")
    assert _decoded(0x7A, "55 10 00 00").identity is None
    fixed = _decoded(0x73, "93 92 91 90 10 00 05 69 31 65 00 00 69 00 00 00")
    assert (fixed.identification, fixed.identity) == ("90919293", None)


def test_what_a_header_does_not_say_is_encoded_as_zero() -> None:
    part = Telegram(address=1, identification="12345678")
    assert telegram.encode(part)[7:-2] == bytes.fromhex("78563412 0000 00 00 00 00 0000")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xe5", "a frame without any"),
        (frame.short(frame.REQ_UD2, 1), "a frame without any"),
        (frame.long(frame.SND_UD, 1, 0x51), "got C field 53h"),
        (frame.long(frame.RSP_UD, 1, 0x52), "got 52h"),
        (frame.long(frame.RSP_UD, 1, 0x79), "got a compact frame .CI 79h."),
        (frame.long(frame.RSP_UD, 1, 0x72, bytes(11)), "header of 12 bytes, got 11"),
        (frame.long(frame.RSP_UD, 1, 0x73, bytes(15)), "16 bytes of a fixed structure, got 15"),
    ],
)
def test_what_is_no_answer_says_why_and_keeps_its_bytes(data: bytes, reason: str) -> None:
    with pytest.raises(FrameError, match=reason) as caught:
        telegram.decode(data)
    assert caught.value.received == data


@pytest.mark.parametrize(
    ("rest", "damage"),
    [
        ("3F", "the DIF 3Fh is reserved"),
        ("0D 03 FA", "the length byte FAh of a variable-length record is reserved"),
        ("04 03 01 02", "the records end early: expected 4 bytes of data, got 2"),
    ],
)
def test_a_bad_record_costs_neither_the_header_nor_the_records_before_it(
    rest: str, damage: str
) -> None:
    found = _decoded(0x72, HEADER + "04 03 39 30 00 00" + rest)
    assert found == WATER._replace(records=(ENERGY,), damage=damage)


# The header of a mode 5 telegram with one encrypted block (EN 13757-7:2018, 7.6.3).
MODE_5 = HEADER[:-5] + "10 05"


def test_an_encrypted_payload_is_one_record_without_a_value() -> None:
    found = _decoded(0x72, MODE_5 + "04 03 39 30 00 00" + "AA" * 10)
    (record,) = found.records
    assert (record.problem, record.value, record.index) == ("encrypted", None, 0)
    assert record.raw == "040339300000" + "AA" * 10
    assert found.identification == "12345678"
    assert telegram.decode(telegram.encode(found)) == found


def test_a_payload_decrypted_on_the_way_is_read() -> None:
    found = _decoded(0x72, MODE_5 + "2F 2F 04 03 39 30 00 00" + "2F" * 8)
    assert found.records == (ENERGY,)


@pytest.mark.parametrize("configuration", ["FF FF", "27 16", "00 05", "10 00"])
def test_a_junk_configuration_word_encrypts_nothing(configuration: str) -> None:
    found = _decoded(0x72, HEADER[:-5] + configuration + "04 03 39 30 00 00")
    assert found.records == (ENERGY,)


@pytest.mark.parametrize(
    ("body", "values"),
    [
        # BCD: 6531 kWh and 69 l (Sensus PolluSonic).
        ("93 92 91 90 10 00 05 69 31 65 00 00 69 00 00 00", [("6531E+3", "Wh"), ("0.069", "m3")]),
        # Binary, and the second counter is the first one's stored value.
        ("93 92 91 90 10 01 05 7E 10 00 00 00 FF FF FF FF", [("16E+3", "Wh"), ("-1E+3", "Wh")]),
    ],
)
def test_the_fixed_structure(body: str, values: list[tuple[str, str]]) -> None:
    found = _decoded(0x73, body)
    assert (found.identification, found.medium) == ("90919293", "heat")
    assert [(one.value, one.unit) for one in found.records] == [
        (Decimal(value), unit) for value, unit in values
    ]
    assert [one.storage for one in found.records] == [0, int("7E" in body)]


def test_the_fixed_structure_high_byte_first() -> None:
    found = _decoded(0x77, "90 91 92 93 10 00 05 69 00 00 65 31 00 00 00 69")
    assert found.identification == "90919293"
    assert [one.value for one in found.records] == [Decimal(6_531_000), Decimal("0.069")]


@pytest.mark.parametrize(("unit", "problem"), [("3A", "reserved"), ("3F", None)])
def test_a_fixed_unit_without_meaning(unit: str, problem: str | None) -> None:
    found = _decoded(0x73, f"93 92 91 90 10 00 {unit} 3F 0A 00 00 00 1A 00 00 00")
    assert found.records[0].problem == "invalid-bcd"
    assert (found.records[0].text, found.records[0].unit) == ("0000000A", None)
    whole = _decoded(0x73, f"93 92 91 90 10 00 {unit} 3F 01 00 00 00 01 00 00 00")
    assert whole.records[0].problem == problem


@given(st.binary(max_size=300))
def test_any_bytes_decode_or_raise_frame_error(data: bytes) -> None:
    _decodes_or_refuses(data)


@given(
    st.sampled_from([0x70, 0x71, 0x72, 0x73, 0x76, 0x77, 0x78, 0x7A]),
    st.binary(max_size=frame.BODY_LENGTH_MAX),
)
def test_any_body_in_a_sound_frame_decodes_or_raises_frame_error(ci: int, body: bytes) -> None:
    _decodes_or_refuses(frame.long(frame.RSP_UD, 1, ci, body))


@given(st.data())
def test_real_telegrams_with_any_bytes_changed_decode_or_raise_frame_error(
    data: st.DataObject,
) -> None:
    seeds = [frame.parse(telegram_bytes(path)) for path in SOUND] or [
        frame.parse(telegram.encode(WATER._replace(records=(ENERGY,))))
    ]
    seed = data.draw(st.sampled_from(seeds))
    assert isinstance(seed, frame.Long)
    body = bytearray(seed.body)
    places = st.tuples(st.integers(0, len(body) - 1), st.integers(0, 255))
    for place, byte in data.draw(st.lists(places, min_size=1, max_size=6)):
        body[place] = byte
    _decodes_or_refuses(frame.long(seed.control, seed.address, seed.ci, bytes(body)))


def _decodes_or_refuses(data: bytes) -> None:
    """And what decodes says no more of itself than it can say again."""
    try:
        found = telegram.decode(data)
    except FrameError:
        return
    assert [record.index for record in found.records] == list(range(len(found.records)))
    if found.ci not in {0x73, 0x77}:
        found = found._replace(damage=None)
        assert telegram.decode(telegram.encode(found)) == found
