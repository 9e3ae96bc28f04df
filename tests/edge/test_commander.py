"""The gateway's commands on a device: which are believed, and that each is carried out once."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync import command as wire_command
from cloud_sync import signing, state, topics
from cloud_sync.command import Answer, Command, Order, ReadNow, Report, Resend
from cloud_sync.signing import SigningKey
from cloud_sync.state import DeviceState
from drivers.reading import ClockState
from edge import commander
from edge.clock import Stamp
from edge.command_record import FILE, CommandRecord, Kept, read
from edge.commander import BURST, Commander, Refused
from tests.edge.devices import DEVICE, GATEWAY, KEY, START_MS

TOPIC = topics.command_topic(DEVICE)
HOUR_MS = 3_600_000


class StillClock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.stamp = Stamp(START_MS, 0, b"boot-one", ClockState.SYNCHRONISED, 1)

    def now(self) -> Stamp:
        return self.stamp

    async def sleep(self, duration_ms: int) -> None:
        raise AssertionError(duration_ms)

    def pass_ms(self, step_ms: int) -> None:
        now = self.stamp
        later = (now.utc_ms + step_ms, now.uptime_ms + step_ms)
        self.stamp = now._replace(utc_ms=later[0], uptime_ms=later[1])


class Hands:
    """Notes what it was told."""

    def __init__(self) -> None:
        self.did: list[object] = []
        self.state = DeviceState(state="online", software="plomba 1")

    def read_now(self, meters: Sequence[str]) -> str:
        if "unknown" in meters:
            raise Refused("unknown-meter", "no such meter")
        self.did.append(("read", *meters))
        return f"{len(meters)} meters"

    def resend(self, first: int, last: int) -> str:
        self.did.append(("resend", first, last))
        return "sent"

    def report(self) -> DeviceState:
        self.did.append("report")
        return self.state


class Device:
    """A commander with its record, which survives `restart`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = StillClock()
        self.hands = Hands()
        self.key = KEY
        self.restart()

    def restart(self) -> None:
        self.commander = Commander(
            device=DEVICE,
            key=self.key,
            gateway_key=GATEWAY.public,
            record=CommandRecord(self.folder),
            clock=self.clock,
            hands=self.hands,
        )

    def tell(self, message: bytes) -> list[Answer]:
        """Give it a message; its answers, verified."""
        self.commander.on_message(message)
        answers = []
        while (sealed := self.commander.next_answer()) is not None:
            parsed = signing.parse(sealed)
            self.key.public.verify(parsed, topics.state_topic(DEVICE))
            answers.append(wire_command.decode_answer(parsed.payload))
        return answers


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


def a_command(number: int = START_MS, order: Order | None = None, **more: object) -> bytes:
    made = Command(1, DEVICE, number, START_MS, START_MS + HOUR_MS, order or ReadNow(("m1",)))
    return sealed(msgspec.structs.replace(made, **more))


def sealed(command: Command, key: SigningKey = GATEWAY, topic: str = TOPIC) -> bytes:
    return key.seal(wire_command.encode(command), topic)


def test_each_kind_is_carried_out_and_answered(device: Device) -> None:
    orders = [ReadNow(("m1", "m2")), Resend(3, 9), Report()]
    said = [device.tell(a_command(START_MS + n, order)) for n, order in enumerate(orders)]
    assert device.hands.did == [("read", "m1", "m2"), ("resend", 3, 9), "report"]
    assert [(a.number - START_MS, a.outcome, a.reason) for (a,) in said] == [
        (0, "done", "2 meters"),
        (1, "done", "sent"),
        (2, "done", "report"),
    ]
    assert state.decode(said[2][0].report) == device.hands.state
    assert device.commander.last == START_MS + 2


def test_an_answer_kept_from_before_an_exchange_of_the_key_is_sealed_anew(device: Device) -> None:
    """The gateway asks again, and believes no key that has ended."""
    new = SigningKey.from_seed(bytes([8] * 32))
    (first,) = device.tell(a_command())
    device.key = new
    device.restart()
    assert device.tell(a_command()) == [first]
    assert device.hands.did == [("read", "m1")]


FOREIGN = SigningKey.from_seed(bytes([9] * 32))
BASE = Command(1, DEVICE, START_MS, START_MS, START_MS + HOUR_MS, Report())
OTHER = msgspec.structs.replace(BASE, device="edge-2")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (wire_command.encode(BASE), "malformed"),
        (b"", "malformed"),
        (b'{"reboot": true}', "malformed"),
        (bytes(300_000), "oversized"),
        (sealed(BASE, FOREIGN), "unknown-key"),
        (sealed(BASE, KEY), "unknown-key"),
        (sealed(BASE, topic=topics.receipt_topic(DEVICE)), "bad-signature"),
        (sealed(OTHER, topic=topics.command_topic("edge-2")), "bad-signature"),
        (sealed(OTHER), "wrong-device"),
        (sealed(BASE)[:-1] + bytes([sealed(BASE)[-1] ^ 1]), "bad-signature"),
        (GATEWAY.seal(b"\x80", TOPIC), "malformed"),
    ],
)
def test_what_the_gateway_did_not_say_is_counted_and_not_answered(
    device: Device, message: bytes, reason: str
) -> None:
    assert device.tell(message) == []
    assert device.commander.refused == {reason: 1}
    assert device.hands.did == []
    assert not (device.folder / FILE).exists()


@pytest.mark.parametrize(
    ("state_", "later_ms", "reason"),
    [
        (ClockState.SYNCHRONISED, HOUR_MS, "expired"),
        (ClockState.INFORMATIVE, HOUR_MS + 1, "expired"),
        (ClockState.RELATIVE, 0, "no-clock"),
        (ClockState.UNSYNCHRONISED, 0, "no-clock"),
    ],
)
def test_a_command_that_may_be_over_is_refused_and_answered(
    device: Device, state_: ClockState, later_ms: int, reason: str
) -> None:
    device.clock.pass_ms(later_ms)
    device.clock.stamp = device.clock.stamp._replace(state=state_)
    (answer,) = device.tell(a_command())
    assert (answer.outcome, answer.clock_state) == ("refused", state_)
    assert answer.reason.startswith(f"{reason}: ")
    assert device.commander.refused == {reason: 1}
    assert device.hands.did == []


@pytest.mark.parametrize("state_", [ClockState.RELATIVE, ClockState.UNSYNCHRONISED])
def test_a_device_without_a_clock_still_reports_once(device: Device, state_: ClockState) -> None:
    device.clock.stamp = device.clock.stamp._replace(state=state_)
    (answer,) = device.tell(a_command(order=Report()))
    assert (answer.outcome, answer.clock_state) == ("done", state_)
    assert device.tell(a_command(order=Report())) == [answer]
    assert device.tell(a_command(START_MS - 1, Report()))[0].outcome == "refused"
    assert device.hands.did == ["report"]


def test_a_millisecond_before_its_end_it_still_counts(device: Device) -> None:
    device.clock.pass_ms(HOUR_MS - 1)
    assert device.tell(a_command())[0].outcome == "done"


def test_a_repeat_is_answered_again_and_done_once_also_after_a_restart(device: Device) -> None:
    message = a_command()
    first = device.tell(message)
    assert device.tell(message) == first
    device.restart()
    assert device.tell(message) == first
    assert len(device.hands.did) == 1


def test_an_older_number_is_never_carried_out(device: Device) -> None:
    device.tell(a_command(START_MS + 5))
    device.restart()
    (answer,) = device.tell(a_command(START_MS + 4))
    assert answer.reason == f"old: number {START_MS + 4}, the last one was {START_MS + 5}"
    assert device.commander.refused == {"old": 1}
    assert len(device.hands.did) == 1


def test_a_power_cut_while_it_is_carried_out_loses_it_and_says_so(device: Device) -> None:
    class Cut(Hands):
        def report(self) -> DeviceState:
            raise KeyboardInterrupt

    device.hands = Cut()
    device.restart()
    message = a_command(order=Report())
    with pytest.raises(KeyboardInterrupt):
        device.tell(message)
    device.hands = Hands()
    device.restart()
    (answer,) = device.tell(message)
    assert answer.reason.startswith("interrupted: ")
    assert device.hands.did == []


def test_what_the_hands_refuse_is_told_and_not_tried_again(device: Device) -> None:
    message = a_command(order=ReadNow(("unknown",)))
    (answer,) = device.tell(message)
    assert (answer.outcome, answer.reason) == ("refused", "unknown-meter: no such meter")
    assert device.tell(message) == [answer]
    assert device.commander.refused == {"unknown-meter": 1}


def test_a_flood_is_cut_and_soon_forgotten(device: Device) -> None:
    for _ in range(5 * BURST):
        device.tell(b"noise")
    assert device.commander.refused == {"malformed": BURST, "too-many": 4 * BURST}
    assert device.tell(a_command()) == []
    device.clock.pass_ms(commander.REFILL_MS)
    assert device.tell(a_command())[0].outcome == "done"


def test_without_a_place_to_note_it_nothing_is_carried_out(device: Device, tmp_path: Path) -> None:
    device.folder = tmp_path / "gone"
    device.folder.mkdir()
    device.restart()
    device.folder.rmdir()
    (answer,) = device.tell(a_command())
    assert answer.reason.startswith("not-noted: ")
    assert device.hands.did == []


def test_a_broken_record_makes_everything_before_now_old(device: Device) -> None:
    device.tell(a_command(START_MS - 10))
    (device.folder / FILE).write_bytes(b"\0" * 10)
    device.restart()
    assert device.tell(a_command(START_MS - 10))[0].reason.startswith("old: ")
    assert device.tell(a_command(START_MS + 1))[0].outcome == "done"


def test_refusals_are_written_down_for_the_doctor(device: Device) -> None:
    device.tell(b"noise")
    device.commander.keep_counts()
    assert read(device.folder / FILE) == Kept(0, b"", {"malformed": 1})
    before = (device.folder / FILE).stat().st_mtime_ns
    device.commander.keep_counts()
    assert (device.folder / FILE).stat().st_mtime_ns == before
    device.restart()
    device.tell(b"noise")
    assert device.commander.refused == {"malformed": 2}


def test_a_long_report_is_cut_until_it_fits(device: Device) -> None:
    problems = {f"meter {n}": "x" * 5000 for n in range(state.PROBLEMS_MAX)}
    device.hands.state = msgspec.structs.replace(device.hands.state, problems=problems)
    (answer,) = device.tell(a_command(order=Report()))
    told = state.decode(answer.report)
    assert told is not None
    assert set(told.problems) == set(problems)
    assert {len(reason) for reason in told.problems.values()} == {commander.PROBLEM_CHARS}


@given(st.binary(max_size=200))
def test_no_bytes_are_ever_an_error(message: bytes) -> None:
    class Nowhere(CommandRecord):
        def write(self, kept: Kept) -> None:
            raise AssertionError(kept)

    clock = StillClock()
    record = Nowhere(Path("/nonexistent"))
    taker = Commander(
        device=DEVICE,
        key=KEY,
        gateway_key=GATEWAY.public,
        record=record,
        clock=clock,
        hands=Hands(),
    )
    taker.on_message(message)
    assert taker.next_answer() is None
    assert sum(taker.refused.values()) == 1
