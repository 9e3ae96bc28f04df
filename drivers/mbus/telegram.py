"""The application layer: a meter's answer as header and records, decode and encode side by side.

The CI field names the layout (EN 13757-7:2018, table 2): 72h is the usual one with a long header,
76h the same with every multi-byte datum sent high byte first, 7Ah has a short header, 78h none,
73h and 77h are the old fixed structure, 70h an error in place of an answer.

Bytes that arrived whole but cannot be an answer raise FrameError, and nothing else does.
"""

from typing import Literal, NamedTuple

from drivers.driver import FrameError
from drivers.mbus import fixed, frame, media, records
from drivers.mbus.frame import Long
from drivers.mbus.records import Record

LONG_HEADER = 0x72
LONG_HEADER_HIGH_FIRST = 0x76
SHORT_HEADER = 0x7A
NO_HEADER = 0x78
_HEADER_LENGTHS = {LONG_HEADER: 12, LONG_HEADER_HIGH_FIRST: 12, SHORT_HEADER: 4, NO_HEADER: 0}
_FIXED = 0x73
_FIXED_HIGH_FIRST = 0x77
_APPLICATION_ERROR = 0x70
_ALARM = 0x71

ENCRYPTED = "encrypted"
# Security modes that encrypt (EN 13757-7:2018, table 19). The configuration word of a wired meter
# may be junk (FFFFh, 1627h are in the field), so no other mode is believed, and these only with a
# number of encrypted blocks.
_ENCRYPTING_MODES = {2, 3, 4, 5, 7, 8, 9, 10, 13}
_BLOCKS_MASK = 0x00F0
# Two fillers open every encrypted payload; where they can be read, it was decrypted on the way.
_DECRYPTED = b"\x2f\x2f"

_APPLICATION_ERRORS = (
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
    """The meter answered with an error instead of data."""


class Telegram(NamedTuple):
    """What one frame of a meter says; header fields are None where its layout has none.

    `identification` is the meter's eight digits (hexadecimal ones if it sends such), the
    `manufacturer` three letters as registered with the FLAG association, `medium` a word of
    `media`, `status` a byte with the bits of `drivers.reading.MeterStatus`.
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

    @property
    def more_follows(self) -> bool:
        """Whether the meter has a next telegram, for a request with the toggled FCB."""
        return any(record.dib == bytes((records.MORE_FOLLOWS,)) for record in self.records)


def decode(data: bytes) -> Telegram:
    """The telegram that `data`, exactly one frame, holds; FrameError for anything else."""
    try:
        return _decode(frame.parse(data))
    except FrameError as error:
        error.received = data
        raise


def encode(telegram: Telegram) -> bytes:
    """The frame that holds `telegram`; ValueError for more than fits, or the fixed structure."""
    if telegram.ci not in _HEADER_LENGTHS:
        raise ValueError(f"expected a CI field of 72h, 76h, 78h or 7Ah, got {telegram.ci:02X}h")
    body = records.encode(telegram.records)
    if _is_encrypted(telegram.configuration, body) and not _is_ciphertext(telegram.records):
        body = _DECRYPTED + body
    body = _encode_header(telegram) + body
    return frame.long(telegram.control, telegram.address, telegram.ci, body)


def _decode(parsed: frame.Ack | frame.Short | Long) -> Telegram:
    if not isinstance(parsed, Long):
        raise FrameError("expected a telegram with data, got a frame without any")
    if not parsed.is_response:
        raise FrameError(
            f"expected the answer of a meter (C field 08h), got C field {parsed.control:02X}h"
        )
    if parsed.ci in _HEADER_LENGTHS:
        return _decode_variable(parsed)
    if parsed.ci in {_FIXED, _FIXED_HIGH_FIRST}:
        return _decode_fixed(parsed)
    raise _other(parsed)


def _other(parsed: Long) -> FrameError:
    """Why a frame of another CI field is no telegram."""
    if parsed.ci == _APPLICATION_ERROR:
        code = parsed.body[0] if parsed.body else 0
        known = code < len(_APPLICATION_ERRORS)
        text = _APPLICATION_ERRORS[code] if known else f"reserved code {code:02X}h"
        return ApplicationError(f"the meter reports an application error: {text}")
    if parsed.ci == _ALARM:
        return ApplicationError(f"the meter reports an alarm: {parsed.body.hex().upper()}")
    return FrameError(f"expected a CI field of a meter's data, got {parsed.ci:02X}h")


def _decode_variable(parsed: Long) -> Telegram:
    length = _HEADER_LENGTHS[parsed.ci]
    head, body = parsed.body[:length], parsed.body[length:]
    if len(head) < length:
        raise FrameError(f"expected a header of {length} bytes, got {len(head)}")
    telegram = Telegram(parsed.address, ci=parsed.ci, control=parsed.control)
    if length:
        telegram = _with_short_header(telegram, head[-4:])
    if length > 4:
        telegram = _with_long_header(telegram, head)
    if _is_encrypted(telegram.configuration, body):
        return telegram._replace(records=(records.opaque(0, ENCRYPTED, body, ENCRYPTED),))
    high_first = parsed.ci == LONG_HEADER_HIGH_FIRST
    return telegram._replace(records=records.decode(body, high_first=high_first))


def _with_short_header(telegram: Telegram, head: bytes) -> Telegram:
    return telegram._replace(
        access_number=head[0],
        status=head[1],
        configuration=int.from_bytes(head[2:], _order(telegram)),
    )


def _with_long_header(telegram: Telegram, head: bytes) -> Telegram:
    return telegram._replace(
        identification=f"{int.from_bytes(head[:4], _order(telegram)):08X}",
        manufacturer=_letters(int.from_bytes(head[4:6], _order(telegram))),
        version=head[6],
        medium=media.name(head[7]),
    )


def _encode_header(telegram: Telegram) -> bytes:
    """The header that `telegram.ci` asks for; what it has no value for is zero."""
    order = _order(telegram)
    short = bytes((telegram.access_number or 0, telegram.status or 0))
    short += (telegram.configuration or 0).to_bytes(2, order)
    identification = int(telegram.identification or "0", 16).to_bytes(4, order)
    manufacturer = _number(telegram.manufacturer or "@@@").to_bytes(2, order)
    kind = bytes((telegram.version or 0, media.code(telegram.medium or media.OTHER)))
    header = identification + manufacturer + kind + short
    return header[len(header) - _HEADER_LENGTHS[telegram.ci] :]


def _order(telegram: Telegram) -> Literal["big", "little"]:
    return "big" if telegram.ci == LONG_HEADER_HIGH_FIRST else "little"


def _letters(number: int) -> str:
    """Three letters in five bits each, A being 1 (EN 13757-7:2018, 7.5.2).

    Bit 15 says that the identification is unique only on its bus; it is no part of the name.
    """
    return "".join(chr(64 + (number >> shift & 31)) for shift in (10, 5, 0))


def _number(letters: str) -> int:
    if len(letters) != 3 or not all(64 <= ord(letter) < 96 for letter in letters):
        raise ValueError(f"expected a manufacturer of three capitals, got {letters!r}")
    high, middle, low = (ord(letter) - 64 for letter in letters)
    return high << 10 | middle << 5 | low


def _is_encrypted(configuration: int | None, body: bytes) -> bool:
    if configuration is None or body.startswith(_DECRYPTED):
        return False
    return configuration >> 8 & 31 in _ENCRYPTING_MODES and bool(configuration & _BLOCKS_MASK)


def _is_ciphertext(found: tuple[Record, ...]) -> bool:
    return len(found) == 1 and found[0].problem == ENCRYPTED


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
