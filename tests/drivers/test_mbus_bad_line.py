"""Thousands of reads on a line that is late, noisy and forgetful: no wrong value."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

import pytest

from drivers.bus import Line
from drivers.driver import DriverError
from drivers.mbus import address as secondary
from drivers.mbus import frame
from drivers.mbus.driver import MbusDriver
from tests.drivers.fake_line import Event, Unreliable
from tests.drivers.mbus_meters import (
    ACK,
    MULTICAL,
    a_telegram,
    energy,
    on,
    volume,
)

READS = 2000


@dataclass
class Tellers:
    """Meters 1 to 4 whose energy is the number of their telegrams so far; 9 is dead.

    By primary address, or by secondary address with identifications 00000001 and so on.
    """

    sent: dict[int, int] = field(default_factory=dict)
    last: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    selected: int | None = None

    def __call__(self, request: bytes) -> Iterable[Event]:
        asked = frame.parse(request)
        assert not isinstance(asked, frame.Ack)
        if isinstance(asked, frame.Long):
            mask, _ = secondary.mask_of(asked) or ("", False)
            self.selected = int(mask[:8])
        place = self.selected if asked.address == frame.ADDRESS_NETWORK else asked.address
        if place is None or place == 9:
            return []
        if asked.control in {frame.SND_NKE, frame.SND_UD}:
            self.last.pop(place, None)
            return [(0.02, ACK)]
        return [(0.1, self.answer(place, asked.control))]

    def answer(self, place: int, control: int) -> bytes:
        """A new telegram, or for a count bit that was not toggled the last one again."""
        if self.last.get(place, (None,))[0] != control:
            count = self.sent[place] = self.sent.get(place, 0) + 1
            content = energy(count), volume(str(place))
            raw = a_telegram(
                *content, address=place, access=count % 256, identification=f"{place:08}"
            )
            self.last[place] = control, raw
        return self.last[place][1]


@pytest.mark.parametrize("way", ["primary", "secondary"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_thousands_of_reads_on_a_bad_line_give_no_wrong_value(seed: int, way: str) -> None:
    tellers = Tellers()
    # No corruption here: the 8-bit sum of M-Bus passes one damaged telegram in some hundreds, and
    # that is what the gateway's rules are for.
    bad = Unreliable(
        tellers, Random(seed), late=0.15, late_s_max=5.0, noise=0.3, trailing=0.05, lost=0.04
    )
    outcome = {"right": 0, "wrong": 0, "failed": 0}

    async def scene(line: Line) -> None:
        order = Random(seed)
        for _ in range(READS):
            place = order.choice((1, 2, 3, 4, 9))
            try:
                answer = await MbusDriver().read(
                    line, MULTICAL, place if way == "primary" else f"{place:08}"
                )
            except DriverError:
                outcome["failed"] += 1
                continue
            told = [value.value for value in answer.values]
            is_right = told == [tellers.sent[place], place]
            outcome["right" if is_right else "wrong"] += 1

    on(bad, scene)
    assert outcome["wrong"] == 0
    assert bad.dirty > READS // 3
    assert outcome["right"] > READS // 2
