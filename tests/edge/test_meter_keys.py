"""The keys of meters that encrypt: private, complete, and never shown."""

from pathlib import Path

import pytest

from cloud_sync.signing import KeyFileError
from edge import meter_keys

KEY = "000102030405060708090A0B0C0D0E0F"


def a_file(folder: Path, text: str, rights: int = 0o600) -> Path:
    path = folder / "meter-keys.toml"
    path.write_text(text)
    path.chmod(rights)
    return path


@pytest.mark.parametrize("rights", [0o600, 0o640])
def test_keys_by_identification(tmp_path: Path, rights: int) -> None:
    keys = meter_keys.of(a_file(tmp_path, f'"1234567a" = "{KEY.lower()}"\n', rights))
    assert keys == {"1234567A": bytes(range(16))}


def test_a_meter_s_key_is_found_by_any_of_its_names() -> None:
    keys = {"12345678": b"k", "00012345": b"short"}
    assert meter_keys.find(keys, 5, "12345", "x") == b"short"
    assert meter_keys.find(keys, "123456782D2C0104", None, "x") == b"k"
    assert meter_keys.find(keys, 5, "12345678", "x") == b"k"
    assert meter_keys.find(keys, 5, None, "12345678") == b"k"
    assert meter_keys.find(keys, 5, None, "x") is None
    assert meter_keys.of(None) == {}


def test_a_file_that_others_can_read_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = a_file(tmp_path, "", 0o644)
    said = f"meter keys {path} has rights 0644, expected 0640 or less: run chmod o-rwx {path}"
    with pytest.raises(KeyFileError) as caught:
        meter_keys.load(path)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'"123" = "{KEY}"', "expected 8 digits for the meter, got '123'"),
        (f'"12345678" = "{KEY}00"', "12345678: expected a text of 32 hexadecimal digits"),
        ('"12345678" = 5', "12345678: expected a text of 32 hexadecimal digits"),
        ('"12345678" =', "are not TOML"),
        ("#" * 300_000, "expected at most"),
    ],
)
def test_a_mistake_is_one_line_that_shows_no_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(KeyFileError, match=said) as caught:
        meter_keys.load(a_file(tmp_path, text))
    assert "\n" not in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"cannot read meter keys .*: No such file"):
        meter_keys.load(tmp_path / "none.toml")
