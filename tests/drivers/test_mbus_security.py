"""Encrypted telegrams of modes 5 and 7: against another implementation, and against attackers.

Cipher texts and MACs below were made with OpenSSL's command line from the plain text beside them.
"""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.driver import FrameError
from drivers.mbus import frame, records, security, telegram
from drivers.mbus.header import Identity
from drivers.mbus.telegram import Telegram

KEY = bytes(range(16))
WATER = Identity("12345678", "PAD", 1, "water")
HEADER = "78563412 2440 01 07 55 00"
# 12.345 m3, a time and a date, between the fillers that open and close the plain text.
VOLUME = "04 13 39300000"
TIME = "04 6D 0B0AA924"
DATE = "42 6C BF1C"
ONE_BLOCK = "232770803dffbdbae1159722d51c7dc0"
TWO_BLOCKS = "14c4871feb7893e02a6bc26d7534baa266c3c371fc54163f3a079810cdee51b1"


def _frame(ci: int, body: str) -> bytes:
    return frame.long(frame.RSP_UD, 1, ci, bytes.fromhex(body))


MODE_5 = _frame(0x72, HEADER + "1005" + ONE_BLOCK)
COUNTER = "B30A0000"
CLOSED_7 = HEADER + "1007" + "10" + "8105cb65a5b0049dda5246a1dfbfecd5"
MAC = "1A92FDCF37B3BCF4"
MODE_7 = _frame(0x90, "0F 002C 25" + COUNTER + MAC + "72" + CLOSED_7)


def _said(found: Telegram) -> list[str]:
    return [f"{one.value} {one.time} {one.problem}" for one in found.records]


def _reason(data: bytes, key: bytes | None = KEY, identity: Identity | None = None) -> str:
    """Why a telegram stays closed; it keeps its header and the bytes all the same."""
    found = telegram.decode(data, key=key, identity=identity)
    (record,) = found.records
    assert (record.problem, record.value) == ("encrypted", None)
    assert found.is_closed
    assert record.text is not None
    return record.text


def test_mode_5_opens_with_the_meters_key() -> None:
    found = telegram.decode(MODE_5, key=KEY)
    assert _said(found) == ["12.345 None None"]
    assert found.identity == WATER
    assert found.records[0].raw == VOLUME.replace(" ", "")


def test_the_vector_has_the_manufacturer_as_sent() -> None:
    # Bit 15 says that the identification is unique on its bus only; the letters do not have it.
    vector = security.vector(bytes.fromhex("78563412 24C0 01 07"), 0x55)
    cipher_text = security.encrypt(KEY, vector, bytes.fromhex(VOLUME))
    data = _frame(0x72, "78563412 24C0 01 07 55 00 1005" + cipher_text.hex())
    assert _said(telegram.decode(data, key=KEY)) == ["12.345 None None"]
    assert telegram.decode(data).identity == WATER


def test_mode_5_over_several_blocks() -> None:
    found = telegram.decode(_frame(0x72, HEADER + "2005" + TWO_BLOCKS), key=KEY)
    assert _said(found) == [
        "12.345 None None",
        "None 2021-04-09T10:11:00 None",
        "None 2013-12-31 None",
    ]


def test_what_follows_the_encrypted_blocks_is_clear() -> None:
    found = telegram.decode(_frame(0x72, HEADER + "1005" + ONE_BLOCK + TIME), key=KEY)
    assert _said(found) == ["12.345 None None", "None 2021-04-09T10:11:00 None"]


def test_a_short_header_opens_with_an_identity_from_elsewhere() -> None:
    data = _frame(0x7A, "55 00 1005" + ONE_BLOCK)
    assert "expected to know whose telegram it is" in _reason(data)
    assert _said(telegram.decode(data, key=KEY, identity=WATER)) == ["12.345 None None"]
    assert "does not fit" in _reason(data, identity=WATER._replace(manufacturer="PAE"))


def test_an_identity_in_the_header_goes_before_the_one_from_elsewhere() -> None:
    other = WATER._replace(identification="00000000")
    assert _said(telegram.decode(MODE_5, key=KEY, identity=other)) == ["12.345 None None"]


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (None, "encrypted: expected the meter's key, got none"),
        (bytes(16), "the key does not fit: expected 2F2F in front of the decrypted records"),
        (bytes(15), "expected a key of 16 bytes, got 15"),
    ],
)
def test_without_the_right_key_a_payload_stays_closed_and_says_why(
    key: bytes | None, why: str
) -> None:
    assert _reason(MODE_5, key) == why
    assert telegram.decode(MODE_5, key=key).identification == "12345678"


def test_fewer_bytes_than_announced_stay_closed() -> None:
    short = _frame(0x72, HEADER + "3005" + TWO_BLOCKS)
    assert _reason(short) == "expected 48 encrypted bytes, got 32"


@pytest.mark.parametrize("mode", [2, 3, 4, 8, 9, 10, 13])
def test_other_modes_stay_closed(mode: int) -> None:
    data = _frame(0x72, HEADER + f"10{mode:02X}" + ONE_BLOCK)
    assert _reason(data) == f"encrypted: expected security mode 5 or 7, got {mode}"


def test_a_clear_payload_is_not_taken_for_an_encrypted_one_where_there_is_a_key() -> None:
    # Anyone on the wires can send clear bytes under the meter's header.
    clear = _frame(0x72, HEADER + "1005" + "2F2F" + VOLUME + "2F" * 8)
    assert _said(telegram.decode(clear)) == ["12.345 None None"]
    assert "does not fit" in _reason(clear)


def test_cipher_text_that_begins_like_fillers_is_not_read_as_records() -> None:
    data = _frame(0x72, HEADER + "1005" + "2F2F" + "04 13 39" + "AA" * 11)
    assert "expected the meter's key" in _reason(data, None)


def test_the_derivation_of_mode_7_keys() -> None:
    # A vector the community of meter readers checks its programs with.
    encryption, mac = security.derive(KEY, bytes.fromhex(COUNTER), bytes.fromhex("78563412"))
    assert encryption.hex().upper() == "ECCF39D475D730B8284FDFDC1995D52F"
    assert mac.hex().upper() == "C9CD19FF5A9AAD5A6BBDA13BD2C4C7AD"


def test_mode_7_opens_with_the_counter_of_the_layer_in_front() -> None:
    found = telegram.decode(MODE_7, key=KEY)
    assert _said(found) == ["12.345 None None"]
    assert (found.identification, found.ci) == ("12345678", 0x72)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("0F 002C 25" + "B40A0000" + MAC, "the message has another MAC"),
        ("0F 002C 25" + COUNTER + MAC[:-2] + "00", "the message has another MAC"),
        ("02 0000", "expected a message counter in front of the message, got none"),
    ],
)
def test_a_message_of_another_counter_or_mac_stays_closed(body: str, why: str) -> None:
    assert why in _reason(_frame(0x90, body + "72" + CLOSED_7))


def test_mode_7_without_a_layer_or_with_another_derivation_stays_closed() -> None:
    assert "expected a message counter" in _reason(_frame(0x72, CLOSED_7))
    other = _frame(0x90, "07 0028 20" + COUNTER + "72" + CLOSED_7[:-34] + "20" + CLOSED_7[-32:])
    assert "derived by AES-CMAC" in _reason(other)


def test_a_layer_around_clear_records_is_looked_through() -> None:
    found = telegram.decode(_frame(0x90, "02 0000 78" + VOLUME))
    assert _said(found) == ["12.345 None None"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "expected an authentication layer and a message, got 0 bytes"),
        ("0F 002C 25", "expected an authentication layer and a message, got 4 bytes"),
        ("01 00 72", "expected an authentication layer and a message, got 3 bytes"),
        ("02 0040 78" + VOLUME, "got the first of several fragments"),
        ("03 0004 00 78" + VOLUME, "authentication type 0"),
        ("03 0000 00 78" + VOLUME, "expected 0 bytes in the authentication layer, got 1"),
        ("02 0000 90", "expected a CI field of a meter's data, got 90h"),
        ("02 0000 70 08", "the application is too busy"),
    ],
)
def test_a_layer_that_is_none_is_refused(body: str, why: str) -> None:
    with pytest.raises(FrameError, match=why):
        telegram.decode(_frame(0x90, body), key=KEY)


@pytest.mark.parametrize(("counter", "wanted"), [(None, MODE_5), (0x0AB3, MODE_7)])
def test_what_is_encrypted_here_is_what_another_implementation_makes(
    counter: int | None, wanted: bytes
) -> None:
    (volume,) = records.decode(bytes.fromhex(VOLUME)).records
    said = Telegram(1, *WATER, access_number=0x55, status=0, configuration=0, records=(volume,))
    assert telegram.encode(said, key=KEY, counter=counter) == wanted


def test_what_cannot_be_encrypted_is_refused() -> None:
    texts = [records.build(b"\x0d", b"\xfd\x11", text="x" * 116) for _ in range(2)]
    long = Telegram(1, *WATER, access_number=1, records=tuple(texts))
    with pytest.raises(ValueError, match="at most 15 blocks of 16 bytes, got 256"):
        telegram.encode(long, key=KEY)


@given(
    st.binary(min_size=16, max_size=16),
    st.integers(0, 255),
    st.lists(st.integers(-(2**31) + 1, 2**31 - 1), max_size=20),
    st.one_of(st.none(), st.integers(0, 2**32 - 1)),
)
def test_what_is_encrypted_decodes_to_itself(
    key: bytes, access_number: int, values: list[int], counter: int | None
) -> None:
    found = tuple(
        records.build(b"\x04", b"\x13", index=index, value=Decimal(value).scaleb(-3))
        for index, value in enumerate(values)
    )
    said = Telegram(1, *WATER, access_number=access_number, status=0, records=found)
    closed = telegram.encode(said, key=key, counter=counter)
    opened = telegram.decode(closed, key=key)
    assert opened.records == found
    assert opened.identity == WATER
    assert telegram.decode(closed).is_closed


def test_pycryptodome_makes_the_same_cipher_text() -> None:
    aes = pytest.importorskip("Crypto.Cipher.AES")
    plain = bytes.fromhex("2F2F" + VOLUME + TIME + DATE + "2F" * 14)
    vector = bytes.fromhex("2440 78563412 01 07" + "55" * 8)
    cipher_text = aes.new(KEY, aes.MODE_CBC, vector).encrypt(plain)
    assert cipher_text.hex() == TWO_BLOCKS
