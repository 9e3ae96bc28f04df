"""All the rules by name: where each is judged, what it looks at, and how it weighs.

The names and defaults are those of the merged rule set of the VEE vocabularies; the numbers behind
them stand in `parameters`. A rule is judged where what it compares is at hand, so it is in one of
five places, and this list is what keeps them together.
"""

from enum import StrEnum
from typing import NamedTuple

from gateway.rules.parameters import Mark


class Place(StrEnum):
    """Where a rule is judged."""

    INGEST = "ingest"
    """With each reading, before it is stored (gateway/rules/, gateway/chain.py)."""
    SERIES = "day series"
    """Over a local day of a register, behind ingest (gateway/profile/)."""
    WATCH = "watch"
    """Looked up when somebody asks: nothing arrived to be judged (gateway/surveillance.py)."""
    CLOSING = "closing"
    """When a period is closed (gateway/closing.py and what it asks)."""
    CLAIM = "claim"
    """With a value that a person gives (gateway/claims/)."""


class Rule(NamedTuple):
    """One rule. `weighs`: E blocks billing, W flags, ask is a question to a person."""

    name: str
    judged: str
    weighs: str
    default: str
    mark: Mark
    looks_at: str


_I, _D, _W, _C, _P = Place.INGEST, Place.SERIES, Place.WATCH, Place.CLOSING, Place.CLAIM
_I_P = f"{_I}, {_P}"
_SRC, _MEM, _OUR = Mark.SOURCED, Mark.MEMORY, Mark.PROPOSED

RULES = (
    Rule("V-SIG", _I, "E", "rejected", _SRC, "signature, key, and whose meter it is"),
    Rule("V-SEQ", _I, "E / W", "refused / asked for again", _SRC, "the chain of batches"),
    Rule("V-DUP", _I, "E", "equal ones are dropped", _SRC, "two values for one instant"),
    Rule("V-ORD", _I, "W", "both are kept", _SRC, "capture time along the device's chain"),
    Rule("V-TIME", _I, "E / W", "60 s ahead, 9 s of error", _SRC, "the clock"),
    Rule("V-UOM", _I, "E", "as registered", _SRC, "unit and digits"),
    Rule("V-GAP", f"{_W}, {_D}", "W", "95 % of a week; each slot", _SRC, "readings missing"),
    Rule("V-NEG", _I_P, "E", "any fall", _SRC, "a register that fell"),
    Rule("V-ROLL", _I_P, "E / W", "last tenth to first tenth", _OUR, "a rollover"),
    Rule("V-RATE", _I_P, "E", "the register's own maximum", _MEM, "faster than pipe or fuse allow"),
    Rule("V-HILO", _I_P, "W", "3 times, a third", _OUR, "a week against the usual week"),
    Rule("V-SPIKE", _D, "W", "180 %", _MEM, "the highest slot against the third highest"),
    Rule("V-HAMPEL", _D, "W", "k = 3, t = 3.0", _SRC, "a slot against the median around it"),
    Rule("V-ZERO", _I, "W", "3 to 240 days", _OUR, "a register that stands still"),
    Rule("V-SUM", _D, "W", "2 last digits", _OUR, "the slots against the registers"),
    Rule("V-TOU", _I, "E", "n + 1 last digits", _SRC, "tariffs against their total"),
    Rule("V-MAIN", _D, "W", "0 absolute, 2 %", _SRC, "a meter's day against its check meter's"),
    Rule("V-SIB", _I, "W", "all of them", _SRC, "a closing answer without every register"),
    Rule("V-INACT", _I, "E", "any advance", _SRC, "a removed meter that counts on"),
    Rule("V-DST", _D, "W", "92, 96 or 100 quarters", _SRC, "a day on which the clocks change"),
    # An error in the sources: there it changes the branch of billing, here ПП 354 п. 60 does.
    Rule("V-EST", _C, "W", "3 periods", _SRC, "estimated periods in a row"),
    Rule("V-VERIF", _C, "E", "90, 30 and 7 days before", _SRC, "verification that expires"),
    Rule("V-WINDOW", _C, "E", "as the contract says", _SRC, "a reading outside its window"),
    Rule("V-SRC", _P, "W", "1 unit, 2 %", _OUR, "a person's value against the automatic one"),
    Rule("V-SWAP", _I_P, "ask", "as found", _OUR, "two values that fit exchanged"),
    Rule("V-DEC", _I_P, "ask", "10^n, n = ±1..3", _OUR, "a value that fits with its point moved"),
    Rule("V-SILENT", _W, "W", "36 h", _SRC, "nothing arrives"),
)
