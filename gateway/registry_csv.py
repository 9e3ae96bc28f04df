"""The registry's CSV: one line per register of a meter, everything about it on that line.

Lines must also agree with each other: what two lines say about one house, account, point or meter
must be the same.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime, time
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cloud_sync.topics import DEVICE_PATTERN
from drivers.reading import EXPONENT_MAX, SERIAL_PATTERN, Resource, Unit, parse_obis, scaled, to_ms
from gateway.csv_lines import A_TEXT, Fields, Problem, is_text, lines_of
from gateway.meter_life import factor
from gateway.model import Kind

DIGITS_MAX = 18
# From which times are counted.
EPOCH_YEAR = 1970
DIALS = ("wheels", "lcd")

UNITS = {
    Resource.ELECTRICITY: {Unit.KWH, Unit.KVARH},
    Resource.COLD_WATER: {Unit.M3},
    Resource.HOT_WATER: {Unit.M3},
    Resource.HEAT: {Unit.GCAL, Unit.GJ, Unit.KWH, Unit.M3, Unit.TONNE},
    Resource.GAS: {Unit.M3},
}


class RegisterLine(NamedTuple):
    """One register as the registry takes it; field names are the columns.

    `rate_max_per_h` and `initial_value` are mantissas at `exponent`, the first rounded up.
    """

    line: int
    house: str
    address: str
    timezone: str
    account: str
    dwelling: str
    point: str
    kind: Kind
    resource: Resource
    meter: str
    model: str
    register: str
    unit: Unit
    exponent: int
    digits: int
    rate_max_per_h: int
    installed_on: int
    """Midnight of that day in the house's time zone, ms since the epoch."""
    initial_value: int
    device: str
    factor: str = ""
    """What its values are multiplied by (see meter_life/factor.py); empty: not said, 1 if new."""
    dial: str = ""
    """How it shows its digits, ``wheels`` or ``lcd``; empty: not said, and nothing is changed.

    Photos are read by it and nothing is billed by it, so that another line may correct it.
    """


# What a file may leave out, because it has not always been there.
OPTIONAL = ("factor", "dial")
COLUMNS = tuple(name for name in RegisterLine._fields[1:] if name not in OPTIONAL)


# Which columns make a subject, and what is said of it.
SUBJECTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "house": (("house",), ("address", "timezone")),
    "account": (("account",), ("house", "dwelling")),
    "point": (("point",), ("house", "account", "kind", "resource")),
    "meter": (("meter",), ("model",)),
    "installation": (("meter",), ("point", "installed_on", "device", "factor")),
    "standing": (("point",), ("meter",)),
    "register": (("meter", "register"), ("unit", "exponent", "digits", "rate_max_per_h")),
    "initial": (("meter", "register"), ("initial_value",)),
}


class _Fault(Exception):
    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


def parse_lines(data: bytes) -> tuple[list[RegisterLine], list[Problem]]:
    """The sound lines of a registry CSV (UTF-8; comma or semicolon), and every fault of the rest.

    RegistryError where the file cannot be read as lines at all.
    """
    problems: list[Problem] = []
    lines = []
    for number, fields in lines_of(data, COLUMNS, problems, OPTIONAL):
        line = _line(number, fields, problems)
        if line is not None:
            lines.append(line)
    return lines, problems


def _line(number: int, fields: Fields, problems: list[Problem]) -> RegisterLine | None:
    values = values_of(number, fields, problems)
    return None if values is None else RegisterLine(line=number, **values)


def values_of(
    number: int, fields: Fields, problems: list[Problem], left_out: Collection[str] = ()
) -> dict[str, Any] | None:
    """What the columns of a line say, but those `left_out`; None where that adds to `problems`."""
    values: dict[str, Any] = {}
    before = len(problems)
    for column in _ORDER:
        if column in left_out:
            continue
        try:
            values[column] = _PARSERS[column](fields.get(column, ""), values)
        except _Fault as fault:
            problems.append(Problem(number, column, fault.expected, repr(fields[column])))
    return values if len(problems) == before else None


def _name(text: str, _values: Mapping[str, Any]) -> str:
    if not is_text(text):
        raise _Fault(A_TEXT)
    return text


def _zone(text: str, _values: Mapping[str, Any]) -> str:
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _Fault("a time zone like Europe/Moscow") from None


def _of_dwelling(text: str, values: Mapping[str, Any]) -> str:
    kind = values.get("kind")
    if kind is Kind.HOUSE and text:
        raise _Fault("nothing for a house meter")
    if kind is Kind.DWELLING:
        return _name(text, values)
    return text


def _choice(choices: type[Kind] | type[Resource]) -> Callable[[str, Mapping[str, Any]], Any]:
    def parse(text: str, _values: Mapping[str, Any]) -> Kind | Resource:
        try:
            return choices(text)
        except ValueError:
            raise _Fault("one of " + ", ".join(choices)) from None

    return parse


def _pattern(pattern: str, expected: str) -> Callable[[str, Mapping[str, Any]], str]:
    def parse(text: str, _values: Mapping[str, Any]) -> str:
        if not re.match(pattern, text) or text.endswith("\n"):
            raise _Fault(expected)
        return text

    return parse


def _obis(text: str, _values: Mapping[str, Any]) -> str:
    try:
        return parse_obis(text)
    except ValueError:
        raise _Fault("an OBIS code like 1-0:1.8.0") from None


def _unit(text: str, values: Mapping[str, Any]) -> Unit:
    resource = values.get("resource")
    allowed = UNITS[resource] if resource else set(Unit)
    if text not in allowed:
        raise _Fault("one of " + ", ".join(sorted(allowed)))
    return Unit(text)


def _whole(low: int, high: int) -> Callable[[str, Mapping[str, Any]], int]:
    def parse(text: str, _values: Mapping[str, Any]) -> int:
        if not re.fullmatch(r"-?[0-9]{1,3}", text) or not low <= int(text) <= high:
            raise _Fault(f"a whole number from {low} to {high}")
        return int(text)

    return parse


def _decimal(text: str, expected: str) -> Decimal:
    try:
        value = Decimal(text.replace(",", "."))
    except InvalidOperation:
        raise _Fault(expected) from None
    if not value.is_finite() or len(text) > 2 * DIGITS_MAX:
        raise _Fault(expected)
    return value


def _rate(text: str, values: Mapping[str, Any]) -> int:
    expected = "a number above 0 in the register's unit per hour"
    value = _decimal(text, expected)
    if value <= 0:
        raise _Fault(expected)
    shifted = value.scaleb(-values.get("exponent", 0))
    if shifted >= 10**DIGITS_MAX:
        raise _Fault(expected + f" of at most {DIGITS_MAX} digits")
    return int(shifted.to_integral_value(ROUND_CEILING))


def _initial(text: str, values: Mapping[str, Any]) -> int:
    exponent, digits = values.get("exponent", 0), values.get("digits", DIGITS_MAX)
    expected = f"a number from 0 with no digit below 1e{exponent} and at most {digits} digits"
    try:
        mantissa = scaled(_decimal(text, expected), exponent)
    except ValueError:
        raise _Fault(expected) from None
    if not 0 <= mantissa < 10**digits:
        raise _Fault(expected)
    return mantissa


def _factor(text: str, _values: Mapping[str, Any]) -> str:
    try:
        return text and factor.canonical(text)
    except ValueError:
        raise _Fault(factor.EXPECTED) from None


def _dial(text: str, _values: Mapping[str, Any]) -> str:
    if text and text not in DIALS:
        raise _Fault("one of " + ", ".join(DIALS) + ", or nothing")
    return text


def _midnight(text: str, values: Mapping[str, Any]) -> int:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise _Fault("a day like 2026-10-31") from None
    if day.year <= EPOCH_YEAR:
        raise _Fault(f"a day after {EPOCH_YEAR}")
    zone = ZoneInfo(values["timezone"]) if "timezone" in values else UTC
    return to_ms(datetime.combine(day, time(), zone))


_PARSERS: dict[str, Callable[[str, Mapping[str, Any]], Any]] = {
    "house": _name,
    "address": _name,
    "timezone": _zone,
    "account": _of_dwelling,
    "dwelling": _of_dwelling,
    "point": _name,
    "kind": _choice(Kind),
    "resource": _choice(Resource),
    "meter": _pattern(SERIAL_PATTERN, "a serial of letters, digits and . _ / -"),
    "model": _name,
    "register": _obis,
    "unit": _unit,
    "exponent": _whole(-EXPONENT_MAX, EXPONENT_MAX),
    "digits": _whole(1, DIGITS_MAX),
    "rate_max_per_h": _rate,
    "installed_on": _midnight,
    "initial_value": _initial,
    "device": _pattern(DEVICE_PATTERN, "a device name of a-z, 0-9 and -"),
    "factor": _factor,
    "dial": _dial,
}
# Columns others are judged by come first.
_FIRST = ("kind", "resource", "timezone", "exponent", "digits")
_ORDER = (*_FIRST, *(column for column in (*COLUMNS, *OPTIONAL) if column not in _FIRST))
