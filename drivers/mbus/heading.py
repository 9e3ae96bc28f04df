"""What stands before the data of a record, read once: whose value it is and how to read it.

A meter sends the same DIB and VIB in every telegram, and a fleet knows a few hundred of them, so
the two blocks are read as one *heading* and kept; what is left for each record is its data.
"""

from decimal import Decimal, Inexact
from functools import lru_cache

from msgspec import Struct

from drivers.mbus import values, vib
from drivers.mbus.values import Datum, Decoder
from drivers.mbus.vib import EXTENSION, Meaning

FUNCTIONS = ("instantaneous", "maximum", "minimum", "error")

# A year of monthly values, tariffs and maxima of one meter is about two hundred headings; a line
# with a dozen models, and whatever noise looks like a heading, fits.
_HEADINGS_KEPT = 4096


class Heading(Struct, frozen=True, gc=False):
    """DIB and VIB with everything they say.

    `data_length` is None where the data says its length itself. A number of the data counts in
    steps of `scale`, from `offset` on.
    """

    dib: bytes
    vib: bytes
    data_length: int | None
    decode: Decoder
    quantity: str
    unit: str | None
    scale: Decimal
    offset: Decimal | None
    function: str
    storage: int
    tariff: int
    subunit: int
    problem: str | None

    def scaled(self, number: int | Decimal) -> Decimal:
        """A number of the data as a value in `unit`, exactly."""
        value = values.EXACT.multiply(number, self.scale)
        return value if self.offset is None else values.EXACT.add(value, self.offset)

    def unscaled(self, value: Decimal) -> Decimal:
        """The number the data must hold for `value`; ValueError where there is none."""
        if not value.is_finite():
            raise ValueError(f"expected a finite number, got {value}")
        number = value if self.offset is None else values.EXACT.subtract(value, self.offset)
        try:
            return values.EXACT.divide(number, self.scale)
        except Inexact as error:
            raise ValueError(f"{value} is no multiple of {self.scale:f} {self.unit}") from error


@lru_cache(maxsize=_HEADINGS_KEPT)
def read(blocks: bytes) -> Heading:
    """The heading in `blocks`, a complete DIB and a complete VIB."""
    dib_length = 1 + next(at for at, byte in enumerate(blocks) if byte < EXTENSION)
    dib, vib_ = blocks[:dib_length], blocks[dib_length:]
    meaning = vib.read(vib_)
    field = dib[0] & 0x0F
    storage, tariff, subunit = _channel(dib)
    return Heading(
        dib=dib,
        vib=vib_,
        data_length=values.LENGTHS.get(field),
        decode=_decoder(field, meaning),
        quantity=meaning.quantity,
        unit=meaning.unit,
        scale=Decimal(meaning.factor).scaleb(meaning.exponent),
        offset=None if meaning.offset is None else Decimal(meaning.factor).scaleb(meaning.offset),
        function=FUNCTIONS[dib[0] >> 4 & 3],
        storage=storage,
        tariff=tariff,
        subunit=subunit,
        problem=meaning.problem,
    )


def _decoder(field: int, meaning: Meaning) -> Decoder:
    """How to read the data; where the VIB is a report that there is none, the report is read."""
    if meaning.remark is None:
        return values.decoder(field, meaning.kind)
    report = Datum(text=meaning.remark)
    return lambda _data: report


def _channel(dib: bytes) -> tuple[int, int, int]:
    """Storage number, tariff and subunit, a few bits in each DIFE, lowest first (6.3.5)."""
    storage, tariff, subunit = dib[0] >> 6 & 1, 0, 0
    for place, dife in enumerate(dib[1:]):
        storage |= (dife & 0x0F) << 1 + 4 * place
        tariff |= (dife >> 4 & 3) << 2 * place
        subunit |= (dife >> 6 & 1) << place
    return storage, tariff, subunit
