"""What a meter measures: the media of telegram headers by name.

Codes are those of EN 13757-7:2018, table 13, and of the old fixed structure (MBDOC48, 8.4.1). A
code without a name is named by its number, so that every name leads back to its code.
"""

OTHER = "other"

_NAMES = {
    0x00: OTHER,
    0x01: "oil",
    0x02: "electricity",
    0x03: "gas",
    0x04: "heat",
    0x05: "steam",
    0x06: "warm-water",
    0x07: "water",
    0x08: "heat-cost-allocator",
    0x09: "compressed-air",
    0x0A: "cooling",
    0x0B: "cooling-inlet",
    0x0C: "heat-inlet",
    0x0D: "heat-cooling",
    0x0E: "bus",
    0x0F: "unknown",
    0x10: "irrigation-water",
    0x11: "water-data-logger",
    0x12: "gas-data-logger",
    0x13: "gas-converter",
    0x14: "calorific-value",
    0x15: "hot-water",
    0x16: "cold-water",
    0x17: "dual-water",
    0x18: "pressure",
    0x19: "ad-converter",
    0x1A: "smoke-detector",
    0x1B: "room-sensor",
    0x1C: "gas-detector",
    0x20: "breaker",
    0x21: "valve",
    0x25: "customer-unit",
    0x28: "waste-water",
    0x29: "garbage",
    0x2A: "carbon-dioxide",
    0x31: "communication-controller",
    0x32: "unidirectional-repeater",
    0x33: "bidirectional-repeater",
    0x36: "radio-converter-system",
    0x37: "radio-converter-meter",
    0x38: "bus-converter-meter",
}
_CODES = {name: code for code, name in _NAMES.items()}

# The old structure has four bits; from 0Ah on the names mean "mode 2", high byte first.
_FIXED = {
    0x0: OTHER,
    0x1: "oil",
    0x2: "electricity",
    0x3: "gas",
    0x4: "heat",
    0x5: "steam",
    0x6: "warm-water",
    0x7: "water",
    0x8: "heat-cost-allocator",
    0xA: "gas",
    0xB: "heat",
    0xC: "warm-water",
    0xD: "water",
    0xE: "heat-cost-allocator",
}

_UNNAMED = "reserved-"


def name(code: int) -> str:
    """The medium behind the code of a variable structure's header."""
    return _NAMES.get(code) or f"{_UNNAMED}{code:02X}"


def code(medium: str) -> int:
    """The code of a name that `name` gives; ValueError for any other."""
    if medium.startswith(_UNNAMED):
        return int(medium.removeprefix(_UNNAMED), 16)
    if medium not in _CODES:
        raise ValueError(f"expected a medium such as electricity or cold-water, got {medium!r}")
    return _CODES[medium]


def fixed_name(bits: int) -> str:
    """The medium behind the four bits of a fixed structure."""
    return _FIXED.get(bits) or f"{_UNNAMED}{bits:X}"
