"""Recorded telegrams are served byte for byte, address and checksum aside."""

from pathlib import Path

import pytest

from drivers.mbus import frame, telegram
from drivers.mbus.telegram import Telegram
from simulators.mbus_bus import MbusBus
from simulators.recordings import recordings


def a_file(folder: Path, name: str, address: int, identification: str) -> None:
    data = telegram.encode(
        Telegram(address, identification, "ACW", 1, "water", 1, 0, configuration=0)
    )
    (folder / name).write_text(data.hex(" ", 1), "ascii")


def test_a_folder_becomes_a_bus(tmp_path: Path) -> None:
    a_file(tmp_path, "a.hex", 5, "11111111")
    a_file(tmp_path, "b.hex", 5, "22222222")
    a_file(tmp_path, "c.hex", 0, "33333333")
    (tmp_path / "d.hex").write_text("not hex")
    found = recordings(tmp_path)
    assert [(one.file.name, one.recorded_address, one.meter.address) for one in found] == [
        ("a.hex", 5, 5),
        ("b.hex", 5, 1),
        ("c.hex", 0, 2),
    ]
    bus = MbusBus(one.meter for one in found)
    for address, identification in ((5, "11111111"), (1, "22222222"), (2, "33333333")):
        assert bus.feed(frame.short(frame.SND_NKE, address), 0) == bytes((frame.ACK,))
        answer = bus.feed(frame.short(frame.REQ_UD2 | frame.FCB, address), 0)
        assert telegram.decode(answer).identification == identification


def test_a_folder_without_telegrams_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no \.hex file"):
        recordings(tmp_path)
