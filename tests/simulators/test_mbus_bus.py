"""The virtual M-Bus: who answers which request, what is remembered, and what collides."""

from collections.abc import Callable

import pytest

from drivers import profile
from drivers.mbus import frame, telegram
from drivers.mbus.header import Identity
from drivers.mbus.profile import MbusProfile
from drivers.mbus.telegram import Telegram
from simulators.lines import PAUSE_MS_MAX
from simulators.mbus_bus import ACK, MbusBus
from simulators.mbus_meter import MbusMeter
from simulators.truth import DAY_MS

ALL = "FFFFFFFF" + "FFFF" + "FF" + "FF"
NKE, FIRST, SECOND = frame.SND_NKE, frame.REQ_UD2 | frame.FCB, frame.REQ_UD2
NETWORK, ANY, BROADCAST = 253, 254, 255
MAKE = Callable[..., MbusMeter]


def a_meter(
    address: int = 5,
    serial: str = "12345678",
    *,
    version: int = 1,
    telegrams: int = 1,
    **more: bool,
) -> MbusMeter:
    identity = Identity(serial, "KAM", version, "heat")
    return MbusMeter(address, heat(), counting, serial, telegrams, identity=identity, **more)


def heat() -> MbusProfile:
    found = profile.load("kamstrup_multical")
    assert isinstance(found, MbusProfile)
    return found


def counting(now_ms: int) -> dict[str, int]:
    return {register.obis: now_ms for register in heat().registers}


def ask(bus: MbusBus, control: int, address: int, now_ms: int = 0) -> bytes:
    return bus.feed(frame.short(control, address), now_ms)


def select(bus: MbusBus, mask: str, ci: int = 0x52) -> bytes:
    """Send a select frame; the identification is written high byte first, as on the meter."""
    data = bytes.fromhex(mask)
    number = data[:4] if ci == 0x56 else data[:4][::-1]
    return bus.feed(frame.long(frame.SND_UD, NETWORK, ci, number + data[4:]), 0)


def told(answer: bytes) -> Telegram:
    return telegram.decode(answer)


def value(answer: bytes) -> int:
    return int(told(answer).records[0].value or 0) // 1000


def test_a_meter_answers_to_its_primary_address_and_to_everybodys() -> None:
    bus = MbusBus([a_meter(5)])
    assert ask(bus, NKE, 5) == ask(bus, NKE, ANY) == ACK
    assert told(ask(bus, FIRST, 5)).address == told(ask(bus, FIRST, ANY)).address == 5
    assert ask(bus, NKE, 6) == ask(bus, FIRST, 6) == b""


def test_a_broadcast_is_obeyed_in_silence() -> None:
    bus = MbusBus([a_meter(5, telegrams=2)])
    first = ask(bus, FIRST, 5)
    assert ask(bus, NKE, BROADCAST) == b""
    assert told(ask(bus, SECOND, 5)).records == told(first).records


def test_the_same_frame_count_bit_gets_the_same_telegram_and_another_bit_the_next() -> None:
    bus = MbusBus([a_meter()])
    answers = [ask(bus, control, 5, now_ms=n) for n, control in enumerate((FIRST, FIRST, SECOND))]
    assert answers[0] == answers[1]
    assert [value(answer) for answer in answers] == [0, 0, 2]


def test_a_wake_up_makes_the_next_request_a_first_one() -> None:
    bus = MbusBus([a_meter()])
    assert value(ask(bus, FIRST, 5, now_ms=1)) == 1
    ask(bus, NKE, 5)
    assert value(ask(bus, FIRST, 5, now_ms=2)) == 2


def test_a_request_whose_bit_is_not_valid_always_begins_anew() -> None:
    bus = MbusBus([a_meter(telegrams=2)])
    assert [value(ask(bus, 0x4B, 5, now_ms=n)) for n in (1, 2)] == [1, 2]


def test_telegrams_follow_each_other_until_the_last() -> None:
    bus = MbusBus([a_meter(telegrams=3)])
    answers = [told(ask(bus, control, 5)) for control in (FIRST, SECOND, FIRST)]
    assert [answer.more_follows for answer in answers] == [True, True, False]


@pytest.mark.parametrize(
    ("mask", "chosen"),
    [
        ("12345678" + "2D2C0104", True),
        ("12345678" + "FFFFFFFF", True),
        ("1234F678" + "FFFFFFFF", True),
        ("FFFFFFFF" + "2D2CFFFF", True),
        (ALL, True),
        ("12345679" + "FFFFFFFF", False),
        ("FFFFFFFF" + "2D2DFFFF", False),
        ("12345678" + "2D2C0204", False),
        ("12345678" + "2D2C0107", False),
    ],
)
def test_a_select_frame_chooses_who_fits_it(mask: str, chosen: bool) -> None:
    bus = MbusBus([a_meter(5)])
    assert select(bus, mask) == (ACK if chosen else b"")
    assert (ask(bus, FIRST, NETWORK) != b"") == chosen


def test_choosing_one_meter_lets_the_other_go() -> None:
    bus = MbusBus([a_meter(5, "11111111"), a_meter(6, "22222222")])
    for serial in ("11111111", "22222222", "11111111"):
        assert select(bus, serial + "FFFFFFFF") == ACK
        assert told(ask(bus, FIRST, NETWORK)).identification == serial


def test_a_wake_up_of_the_chosen_lets_it_go() -> None:
    bus = MbusBus([a_meter(5)])
    select(bus, ALL)
    assert ask(bus, NKE, NETWORK) == ACK
    assert ask(bus, FIRST, NETWORK) == b""


def test_the_bit_of_253_is_another_than_that_of_the_primary_address() -> None:
    bus = MbusBus([a_meter(telegrams=2)])
    first = told(ask(bus, FIRST, 5))
    select(bus, ALL)
    assert told(ask(bus, FIRST, NETWORK)).records == first.records
    assert told(ask(bus, SECOND, 5)).records != first.records


def test_choosing_a_meter_makes_the_next_request_to_253_a_first_one() -> None:
    bus = MbusBus([a_meter(telegrams=2)])
    select(bus, ALL)
    first = told(ask(bus, FIRST, NETWORK))
    assert told(ask(bus, SECOND, NETWORK)).records != first.records
    select(bus, ALL)
    assert told(ask(bus, FIRST, NETWORK)).records == first.records


def test_a_meter_that_sends_high_bytes_first_is_chosen_in_that_order_only() -> None:
    bus = MbusBus([a_meter(high_first=True)])
    mask = "12345678" + "2C2D" + "0104"
    assert select(bus, mask) == b""
    assert select(bus, mask, ci=0x56) == ACK
    found = told(ask(bus, FIRST, NETWORK))
    assert (found.identification, found.ci) == ("12345678", telegram.LONG_HEADER_HIGH_FIRST)


def test_two_acknowledgements_of_one_moment_look_like_one_and_two_telegrams_like_none() -> None:
    bus = MbusBus([a_meter(5, "11111111"), a_meter(6, "22222222")])
    assert select(bus, ALL) == ACK
    answer = ask(bus, FIRST, NETWORK)
    assert answer
    with pytest.raises(telegram.FrameError):
        told(answer)


def test_meters_that_take_their_time_collide_at_any_bit() -> None:
    bits_s = 1 / 2400
    slow = MbusMeter(6, heat(), counting, "22222222", turnaround_s=15 * bits_s)
    bus = MbusBus([a_meter(5, "11111111"), slow], baud=2400)
    assert select(bus, ALL) == ACK + ACK
    bus = MbusBus([a_meter(5, "11111111"), MbusMeter(6, heat(), counting, "2", turnaround_s=0.002)])
    assert select(bus, ALL) not in (ACK, ACK + ACK)


def test_two_meters_of_one_primary_address_spoil_each_other() -> None:
    bus = MbusBus([a_meter(0, "11111111"), a_meter(0, "22222222")])
    with pytest.raises(telegram.FrameError):
        told(ask(bus, FIRST, 0))


def test_the_bus_says_how_long_the_first_meter_took() -> None:
    bus = MbusBus([MbusMeter(5, heat(), counting, "1", turnaround_s=0.25)], baud=2400)
    ask(bus, NKE, 5)
    assert bus.turnaround_s == pytest.approx(0.25)


def test_a_deaf_meter_acknowledges_and_gives_no_data() -> None:
    bus = MbusBus([a_meter(deaf=True)])
    assert select(bus, ALL) == ACK
    assert ask(bus, FIRST, NETWORK) == b""


def test_an_application_reset_begins_the_readout_anew() -> None:
    bus = MbusBus([a_meter(telegrams=2)])
    first = told(ask(bus, FIRST, 5))
    assert bus.feed(frame.long(frame.SND_UD, 5, 0x50, b""), 0) == ACK
    assert told(ask(bus, SECOND, 5)).records == first.records


def test_what_would_change_a_meter_is_not_taken() -> None:
    bus = MbusBus([a_meter()])
    assert bus.feed(frame.long(frame.SND_UD, 5, 0xBD, b""), 0) == b""


def test_a_meter_on_a_battery_falls_silent_until_tomorrow() -> None:
    limited = profile.parse(_with_reads_per_day_max(2), "kamstrup_multical.toml")
    assert isinstance(limited, MbusProfile)
    meter = MbusMeter(5, limited, counting, "12345678")
    bus = MbusBus([meter])
    controls = (FIRST, SECOND, FIRST)
    assert [ask(bus, control, 5) != b"" for control in controls] == [True, True, False]
    assert meter.readouts == 2
    assert ask(bus, SECOND, 5, now_ms=DAY_MS)


def test_an_encrypted_meter_opens_only_to_its_key() -> None:
    key = bytes(range(16))
    bus = MbusBus([MbusMeter(5, heat(), lambda _: counting(37), "12345678", key=key)])
    answer = ask(bus, FIRST, 5)
    assert [record.problem for record in told(answer).records] == [telegram.ENCRYPTED]
    assert value(answer) == 0
    assert int(telegram.decode(answer, key=key).records[0].value or 0) == 37_000


def test_half_a_request_is_forgotten_after_a_pause() -> None:
    bus = MbusBus([a_meter(5)])
    assert bus.feed(frame.short(NKE, 5)[:3], 0) == b""
    assert ask(bus, NKE, 5, now_ms=PAUSE_MS_MAX + 1) == ACK
    assert bus.feed(frame.short(NKE, 5)[:3], PAUSE_MS_MAX + 2) == b""
    bus.reset()
    assert ask(bus, NKE, 5, now_ms=PAUSE_MS_MAX + 2) == ACK


def test_a_request_may_come_in_pieces_and_noise_is_not_answered() -> None:
    bus = MbusBus([a_meter(5)])
    assert bus.feed(b"\x00\xff", 0) == b""
    *pieces, last = (bytes((byte,)) for byte in frame.short(NKE, 5))
    assert not any(bus.feed(piece, 0) for piece in pieces)
    assert bus.feed(last, 0) == ACK


def _with_reads_per_day_max(reads: int) -> bytes:
    file = profile._files()["kamstrup_multical"]
    return f"reads_per_day_max = {reads}\n".encode() + file.read_bytes()


def serials(bus: MbusBus) -> list[str]:
    return [str(told(meter.readout(0)[0]).identification) for meter in bus.meters]


def test_a_meter_takes_the_place_of_the_one_that_had_its_address() -> None:
    bus = MbusBus([a_meter(5, "11111111"), a_meter(6, "22222222")])
    bus.hang(a_meter(5, "33333333"))
    assert serials(bus) == ["22222222", "33333333"]


def test_the_address_from_the_factory_is_nobodys_place() -> None:
    bus = MbusBus([a_meter(0, "11111111"), a_meter(0, "22222222")])
    bus.hang(a_meter(0, "33333333"))
    bus.hang(a_meter(0, "22222222"))
    assert serials(bus) == ["11111111", "33333333", "22222222"]
