"""The link layer of M-Bus: three frame shapes, each checked as strictly as its redundancy allows.

A frame (EN 13757-2, 5.2, after IEC 60870-5 format class FT 1.2) is one of

    E5                                    an acknowledgement
    10 C A CS 16                          a short frame, how a master asks
    68 L L 68 C A CI body... CS 16        a long frame, how a meter answers

The checksum is a plain sum, so it alone lets many pairs of errors pass; both lengths, both start
bytes and the stop byte are therefore compared too, and nothing may stand before or after a frame.
No frame with a single bit inverted is accepted.
"""

from typing import NamedTuple

from drivers.driver import FrameError

ACK = 0xE5
SHORT_START = 0x10
LONG_START = 0x68
STOP = 0x16

# The C field (EN 13757-2, table 1). Requests carry the frame count bit where it is valid (FCV).
SND_NKE = 0x40
SND_UD = 0x53
REQ_UD2 = 0x5B
FCB = 0x20
RSP_UD = 0x08
# A meter may set ACD (class 1 data waits) and DFC (buffer full) in its answer; both say nothing
# about the answer itself.
_ACD_DFC = 0x30

ADDRESS_NETWORK = 0xFD
"""The meter selected by its secondary address answers to this one."""
ADDRESS_ANY = 0xFE
"""Every meter answers: only on a line with a single meter."""
ADDRESS_BROADCAST = 0xFF

SHORT_LENGTH = 5
# C, A and CI are counted in L, the two starts, two lengths, checksum and stop byte are not.
_COUNTED = 3
_UNCOUNTED = 6
BODY_LENGTH_MAX = 0xFF - _COUNTED
FRAME_LENGTH_MAX = 0xFF + _UNCOUNTED


class Ack(NamedTuple):
    """The single character E5h: a command was taken."""


class Short(NamedTuple):
    """A request without user data."""

    control: int
    address: int


class Long(NamedTuple):
    """A frame with user data; `ci` says how to read `body`."""

    control: int
    address: int
    ci: int
    body: bytes

    @property
    def is_response(self) -> bool:
        """Whether the frame goes from a meter to the master (RSP_UD)."""
        return self.control & ~_ACD_DFC == RSP_UD


def short(control: int, address: int) -> bytes:
    """The bytes of a short frame."""
    return bytes((SHORT_START, control, address, _checksum(bytes((control, address))), STOP))


def long(control: int, address: int, ci: int, body: bytes = b"") -> bytes:
    """The bytes of a long frame; ValueError for more than 252 bytes of `body`."""
    if len(body) > BODY_LENGTH_MAX:
        raise ValueError(f"expected at most {BODY_LENGTH_MAX} bytes of user data, got {len(body)}")
    counted = bytes((control, address, ci)) + body
    head = bytes((LONG_START, len(counted), len(counted), LONG_START))
    return head + counted + bytes((_checksum(counted), STOP))


def expected_length(buffer: bytes) -> int | None:
    """How long the frame that starts `buffer` will be; None while that cannot be known yet.

    FrameError if no frame starts so. A reader of a serial line asks after every byte.
    """
    if not buffer:
        return None
    if buffer[0] == ACK:
        return 1
    if buffer[0] == SHORT_START:
        return SHORT_LENGTH
    if buffer[0] != LONG_START:
        raise FrameError(f"expected a frame start E5h, 10h or 68h, got {buffer[0]:02X}h", buffer)
    return _long_length(buffer)


def parse(data: bytes) -> Ack | Short | Long:
    """The one frame that `data` is, every redundancy checked, or FrameError."""
    expected = expected_length(data)
    if expected is None or len(data) < expected:
        wanted = "a frame" if expected is None else f"{expected} bytes"
        raise FrameError(f"the frame ends early: expected {wanted}, got {len(data)} bytes", data)
    if len(data) > expected:
        raise FrameError(f"{len(data) - expected} bytes follow after the frame's end", data)
    if data[0] == ACK:
        return Ack()
    counted = data[1:-2] if data[0] == SHORT_START else data[4:-2]
    _check_tail(data, counted)
    if data[0] == SHORT_START:
        return Short(counted[0], counted[1])
    return Long(counted[0], counted[1], counted[2], counted[_COUNTED:])


def _long_length(buffer: bytes) -> int | None:
    """The length of a long frame, its doubled head compared as far as it is there."""
    if len(buffer) > 1 and buffer[1] < _COUNTED:
        raise FrameError(f"expected a length of at least 3, got {buffer[1]}", buffer)
    if len(buffer) > 2 and buffer[1] != buffer[2]:
        raise FrameError(
            f"the two lengths of the frame differ: {buffer[1]:02X}h and {buffer[2]:02X}h", buffer
        )
    if len(buffer) > 3 and buffer[3] != LONG_START:
        raise FrameError(f"expected the second start byte 68h, got {buffer[3]:02X}h", buffer)
    return buffer[1] + _UNCOUNTED if len(buffer) > 3 else None


def _check_tail(data: bytes, counted: bytes) -> None:
    if data[-1] != STOP:
        raise FrameError(f"expected the stop byte 16h, got {data[-1]:02X}h", data)
    if data[-2] != _checksum(counted):
        raise FrameError(
            f"the checksum does not fit: counted {_checksum(counted):02X}h, got {data[-2]:02X}h",
            data,
        )


def _checksum(counted: bytes) -> int:
    return sum(counted) & 0xFF
