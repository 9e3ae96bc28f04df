"""The same real telegrams through pymeterbus, an independent implementation of the standard.

It reads correction factors only in the plainest case and knows no record errors, so it is asked
about records without VIFEs, the great majority; there it must agree.
"""

from decimal import Decimal
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from drivers.mbus import telegram, vib
from drivers.mbus.records import Record
from tests.drivers.telegrams import LIBMBUS, name, needs_telegrams, telegram_bytes

# It does not read the fixed structure; the other's only record has a VIFE.
UNASKED = {"sen_pollusonic_2", "wmbus-converted"}
# It scales with floats, which keep fifteen digits; a real of the wire itself it keeps exactly.
FLOAT_TOLERANCE = Decimal("1e-14")
EXTENSIONS = {0xFB, 0xFD}

# Its table of units has FDh at 100h and FBh at 200h. Its words -> our unit and a factor between.
TABLES = {0x000: b"", 0x100: b"\xfd", 0x200: b"\xfb"}
UNITS = {
    "seconds": ("s", 1),
    "C": ("°C", 1),
    "degF": ("°F", 1),
    "m^3": ("m3", 1),
    "m^3/h": ("m3/h", 1),
    "m^3/min": ("m3/h", 60),
    "m^3/s": ("m3/h", 3600),
    "H.C.A": ("HCA", 1),
    "Currency unit": ("currency", 1),
    "Baud": ("Bd", 1),
    "Bittimes": ("bit-time", 1),
    "feet^3": ("ft3", 1),
    "American gallon": ("gal", 1),
    "American gallon/min": ("gal/min", 1),
    "American gallon/h": ("gal/h", 1),
}
NO_UNIT = {"none", "-", "", "date", "time", "date time"}
# Where it is wrong or has given up, by the clause that decides it.
TABLE_EXCEPTIONS = {
    # EN 13757-3:2018, table 12: months and years. It makes seconds of an average year of them.
    **dict.fromkeys((0x128, 0x129, 0x138, 0x139, 0x16A, 0x16B, 0x16E, 0x16F), "calendar"),
    # Table 12: 10^0 for each of these; it has them as reserved, as the standard of 2004 had.
    **dict.fromkeys((0x12B, 0x13C, 0x13D, 0x13E, 0x13F, 0x174), "newer"),
    # Table 14, E011 000n: GJ/h, not J.
    **dict.fromkeys((0x230, 0x231), "unit"),
    # Table 10: no quantity. It gives a value times zero, we the raw number and "reserved".
    0x6F: "reserved",
    # Table 14, E111 1nnn: 10^(nnn-3) W, so 79h is 10^-2.
    0x279: "step",
}


def _is_plain(record: Record) -> bool:
    head = 2 if record.vib[:1] and record.vib[0] in EXTENSIONS else 1
    return (
        record.value is not None
        and record.problem is None
        and len(record.vib) == head
        and record.vib[0] & vib.CODE != vib.PLAIN_TEXT
    )


@needs_telegrams
@pytest.mark.parametrize("path", [one for one in LIBMBUS if name(one) not in UNASKED], ids=name)
def test_pymeterbus_agrees_on_every_plain_record(path: Path, meterbus: ModuleType) -> None:
    whole = telegram_bytes(path)
    ours = [one for one in telegram.decode(whole).records if one.vib]
    theirs: list[Any] = meterbus.load(whole).records
    plain = [pair for pair in zip(ours, theirs, strict=False) if _is_plain(pair[0])]
    assert plain
    for record, other in plain:
        assert record.value is not None
        difference = abs(record.value - Decimal(str(other.value)))
        assert difference <= abs(record.value) * FLOAT_TOLERANCE


def _unit(word: Any) -> str:
    return str(getattr(word, "value", word))


def _is_asked(code: int, unit: str) -> bool:
    """Whether its table says something of a code without the extension bit."""
    return not code & 0x80 and code != vib.PLAIN_TEXT and unit != "Reserved"


def _agrees(code: int, step: float, unit: str) -> bool:
    meaning = vib.read(TABLES[code & 0x300] + bytes((code & vib.CODE,)))
    wanted, factor = UNITS.get(unit, (None if unit in NO_UNIT else unit, 1))
    ours = Decimal(meaning.factor).scaleb(meaning.exponent)
    return (meaning.unit, ours) == (wanted, Decimal(str(step)) * factor)


def test_pymeterbus_has_the_same_unit_and_step_for_every_code_it_names(
    meterbus: ModuleType,
) -> None:
    del meterbus  # imported, and its logging put back
    table = import_module("meterbus.core_objects").VIFTable.lut
    said = {code: (step, _unit(word)) for code, (step, word, _name) in table.items()}
    asked = {code for code, (_step, unit) in said.items() if _is_asked(code, unit)}
    assert len(asked) > 250
    assert {code for code in asked if not _agrees(code, *said[code])} == TABLE_EXCEPTIONS.keys()
