"""The application layer: a meter's answer as header and records, decode and encode side by side.

The CI field names the layout (EN 13757-7:2018, table 2): `header` has the usual ones, 73h and 77h
are the old fixed structure, 90h puts a layer with a counter and a MAC in front, 70h and a few more
are an error in place of an answer.

Bytes that arrived whole but cannot be an answer raise FrameError, and nothing else does. A payload
that stays closed is one record of problem "encrypted" whose text says why; records that end early
leave those before them, and the telegram's `damage`.
"""

from typing import NamedTuple

from drivers.driver import FrameError
from drivers.mbus import afl, fixed, frame, header, records, sealed, security
from drivers.mbus.frame import Long
from drivers.mbus.header import Header, Identity
from drivers.mbus.records import Decoded, Record
from drivers.mbus.sealed import Message
from drivers.mbus.security import Secrecy, SecurityError

LONG_HEADER = header.LONG
LONG_HEADER_HIGH_FIRST = header.LONG_HIGH_FIRST
_FIXED = 0x73
_FIXED_HIGH_FIRST = 0x77
# An application error or an alarm, by how long the header before it is.
_APPLICATION_ERRORS = {0x70: 0, 0x6E: 4, 0x6F: 12}
_ALARMS = {0x71: 0, 0x74: 4, 0x75: 12}
_COMPACT = {0x69, 0x6A, 0x6B, 0x79, 0x7B}

ENCRYPTED = "encrypted"

_TOO_BUSY = 8
_ERROR_TEXTS = (
    "unspecified error",
    "the CI field is not implemented",
    "the buffer is too long and was cut off",
    "too many records",
    "a record ends early",
    "more than ten DIFEs",
    "more than ten VIFEs",
    "reserved",
    "the application is too busy",
    "too many readouts",
)


class ApplicationError(FrameError):
    """The meter answered with an error instead of data; `busy` if asking later may help."""

    def __init__(self, message: str, *, busy: bool = False) -> None:
        super().__init__(message)
        self.busy = busy


class Telegram(NamedTuple):
    """What one frame of a meter says; header fields are None where its layout has none.

    `identification` to `medium` are those of `header.Identity`, `status` a byte with the bits of
    `drivers.reading.MeterStatus`. `damage` is why the records end before the telegram does, None
    if they do not.
    """

    address: int
    identification: str | None = None
    manufacturer: str | None = None
    version: int | None = None
    medium: str | None = None
    access_number: int | None = None
    status: int | None = None
    configuration: int | None = None
    records: tuple[Record, ...] = ()
    ci: int = LONG_HEADER
    control: int = frame.RSP_UD
    damage: str | None = None

    @property
    def more_follows(self) -> bool:
        """Whether the meter has a next telegram, for a request with the toggled FCB."""
        return any(record.dib == bytes((records.MORE_FOLLOWS,)) for record in self.records)

    @property
    def is_closed(self) -> bool:
        """Whether the payload is encrypted and stayed so."""
        return len(self.records) == 1 and self.records[0].problem == ENCRYPTED

    @property
    def identity(self) -> Identity | None:
        """Who the meter is, if the header says all of it."""
        if self.identification is None or self.manufacturer is None:
            return None
        if self.version is None or self.medium is None:
            return None
        return Identity(self.identification, self.manufacturer, self.version, self.medium)


def decode(data: bytes, *, key: bytes | None = None, identity: Identity | None = None) -> Telegram:
    """The telegram that `data`, exactly one frame, holds; FrameError for anything else.

    `key` opens what the meter encrypted. `identity` is who the meter is, for an encrypted telegram
    whose header does not say it. It must come from a telegram of the very meter: cipher block
    chaining lets a wrong one change the first values without the check of the key noticing.
    """
    try:
        return _decode(_response(frame.parse(data)), key, identity)
    except FrameError as error:
        error.received = data
        raise


def encode(telegram: Telegram, *, key: bytes | None = None, counter: int | None = None) -> bytes:
    """The frame that holds `telegram`; ValueError for more than fits, or the fixed structure.

    With a `key` the records are encrypted: in mode 5, or in mode 7 where there is a `counter`.
    """
    if telegram.ci not in header.LENGTHS:
        raise ValueError(f"expected a CI field of 72h, 76h, 78h or 7Ah, got {telegram.ci:02X}h")
    body = records.encode(telegram.records)
    if key is not None:
        ci, body = sealed.seal(telegram.ci, _header(telegram), body, key, counter)
        return frame.long(telegram.control, telegram.address, ci, body)
    if security.secrecy(telegram.configuration) and not telegram.is_closed:
        body = security.FILLERS + body
    body = header.encode(telegram.ci, _header(telegram)) + body
    return frame.long(telegram.control, telegram.address, telegram.ci, body)


def _response(parsed: frame.Ack | frame.Short | Long) -> Long:
    if not isinstance(parsed, Long):
        raise FrameError("expected a telegram with data, got a frame without any")
    if not parsed.is_response:
        raise FrameError(
            f"expected the answer of a meter (C field 08h), got C field {parsed.control:02X}h"
        )
    return parsed


def _decode(parsed: Long, key: bytes | None, identity: Identity | None) -> Telegram:
    if parsed.ci in header.LENGTHS:
        return _decode_variable(parsed, key, identity, None)
    if parsed.ci == afl.CI:
        layer, message = afl.parse(parsed.body)
        inner = Long(parsed.control, parsed.address, message[0], message[1:])
        if inner.ci in header.LENGTHS:
            return _decode_variable(inner, key, identity, layer)
        raise _other(inner)
    if parsed.ci in {_FIXED, _FIXED_HIGH_FIRST}:
        return _decode_fixed(parsed)
    raise _other(parsed)


def _other(parsed: Long) -> FrameError:
    """Why a frame of another CI field is no telegram."""
    if parsed.ci in _APPLICATION_ERRORS:
        return _application_error(parsed.body[_APPLICATION_ERRORS[parsed.ci] :])
    if parsed.ci in _ALARMS:
        alarm = parsed.body[_ALARMS[parsed.ci] :].hex().upper()
        return ApplicationError(f"the meter reports an alarm: {alarm}")
    if parsed.ci in _COMPACT:
        return FrameError(
            f"expected records with their blocks, got a compact frame (CI {parsed.ci:02X}h)"
        )
    return FrameError(f"expected a CI field of a meter's data, got {parsed.ci:02X}h")


def _application_error(body: bytes) -> ApplicationError:
    code = body[0] if body else 0
    known = code < len(_ERROR_TEXTS)
    text = _ERROR_TEXTS[code] if known else f"reserved code {code:02X}h"
    message = f"the meter reports an application error: {text}"
    return ApplicationError(message, busy=code == _TOO_BUSY)


def _decode_variable(
    parsed: Long, key: bytes | None, identity: Identity | None, layer: afl.Layer | None
) -> Telegram:
    head = header.parse(parsed.ci, parsed.body)
    payload = parsed.body[header.LENGTHS[parsed.ci] :]
    secret = security.secrecy(head.configuration)
    if secret is None:
        found = records.decode(payload, high_first=parsed.ci == LONG_HEADER_HIGH_FIRST)
    else:
        found = _open(Message(parsed.ci, parsed.body, head, identity, layer), secret, payload, key)
    who = head.identity
    return Telegram(
        parsed.address,
        who and who.identification,
        who and who.manufacturer,
        who and who.version,
        who and who.medium,
        head.access_number,
        head.status,
        head.configuration,
        found.records,
        parsed.ci,
        parsed.control,
        found.damage,
    )


def _open(message: Message, secret: Secrecy, payload: bytes, key: bytes | None) -> Decoded:
    """The records of an encrypted payload, or one record that says why they stay hidden."""
    high_first = message.ci == LONG_HEADER_HIGH_FIRST
    if key is None and payload.startswith(security.FILLERS):
        # Decrypted on the way. Cipher text begins so by chance too, but does not read to its end.
        found = records.decode(payload[len(security.FILLERS) :], high_first=high_first)
        if found.damage is None:
            return found
    try:
        plain = sealed.open_payload(message, secret, payload, key)
    except SecurityError as error:
        closed = Record(0, ENCRYPTED, text=str(error), problem=ENCRYPTED, data=payload)
        return Decoded((closed,))
    return records.decode(plain, high_first=high_first)


def _header(telegram: Telegram) -> Header:
    """What `telegram` says before its records; a part of an identity is filled up."""
    identity = Identity(
        telegram.identification or header.NOBODY.identification,
        telegram.manufacturer or header.NOBODY.manufacturer,
        telegram.version or header.NOBODY.version,
        telegram.medium or header.NOBODY.medium,
    )
    return Header(identity, telegram.access_number, telegram.status, telegram.configuration)


def _decode_fixed(parsed: Long) -> Telegram:
    found = fixed.decode(parsed.body, high_first=parsed.ci == _FIXED_HIGH_FIRST)
    return Telegram(
        address=parsed.address,
        identification=found.identification,
        medium=found.medium,
        access_number=found.access_number,
        status=found.status,
        records=found.records,
        ci=parsed.ci,
        control=parsed.control,
    )
