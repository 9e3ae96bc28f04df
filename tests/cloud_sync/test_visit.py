"""The sealed record of a visit: its bytes, its bounds, and that another library agrees."""

from decimal import Decimal

import cbor2
import msgspec
import pytest
from cwt import COSE, COSEKey
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync import signing, topics, visit
from cloud_sync.signing import SealError, SigningKey
from cloud_sync.visit import (
    Check,
    DeviceExchange,
    Exchange,
    Install,
    Level,
    Remove,
    Visit,
    When,
    agrees,
)
from cloud_sync.wire import WireError
from drivers.reading import ClockState, Resource, Unit

KEY = SigningKey.from_seed(bytes([7] * 32))
AT = When(1_795_326_600_000, ClockState.SYNCHRONISED, b"boot-one")
LEVEL = Level("8-0:1.0.0", 123_456, -3, Unit.M3, 8)
SEEN = Level("8-0:1.0.0", 1234, -1, Unit.M3, 8)
INSTALL = Install(
    serial="11223344",
    profile="itron_cyble_cold",
    model="Itron Cyble",
    resource=Resource.COLD_WATER,
    line="house",
    address="1122334477041407",
    point="cold-1",
    place="кв. 1",
    levels=(LEVEL,),
    dial=(SEEN,),
    at=AT,
    seal="П-17",
    photos=(bytes(32),),
    asked=2,
    answered=1,
    slowest_ms=116,
    remark="",
)


def a_visit(**changes: object) -> Visit:
    events = (
        DeviceExchange("edge-0", ("11223344",), AT),
        INSTALL,
        Exchange("1", (), "none", "broken", replaced("2")),
        Remove("3", (LEVEL,), "read", "", AT),
    )
    made = Visit(
        version=1,
        device="edge-1",
        number=1,
        kind="commissioning",
        house="House 1",
        installer="Иван",
        started=AT,
        ended=AT,
        software="plomba 0.1.0",
        checks=(Check("line house", ok=True, said=("answers", "mbus"), detail="mbus"),),
        events=events,
        remarks="",
    )
    return msgspec.structs.replace(made, **changes)


def replaced(serial: str, **changes: object) -> Install:
    return msgspec.structs.replace(INSTALL, **{"serial": serial, "point": "", **changes})


GOLDEN = (
    "8c0166656467652d31016d636f6d6d697373696f6e696e6767486f757365203168d098d0b2d0b0d0"
    "bd831b000001a201cde340615348626f6f742d6f6e65831b000001a201cde340615348626f6f742d"
    "6f6e656c706c6f6d626120302e312e3081846a6c696e6520686f757365f58267616e737765727364"
    "6d627573646d627573819267696e7374616c6c683131323233333434706974726f6e5f6379626c65"
    "5f636f6c646b4974726f6e204379626c656a636f6c642d776174657265686f757365703131323233"
    "333434373730343134303766636f6c642d3167d0bad0b22e2031818569382d303a312e302e301a00"
    "01e24022626d3308818569382d303a312e302e301904d220626d3308831b000001a201cde3406153"
    "48626f6f742d6f6e6565d09f2d313781582000000000000000000000000000000000000000000000"
    "00000000000000000000020118746060"
)


def test_the_record_is_the_same_bytes_in_every_version() -> None:
    one = a_visit(events=(INSTALL,))
    assert visit.encode(one).hex() == GOLDEN


def test_a_record_comes_back_as_it_went() -> None:
    one = a_visit()
    assert visit.decode(visit.encode(one)) == one


def test_another_cose_library_verifies_the_seal() -> None:
    payload = visit.encode(a_visit())
    message = KEY.seal(payload, topics.visit_topic("edge-1"))
    key = COSEKey.from_pem(KEY.public.to_pem(), kid=KEY.public.key_id)
    cose = COSE.new()
    assert cose.decode(message, key, external_aad=b"plomba/v1/edge-1/visit") == payload
    assert cbor2.loads(payload)[1] == "edge-1"
    with pytest.raises(SealError):
        KEY.public.verify(signing.parse(message), topics.visit_topic("edge-2"))


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ((INSTALL, INSTALL), "a meter that comes stands there twice"),
        ((INSTALL, replaced("2", point="cold-1")), "a metering point stands there twice"),
        ((Remove("3", (), "read", "", AT),), "final values that are read"),
        ((Remove("3", (LEVEL,), "none", "", AT),), "final values that are none"),
        ((Remove("3", (), "none", "", AT),) * 2, "a meter that goes stands there twice"),
        ((replaced("2", levels=(LEVEL, LEVEL)),), "a register of 2 stands there twice"),
        (tuple(replaced(str(n)) for n in range(251)), "length <= 250"),
        ((replaced("2", levels=(LEVEL,) * 9),), "length <= 8"),
        ((replaced("2", photos=(bytes(31),)),), "length >= 32"),
        ((replaced("no serial"),), "regex"),
        ((replaced("2", place="x" * 121),), "length <= 120"),
        ((replaced("2", slowest_ms=-1),), ">= 0"),
    ],
)
def test_what_cannot_be_is_not_sealed(events: tuple[visit.Event, ...], said: str) -> None:
    with pytest.raises(WireError, match=said):
        visit.encode(a_visit(events=events))


def test_a_full_segment_of_usual_meters_fits_one_seal() -> None:
    levels = tuple(Level(f"1-0:1.8.{n}", 12_345_678, -2, Unit.KWH, 8) for n in range(5))
    events = tuple(
        replaced(
            f"{n:08}", levels=levels, dial=levels, place="кв. 112, щит на 3 этаже", seal="П-1234567"
        )
        for n in range(visit.EVENTS_MAX)
    )
    payload = visit.encode(a_visit(events=events))
    assert len(KEY.seal(payload, "x")) <= signing.MESSAGE_BYTES_MAX


def test_bytes_that_are_not_canonical_are_refused() -> None:
    payload = visit.encode(a_visit())
    with pytest.raises(WireError):
        visit.decode(payload + b"\x00")
    with pytest.raises(WireError, match="at most"):
        visit.decode(bytes(visit.VISIT_BYTES_MAX + 1))


def test_new_meters_and_photos_are_found_in_all_events() -> None:
    assert [one.serial for one in a_visit().installs] == ["11223344", "2"]
    assert a_visit().photos == (bytes(32),)


@pytest.mark.parametrize(
    ("mantissa", "exponent", "same"),
    [
        (1234, -1, True),  # cut off
        (1235, -1, True),  # rounded up
        (1233, -1, False),
        (1236, -1, False),
        (123, 0, True),
        (122, 0, False),
        (123_457, -3, True),
        (123_458, -3, False),
        (1_234_560, -4, True),
    ],
)
def test_a_dial_agrees_within_one_of_its_last_digit(
    mantissa: int, exponent: int, *, same: bool
) -> None:
    dial = Level("8-0:1.0.0", mantissa, exponent, Unit.M3, 8)
    read = Level("8-0:1.0.0", 123_456, -3, Unit.M3, 8)
    if (mantissa, exponent) == (122, 0):
        assert abs(read.value - dial.value) > 1
    assert agrees(read, dial) is same


def test_another_register_or_unit_never_agrees() -> None:
    assert not agrees(LEVEL, Level("8-0:2.0.0", 123_456, -3, Unit.M3))
    assert not agrees(LEVEL, Level("8-0:1.0.0", 123_456, -3, Unit.KWH))


@given(mantissa=st.integers(0, 10**12), places=st.integers(0, 6))
def test_cutting_and_rounding_a_value_always_agrees(mantissa: int, places: int) -> None:
    read = Level("8-0:1.0.0", mantissa, -6, Unit.M3)
    cut = Level("8-0:1.0.0", mantissa // 10**places, places - 6, Unit.M3)
    half = Decimal(1).scaleb(places - 6)
    assert agrees(read, cut)
    assert read.value - cut.value < half
