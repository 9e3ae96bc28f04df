"""A readout for people: each record, what it says, and the register that takes it."""

from drivers.mbus import frame
from drivers.mbus.driver import MbusDriver
from tests.drivers.mbus_meters import (
    MORE,
    MULTICAL,
    a_telegram,
    energy,
    volume,
)


def test_every_record_is_explained_with_the_register_that_takes_it() -> None:
    raw = [
        a_telegram(energy(37351), energy(30000, "44"), volume("7", "34"), MORE),
        a_telegram(volume("561.08")),
    ]
    details = MbusDriver().explain(MULTICAL, b"".join(raw))
    said = [(one.place, one.meaning, one.register) for one in details if one.raw != "1F"]
    assert said == [
        ("1.1", "energy 37351000 Wh", "6-0:1.0.0"),
        ("1.2", "energy 30000000 Wh, storage 1", None),
        ("1.3", "volume 7.00 m3, error", None),
        ("2.1", "volume 561.08 m3", "6-0:2.0.0"),
    ]
    assert details[0].raw == "0406E7910000"


def test_a_damaged_telegram_is_explained_as_far_as_it_goes() -> None:
    raw = a_telegram(energy(1), volume("2"))
    cut = frame.long(frame.RSP_UD, 5, 0x72, raw[7:-4])
    *sound, last = MbusDriver().explain(MULTICAL, cut)
    assert [one.register for one in sound] == ["6-0:1.0.0"]
    assert last.raw == ""
    assert "end" in last.meaning
