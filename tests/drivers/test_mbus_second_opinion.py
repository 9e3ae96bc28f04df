"""The same real telegrams through pymeterbus, an independent implementation of the standard.

It reads correction factors only in the plainest case and knows no record errors, so it is asked
about records without VIFEs, the great majority; there it must agree.
"""

import logging
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from drivers.mbus import telegram, vib
from drivers.mbus.records import Record
from tests.drivers.telegrams import LIBMBUS, name, needs_telegrams, telegram_bytes

pytestmark = needs_telegrams

# It does not read the fixed structure; the other's only record has a VIFE.
UNASKED = {"sen_pollusonic_2", "wmbus-converted"}
# It scales with floats, which keep fifteen digits; a real of the wire itself it keeps exactly.
FLOAT_TOLERANCE = Decimal("1e-14")
EXTENSIONS = {0xFB, 0xFD}


@pytest.fixture(scope="module")
def meterbus() -> Iterator[ModuleType]:
    """The library; importing it configures the root logger, which is put back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    import meterbus as library  # noqa: PLC0415 - its import has a side effect to contain

    root.handlers[:] = handlers
    root.setLevel(level)
    yield library
    root.handlers[:] = handlers


def _is_plain(record: Record) -> bool:
    head = 2 if record.vib[:1] and record.vib[0] in EXTENSIONS else 1
    return (
        record.value is not None
        and record.problem is None
        and len(record.vib) == head
        and record.vib[0] & vib.CODE != vib.PLAIN_TEXT
    )


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
