"""Writes docs/meters.md (`make docs`) from the meter profiles themselves.

A table to find a meter in, then one section for each with what stands behind it. A test compares
page and profiles, so the page cannot fall behind.
"""

import itertools
import re
from collections.abc import Iterator
from decimal import Decimal

import click

from drivers import profile
from drivers.mbus.profile import MbusProfile
from drivers.modbus.profile import Sign
from drivers.profile import MeterProfile
from drivers.reading import Resource
from drivers.register import Register

INTRODUCTION = """# Meters

Made by `make docs` from the profiles in `drivers/modbus/profiles/` and `drivers/mbus/profiles/`.

*Verified* says what a profile was checked with: **sample** is a telegram that a real meter sent,
*documented* a manufacturer's table or another program's register list. Before a documented meter is
billed by, compare a reading with its display; a recording of it makes it a sample. Your meter is
not here? [Add it](../CONTRIBUTING.md#add-a-meter); `plomba-edge decode mbus` shows what an M-Bus
meter sends, and `plomba-edge scan` who is on a line.

Where nothing is said of the port, look at the meter; most M-Bus meters answer at 2400 baud, 8E1."""

_HEADINGS = {
    Resource.ELECTRICITY: "Electricity",
    Resource.HEAT: "Heat",
    Resource.COLD_WATER: "Cold water",
    Resource.HOT_WATER: "Hot water",
    Resource.GAS: "Gas",
}
# Group C of an OBIS name in words, by its medium; import and export of the phases lie 20 apart.
_WORDS = {
    1: {1: "import", 2: "export"}
    | {phase + 1: "import by phase" for phase in (20, 40, 60)}
    | {phase + 2: "export by phase" for phase in (20, 40, 60)},
    6: {1: "heat", 2: "volume", 3: "mass", 10: "flow temperature", 11: "return temperature"},
    7: {3: "volume"},
    8: {1: "volume"},
    9: {1: "volume"},
}
_PROTOCOLS = {"modbus": "Modbus", "mbus": "M-Bus"}


def page() -> str:
    """The whole document."""
    every = [profile.load(name) for name in profile.names()]
    parts = [INTRODUCTION]
    for resource, heading in _HEADINGS.items():
        # As people look for them: by maker, then model.
        found = sorted(
            (one for one in every if one.resource == resource), key=lambda m: m.title.casefold()
        )
        if found:
            parts += [f"## {heading}", _table(found), *map(_section, found)]
    return "\n\n".join(parts) + "\n"


def _table(meters: list[MeterProfile]) -> str:
    rows = [
        f"| {_cell(one.title)} | [`{one.name}`](#{one.name}) | {_PROTOCOLS[one.protocol]} "
        f"| {_cell(_read(one))} | {_verified(one)} |"
        for one in meters
    ]
    return "\n".join(
        ["| meter | profile | protocol | read | verified |", "|---|---|---|---|---|", *rows]
    )


def _read(meter: MeterProfile) -> str:
    """What is read, in few words: `import, export in kWh`."""
    by_unit: dict[str, dict[str, None]] = {}
    for register in meter.registers:
        by_unit.setdefault(register.unit, {})[_words(register)] = None
    return "; ".join(f"{', '.join(words)} in {unit}" for unit, words in by_unit.items())


def _words(register: Register) -> str:
    """The quantity of a register, whichever channel it is of."""
    medium, quantity, tariff = re.findall(r"^(\d+)-\d+:(\d+)\.\d+\.(\d+)", register.obis)[0]
    words = _WORDS.get(int(medium), {}).get(int(quantity), register.obis)
    return f"{words} by tariff" if tariff != "0" else words


def _verified(meter: MeterProfile) -> str:
    return "**sample**" if meter.verified == "sample" else "documented"


def _section(meter: MeterProfile) -> str:
    lines = [f"- {what}: {text}" for what, text in _facts(meter)]
    return "\n".join(
        [f"### {meter.name}", "", f"{meter.title}. By {meter.manufacturer}.", "", *lines]
    )


def _facts(meter: MeterProfile) -> Iterator[tuple[str, str]]:
    yield "read", "; ".join(_registers(meter))
    yield "verified", f"{_verified(meter)}, {meter.source}"
    yield "recognised by", _recognised(meter)
    if meter.wire is not None:
        yield "leaves the factory with", meter.wire
    if meter.reads_per_day_max is not None:
        yield "reads a day", f"at most {meter.reads_per_day_max}, as it lives on a battery"
    if meter.note is not None:
        yield "note", meter.note


def _registers(meter: MeterProfile) -> Iterator[str]:
    """The registers, those of one unit and length together."""
    alike = itertools.groupby(meter.registers, lambda r: (r.unit, r.digits, r.exponent))
    for (unit, digits, exponent), group in alike:
        step = format(Decimal(1).scaleb(exponent), "f")
        yield f"{', '.join(map(_name, group))} in {unit}, {digits} digits of {step}"


def _name(register: Register) -> str:
    words = _words(register)
    return register.obis if words == register.obis else f"{words} {register.obis}"


def _recognised(meter: MeterProfile) -> str:
    if isinstance(meter, MbusProfile):
        return _header(meter)
    return " and ".join(map(_sign, meter.signs)) or "nothing: choose it by hand"


def _header(meter: MbusProfile) -> str:
    """What an M-Bus telegram must say."""
    parts = [
        ("maker", meter.makers),
        ("version", meter.versions),
        ("medium", meter.media),
    ]
    said = [f"{what} {' or '.join(map(str, allowed))}" for what, allowed in parts if allowed]
    return ", ".join([*said, "and its records"])


def _sign(sign: Sign) -> str:
    where = f"at {sign.address:#06x} (function {sign.function})"
    if sign.text is not None:
        return f"the text `{sign.text}` {where}"
    if sign.words is not None:
        return f"the registers `{sign.words}` {where}"
    return f"{sign.kind} from {sign.low} to {sign.high} {where}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    click.echo(page(), nl=False)
