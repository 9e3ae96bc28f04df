"""Prints the two frames of a Modbus sample for a profile, from numbers of a register table.

    python tools/sample.py 4 0x0048 float32=457.40 float32=0.05

Everything here is pymodbus' work, encoding and framing, because a sample must not come from the
code that it tests.
"""

from decimal import Decimal
from typing import Literal

import click
from pymodbus.client.mixin import ModbusClientMixin
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersRequest,
    ReadInputRegistersResponse,
)

Order = Literal["big", "little"]

_TYPES = ModbusClientMixin.DATATYPE
_PDUS = {
    3: (ReadHoldingRegistersRequest, ReadHoldingRegistersResponse),
    4: (ReadInputRegistersRequest, ReadInputRegistersResponse),
}
# The unit that a sample is of does not matter; most meters leave the factory as 1.
_UNIT = 1


def exchange(function: int, address: int, values: tuple[str, ...], order: Order) -> tuple[str, str]:
    """Request and response in hex that read `values` (each `kind=number`) from `address` on."""
    words = [word for value in values for word in _words(value, order)]
    request, response = _PDUS[function]
    return (
        _hex(request(address=address, count=len(words), dev_id=_UNIT)),
        _hex(response(registers=words, dev_id=_UNIT)),
    )


def _words(value: str, order: Order) -> list[int]:
    kind, _, text = value.partition("=")
    known = {one.name.lower(): one for one in _TYPES if one.name[0] in "IUF"}
    if kind not in known or not text:
        raise click.BadParameter(f"expected KIND=NUMBER with a kind of {', '.join(known)}")
    number = float(text) if kind.startswith("float") else int(Decimal(text))
    return ModbusClientMixin.convert_to_registers(number, known[kind], word_order=order)


def _hex(pdu: ModbusPDU) -> str:
    return FramerRTU(DecodePDU(is_server=False)).buildFrame(pdu).hex(" ").upper()


@click.command()
@click.argument("function", type=click.IntRange(3, 4))
@click.argument("address", type=lambda text: int(text, 0))
@click.argument("values", nargs=-1, required=True, metavar="KIND=NUMBER...")
@click.option("--word-order", type=click.Choice(["big", "little"]), default="big")
def main(function: int, address: int, values: tuple[str, ...], word_order: Order) -> None:
    """Print request and response, ready for a profile's samples."""
    request, response = exchange(function, address, values, word_order)
    click.echo(f'request = "{request}"\nresponse = "{response}"')


if __name__ == "__main__":
    main()
