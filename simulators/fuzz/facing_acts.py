"""Parsers of what a resident's paper carries: the signed bytes, the code and the numbers."""

from collections.abc import Iterator

from cloud_sync.signing import SigningKey
from gateway.explain.code import is_same, letters_of
from gateway.resident import dispute
from gateway.resident.act import TOPIC, Act, ActError, Check, How, canonical, parse, verified
from simulators.fuzz.engine import Parser

_KEY = SigningKey.from_seed(bytes(range(32)))
_CODE = letters_of(bytes(range(32)))
_WORDS = (b"-", b" ", b"\x00", b"S-", b"1.5", b"-1", b"photo", b"\xff")


def parsers() -> Iterator[Parser]:
    """The rows of the table."""
    payload = canonical(
        Act(
            number="0123-4567-89AB", given_at_ms=1, timezone="UTC", house="A", address="A",
            dwelling="1", account="1", meter="W1", register="8-0:1.0.0", resource="cold-water",
            unit="m3", value="1.5", recognised="00?1.5", how=How.PHOTO, photo=bytes(32),
            photo_kept=bytes(32), taken_at_ms=1, period="2026-11", claim_no=1,
            checks=(Check("much", "а", "a", "yes"),),
        )
    )  # fmt: skip
    sealed = _KEY.seal(payload, TOPIC)
    yield Parser("act", parse, (ActError,), (payload,), _WORDS, is_cbor=True)
    yield Parser(
        "act-sealed", lambda data: verified(data, _KEY.public), (ActError,), (sealed,), _WORDS
    )
    yield Parser(
        "act-code",
        lambda data: is_same(_CODE, data.decode("latin-1")),
        (),
        (_CODE.encode(),),
        _WORDS,
    )
    yield Parser(
        "dispute-number",
        lambda data: dispute.as_written(data.decode("latin-1")),
        (),
        (b"S-0000-0000-0000",),
        _WORDS,
    )
