"""Batches that hold and batches that do not, without a ledger; traces are in test_cli."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.signing import SigningKey
from gateway import evidence
from gateway.evidence import EvidenceError
from tests.cloud_sync.builders import DEVICE, KEY, TOPIC, a_batch, a_sealed_batch

MESSAGE = a_sealed_batch()


def test_an_exported_batch_is_checked_with_the_public_key_alone() -> None:
    checked = evidence.check(MESSAGE, KEY.public)
    assert checked.content == a_batch()
    document = evidence.batch_document(checked)
    assert (document["device"], document["sequence"], document["verified"]) == (DEVICE, 1, True)


def test_another_devices_key_does_not_do() -> None:
    other = SigningKey.from_seed(bytes(32)).public
    with pytest.raises(EvidenceError, match=f"unknown-key: .*{other.key_id.hex()}"):
        evidence.check(MESSAGE, other)


def test_a_batch_signed_for_another_topic_does_not_do() -> None:
    sealed = evidence.signing.parse(MESSAGE)
    moved = KEY.seal(sealed.payload, TOPIC.replace("edge-1", "edge-2"))
    with pytest.raises(EvidenceError, match="bad-signature"):
        evidence.check(moved, KEY.public)


@given(place=st.integers(0, len(MESSAGE) - 1), bit=st.integers(0, 7))
def test_no_bit_can_change_unseen(place: int, bit: int) -> None:
    tampered = bytearray(MESSAGE)
    tampered[place] ^= 1 << bit
    with pytest.raises(EvidenceError):
        evidence.check(bytes(tampered), KEY.public)


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(EvidenceError):
        evidence.check(data, KEY.public)


def test_a_cut_batch_is_refused() -> None:
    for length in range(0, len(MESSAGE), 7):
        with pytest.raises(EvidenceError):
            evidence.check(MESSAGE[:length], KEY.public)
