"""What a found meter is to the configuration: new, there already, in another's place, unknown.

A meter found by one address may be configured by another one: by primary and by secondary address,
or on a line that reaches the same wires. What it says of itself decides then.
"""

import re
from enum import StrEnum
from typing import NamedTuple

from drivers.driver import Address, Found
from drivers.reading import is_serial
from edge import places
from edge.config import EdgeConfig, LineConfig, MeterConfig

_NOT_IN_SERIALS = re.compile(r"[^0-9A-Za-z._/-]")
_SERIAL_LENGTH = 32


class Standing(StrEnum):
    """What is to be done about a found meter."""

    NEW = "new"
    CONFIGURED = "configured"
    OTHER = "other"
    """Another meter than the configured one stands at the address."""
    UNKNOWN = "unknown"
    """No profile fits."""


class Candidate(NamedTuple):
    """A found meter with its standing, and a remark for a person."""

    found: Found
    standing: Standing
    remark: str | None = None


def judge(found: Found, line: LineConfig, config: EdgeConfig) -> Candidate:
    """How `found` on `line` stands to `config`."""
    meter = at_its_place(found, line)
    if meter is not None:
        if _differs(meter.expect_id, found.identification):
            text = f"{found.identification} answers where {meter.serial} is configured"
            return Candidate(found, Standing.OTHER, f"{text}, which shows {meter.expect_id}")
        named = None if meter.serial == found.identification else f"configured as {meter.serial}"
        return Candidate(found, Standing.CONFIGURED, named)
    for other_line, other in config.meters:
        if is_that(found, other):
            where = "" if other_line.name == line.name else f" on line {other_line.name}"
            text = f"configured as {other.serial} at address {other.address}{where}"
            return Candidate(found, Standing.CONFIGURED, text)
    if not found.profiles:
        return Candidate(found, Standing.UNKNOWN, found.remark or "no profile fits")
    try:
        places.parse(found.address)
    except ValueError as error:
        return Candidate(found, Standing.UNKNOWN, f"{found.address} cannot be asked: {error}")
    others = [f"fits too: {', '.join(found.profiles[1:])}"] if found.profiles[1:] else []
    remarks = [found.remark, *others] if found.remark else others
    return Candidate(found, Standing.NEW, "; ".join(remarks) or None)


def serial_of(found: Found, line: str, taken: set[str]) -> tuple[str, bool]:
    """A serial that nobody has yet, and whether the meter itself told it."""
    shown = _NOT_IN_SERIALS.sub("", found.identification or "")[:_SERIAL_LENGTH]
    maker = f"{shown}-{found.manufacturer}"
    for serial in (shown, maker) if shown else ():
        if is_serial(serial) and serial not in taken:
            return serial, True
    return stand_in(line, found.protocol, found.address), False


def stand_in(line: str, protocol: str, address: Address) -> str:
    """What a meter that tells no serial is called until somebody has read its dial."""
    end = f"-{protocol}-{address}"
    return line[: _SERIAL_LENGTH - len(end)] + end


def at_its_place(found: Found, line: LineConfig) -> MeterConfig | None:
    """The meter that `line` has where `found` answers, whether it is that one or another."""
    for meter in line.meters:
        if meter.protocol != found.protocol:
            continue
        if meter.address == found.address:
            return meter
        if (
            isinstance(found.secondary, str)
            and isinstance(meter.address, str)
            and places.clash(meter.address, found.secondary)
        ):
            return meter
    return None


def is_that(found: Found, meter: MeterConfig) -> bool:
    """Whether `meter`, configured elsewhere, bears what `found` calls itself."""
    if found.identification is None or meter.protocol != found.protocol:
        return False
    if isinstance(meter.address, str) and found.secondary is not None:
        # Two makers may give one number; their full addresses tell them apart.
        return places.clash(meter.address, found.secondary)
    return not _differs(meter.expect_id or meter.serial, found.identification)


def _differs(expected: str | None, shown: str | None) -> bool:
    if expected is None or shown is None:
        return False
    return expected.lstrip("0") != shown.lstrip("0")
