"""The layer in front of an authenticated message (EN 13757-7:2018, 6): its counter and its MAC.

CI 90h stands where the message's own CI field would; behind the layer comes the message, its CI
field first. A control word tells which of the layer's fields are there. The counter makes the key
of security mode 7, so without this layer such a message stays closed; the MAC proves that the
message is the meter's, whole and of this counter.
"""

from typing import NamedTuple

from drivers.driver import FrameError
from drivers.mbus import security

CI = 0x90

# The fragmentation control word, by the fields it announces, in the order in which they stand.
_MORE_FRAGMENTS = 0x4000
_HAS_CONTROL = 0x2000
_HAS_KEY_INFORMATION = 0x0200
_HAS_COUNTER = 0x0800
_HAS_MAC = 0x0400
_HAS_LENGTH = 0x1000
# The low four bits of the message control field name the MAC, which is an AES-CMAC cut off after
# so many bytes. What others mean is not known here.
_MAC_LENGTHS = {3: 2, 4: 4, 5: 8, 6: 12, 7: 16}
_MAC_MASK = 0x0F
# What a meter sends: a MAC of eight bytes over a counter that follows.
_CONTROL = 0x25
_FIRST_AND_LAST = _HAS_CONTROL | _HAS_COUNTER | _HAS_MAC


class Layer(NamedTuple):
    """The layer's fields, as sent; empty where a field is not there."""

    control: bytes = b""
    counter: bytes = b""
    mac: bytes = b""
    length: bytes = b""

    def fits(self, mac_key: bytes, message: bytes) -> bool:
        """Whether the MAC is the one of `message`, its CI field first; yes where there is none."""
        whole = security.mac(mac_key, self.control + self.counter + self.length + message)
        return whole.startswith(self.mac)


def parse(body: bytes) -> tuple[Layer, bytes]:
    """The layer that opens `body`, behind CI 90h, and the message; FrameError where it is cut."""
    end = 1 + body[0] if body else 1
    control_end = 3
    if not control_end <= end < len(body):
        raise FrameError(f"expected an authentication layer and a message, got {len(body)} bytes")
    word = int.from_bytes(body[1:control_end], "little")
    if word & _MORE_FRAGMENTS:
        raise FrameError("expected a whole message, got the first of several fragments")
    return _fields(word, body[control_end:end]), body[end:]


def encode(counter: int, mac_key: bytes, message: bytes) -> bytes:
    """`message`, its CI field first, behind its layer; the CI of the layer is not in it."""
    layer = Layer(bytes((_CONTROL,)), counter.to_bytes(4, "little"))
    whole = security.mac(mac_key, layer.control + layer.counter + message)
    mac = whole[: _MAC_LENGTHS[_CONTROL & _MAC_MASK]]
    fields = _FIRST_AND_LAST.to_bytes(2, "little") + layer.control + layer.counter + mac
    return bytes((len(fields),)) + fields + message


def _fields(word: int, fields: bytes) -> Layer:
    at = 0

    def take(bit: int, count: int) -> bytes:
        nonlocal at
        begun, at = at, at + (count if word & bit else 0)
        return fields[begun:at]

    control = take(_HAS_CONTROL, 1)
    take(_HAS_KEY_INFORMATION, 2)
    counter = take(_HAS_COUNTER, 4)
    kind = control[0] & _MAC_MASK if control else 0
    if word & _HAS_MAC and kind not in _MAC_LENGTHS:
        raise FrameError(f"expected an AES-CMAC of a known length, got authentication type {kind}")
    mac = take(_HAS_MAC, _MAC_LENGTHS.get(kind, 0))
    length = take(_HAS_LENGTH, 2)
    if at != len(fields):
        raise FrameError(f"expected {at} bytes in the authentication layer, got {len(fields)}")
    return Layer(control, counter, mac, length)
