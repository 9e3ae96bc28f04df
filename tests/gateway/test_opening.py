"""What is refused before anything is believed, and that it touches nothing."""

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_sync import signing
from drivers.reading import ClockState
from gateway import registry
from gateway.ingest import Incoming
from tests.gateway.estate import (
    DAY_MS,
    MIDNIGHT_MS,
    QUARTER_MS,
    Device,
    Estate,
    a_readout,
    kwh,
)


def test_any_changed_byte_is_refused_and_touches_nothing(estate: Estate) -> None:
    whole = estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(1010)))
    for at in range(len(whole.payload)):
        broken = bytearray(whole.payload)
        broken[at] ^= 1 << (at % 8)
        # A second each, at which even a device that was refused a lot is heard.
        now_ms = MIDNIGHT_MS + 400 * DAY_MS + at * 1000
        outcome = estate.take(Incoming(whole.topic, bytes(broken)), now_ms=now_ms)
        assert outcome.counts == {"refused": 1}, f"byte {at}"
        assert outcome.receipts == []
    assert estate.rows() == []
    assert estate.take(whole, now_ms=now_ms + 1000).counts["accepted"] == 1


def test_a_forgery_in_a_group_does_not_disturb_its_neighbours(estate: Estate) -> None:
    first = estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(1010)))
    second = estate.edge.sign(a_readout(MIDNIGHT_MS + QUARTER_MS, kwh(1020)))
    forged = Incoming(second.topic, second.payload[:-1] + bytes([second.payload[-1] ^ 1]))
    outcome = estate.take(first, forged, second)
    assert outcome.counts == {"batches": 2, "accepted": 2, "refused": 1}
    assert estate.refused() == {"bad-signature": 1}


def test_a_batch_moved_to_another_devices_topic_is_refused(estate: Estate) -> None:
    message = estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(1010)))
    estate.take(Incoming(estate.other.topic, message.payload))
    assert estate.refused() == {"wrong-device": 1}


def test_a_topic_that_is_not_for_batches_is_refused(estate: Estate) -> None:
    message = estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(1010)))
    for topic in ("plomba/v1/edge-1/state", "plomba/v1/EDGE/batch", "else", ""):
        estate.take(Incoming(topic, message.payload))
    assert estate.refused() == {"unknown-topic": 4}


def test_a_key_of_one_device_cannot_sign_for_another_inside(estate: Estate) -> None:
    impostor = Device("edge-2", seed=b"1" * 32)
    message = impostor.sign(a_readout(MIDNIGHT_MS, kwh(1010)))
    under_own_topic = Incoming(
        estate.edge.topic,
        impostor.key.seal(signing.parse(message.payload).payload, estate.edge.topic),
    )
    estate.take(message, under_own_topic)
    assert estate.refused() == {"wrong-device": 2}


def test_an_unknown_key_is_refused(estate: Estate) -> None:
    stranger = Device("edge-1", seed=b"?" * 32)
    estate.take(stranger.sign(a_readout(MIDNIGHT_MS, kwh(1010))))
    assert estate.refused() == {"unknown-key": 1}


def test_an_unknown_device_is_refused_until_it_is_registered(estate: Estate) -> None:
    newcomer = Device("edge-9", seed=b"9" * 32)
    message = newcomer.sign(a_readout(MIDNIGHT_MS, kwh(1010)))
    estate.take(message)
    assert estate.refused() == {"unknown-key": 1}
    registry.add_device_key(estate.store, "edge-9", newcomer.key.public, 0)
    assert estate.take(message).counts["batches"] == 1


def test_an_oversized_message_is_kept_by_its_beginning_and_hash(estate: Estate) -> None:
    estate.take(Incoming(estate.edge.topic, bytes(signing.MESSAGE_BYTES_MAX + 1)))
    (row,) = estate.store.quarantine.kept()
    assert row.reason == "oversized"
    assert row.size == signing.MESSAGE_BYTES_MAX + 1
    assert len(row.evidence) < 5000


def test_a_malformed_message_is_kept_whole(estate: Estate) -> None:
    estate.take(Incoming(estate.edge.topic, b"no batch"))
    (row,) = estate.store.quarantine.kept("malformed")
    assert (row.evidence, row.topic) == (b"no batch", estate.edge.topic)


@pytest.mark.parametrize(
    "payload",
    [b"", b"\x80", cbor2.dumps({"version": 1}), cbor2.dumps([2] + [0] * 10)],
    ids=["nothing", "no fields", "a map", "another version"],
)
def test_a_signed_payload_of_another_shape_is_refused(estate: Estate, payload: bytes) -> None:
    estate.take(Incoming(estate.edge.topic, estate.edge.key.seal(payload, estate.edge.topic)))
    assert estate.refused() == {"not-canonical": 1}


def test_a_signed_payload_that_could_be_shorter_is_refused(estate: Estate) -> None:
    sealed = signing.parse(estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(1010))).payload)
    longer = b"\x9f" + sealed.payload[1:] + b"\xff"
    assert cbor2.loads(longer) == cbor2.loads(sealed.payload)
    estate.take(Incoming(estate.edge.topic, estate.edge.key.seal(longer, estate.edge.topic)))
    assert estate.refused() == {"not-canonical": 1}


@pytest.mark.parametrize("serial", ["bad serial", "x\n", ""])
def test_a_serial_that_is_none_is_refused(estate: Estate, serial: str) -> None:
    estate.take(estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(1010), meter=serial)))
    assert estate.refused() == {"not-canonical": 1}


def test_a_key_signs_only_while_it_is_valid(estate: Estate) -> None:
    before = estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(1010)))
    after = estate.edge.sign(a_readout(MIDNIGHT_MS + DAY_MS, kwh(1020)))
    registry.end_device_key(estate.store, estate.edge.key.public.key_id, MIDNIGHT_MS + 5000)
    outcome = estate.take(before, after)
    assert outcome.counts == {"batches": 1, "accepted": 1, "refused": 1}
    assert estate.refused() == {"key-not-valid": 1}


def test_a_device_without_a_clock_needs_a_key_that_is_valid_now(estate: Estate) -> None:
    registry.end_device_key(estate.store, estate.edge.key.public.key_id, MIDNIGHT_MS)
    relative = a_readout(1000, kwh(1010), clock_state=ClockState.RELATIVE)
    message = estate.edge.sign(relative, clock_state=ClockState.RELATIVE)
    estate.take(message, now_ms=MIDNIGHT_MS + 1)
    assert estate.refused() == {"key-not-valid": 1}


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(topic=st.sampled_from(["plomba/v1/edge-1/batch", "else"]), payload=st.binary(max_size=400))
def test_no_bytes_of_anybody_disturb_ingest(estate: Estate, topic: str, payload: bytes) -> None:
    assert estate.take(Incoming(topic, payload)).counts == {"refused": 1}
