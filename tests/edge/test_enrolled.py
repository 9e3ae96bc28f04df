"""What enrolment left behind, and what an operator is told where a card has spoiled it."""

from pathlib import Path

import pytest

from edge.config import ConfigError
from edge.enrolled import FILE, Enrolled, load, save

KNOWN = Enrolled("edge-1", "A", "https://gateway.example:8443", "broker.example", 8883)


def test_what_was_written_is_there_again(tmp_path: Path) -> None:
    assert load(tmp_path) is None
    save(tmp_path, KNOWN)
    assert load(tmp_path) == KNOWN


@pytest.mark.parametrize(
    "damaged", [b"", b"[1]", b'{"device":"edge-1"}', b'{"device":"\xff"}', b'{"x":' + b"[" * 5000]
)
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / FILE).write_bytes(damaged)
    with pytest.raises(ConfigError, match=f"cannot use {tmp_path / FILE}: .*; enrol again with"):
        load(tmp_path)
