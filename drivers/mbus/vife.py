"""The combinable VIFEs of EN 13757-3:2018 as data (tables 15, 16 and 18): what each one changes.

A VIFE says which value of the quantity is meant (a word), divides the unit (a suffix), moves the
value (an exponent or an offset), makes something else of the record (a time, a count, a duration)
or reports that there is no value (a remark with a problem). 7Ch and 7Fh steer the chain itself and
are dealt with where it is read.
"""

from typing import NamedTuple

from drivers.mbus.vif import Kind, Vif

EXTENSION_OF_VIFES = 0x7C
MANUFACTURER = 0x7F

NO_DATA = "no-data"
RESERVED = "reserved"

# The multiplicative factor of 7Dh; those of 70h to 77h are 10^-6 to 10^1.
_THOUSAND = 3


class Vife(NamedTuple):
    """What one code changes; `becomes` replaces unit, scale and type, not the quantity's name."""

    word: str = ""
    per: str = ""
    exponent: int = 0
    offset: int | None = None
    kind: Kind | None = None
    becomes: Vif | None = None
    problem: str | None = None
    remark: str | None = None


_TIME = Vif("", kind=Kind.TIME)
_COUNT = Vif("", kind=Kind.UNSIGNED)
_SECONDS_PER = (1, 60, 3600, 86_400)

_WORDS = {
    0x12: "average",
    0x14: "relative-deviation",
    0x1D: "standard-conform",
    0x28: "increment-per-input-pulse-0",
    0x29: "increment-per-input-pulse-1",
    0x2A: "increment-per-output-pulse-0",
    0x2B: "increment-per-output-pulse-1",
    0x3A: "uncorrected",
    0x3B: "forward",
    0x3C: "backward",
    0x3E: "base-conditions",
    0x40: "lower-limit",
    0x44: "by-flow-temperature",
    0x45: "by-return-temperature",
    0x48: "upper-limit",
    0x68: "during-lower-limit-exceed",
    0x69: "leakage",
    0x6C: "during-upper-limit-exceed",
    0x6D: "overflow",
    0x7E: "future",
}

_PROFILES = {
    0x13: "inverse-compact-profile",
    0x1E: "compact-profile-with-registers",
    0x1F: "compact-profile",
}

_PER = {
    0x20: "/s",
    0x21: "/min",
    0x22: "/h",
    0x23: "/d",
    0x24: "/week",
    0x25: "/month",
    0x26: "/year",
    0x27: "/revolution",
    0x2C: "/l",
    0x2D: "/m3",
    0x2E: "/kg",
    0x2F: "/K",
    0x30: "/kWh",
    0x31: "/GJ",
    0x32: "/kW",
    0x33: "/(K*l)",
    0x34: "/V",
    0x35: "/A",
    0x36: "*s",
    0x37: "*s/V",
    0x38: "*s/A",
}

# Table 18: what a meter says in place of a value.
_ERRORS = {
    0x01: "too many DIFEs",
    0x02: "storage number not implemented",
    0x03: "subunit not implemented",
    0x04: "tariff not implemented",
    0x05: "function not implemented",
    0x06: "data class not implemented",
    0x07: "data size not implemented",
    0x0B: "too many VIFEs",
    0x0C: "illegal VIF group",
    0x0D: "illegal VIF exponent",
    0x0E: "VIF and DIF do not match",
    0x0F: "action not implemented",
    0x15: "no data available",
    0x16: "data overflow",
    0x17: "data underflow",
    0x18: "data error",
    0x1C: "record ends early",
}


def _turn(code: int) -> str:
    return "last" if code & 4 else "first"


def _limit(code: int) -> str:
    return f"{'upper' if code & 8 else 'lower'}-limit-exceed"


def _edge(code: int) -> str:
    return "end" if code & 1 else "begin"


def _limit_times() -> dict[int, Vife]:
    """E100 uf1b: when a limit was exceeded."""
    codes = (0x42, 0x43, 0x46, 0x47, 0x4A, 0x4B, 0x4E, 0x4F)
    return {c: Vife(f"{_edge(c)}-of-{_turn(c)}-{_limit(c)}", becomes=_TIME) for c in codes}


def _limit_durations() -> dict[int, Vife]:
    """E101 ufnn: for how long."""
    return {
        c: Vife(f"duration-of-{_turn(c)}-{_limit(c)}", becomes=_seconds(c))
        for c in range(0x50, 0x60)
    }


def _durations() -> dict[int, Vife]:
    """E110 0fnn."""
    return {c: Vife(f"duration-of-{_turn(c)}", becomes=_seconds(c)) for c in range(0x60, 0x68)}


def _times() -> dict[int, Vife]:
    """E110 1f1b."""
    return {c: Vife(f"{_edge(c)}-of-{_turn(c)}", becomes=_TIME) for c in (0x6A, 0x6B, 0x6E, 0x6F)}


def _seconds(code: int) -> Vif:
    return Vif("", "s", factor=_SECONDS_PER[code & 3])


COMBINABLE: dict[int, Vife] = {
    0x00: Vife(),
    **{code: Vife(problem=NO_DATA, remark=text) for code, text in _ERRORS.items()},
    **{code: Vife(word) for code, word in _WORDS.items()},
    **{code: Vife(word, kind=Kind.OPAQUE) for code, word in _PROFILES.items()},
    **{code: Vife(per=suffix) for code, suffix in _PER.items()},
    0x39: Vife("start", becomes=_TIME),
    # Annex C: the unit is not the table's, and this codec does not name the other.
    0x3D: Vife("non-metric", becomes=Vif(""), problem=RESERVED),
    0x3F: Vife("obis", becomes=_COUNT),
    0x41: Vife("exceeds-of-lower-limit", becomes=_COUNT),
    0x49: Vife("exceeds-of-upper-limit", becomes=_COUNT),
    **_limit_times(),
    **_limit_durations(),
    **_durations(),
    **_times(),
    **{0x70 + step: Vife(exponent=step - 6) for step in range(8)},
    **{0x78 + step: Vife(offset=step - 3) for step in range(4)},
    0x7D: Vife(exponent=_THOUSAND),
}

# Behind FCh (table 16).
COMBINABLE_LEVEL_2: dict[int, Vife] = {
    0x01: Vife("phase-L1"),
    0x02: Vife("phase-L2"),
    0x03: Vife("phase-L3"),
    0x04: Vife("neutral"),
    0x05: Vife("phases-L1-L2"),
    0x06: Vife("phases-L2-L3"),
    0x07: Vife("phases-L3-L1"),
    0x08: Vife("quadrant-1"),
    0x09: Vife("quadrant-2"),
    0x0A: Vife("quadrant-3"),
    0x0B: Vife("quadrant-4"),
    0x0C: Vife("import-minus-export"),
    0x10: Vife("absolute"),
    # These two say how the integer is to be read: type C and type D.
    0x11: Vife(kind=Kind.UNSIGNED),
    0x12: Vife(kind=Kind.UNSIGNED),
    0x13: Vife("to-meter"),
    0x14: Vife("from-meter"),
}
