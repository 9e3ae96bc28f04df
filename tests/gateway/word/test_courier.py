"""Commands on their way: one per device at a time, repeated, ended by a true answer only."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from cloud_sync import command as wire_command
from cloud_sync import signing, topics
from cloud_sync.command import Answer, Order, ReadNow, Report, Resend
from cloud_sync.signing import SigningKey
from cloud_sync.transport import Message
from drivers.reading import ClockState
from gateway import registry
from gateway.flood import BURST, Flood
from gateway.sql.store import SqlStore
from gateway.sql.word import WordLedger
from gateway.word.courier import REPEAT_MS, Courier
from gateway.word.issuing import LIFETIME_MS, WAITING_MAX, give
from gateway.word.model import CommandError, NewCommand
from tests.servers.ledgers import open_store

GATEWAY = SigningKey.from_seed(bytes([2] * 32))
DEVICES = {name: SigningKey.from_seed(bytes([n] * 32)) for n, name in enumerate(["one", "two"], 5)}
NOW_MS = 1_795_338_045_000


class Office:
    """A ledger with two devices, and the courier."""

    def __init__(self, folder: Path) -> None:
        self.store: SqlStore = open_store(folder / "ledger.sqlite", "off")
        self.word = WordLedger(self.store.database.connection)
        self.courier = Courier(self.store, self.word)
        self.flood = Flood()
        with self.store.transaction():
            for name, key in DEVICES.items():
                registry.add_device_key(self.store, name, key.public, 0)

    def give(self, device: str, order: Order, now_ms: int = NOW_MS) -> NewCommand:
        with self.store.transaction():
            return give(self.word, GATEWAY, device, order, by="Orlova", now_ms=now_ms)

    def take(self, messages: Sequence[Message], now_ms: int) -> int:
        return self.courier.take(messages, now_ms, self.flood)

    def outcomes(self) -> list[tuple[str | None, str]]:
        return [(one.outcome, one.reason) for one in self.word.given(None, 100)]

    @property
    def quarantined(self) -> dict[str, tuple[int, int]]:
        return self.store.quarantine.counts()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.store.close()


def an_answer(given: NewCommand, **more: object) -> Message:
    made = Answer(
        *(1, given.device, given.number, NOW_MS, ClockState.SYNCHRONISED, "done", "2 meters", b"")
    )
    return sealed(msgspec.structs.replace(made, **more), DEVICES[given.device])


def sealed(answer: Answer, key: SigningKey, device: str | None = None) -> Message:
    topic = topics.state_topic(device or answer.device)
    return Message(topic, key.seal(wire_command.encode_answer(answer), topic))


def test_a_command_is_sealed_for_its_device_and_kept(office: Office) -> None:
    new = office.give("one", ReadNow(("A1",)))
    ((topic, message),) = office.courier.due(NOW_MS)
    assert topic == topics.command_topic("one")
    parsed = signing.parse(message)
    GATEWAY.public.verify(parsed, topic)
    command = wire_command.decode(parsed.payload)
    assert (command.device, command.number, command.order) == ("one", new.number, ReadNow(("A1",)))
    assert command.expires_at_ms - command.issued_at_ms == LIFETIME_MS
    (kept,) = office.word.given("one", 10)
    assert (kept.kind, kept.told, kept.by, kept.outcome) == ("read-now", "A1", "Orlova", None)


def test_numbers_rise_and_never_fall_below_the_clock(office: Office) -> None:
    numbers = [office.give("one", Report()).number for _ in range(3)]
    assert numbers == [NOW_MS, NOW_MS + 1, NOW_MS + 2]
    assert office.give("two", Report()).number == NOW_MS
    # A clock that was set back, and one that went on.
    assert office.give("one", Report(), NOW_MS - 5000).number == NOW_MS + 3
    assert office.give("one", Report(), NOW_MS + 5000).number == NOW_MS + 5000


def test_of_each_device_one_is_under_way_and_repeated(office: Office) -> None:
    first, second = office.give("one", Report()), office.give("one", Resend(1, 2))
    other = office.give("two", Report())
    due = office.courier.due(NOW_MS)
    assert {message for _, message in due} == {first.message, other.message}
    assert office.courier.due(NOW_MS + REPEAT_MS - 1) == []
    assert len(office.courier.due(NOW_MS + REPEAT_MS)) == 2
    assert office.take([an_answer(first)], NOW_MS) == 1
    assert [message for _, message in office.courier.due(NOW_MS + REPEAT_MS)] == [second.message]
    office.courier.forget_connection()
    assert len(office.courier.due(NOW_MS + REPEAT_MS)) == 2


def test_an_answer_ends_its_command_once(office: Office) -> None:
    given = office.give("one", Report())
    assert office.take([an_answer(given), an_answer(given)], NOW_MS + 7) == 1
    refusal = an_answer(given, outcome="refused", reason="old: later")
    assert office.take([refusal], NOW_MS) == 0
    (kept,) = office.word.given(None, 10)
    assert (kept.outcome, kept.reason, kept.ended_at_ms) == ("done", "2 meters", NOW_MS + 7)
    assert kept.answer == an_answer(given).payload
    assert office.courier.due(NOW_MS + REPEAT_MS) == []


def test_without_an_answer_it_ends_with_its_life(office: Office) -> None:
    given = office.give("one", Report())
    assert office.courier.due(given.expires_at_ms - 1) != []
    assert office.courier.due(given.expires_at_ms) == []
    assert office.outcomes() == [("expired", "no answer came")]
    assert office.take([an_answer(given)], NOW_MS) == 0


def test_an_answer_that_is_none_goes_into_quarantine(office: Office) -> None:
    given = office.give("one", Report())
    good = an_answer(given)
    stranger = SigningKey.from_seed(bytes([9] * 32))
    told = Answer(1, "one", given.number, NOW_MS, ClockState.SYNCHRONISED, "done", "", b"")
    foreign = [
        (sealed(told, stranger), "unknown-key"),
        (sealed(told, DEVICES["two"]), "wrong-device"),
        (sealed(told, DEVICES["two"], "two"), "wrong-device"),
        (Message(good.topic, good.payload[:-1] + b"\0"), "bad-signature"),
        (Message(topics.state_topic("two"), good.payload), "wrong-device"),
        (Message(good.topic, good.payload[:20]), "malformed"),
        (Message(good.topic, b"\xd2" + bytes(300_000)), "oversized"),
        (Message("plomba/v1/one/batch", good.payload), "unknown-topic"),
        (Message(good.topic, DEVICES["one"].seal(b"\x80", good.topic)), "not-canonical"),
    ]
    for message, reason in foreign:
        before = office.quarantined.get(reason, (0, 0))[0]
        assert office.take([message], NOW_MS) == 0
        assert office.quarantined[reason][0] == before + 1
    assert office.outcomes() == [(None, "")]
    assert office.take([*[message for message, _ in foreign], good], NOW_MS) == 1


def test_who_sends_what_is_no_answer_is_heard_no_more(office: Office) -> None:
    good = an_answer(office.give("one", Report()))
    forged = Message(good.topic, good.payload[:-1] + b"\0")
    assert office.take([forged] * (int(BURST) + 6), NOW_MS) == 0
    assert office.quarantined == {"bad-signature": (BURST, 0)}
    assert office.flood.told().messages == 6
    # Neither are its batches, until some time has passed; a neighbour's words are.
    assert not office.flood.hears(topics.batch_topic("one"), NOW_MS)
    assert office.flood.hears(topics.state_topic("two"), NOW_MS)
    assert office.take([good], NOW_MS) == 0
    assert office.take([good], NOW_MS + 1000) == 1


def test_an_answer_under_a_key_that_has_ended_is_none(office: Office) -> None:
    given = office.give("one", Report())
    new, ends_ms = SigningKey.from_seed(bytes([7] * 32)), NOW_MS + 1000
    with office.store.transaction():
        registry.add_device_key(office.store, "one", new.public, NOW_MS)
        registry.end_device_key(office.store, DEVICES["one"].public.key_id, ends_ms)
    late, told = an_answer(given), wire_command.decode_answer(_payload(an_answer(given)))
    assert office.take([late], ends_ms) == 0
    assert office.quarantined["key-not-valid"][0] == 1
    assert office.take([sealed(told, new)], ends_ms) == 1


def _payload(message: Message) -> bytes:
    return signing.parse(message.payload).payload


def test_an_answer_to_nothing_changes_nothing(office: Office) -> None:
    given = office.give("one", Report())
    assert office.take([an_answer(given, number=given.number + 1)], NOW_MS) == 0
    assert office.outcomes() == [(None, "")]


def test_what_cannot_be_given(office: Office) -> None:
    for device, order, said in [
        ("nobody", Report(), "no device 'nobody' that may speak"),
        ("one", Resend(9, 3), "resend: .*backwards"),
        ("one", ReadNow(("A 1",)), "read-now: "),
        ("one", ReadNow(("A1",) * 251), "read-now: "),
    ]:
        with pytest.raises(CommandError, match=said):
            office.give(device, order)
    for _ in range(WAITING_MAX):
        office.give("one", Report())
    with pytest.raises(CommandError, match="wait already: is it online"):
        office.give("one", Report())
    office.give("two", Report())


def test_a_revoked_device_is_told_nothing_and_not_believed(office: Office) -> None:
    given = office.give("one", Report())
    with office.store.transaction() as sql:
        sql.execute(
            "INSERT INTO device_revocation (device_no, revoked_at_ms, by, why, takes_backlog)"
            " VALUES (1, 1, 'Orlova', 'stolen', 0)"
        )
    assert office.courier.due(NOW_MS) == []
    assert office.take([an_answer(given)], NOW_MS) == 0
    with pytest.raises(CommandError, match="no device 'one' that may speak"):
        office.give("one", Report())
