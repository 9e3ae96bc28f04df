"""Claims and policies from CSV files: whole or not at all, every bad line named.

A time is ISO 8601; without a zone it is the house's clock, and a date alone is the end of that
day: who reads a meter on the 24th and writes only that has read it before midnight. A date of
today is now.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, NamedTuple, Protocol, TypeVar
from zoneinfo import ZoneInfo

from drivers.reading import parse_obis, to_ms
from gateway.claims.model import CLAIMS_MAX, Claim, ClaimError, ClaimSource
from gateway.claims.policy import Policy
from gateway.csv_lines import FieldError, Fields, Problem, RegistryError, lines_of
from gateway.periods import is_period

COLUMNS: Final = ("meter", "register", "time", "value", "reference")
POLICY_COLUMNS: Final = (
    "house", "since", "sources", "fresh_days", "tolerance_units", "tolerance_percent",
)  # fmt: skip
T = TypeVar("T")
# Russian Excel writes a comma; a sign, an exponent or a blank between digits is a slip.
_NUMBER = re.compile(r"[0-9]{1,18}([.,][0-9]{1,18})?")
_DAYS = re.compile(r"[0-9]{1,3}")
# A year and a day: more is a policy of never asking for another figure.
_DAYS_MAX = 366


class Place(NamedTuple):
    """A meter that a line may mean, and the clock of its house."""

    serial: str
    timezone: str


class Places(Protocol):
    """A registry that can be asked whose meter is meant."""

    def places(self, name: str, obis: str) -> list[Place]:
        """The standing meters of that serial, or of that account with such a register."""


def read_claims(
    data: bytes, places: Places, source: ClaimSource, by: str, now_ms: int
) -> list[Claim]:
    """The claims of a CSV; RegistryError naming every line that does not say what it must."""
    return _each(data, COLUMNS, lambda fields: _claim(fields, places, source, by, now_ms))


def read_policies(data: bytes) -> list[tuple[str, Policy]]:
    """Houses and their policies; RegistryError naming every bad line."""
    return _each(data, POLICY_COLUMNS, lambda fields: (fields["house"], _policy(fields)))


def _each(data: bytes, columns: Sequence[str], read: Callable[[Fields], T]) -> list[T]:
    found: list[T] = []
    bad: list[Problem] = []
    for number, fields in lines_of(data, columns, bad):
        if len(found) + len(bad) >= CLAIMS_MAX:
            raise ClaimError(f"expected at most {CLAIMS_MAX} lines, got more: split the file")
        try:
            found.append(read(fields))
        except FieldError as error:
            bad.append(error.problem(number, fields))
    if bad:
        raise RegistryError(bad)
    return found


def _claim(fields: Fields, places: Places, source: ClaimSource, by: str, now_ms: int) -> Claim:
    try:
        obis = parse_obis(fields["register"])
    except ValueError:
        raise FieldError("register", "an OBIS code like 1-0:1.8.0", fields["register"]) from None
    meters = places.places(fields["meter"], obis)
    if len(meters) != 1:
        what = "one meter or account with this register"
        raise FieldError(
            "meter", what, f"{fields['meter']!r}, which {len(meters)} standing meters have"
        )
    at_ms = _time(fields["time"], ZoneInfo(meters[0].timezone), now_ms)
    value, reference = _decimal(fields, "value"), fields["reference"].strip()
    if not reference:
        reference = f"{by} {fields['time']} {value}"
    return Claim(source, meters[0].serial, obis, at_ms, value, reference, by, now_ms)


def _time(text: str, zone: ZoneInfo, now_ms: int) -> int:
    try:
        if len(text) == len("2026-10-24"):
            after = date.fromisoformat(text) + timedelta(days=1)
            end_ms = to_ms(datetime.combine(after, time(), zone)) - 1000
            return min(end_ms, max(now_ms, end_ms - _DAY_MS + 1000))
        moment = datetime.fromisoformat(text)
        return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        raise FieldError("time", "a time like 2026-10-24 or 2026-10-24T20:15", text) from None


_DAY_MS = 24 * 3_600_000


def _decimal(fields: Fields, column: str) -> Decimal:
    if not _NUMBER.fullmatch(fields[column]):
        raise FieldError(column, "a number like 123.456 or 123,456", repr(fields[column][:40]))
    return Decimal(fields[column].replace(",", "."))


def _policy(fields: Fields) -> Policy:
    since, days = fields["since"], fields["fresh_days"]
    if not is_period(since):
        raise FieldError("since", "a period like 2026-10", since)
    if not _DAYS.fullmatch(days) or int(days) > _DAYS_MAX:
        raise FieldError("fresh_days", f"whole days, at most {_DAYS_MAX}", days[:40])
    names = [one.strip() for one in fields["sources"].split(">")]
    if sorted(names) != sorted(ClaimSource):
        raise FieldError("sources", f"each of {' > '.join(ClaimSource)} once", fields["sources"])
    order = tuple(ClaimSource(one) for one in names)
    tolerance = (_decimal(fields, "tolerance_units"), _decimal(fields, "tolerance_percent"))
    return Policy(since, order, int(days), *tolerance)
