"""Dates and times as meters send them: types F, G, I and J of EN 13757-3:2018, annex A.

A meter's time has no zone; it comes out as ISO 8601 text without one, and stays text, because what
a meter believes about its clock is evidence and not an instant. A time that is invalid, not set
("every day", month 0, all ones) or impossible (30 February) gives no time, and the bytes as text.
"""

from datetime import date, datetime, time
from functools import lru_cache

LENGTHS = {2: "G", 3: "J", 4: "F", 6: "I"}

SUMMER = "summer time"
_INVALID_BIT = 0x80
_SUMMER_BIT_F = 0x80
_SUMMER_BIT_I = 0x40
# Meters older than the century bits send two digits; from 81 on they mean the last century (A.7).
_CENTURY_PIVOT = 80
_YEAR_DIGITS_MAX = 99
# Meters of a house share their due dates and, read within a minute, the minute of their clocks; a
# year of monthly values of a line's meters fits.
_TIMES_KEPT = 1024


@lru_cache(maxsize=_TIMES_KEPT)
def decode(data: bytes) -> tuple[str | None, str | None]:
    """The time in `data` of 2, 3, 4 or 6 bytes, and what must be said with it."""
    try:
        moment = _DECODERS[len(data)](data)
    except ValueError:
        moment = None
    if moment is None:
        return None, f"not set or invalid: {data[::-1].hex().upper()}"
    return moment, SUMMER if _is_summer(data) else None


def encode(moment: str, length: int, *, summer: bool = False) -> bytes:
    """The bytes of the ISO 8601 text `moment`; ValueError where the type cannot hold it."""
    if length == 2:
        return _encode_date(date.fromisoformat(moment))
    if length == 3:
        at = time.fromisoformat(moment)
        return bytes((at.second, at.minute, at.hour))
    if length not in LENGTHS:
        raise ValueError(f"expected a time field of 2, 3, 4 or 6 bytes, got {length}")
    at_day = datetime.fromisoformat(moment)
    return _encode_f(at_day, summer=summer) if length == 4 else _encode_i(at_day, summer=summer)


def _decode_f(data: bytes) -> str | None:
    if data[0] & _INVALID_BIT:
        return None
    hour = data[1]
    year = _year(data[2], data[3], hour >> 5 & 3)
    at = datetime(year, data[3] & 0x0F, data[2] & 0x1F, hour & 0x1F, data[0] & 0x3F)  # noqa: DTZ001 - a meter's time has no zone
    return at.isoformat()


def _decode_g(data: bytes) -> str | None:
    return date(_year(data[0], data[1]), data[1] & 0x0F, data[0] & 0x1F).isoformat()


def _decode_i(data: bytes) -> str | None:
    if data[1] & _INVALID_BIT:
        return None
    clock = data[2] & 0x1F, data[1] & 0x3F, data[0] & 0x3F
    at = datetime(_year(data[3], data[4]), data[4] & 0x0F, data[3] & 0x1F, *clock)  # noqa: DTZ001 - as above
    return at.isoformat()


def _decode_j(data: bytes) -> str | None:
    return time(data[2] & 0x1F, data[1] & 0x3F, data[0] & 0x3F).isoformat()


_DECODERS = {2: _decode_g, 3: _decode_j, 4: _decode_f, 6: _decode_i}


def _year(low: int, high: int, century: int = 0) -> int:
    digits = low >> 5 | high >> 4 << 3
    if digits > _YEAR_DIGITS_MAX:
        raise ValueError(f"the year {digits} is not set")
    if century == 0 and digits <= _CENTURY_PIVOT:
        century = 1
    return 1900 + 100 * century + digits


def _is_summer(data: bytes) -> bool:
    if len(data) == 4:
        return bool(data[1] & _SUMMER_BIT_F)
    return len(data) == 6 and bool(data[0] & _SUMMER_BIT_I)


def _encode_date(day: date) -> bytes:
    _check_year(day.year, 2080)
    return _day_bytes(day)


def _encode_f(at: datetime, *, summer: bool) -> bytes:
    _check_year(at.year, 2299)
    if at.second:
        raise ValueError(f"expected whole minutes, got {at.isoformat()}")
    century = (at.year - 1900) // 100
    hour = at.hour | century << 5 | (_SUMMER_BIT_F if summer else 0)
    return bytes((at.minute, hour)) + _day_bytes(at)


def _encode_i(at: datetime, *, summer: bool) -> bytes:
    second = at.second | (_SUMMER_BIT_I if summer else 0)
    # Day of the week and week of the year are 0, "not specified".
    return bytes((second, at.minute, at.hour)) + _encode_date(at) + b"\0"


def _check_year(year: int, last: int) -> None:
    """The first year is where two digits without a century begin."""
    if not 1901 + _CENTURY_PIVOT <= year <= last:
        raise ValueError(f"expected a year from {1901 + _CENTURY_PIVOT} to {last}, got {year}")


def _day_bytes(day: date) -> bytes:
    digits = day.year % 100
    return bytes(((digits & 7) << 5 | day.day, digits >> 3 << 4 | day.month))
