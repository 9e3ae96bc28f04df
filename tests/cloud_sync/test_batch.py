"""Wire format v1 to the byte: golden bytes, bounds, and nothing but the canonical form."""

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync import batch, receipt, wire
from cloud_sync.batch import Batch
from drivers.reading import (
    TIME_MS_MAX,
    ClockState,
    Evidence,
    RegisterValue,
    Source,
    Unit,
    parse_obis,
)
from tests.cloud_sync.builders import a_batch, a_readout

GOLDEN = bytes.fromhex(
    "8b0166656467652d31015820000000000000000000000000000000000000000000000000000000000000"
    "00001b000001a22c53820061530148000000000000000019ea606c706c6f6d626120302e312e30818868"
    "31303030303030311b000001a22c53820061530100656461696c79820043010304818469312d303a312e"
    "382e301a0012d68721636b5768"
)


def test_golden_bytes_of_version_1() -> None:
    assert batch.encode(a_batch()) == GOLDEN
    assert batch.decode(GOLDEN) == a_batch()


def test_payload_is_canonical_by_cbor2s_own_canonical_encoder() -> None:
    assert cbor2.dumps(cbor2.loads(GOLDEN), canonical=True) == GOLDEN


@given(st.binary(max_size=300))
def test_any_bytes_decode_or_raise_wire_error(data: bytes) -> None:
    for decode in (batch.decode, receipt.decode):
        try:
            decode(data)
        except wire.WireError:
            continue


@given(st.integers(0, len(GOLDEN) - 1), st.integers(1, 255))
def test_a_changed_byte_never_decodes_to_the_same_batch(at: int, change: int) -> None:
    data = bytearray(GOLDEN)
    data[at] ^= change
    try:
        decoded = batch.decode(bytes(data))
    except wire.WireError:
        return
    assert decoded != a_batch()


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", "not CBOR"),
        (GOLDEN + b"\x00", "canonical"),
        (GOLDEN[:-1], "not CBOR"),
        (b"\x81" * 5000 + b"\x01", "not CBOR"),
        (b"\x9f" + GOLDEN[1:] + b"\xff", "canonical"),
        (GOLDEN.replace(b"\x8b\x01", b"\x8b\x18\x01", 1), "canonical"),
        (b"\x8b\x02" + GOLDEN[2:], "Invalid enum value 2"),
        (bytes(batch.BATCH_BYTES_MAX + 1), "at most 262144 bytes"),
        (cbor2.dumps({"version": 1}), "Expected `array`"),
        (b"\xd8\x1c" + GOLDEN, "canonical"),
    ],
)
def test_bombs_and_other_encodings_are_refused(payload: bytes, says: str) -> None:
    with pytest.raises(wire.WireError, match=says):
        batch.decode(payload)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"device": "Edge 1"},
        {"device": "edge/1"},
        {"sequence": 0},
        {"sequence": 2**53},
        {"previous": bytes(31)},
        {"signed_at_ms": -1},
        {"boot": bytes(7)},
        {"readouts": ()},
        {"readouts": (a_readout(),) * 513},
        {"readouts": (a_readout(meter="a b"),)},
        {"readouts": (a_readout(meter="x" * 33),)},
        {"readouts": (a_readout(evidence=Evidence.of(bytes(6145))),)},
        {"readouts": (a_readout(values=()),)},
        {"readouts": (a_readout(values=(RegisterValue("1.8.0", 1, 0, Unit.KWH),)),)},
        {"readouts": (a_readout(values=(RegisterValue("1-0:1.8.0", 10**18, 0, Unit.KWH),)),)},
        {"readouts": (a_readout(values=(RegisterValue("1-0:1.8.0", 1, 10, Unit.KWH),)),)},
        {"readouts": (a_readout(source="photo"),)},
        {"readouts": (a_readout(clock_state="X"),)},
    ],
)
def test_every_bound_of_the_format_is_checked(changes: dict[str, object]) -> None:
    with pytest.raises(wire.WireError):
        batch.decode(wire.encode(a_batch(**changes)))


def test_an_oversized_batch_is_refused_before_it_is_sent() -> None:
    heavy = a_readout(evidence=Evidence.of(bytes(6000)))
    with pytest.raises(wire.WireError, match="over 262144"):
        batch.encode(a_batch(readouts=(heavy,) * 60))


@given(
    st.builds(
        a_readout,
        meter=st.from_regex(r"[0-9A-Za-z][0-9A-Za-z._/\-]{0,31}", fullmatch=True),
        captured_at_ms=st.integers(0, TIME_MS_MAX),
        clock_state=st.sampled_from(ClockState),
        clock_error_s=st.integers(0, 2**31 - 1),
        status=st.integers(0, 0xFFFF),
        source=st.sampled_from(Source),
        evidence=st.binary(min_size=1, max_size=600).map(Evidence.of),
        values=st.lists(
            st.builds(
                RegisterValue,
                st.from_regex(r"1-0:[1-9]\.8\.[0-9]", fullmatch=True),
                st.integers(-(10**18) + 1, 10**18 - 1),
                st.integers(-9, 9),
                st.sampled_from(Unit),
            ),
            min_size=1,
            max_size=8,
        ).map(tuple),
    )
)
def test_what_is_encoded_is_what_is_decoded(readout: object) -> None:
    original = a_batch(readouts=(readout,))
    decoded = batch.decode(batch.encode(original))
    assert decoded == original
    assert isinstance(decoded, Batch)


def test_a_receipt_round_trips_and_is_bounded() -> None:
    ranges = tuple((n * 10, n * 10 + 1) for n in range(receipt.RANGES_MAX))
    full = receipt.Receipt(1, "edge-1", 9, bytes(32), ranges, ranges, 1_796_040_000_000)
    encoded = receipt.encode(full)
    assert len(encoded) < receipt.RECEIPT_BYTES_MAX
    assert receipt.decode(encoded) == full


def test_obis_codes_have_one_form() -> None:
    assert parse_obis("1-0:1.8.0*255") == parse_obis("1-0:1.8.0") == "1-0:1.8.0"
    for wrong in ("", "1.8.0", "1-0:1.8.256", "16-0:1.8.0", "1-0:1.8.0*999"):
        with pytest.raises(ValueError, match="expected an OBIS code"):
            parse_obis(wrong)
