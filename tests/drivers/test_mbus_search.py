"""Searching a virtual M-Bus: every meter found once, whatever collides, and what that costs."""

from collections.abc import AsyncIterator, Callable, Iterable
from itertools import pairwise
from random import Random

import pytest

from drivers.bus import Line
from drivers.driver import Found, Step
from drivers.mbus import address, frame, search
from drivers.mbus.header import Identity
from simulators.mbus_meter import MbusMeter
from tests.drivers.fake_line import Event, FakeLink, Unreliable, in_virtual_time
from tests.drivers.mbus_meters import BAUD, Wires, a_multical, a_telegram, energy, volume

# When EN 13757-2, 5.4 lets an answer begin at 2400 baud: after 11 bits to 330 bits and 50 ms.
DELAYS_S = (11 / BAUD, 0.05 + 330 / BAUD)
KEY = bytes(range(16))
# Answers that are to be damaged as a whole come as a whole.
WHOLE_BYTES = 261

Answerer = Callable[[bytes], Iterable[Event]]


def steps_of(
    answer: Answerer, todo: Iterable[str] | None = None, *, most: int = 9999
) -> list[Step]:
    """The first steps of a search by secondary addresses."""
    return all_steps(lambda line: search.secondary(line, todo), answer, most)


def primary_steps(answer: Answerer, addresses: Iterable[int]) -> list[Step]:
    return all_steps(lambda line: search.primary(line, addresses), answer)


def all_steps(
    begin: Callable[[Line], AsyncIterator[Step]], answer: Answerer, most: int = 9999
) -> list[Step]:
    async def main() -> list[Step]:
        steps: list[Step] = []
        async for step in begin(Line(FakeLink(answer), baud=BAUD)):
            steps.append(step)
            if len(steps) == most:
                break
        return steps

    return in_virtual_time(main)


def found_in(steps: Iterable[Step]) -> list[Found]:
    return [step.found for step in steps if step.found is not None]


def ids(steps: Iterable[Step]) -> list[str]:
    return sorted(str(one.identification) for one in found_in(steps))


def at_random(count: int, seed: int) -> list[str]:
    return sorted(f"{n:08}" for n in Random(seed).sample(range(10**8), count))


def consecutive(count: int) -> list[str]:
    return [f"{n:08}" for n in range(71_234_500, 71_234_500 + count)]


def like(serial: str, maker: str = "KAM", version: int = 8, medium: str = "heat") -> Identity:
    return Identity(serial, maker, version, medium)


def unlike(*serials: str, seed: int = 1) -> list[MbusMeter]:
    """Meters that begin their answers when they please, and show different values."""
    random = Random(seed)
    return [
        a_multical(one, kwh=random.randrange(10**6), delay_s=random.uniform(*DELAYS_S))
        for one in serials
    ]


def test_an_empty_line_takes_two_questions() -> None:
    steps = steps_of(Wires())
    assert [step.where for step in steps] == ["F" * 16, "56:" + "F" * 16]
    assert not found_in(steps)
    assert steps[-1].todo == ()


def test_a_meter_is_found_with_all_that_a_configuration_needs() -> None:
    (found,) = found_in(steps_of(Wires(a_multical("12345678", identity=like("12345678")))))
    assert found == Found(
        protocol="mbus",
        address="123456782D2C0804",
        identification="12345678",
        manufacturer="KAM",
        version=8,
        medium="heat",
        secondary="123456782D2C0804",
        profiles=("kamstrup_multical",),
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("count", "asked_max"), [(20, 120), (60, 280)])
def test_meters_at_random_are_all_found(seed: int, count: int, asked_max: int) -> None:
    wanted = at_random(count, seed)
    steps = steps_of(Wires(*unlike(*wanted, seed=seed)))
    assert ids(steps) == wanted
    assert steps[-1].asked <= asked_max


def test_a_full_segment_is_searched() -> None:
    wanted = at_random(250, 1)
    steps = steps_of(Wires(*unlike(*wanted)))
    assert ids(steps) == wanted
    assert steps[-1].asked <= 1250


def test_a_delivery_with_consecutive_numbers_is_cheaper_than_one_at_random() -> None:
    wanted = consecutive(60)
    steps = steps_of(Wires(*unlike(*wanted)))
    assert ids(steps) == wanted
    assert steps[-1].asked <= 125


@pytest.mark.parametrize("count", [2, 3, 10, 40])
def test_new_meters_that_answer_in_the_same_instant_do_not_hide_one_another(count: int) -> None:
    wanted = consecutive(count)
    steps = steps_of(Wires(*(a_multical(one, kwh=0) for one in wanted)))
    assert ids(steps) == wanted


@pytest.mark.parametrize("digit", range(4))
def test_two_meters_that_sound_like_a_third_are_told_apart(digit: int) -> None:
    # The last digits 1 and 2 have no bit in common: for one of these four pairs the checksums of
    # both together are right, and what is heard is a meter that ends in 0.
    wanted = [f"12345{digit}71", f"12345{digit}72"]
    assert ids(steps_of(Wires(*(a_multical(one) for one in wanted)))) == wanted


@pytest.mark.parametrize(
    "other",
    [
        like("12345678", medium="water"),
        like("12345678", medium="reserved-51"),
        like("12345678", maker="ACW"),
        # No list of makers has this one: it is found by the bytes of its number.
        like("12345678", maker="XQZ"),
        like("12345678", version=77),
    ],
    ids=str,
)
def test_two_meters_with_one_identification_are_told_apart(other: Identity) -> None:
    one = a_multical("12345678", kwh=11, identity=like("12345678"))
    steps = steps_of(Wires(one, a_multical("12345678", kwh=99, delay_s=0.09, identity=other)))
    found = [(f.identification, f.manufacturer, f.version, f.medium) for f in found_in(steps)]
    assert sorted(found) == sorted([like("12345678"), other])
    assert steps[-1].asked < 1000


def test_two_meters_with_one_whole_address_are_told_to_be_two() -> None:
    twins = [a_multical("12345678", kwh=11), a_multical("12345678", kwh=99, delay_s=0.09)]
    steps = steps_of(Wires(*twins))
    (found,) = found_in(steps)
    assert found.address == "123456782D2C0104"
    assert found.remark == search.TWINS
    assert found.profiles == ()


def test_a_meter_that_acknowledges_and_sends_nothing_is_named() -> None:
    steps = steps_of(Wires(a_multical("12345678", deaf=True), *unlike("12345688", "99887766")))
    found = {one.address: one for one in found_in(steps)}
    assert ids(steps) == ["12345688", "99887766", "None"]
    assert found["12345678FFFFFFFF"].remark == search.MUTE


def test_a_digit_beyond_nine_is_found_where_the_others_do_not_explain_a_collision() -> None:
    for wanted in (["12345678", "1234567A"], ["12345678", "3E020005"], ["12E45678", "12345678"]):
        assert ids(steps_of(Wires(*unlike(*wanted)))) == sorted(wanted)


def test_a_thorough_search_finds_it_always() -> None:
    wanted = ["1234567A", "12345678", "12345679"]

    def steps(*, is_thorough: bool) -> list[Step]:
        wires = Wires(*unlike(*wanted))
        return all_steps(lambda line: search.secondary(line, is_thorough=is_thorough), wires)

    assert ids(steps(is_thorough=False)) == ["12345678", "12345679"]
    assert ids(steps(is_thorough=True)) == sorted(wanted)


def test_meters_that_send_the_high_byte_first_are_searched_for_too() -> None:
    high = [a_multical(one, high_first=True, kwh=n) for n, one in enumerate(consecutive(3))]
    steps = steps_of(Wires(*high, *unlike("12345678", "87654321")))
    assert ids(steps) == sorted([*consecutive(3), "12345678", "87654321"])


def test_a_meter_that_takes_either_selection_for_its_own_is_told_once() -> None:
    wires = Wires(*unlike("12345678", "87654321", "71234500"))

    def answer(request: bytes) -> Iterable[Event]:
        asked = frame.parse(request)
        if isinstance(asked, frame.Long):
            request = frame.long(asked.control, asked.address, 0x52, asked.body)
        return wires(request)

    steps = steps_of(answer)
    assert ids(steps) == ["12345678", "71234500", "87654321"]
    assert steps[-1].asked < 100


def test_an_encrypted_meter_asks_for_its_key() -> None:
    (found,) = found_in(steps_of(Wires(a_multical("12345678", key=KEY))))
    assert found.identification == "12345678"
    assert found.remark == search.CLOSED
    assert "kamstrup_multical" in found.profiles


def test_a_meter_that_no_profile_knows_is_told() -> None:
    wires = Wires(a_multical("12345678", identity=like("12345678", maker="XQZ")))
    (found,) = found_in(steps_of(wires))
    assert found.profiles == ()
    assert found.remark == search.UNKNOWN


def test_a_meter_with_several_telegrams_is_recognised_by_all_of_them() -> None:
    (found,) = found_in(steps_of(Wires(a_multical("12345678", telegrams=6))))
    assert found.profiles == ("kamstrup_multical",)


def test_a_meter_that_only_gives_errors_is_named_with_what_it_says() -> None:
    busy = frame.long(frame.RSP_UD, 0, 0x70, b"\x08")

    def answer(request: bytes) -> Iterable[Event]:
        asked = frame.parse(request)
        if not isinstance(asked, frame.Long):
            return [(0.02, busy)] if asked.control != frame.SND_NKE else []
        mask, high_first = address.mask_of(asked) or ("", True)
        is_meant = not high_first and address.fits(mask, "123456782D2C0804")
        return [(0.02, b"\xe5")] if is_meant else []

    (found,) = found_in(steps_of(answer))
    assert found.address == "12345678FFFFFFFF"
    assert found.remark is not None
    assert "the application is too busy" in found.remark


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_bad_line_delays_the_search_and_hides_nobody(seed: int) -> None:
    wanted = at_random(20, seed)
    wires = Wires(*unlike(*wanted), chunk_bytes=WHOLE_BYTES)
    steps = steps_of(Unreliable(wires, Random(seed), noise=0.2, trailing=0.1, corrupt=0.05))
    assert set(wanted) <= set(ids(steps))
    assert steps[-1].asked < 1000


@pytest.mark.parametrize("seed", [1, 2])
def test_a_search_stopped_anywhere_goes_on_with_what_was_left(seed: int) -> None:
    wanted = at_random(12, seed)
    whole = steps_of(Wires(*unlike(*wanted)))
    for stop in range(1, len(whole), 7):
        first = steps_of(Wires(*unlike(*wanted)), most=stop)
        assert first == whole[:stop]
        rest = steps_of(Wires(*unlike(*wanted)), first[-1].todo)
        assert sorted({*ids(first), *ids(rest)}) == wanted


def test_what_is_left_is_short_and_the_count_grows_by_one() -> None:
    steps = steps_of(Wires(*unlike(*at_random(60, 1))))
    assert max(len(step.todo) for step in steps) < 60
    assert all(b.asked - a.asked == 1 for a, b in pairwise(steps))
    assert all(step.of is not None and step.asked <= step.of for step in steps)


def test_a_disturbed_meter_is_asked_again_where_there_is_no_deeper() -> None:
    wires = Wires(a_multical("12345678"), chunk_bytes=WHOLE_BYTES)
    damaged = [True, True, False]

    def answer(request: bytes) -> Iterable[Event]:
        for at_s, data in wires(request):
            spoil = len(data) > 1 and damaged.pop(0)
            yield at_s, data[:-3] if spoil else data

    steps = steps_of(answer, ["12345678"])
    assert ids(steps) == ["12345678"]
    assert steps[-1].asked == 1


def test_a_lost_answer_is_made_up_for_where_it_shows() -> None:
    wires = Wires(*unlike("12345671", "12345678"))
    lost = [True, False, False, False, True]

    def answer(request: bytes) -> Iterable[Event]:
        events = wires(request)
        return [] if events and lost and lost.pop(0) else events

    assert ids(steps_of(answer)) == ["12345671", "12345678"]
    assert not lost


def test_a_search_of_a_mask_finds_what_the_mask_means() -> None:
    wires = Wires(*unlike("12345678", "12345999", "87654321"))
    assert ids(steps_of(wires, ["12345FFF"])) == ["12345678", "12345999"]


@pytest.mark.parametrize(
    "todo",
    [
        "1234",
        "57:12345678",
        "FFFFFFF*FFFFFFFF",
        "FFFFF**FFFFFFFFF:1",
        "F*FFFFF*FFFFFFFF:1",
        "FFFFFFF*FFFFFFFF:x",
        "FFFFFFFFFFFFFFFF:1",
    ],
)
def test_what_no_search_left_behind_is_refused(todo: str) -> None:
    with pytest.raises(ValueError, match=r"expected|no search splits"):
        steps_of(Wires(), [todo])


def test_primary_addresses_are_searched_one_after_the_other() -> None:
    wires = Wires(a_multical("12345678", address=3), a_multical("87654321", address=5))
    steps = primary_steps(wires, range(8))
    found = found_in(steps)
    assert [(one.address, one.secondary) for one in found] == [
        (3, "123456782D2C0104"),
        (5, "876543212D2C0104"),
    ]
    assert steps[3].todo == ("4", "5", "6", "7")
    assert steps[-1] == Step(8, 8, "7")


def test_new_meters_that_share_a_primary_address_are_told_to_be_several() -> None:
    steps = primary_steps(Wires(*unlike("12345678", "87654321")), range(2))
    (found,) = found_in(steps)
    assert found.address == 0
    assert found.remark == search.CROWD


def test_a_mute_meter_at_a_primary_address_is_told() -> None:
    (found,) = found_in(primary_steps(Wires(a_multical("12345678", address=3, deaf=True)), [3]))
    assert found.remark == search.MUTE


def test_the_telegram_of_another_address_is_not_taken_for_a_meter_there() -> None:
    other = a_telegram(energy(1), volume("2"), address=9)

    def answer(request: bytes) -> Iterable[Event]:
        asked = frame.parse(request)
        assert isinstance(asked, frame.Short)
        return [(0.02, b"\xe5" if asked.control == frame.SND_NKE else other)]

    (found,) = found_in(primary_steps(answer, [3]))
    assert found.remark == search.CROWD
