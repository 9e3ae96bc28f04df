"""`decode mbus` as a shell sees it: what stands on which stream, and the exit status."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from drivers.driver import FrameError
from drivers.mbus import frame, telegram
from edge.decode import FILE_BYTES_MAX, HexError, decode, parse_hex, split
from tests.drivers.telegrams import (
    ERRORS,
    FOLDER,
    SOUND,
    UNUSUAL,
    name,
    needs_telegrams,
    telegram_bytes,
)

# 12 345 Wh and a text with a control character, of an electricity meter that does not exist.
BODY = bytes.fromhex("78563412 2440 01 02 55 00 0000 04 03 39300000 0D FD11 03 1B4241")
TELEGRAM = frame.long(frame.RSP_UD, 1, 0x72, BODY)
EXPECTED: dict[str, Any] = {
    "file": "-",
    "identification": "12345678",
    "manufacturer": "PAD",
    "version": 1,
    "medium": "electricity",
    "access_number": 0x55,
    "status": 0,
    "more_follows": False,
    "records": [
        {
            "index": 0,
            "quantity": "energy",
            "value": "12345",
            "unit": "Wh",
            "time": None,
            "text": None,
            "function": "instantaneous",
            "storage": 0,
            "tariff": 0,
            "subunit": 0,
            "raw": "040339300000",
            "problem": None,
        },
        {
            "index": 1,
            "quantity": "customer",
            "value": None,
            "unit": None,
            "time": None,
            "text": "AB\x1b",
            "function": "instantaneous",
            "storage": 0,
            "tariff": 0,
            "subunit": 0,
            "raw": "0DFD11031B4241",
            "problem": None,
        },
    ],
}


def _run(*arguments: str, given: str | bytes | None = None) -> Result:
    return CliRunner().invoke(decode, ["mbus", *arguments], input=given)


def _lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_json_line_has_the_fields_of_the_contract_in_order() -> None:
    result = _run("--json", "-", given=TELEGRAM.hex(" "))
    assert (result.exit_code, result.stderr) == (0, "")
    assert _lines(result) == [EXPECTED]
    assert list(_lines(result)[0]) == list(EXPECTED)


@pytest.mark.parametrize(
    "text",
    [
        TELEGRAM.hex(),
        TELEGRAM.hex().upper(),
        TELEGRAM.hex("-"),
        TELEGRAM.hex(" ", 2),
        TELEGRAM.hex("\n", 7),
        "\ufeff" + TELEGRAM.hex(" ") + "\r\n",
        " ".join(f"0x{byte:02x}" for byte in TELEGRAM),
        TELEGRAM.hex() + '\n\n{"Datagram": "expected values"}\n',
    ],
)
def test_hex_may_be_written_in_many_ways(text: str) -> None:
    assert _lines(_run("--json", "-", given=text)) == [EXPECTED]


def test_several_telegrams_give_a_line_each() -> None:
    result = _run("--json", "-", given=(TELEGRAM * 3).hex())
    assert _lines(result) == [EXPECTED] * 3


def test_a_broken_telegram_never_hides_the_sound_one_before_it() -> None:
    broken = TELEGRAM[:-2] + b"\x00\x16"
    result = _run("--json", "-", given=(TELEGRAM + broken).hex())
    assert result.exit_code == 1
    sound, error = _lines(result)
    assert sound == EXPECTED
    assert set(error) == {"file", "error"}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "expected a telegram in hexadecimal digits, got none"),
        ("68 0", "expected two hexadecimal digits a byte, got 3 digits"),
        ("68\n6G", "expected hexadecimal digits, got 'G' in line 2"),
        ("E5", "expected a telegram with data, got a frame without any"),
        ("68", "the frame ends early: expected a frame, got 1 bytes"),
        ("0" * (FILE_BYTES_MAX + 1), f"expected at most {FILE_BYTES_MAX} bytes"),
        (b"\xff\xfe6\x008\x00", "expected hexadecimal digits, got"),
    ],
)
def test_what_is_no_telegram_gets_one_line_and_status_1(text: str | bytes, error: str) -> None:
    result = _run("--json", "-", given=text)
    assert result.exit_code == 1
    (line,) = _lines(result)
    assert line["file"] == "-"
    assert line["error"].startswith(error)
    assert result.stderr == f"-: {line['error']}\n"


def _damaged(body: bytes) -> str:
    return frame.long(frame.RSP_UD, 1, 0x72, body).hex()


def test_a_damaged_record_costs_neither_header_nor_the_records_before_it() -> None:
    result = _run("--json", "-", given=_damaged(BODY[:-2]))
    error = "the records end early: expected 3 bytes of data, got 1"
    assert result.exit_code == 1
    assert result.stderr == f"-: {error}\n"
    assert _lines(result) == [EXPECTED | {"records": EXPECTED["records"][:1], "error": error}]


def test_a_damaged_telegram_shows_a_reader_its_records_and_what_is_wrong() -> None:
    result = _run("-", given=_damaged(BODY[:-2]))
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 2
    assert result.stderr == "-: the records end early: expected 3 bytes of data, got 1\n"


KEY = bytes(range(16))
CLOSED = telegram.encode(telegram.decode(TELEGRAM), key=KEY).hex()


def _keys(folder: Path, text: str) -> str:
    file = folder / "keys.toml"
    file.touch(0o600)
    file.write_text(text)
    return str(file)


def test_an_encrypted_telegram_is_read_with_its_meters_key(tmp_path: Path) -> None:
    keys = _keys(tmp_path, f'"12345678" = "{KEY.hex()}"\n')
    result = _run("--json", "--keys", keys, "-", given=CLOSED)
    assert (result.exit_code, result.stderr) == (0, "")
    assert _lines(result) == [EXPECTED]
    assert _lines(_run("--json", "--keys", keys, "-", given=TELEGRAM.hex())) == [EXPECTED]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "encrypted: expected the meter's key, got none"),
        ('"12345678" = "' + "00" * 16 + '"', "the key does not fit: expected 2F2F"),
        ('"87654321" = "' + KEY.hex() + '"', "encrypted: expected the meter's key, got none"),
    ],
)
def test_without_the_right_key_a_telegram_stays_closed_and_says_why(
    tmp_path: Path, text: str, why: str
) -> None:
    result = _run("--json", "--keys", _keys(tmp_path, text), "-", given=CLOSED)
    assert result.exit_code == 0
    (line,) = _lines(result)
    (record,) = line["records"]
    assert (record["problem"], record["value"]) == ("encrypted", None)
    assert record["text"].startswith(why)


def test_a_file_of_keys_that_cannot_be_used_is_refused_in_one_line(tmp_path: Path) -> None:
    public = _keys(tmp_path, "")
    Path(public).chmod(0o644)
    for keys in (public, str(tmp_path / "absent.toml")):
        result = _run("--keys", keys, "-", given=CLOSED)
        assert result.exit_code == 1
        assert (result.stdout, len(result.stderr.splitlines())) == ("", 1)


def test_a_missing_file_does_not_stop_the_others(tmp_path: Path) -> None:
    good = tmp_path / "good.hex"
    good.write_text(TELEGRAM.hex())
    result = _run("--json", str(tmp_path / "absent.hex"), str(tmp_path), str(good))
    assert result.exit_code == 1
    absent, folder, found = _lines(result)
    assert absent["error"] == "expected a readable file: No such file or directory"
    assert folder["error"] == "expected a readable file: Is a directory"
    assert found == EXPECTED | {"file": str(good)}


def test_the_page_for_a_reader_is_safe_for_a_terminal() -> None:
    result = _run("-", given=TELEGRAM.hex())
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "-: PAD 12345678 electricity, status 00h",
        "    0 energy                           instantaneous 0/0/0    12345 Wh",
        "    1 customer                         instantaneous 0/0/0    AB.",
    ]


def test_without_a_file_the_usage_is_wrong() -> None:
    result = _run()
    assert result.exit_code == 2


@given(st.text(max_size=60))
def test_any_text_is_hex_or_refused(text: str) -> None:
    try:
        parse_hex(text)
    except HexError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right, this one in one line


@given(st.binary(max_size=80))
def test_splitting_loses_no_byte_and_ends(data: bytes) -> None:
    pieces = list(split(data))
    assert b"".join(pieces) == data
    assert all(pieces)


@needs_telegrams
def test_every_sound_telegram_decodes_and_every_damaged_one_gets_one_error() -> None:
    sound = _run("--json", *map(str, SOUND))
    assert (sound.exit_code, sound.stderr) == (0, "")
    assert [line["file"] for line in _lines(sound)] == [str(path) for path in SOUND]
    for path in ERRORS:
        result = _run("--json", str(path))
        assert result.exit_code == 1
        (line,) = _lines(result)
        assert set(line) in ({"file", "error"}, {*EXPECTED, "error"})
        assert result.stderr == f"{path}: {line['error']}\n"
    for path in UNUSUAL:
        assert len(_lines(_run("--json", str(path)))) == 1


@needs_telegrams
@pytest.mark.parametrize("path", SOUND[::9], ids=name)
def test_no_inverted_bit_gives_a_record(path: Path) -> None:
    whole = telegram_bytes(path)
    number = int.from_bytes(whole)
    for bit in range(8 * len(whole)):
        damaged = (number ^ 1 << bit).to_bytes(len(whole))
        assert all(_is_refused(piece) for piece in split(damaged))


def _is_refused(piece: bytes) -> bool:
    try:
        frame.parse(piece)
    except FrameError:
        return True
    return False


@needs_telegrams
def test_the_shared_folder_is_whole() -> None:
    """So that a test above never passes by having found nothing."""
    assert (len(SOUND), len(ERRORS), len(UNUSUAL)) == (44, 20, 7), FOLDER
