"""The gateway's commands and the devices' answers: one encoding, every bound kept."""

import cbor2
import cwt
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync import command as wire_command
from cloud_sync import signing, topics
from cloud_sync.command import (
    LIFETIME_MS_MAX,
    METERS_MAX,
    REPORT_BYTES_MAX,
    Answer,
    Command,
    Order,
    ReadNow,
    Report,
    Resend,
)
from cloud_sync.signing import SealError, SigningKey
from cloud_sync.wire import WireError
from drivers.reading import ClockState

KEY = SigningKey.from_seed(bytes(range(1, 33)))
NOW_MS = 1_795_338_045_000
TOPIC = topics.command_topic("edge-1")
GOLDEN = bytes.fromhex(
    "d284581fa3012703706170706c69636174696f6e2f63626f72044865b60673d6ed884ba0583b86016665646765"
    "2d311b000001a2027c86481b000001a2027c86481b000001a20285ae088268726561642d6e6f77826241316832"
    "3233313030343258402b8f9f900803c798631ec97fcce770aa771813bc4812bb66e0d499a79b525f0d315146fc"
    "7cd77bca4a26167b4dd16ca0266dcf87a8b2e68f15be6d69d6297209"
)


def a_command(order: Order | None = None, **more: object) -> Command:
    made = Command(
        1, "edge-1", NOW_MS, NOW_MS, NOW_MS + 600_000, order or ReadNow(("A1", "22310042"))
    )
    return msgspec.structs.replace(made, **more)


def an_answer(**more: object) -> Answer:
    made = Answer(1, "edge-1", 7, NOW_MS, ClockState.SYNCHRONISED, "done", "2 meters", b"{}")
    return msgspec.structs.replace(made, **more)


def test_golden_bytes_of_a_sealed_command() -> None:
    assert KEY.seal(wire_command.encode(a_command()), TOPIC) == GOLDEN
    sealed = signing.parse(GOLDEN)
    KEY.public.verify(sealed, TOPIC)
    assert wire_command.decode(sealed.payload) == a_command()


def test_golden_bytes_of_an_answer() -> None:
    assert wire_command.encode_answer(an_answer()).hex() == (
        "880166656467652d31071b000001a2027c8648615364646f6e656832206d6574657273427b7d"
    )


def test_a_foreign_cose_library_verifies_a_command() -> None:
    key = cwt.COSEKey.from_pem(KEY.public.to_pem().decode(), kid=KEY.public.key_id)
    payload = cwt.COSE.new().decode(GOLDEN, key, external_aad=TOPIC.encode())
    assert wire_command.decode(payload) == a_command()


@pytest.mark.parametrize(
    "topic", [topics.command_topic("edge-2"), topics.receipt_topic("edge-1"), "plomba/v1/edge-1/x"]
)
def test_a_command_holds_on_its_own_topic_only(topic: str) -> None:
    with pytest.raises(SealError, match="bad-signature"):
        KEY.public.verify(signing.parse(GOLDEN), topic)


@pytest.mark.parametrize(
    ("order", "kind"), [(ReadNow(()), "read-now"), (Resend(3, 9), "resend"), (Report(), "report")]
)
def test_every_kind_comes_back(order: Order, kind: str) -> None:
    command = a_command(order)
    assert command.kind == kind
    assert wire_command.decode(wire_command.encode(command)) == command


@pytest.mark.parametrize(
    "wrong",
    [
        a_command(expires_at_ms=NOW_MS),
        a_command(expires_at_ms=NOW_MS + LIFETIME_MS_MAX + 1),
        a_command(number=0),
        a_command(number=2**53),
        a_command(device="Edge 1"),
        a_command(device=""),
        a_command(version=2),
        a_command(Resend(9, 3)),
        a_command(Resend(0, 3)),
        a_command(ReadNow(("A1",) * (METERS_MAX + 1))),
        a_command(ReadNow(("A 1",))),
        a_command(ReadNow(("",))),
    ],
)
def test_what_is_out_of_bounds_is_refused(wrong: Command) -> None:
    with pytest.raises(WireError):
        wire_command.decode(wire_command.encode(wrong))


ORDER = ["report"]
FIELDS = [1, "edge-1", NOW_MS, NOW_MS, NOW_MS + 1, ORDER]


@pytest.mark.parametrize(
    "items",
    [
        FIELDS[:-1],
        [*FIELDS, 1],
        [*FIELDS[:-1], ["reboot"]],
        [*FIELDS[:-1], ["read-now"]],
        [*FIELDS[:-1], ["report", 1]],
        [*FIELDS[:-1], {"report": 1}],
        [*FIELDS[:-1], ["resend", 1, 2.0]],
        {"version": 1},
        [],
        1,
    ],
)
def test_another_shape_is_refused(items: object) -> None:
    assert wire_command.decode(cbor2.dumps(FIELDS)).kind == "report"
    with pytest.raises(WireError):
        wire_command.decode(cbor2.dumps(items))


def test_another_encoding_of_the_same_is_refused() -> None:
    plain = wire_command.encode(a_command(Report()))
    longer = plain.replace(b"\x86\x01", b"\x86\x18\x01", 1)
    assert cbor2.loads(longer) == cbor2.loads(plain)
    with pytest.raises(WireError, match="canonical"):
        wire_command.decode(longer)


@pytest.mark.parametrize(
    "wrong",
    [
        an_answer(outcome="perhaps"),
        an_answer(reason="x" * 201),
        an_answer(report=bytes(REPORT_BYTES_MAX + 1)),
        an_answer(clock_state="X"),
        an_answer(number=0),
    ],
)
def test_an_answer_out_of_bounds_is_refused(wrong: Answer) -> None:
    with pytest.raises(WireError):
        wire_command.decode_answer(wire_command.encode_answer(wrong))


def test_an_answer_is_told_from_plain_state() -> None:
    sealed = KEY.seal(wire_command.encode_answer(an_answer()), topics.state_topic("edge-1"))
    assert wire_command.is_answer(sealed)
    assert not wire_command.is_answer(b'{"state": "online"}')
    assert not wire_command.is_answer(b"")


@given(st.binary(max_size=300))
def test_any_bytes_are_no_command_and_no_answer_or_our_error(data: bytes) -> None:
    for decode in (wire_command.decode, wire_command.decode_answer):
        try:
            decode(data)
        except WireError:
            continue


@given(st.data())
def test_any_change_of_a_command_s_payload_is_refused_or_another_command(
    data: st.DataObject,
) -> None:
    plain = wire_command.encode(a_command())
    at = data.draw(st.integers(0, len(plain) - 1))
    changed = bytearray(plain)
    changed[at] ^= data.draw(st.integers(1, 255))
    try:
        other = wire_command.decode(bytes(changed))
    except WireError:
        return
    assert other != a_command()
    assert wire_command.encode(other) == bytes(changed)
