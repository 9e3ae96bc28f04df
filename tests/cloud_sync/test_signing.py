"""The seal: every byte covered, bound to its topic, readable by a foreign COSE library."""

from pathlib import Path

import cbor2
import cwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync import batch, signing, topics
from cloud_sync.signing import KeyFileError, SealError, SigningKey, VerifyKey
from tests.cloud_sync.builders import DEVICE, KEY, TOPIC, a_batch, a_sealed_batch

GOLDEN = bytes.fromhex(
    "d284581fa3012703706170706c69636174696f6e2f63626f72044856475aa75463474ca0588b8b016665"
    "6467652d3101582000000000000000000000000000000000000000000000000000000000000000001b00"
    "0001a22c53820061530148000000000000000019ea606c706c6f6d626120302e312e3081886831303030"
    "303030311b000001a22c53820061530100656461696c79820043010304818469312d303a312e382e301a"
    "0012d68721636b57685840d6adcfe4d29c07d863741e837b844a3379e8c21996947944760b4fa7c0b75f"
    "e821364b5f4d27c511035874a72ef68a6920671c0102f713e3947ce94eea6b6e04"
)


def test_golden_bytes_of_a_sealed_batch() -> None:
    assert a_sealed_batch() == GOLDEN
    sealed = signing.parse(GOLDEN)
    KEY.public.verify(sealed, TOPIC)
    assert batch.decode(sealed.payload) == a_batch()


def test_a_foreign_cose_library_verifies_our_seal() -> None:
    foreign_key = cwt.COSEKey.from_pem(KEY.public.to_pem().decode(), kid=KEY.public.key_id)
    payload = cwt.COSE.new().decode(GOLDEN, foreign_key, external_aad=TOPIC.encode())
    assert payload == batch.encode(a_batch())
    with pytest.raises(cwt.exceptions.VerifyError):
        cwt.COSE.new().decode(GOLDEN, foreign_key, external_aad=b"plomba/v1/edge-2/batch")


def _unseal(message: bytes, topic: str = TOPIC) -> bytes:
    sealed = signing.parse(message)
    if sealed.key_id != KEY.public.key_id:
        raise SealError("unknown-key", sealed.key_id.hex())
    KEY.public.verify(sealed, topic)
    return sealed.payload


def test_no_single_byte_of_a_sealed_batch_can_change() -> None:
    for at in range(len(GOLDEN)):
        for change in (0x01, 0x20, 0x80, 0xFF):
            tampered = bytearray(GOLDEN)
            tampered[at] ^= change
            with pytest.raises(SealError) as refusal:
                _unseal(bytes(tampered))
            assert refusal.value.reason in {"malformed", "unknown-key", "bad-signature"}


def test_tampered_payload_and_signature_are_told_from_damage() -> None:
    tampered = bytearray(GOLDEN)
    tampered[-1] ^= 1
    with pytest.raises(SealError) as refusal:
        _unseal(bytes(tampered))
    assert refusal.value.reason == "bad-signature"


def test_a_seal_does_not_hold_on_another_topic() -> None:
    with pytest.raises(SealError) as refusal:
        _unseal(GOLDEN, topics.batch_topic("edge-2"))
    assert refusal.value.reason == "bad-signature"
    with pytest.raises(SealError):
        _unseal(GOLDEN, topics.receipt_topic(DEVICE))


@given(st.binary(max_size=400))
def test_any_bytes_parse_or_raise_seal_error(message: bytes) -> None:
    with pytest.raises(SealError):
        signing.parse(message)


@given(st.data())
def test_any_cut_or_splice_of_a_message_is_refused(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(GOLDEN)))
    end = data.draw(st.integers(start, len(GOLDEN)))
    middle = data.draw(st.binary(max_size=40))
    spliced = GOLDEN[:start] + middle + GOLDEN[end:]
    if spliced != GOLDEN:
        with pytest.raises(SealError):
            _unseal(spliced)


def test_an_unprotected_header_is_refused() -> None:
    protected, _, payload, signature = cbor2.loads(GOLDEN).value
    sneaky = cbor2.dumps(cbor2.CBORTag(18, [protected, {4: b"x"}, payload, signature]))
    with pytest.raises(SealError, match="canonical"):
        signing.parse(sneaky)


def test_an_oversized_message_is_refused_unread() -> None:
    with pytest.raises(SealError) as refusal:
        signing.parse(bytes(signing.MESSAGE_BYTES_MAX + 1))
    assert refusal.value.reason == "oversized"


def test_a_key_file_keeps_its_rights_and_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "device.key"
    key = SigningKey.generate()
    key.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert SigningKey.load(path).public.key_id == key.public.key_id
    with pytest.raises(KeyFileError, match="File exists"):
        SigningKey.generate().save(path)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="has rights 0640, expected 0600: run chmod 600"):
        SigningKey.load(path)


def test_other_files_than_keys_are_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="No such file"):
        SigningKey.load(tmp_path / "absent.key")
    path = tmp_path / "wrong.key"
    path.touch(mode=0o600)
    path.write_bytes(b"hello")
    with pytest.raises(KeyFileError, match="not a private key in PEM form"):
        SigningKey.load(path)
    with pytest.raises(KeyFileError, match="expected a public key in PEM form"):
        VerifyKey.from_pem(b"hello")


def test_a_public_key_survives_its_pem_form() -> None:
    again = VerifyKey.from_pem(KEY.public.to_pem())
    assert again.key_id == KEY.public.key_id
    assert again.fingerprint.replace(" ", "") == KEY.public.key_id.hex()
