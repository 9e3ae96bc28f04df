"""Where a meter hangs on its line: addresses as people write them, checked against protocols.

A number is a Modbus unit or an M-Bus primary address. Text is an M-Bus secondary address: the
eight digits on the meter, or all sixteen of its header (`drivers/mbus/address.py`).
"""

from drivers.bus import Framing
from drivers.driver import Address
from drivers.mbus import address as secondary

# An M-Bus meter nobody gave an address has 0; above 250 addresses belong to the network.
MBUS_ADDRESSES = range(251)
# On wires 0 is everybody and above 247 is reserved; gateways speak for themselves as 0 or 255.
MODBUS_ADDRESSES: dict[Framing, range] = {"rtu": range(1, 248), "tcp": range(256)}
# An identification of which TOML has no leading zero to show.
_MISTAKEN_MIN = 1000


def parse(given: object) -> Address:
    """The address in a configuration; ValueError says what was expected."""
    if isinstance(given, str):
        return _secondary(given.strip().upper())
    if not isinstance(given, int) or isinstance(given, bool):
        # Not a TypeError, here and below: pydantic makes its findings of ValueErrors alone.
        raise ValueError("expected a number, or an M-Bus secondary address in quotes")  # noqa: TRY004
    if given >= _MISTAKEN_MIN:
        raise ValueError("expected at most 255; a secondary address is text: put it in quotes")
    if given not in range(256):
        raise ValueError("expected a number from 0 to 255")
    return given


def check(protocol: str, framing: Framing, address: Address) -> None:
    """ValueError for an address that no meter of this protocol can have on such a line."""
    if protocol == "mbus":
        if framing == "tcp":
            raise ValueError('framing "tcp" is Modbus TCP, this meter speaks M-Bus: write "rtu"')
        if isinstance(address, int) and address not in MBUS_ADDRESSES:
            raise ValueError(f"expected an M-Bus address from 0 to 250, got {address}")
        return
    if isinstance(address, str):
        raise ValueError(f"this meter speaks Modbus: expected a number, got {address!r}")  # noqa: TRY004
    units = MODBUS_ADDRESSES[framing]
    if address not in units:
        first, last = units[0], units[-1]
        raise ValueError(f"expected a Modbus address from {first} to {last}, got {address}")


def clash(one: Address, other: Address) -> bool:
    """Whether one question would be answered by both; of one protocol and line."""
    if isinstance(one, str) and isinstance(other, str):
        first, second = secondary.parse(one), secondary.parse(other)
        return secondary.fits(first, second) or secondary.fits(second, first)
    return one == other


def _secondary(text: str) -> str:
    if text.isdigit() and len(text) < secondary.ID_DIGITS:
        raise ValueError(
            "expected a number without quotes for a Modbus or primary address, or the 8 digits of "
            "a secondary one"
        )
    mask = secondary.parse(text)
    if "F" in mask[: secondary.ID_DIGITS]:
        raise ValueError("an F there selects every digit, so any meter: write the digits on yours")
    return text
